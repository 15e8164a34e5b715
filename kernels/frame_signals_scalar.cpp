// The plain truth: one loop per signal, in the order of the contract (signals.hpp), never tuned.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "fastthumb/dispatch.hpp"

namespace fastthumb {
namespace {

class ScalarFrameSummer final : public FrameSummer {
 public:
  explicit ScalarFrameSummer(const Reduction& reduction) : r_(reduction) {}

  void sum(const FramePlanes& planes, const WorkingPicture* previous, WorkingPicture& picture,
           SignalSums& sums) override {
    sums = SignalSums{};
    reduce_luma(planes.luma, picture);
    reduce_cells(planes, picture);
    if (!r_.layout.cell_lut.empty()) map_cells(picture);
    pad_cell_luma(picture);
    sum_luma(picture, sums);
    sum_cells(picture, sums);
    sum_lab(picture, sums);
    find_bars(picture, sums);
    if (previous != nullptr) compare(*previous, picture, sums);
  }

 private:
  std::uint32_t sample(const PlaneView& plane, int x, int y) const {
    if (r_.layout.bit_depth == 8) return plane.row<std::uint8_t>(y)[x];
    const std::uint32_t value = plane.row<std::uint16_t>(y)[x];
    return std::min(value >> r_.layout.msb_shift, r_.sample_maximum);
  }

  // Sum over a box of samples; `stride` 2 steps over the other component of interleaved chroma.
  std::uint64_t box_sum(const PlaneView& plane, int x0, int y0, int cols, int rows, int stride,
                        int first) const {
    std::uint64_t sum = 0;
    for (int y = y0; y < y0 + rows; ++y) {
      for (int x = x0; x < x0 + cols; ++x) sum += sample(plane, x * stride + first, y);
    }
    return sum;
  }

  void reduce_luma(const PlaneView& plane, WorkingPicture& picture) const {
    for (int y = 0; y < r_.rows; ++y) {
      for (int x = 0; x < r_.cols; ++x) {
        const std::uint64_t sum =
            box_sum(plane, x * r_.box_cols, y * r_.box_rows, r_.box_cols, r_.box_rows, 1, 0);
        const std::int32_t value = r_.luma_gain(sum);
        const auto& curve = r_.layout.luma_curve;
        picture.luma[at(x, y, r_.cols)] =
            curve.empty() ? std::uint8_t(value) : curve[std::size_t(value)];
      }
    }
  }

  void reduce_cells(const FramePlanes& planes, WorkingPicture& picture) const {
    const int area = r_.cell_cols * r_.cell_rows;
    const bool pairs = r_.layout.chroma == Chroma::interleaved;
    const PlaneView& cr_plane = pairs ? planes.cb : planes.cr;
    const auto chroma = [&](const PlaneView& plane, int x, int y, int first) {
      return std::uint8_t(
          r_.chroma_gain(box_sum(plane, x * r_.chroma_box_cols, y * r_.chroma_box_rows,
                                 r_.chroma_box_cols, r_.chroma_box_rows, pairs ? 2 : 1, first)));
    };
    for (int y = 0; y < r_.cells_y; ++y) {
      for (int x = 0; x < r_.cells_x; ++x) {
        int luma = 0;
        for (int i = 0; i < r_.cell_rows; ++i) {
          for (int j = 0; j < r_.cell_cols; ++j) {
            luma += picture.luma[at(x * r_.cell_cols + j, y * r_.cell_rows + i, r_.cols)];
          }
        }
        picture.cell_luma_row(y)[x] = std::uint8_t((luma + area / 2) / area);
        const bool gray = r_.layout.chroma == Chroma::none;
        picture.cell_cb[at(x, y, r_.cells_x)] = gray ? 128 : chroma(planes.cb, x, y, 0);
        picture.cell_cr[at(x, y, r_.cells_x)] = gray ? 128 : chroma(cr_plane, x, y, pairs ? 1 : 0);
      }
    }
  }

  // Trilinear in the layout's table: positions and weights in 1/256 of a step.
  void map_cells(WorkingPicture& picture) const {
    const int n = r_.layout.cell_lut_size;
    struct Place {
      int step, weight;  // of the next step, 0..256
    };
    const auto place = [n](int value) {
      const int position = (value * (n - 1) * 256 + 127) / 255;
      const int step = std::min(position >> 8, n - 2);
      return Place{step, position - (step << 8)};
    };
    for (int y = 0; y < r_.cells_y; ++y) {
      for (int x = 0; x < r_.cells_x; ++x) {
        std::uint8_t& luma = picture.cell_luma_row(y)[x];
        std::uint8_t& cb = picture.cell_cb[at(x, y, r_.cells_x)];
        std::uint8_t& cr = picture.cell_cr[at(x, y, r_.cells_x)];
        const Place p[3] = {place(luma), place(cb), place(cr)};
        std::uint32_t out[3] = {1u << 23, 1u << 23, 1u << 23};
        for (int corner = 0; corner < 8; ++corner) {
          std::uint32_t weight = 1;
          int index = 0;
          for (int axis = 0; axis < 3; ++axis) {
            const int next = (corner >> axis) & 1;
            weight *= std::uint32_t(next != 0 ? p[axis].weight : 256 - p[axis].weight);
            index = index * n + p[axis].step + next;
          }
          for (int c = 0; c < 3; ++c) {
            out[c] += weight * r_.layout.cell_lut[std::size_t(index) * 3 + std::size_t(c)];
          }
        }
        luma = std::uint8_t(out[0] >> 24);
        cb = std::uint8_t(out[1] >> 24);
        cr = std::uint8_t(out[2] >> 24);
      }
    }
  }

  void pad_cell_luma(WorkingPicture& picture) const {
    for (int y = -kCellPad; y < r_.cells_y + kCellPad; ++y) {
      for (int x = -kCellPad; x < r_.cells_x + kCellPad; ++x) {
        const int inner_x = std::clamp(x, 0, r_.cells_x - 1);
        const int inner_y = std::clamp(y, 0, r_.cells_y - 1);
        picture.cell_luma_row(y)[x] = picture.cell_luma_row(inner_y)[inner_x];
      }
    }
  }

  void sum_luma(const WorkingPicture& picture, SignalSums& sums) const {
    for (const std::uint8_t value : picture.luma) ++sums.luma_histogram[value];
    for (int y = 1; y + 1 < r_.rows; ++y) {
      for (int x = 1; x + 1 < r_.cols; ++x) {
        const int laplacian =
            4 * picture.luma[at(x, y, r_.cols)] - picture.luma[at(x - 1, y, r_.cols)] -
            picture.luma[at(x + 1, y, r_.cols)] - picture.luma[at(x, y - 1, r_.cols)] -
            picture.luma[at(x, y + 1, r_.cols)];
        sums.laplacian_sum += laplacian;
        sums.laplacian_squares += std::uint64_t(laplacian * laplacian);
      }
    }
  }

  void sum_cells(const WorkingPicture& picture, SignalSums& sums) const {
    for (std::size_t i = 0; i < picture.cell_cb.size(); ++i) {
      ++sums.chroma_histogram[0][picture.cell_cb[i] / (256 / kChromaBins)];
      ++sums.chroma_histogram[1][picture.cell_cr[i] / (256 / kChromaBins)];
    }
    for (int row = 0; row < kGridRows; ++row) {
      const int y0 = row * r_.cells_y / kGridRows;
      const int y1 = std::max(y0 + 1, (row + 1) * r_.cells_y / kGridRows);
      for (int col = 0; col < kGridCols; ++col) {
        const int x0 = col * r_.cells_x / kGridCols;
        const int x1 = std::max(x0 + 1, (col + 1) * r_.cells_x / kGridCols);
        auto& bucket = sums.grid[std::size_t(row)][std::size_t(col)];
        for (int y = y0; y < y1; ++y) {
          for (int x = x0; x < x1; ++x) {
            bucket[0] += picture.cell_luma_row(y)[x];
            bucket[1] += picture.cell_cb[at(x, y, r_.cells_x)];
            bucket[2] += picture.cell_cr[at(x, y, r_.cells_x)];
          }
        }
      }
    }
  }

  void sum_lab(const WorkingPicture& picture, SignalSums& sums) const {
    const LabTables& t = r_.lab;
    const auto linear = [&t](int q14) -> std::int32_t {  // quarter levels in 2^14
      return t.linear[std::size_t(std::clamp((q14 + 8192) >> 14, 0, 1020))];
    };
    const auto cube_root = [&t](std::int32_t value) -> std::int32_t {  // of 65535 -> of 2^15
      const float root = std::sqrt(static_cast<float>(value));
      return t.cube_root[static_cast<std::size_t>(root * 8 + 0.5f)];
    };
    for (int y = 0; y < r_.cells_y; ++y) {
      for (int x = 0; x < r_.cells_x; ++x) {
        const int luma = picture.cell_luma_row(y)[x] * (4 << 14);
        const int cb = 4 * (picture.cell_cb[at(x, y, r_.cells_x)] - 128);
        const int cr = 4 * (picture.cell_cr[at(x, y, r_.cells_x)] - 128);
        const std::int32_t red = linear(luma + t.cr_to_r * cr);
        const std::int32_t green = linear(luma - t.cb_to_g * cb - t.cr_to_g * cr);
        const std::int32_t blue = linear(luma + t.cb_to_b * cb);
        std::int32_t f[3];
        for (std::size_t i = 0; i < 3; ++i) {
          const std::int32_t* m = &t.rgb_to_xyz[3 * i];
          f[i] = cube_root((m[0] * red + m[1] * green + m[2] * blue + 8192) >> 14);
        }
        const int lightness = ((116 * kLightnessUnits * f[1] + 16384) >> 15) - 16 * kLightnessUnits;
        const int a = (500 * kLabUnits * (f[0] - f[1]) + 16384) >> 15;
        const int b = (200 * kLabUnits * (f[1] - f[2]) + 16384) >> 15;
        sums.lightness += lightness;
        sums.a += a;
        sums.b += b;
        sums.chroma += static_cast<int>(std::sqrt(static_cast<float>(a * a + b * b)) + 0.5f);
      }
    }
  }

  void find_bars(const WorkingPicture& picture, SignalSums& sums) const {
    const auto black = [&](int x0, int y0, int step_x, int step_y, int count) {
      int brightest = 0;
      std::int64_t sum = 0;
      for (int i = 0; i < count; ++i) {
        const int value = picture.luma[at(x0 + i * step_x, y0 + i * step_y, r_.cols)];
        brightest = std::max(brightest, value);
        sum += value;
      }
      return brightest <= kBarMaximum && sum <= std::int64_t{kBarMean} * count;
    };
    const auto black_row = [&](int y) { return black(0, y, 1, 0, r_.cols); };
    const auto black_col = [&](int x) { return black(x, 0, 0, 1, r_.rows); };
    int top = 0, bottom = 0, left = 0, right = 0;
    while (top < r_.rows && black_row(top)) ++top;
    if (top == r_.rows) return;  // a black picture has no bars
    while (black_row(r_.rows - 1 - bottom)) ++bottom;
    while (left < r_.cols && black_col(left)) ++left;
    if (left == r_.cols)
      left = 0;
    else
      while (black_col(r_.cols - 1 - right)) ++right;
    sums.bar_top = top;
    sums.bar_bottom = bottom;
    sums.bar_left = left;
    sums.bar_right = right;
  }

  void compare(const WorkingPicture& before, const WorkingPicture& now, SignalSums& sums) const {
    for (std::size_t i = 0; i < now.luma.size(); ++i) {
      sums.difference += std::uint64_t(std::abs(now.luma[i] - before.luma[i]));
    }
    const int guess_x = guess(before, now, r_.cells_x, r_.cells_y, true);
    const int guess_y = guess(before, now, r_.cells_y, r_.cells_x, false);
    for (int y = 0; y < r_.blocks_y; ++y) {
      for (int x = 0; x < r_.blocks_x; ++x) {
        sums.blocks.push_back(block_motion(before, now, x, y, guess_x, guess_y));
      }
    }
  }

  // The shift of the profile along one axis of `length` cells, summed over `depth` cells across.
  static int guess(const WorkingPicture& before, const WorkingPicture& now, int length, int depth,
                   bool horizontal) {
    const auto profile = [&](const WorkingPicture& picture) {
      std::vector<std::int64_t> values(std::size_t(length), 0);
      std::int64_t total = 0;
      for (int i = 0; i < length; ++i) {
        for (int j = 0; j < depth; ++j) {
          values[std::size_t(i)] +=
              horizontal ? picture.cell_luma_row(j)[i] : picture.cell_luma_row(i)[j];
        }
        total += values[std::size_t(i)];
      }
      for (std::int64_t& value : values) value -= total / length;
      return values;
    };
    const auto old_profile = profile(before), new_profile = profile(now);
    int best = 0;
    std::int64_t best_sum = 0, best_count = 0;
    const int reach = std::min(kGuessReach, length / 4);
    for (int k = 0; k <= 2 * reach; ++k) {
      const int shift = k % 2 != 0 ? -(k + 1) / 2 : k / 2;
      std::int64_t sum = 0;
      for (int i = std::max(0, shift); i < length + std::min(0, shift); ++i) {
        sum += std::abs(new_profile[std::size_t(i)] - old_profile[std::size_t(i - shift)]);
      }
      const std::int64_t count = length - std::abs(shift);
      if (k == 0 || sum * best_count < best_sum * count) {
        best = shift;
        best_sum = sum;
        best_count = count;
      }
    }
    return best;
  }

  BlockMotion block_motion(const WorkingPicture& before, const WorkingPicture& now, int block_x,
                           int block_y, int guess_x, int guess_y) const {
    const int area = r_.block_cells_x * r_.block_cells_y;
    const auto difference = [&](int dx, int dy) {
      int sum = 0;
      for (int y = block_y * r_.block_cells_y; y < (block_y + 1) * r_.block_cells_y; ++y) {
        for (int x = block_x * r_.block_cells_x; x < (block_x + 1) * r_.block_cells_x; ++x) {
          sum += std::abs(now.cell_luma_row(y)[x] - before.cell_luma_row(y - dy)[x - dx]);
        }
      }
      return sum;
    };
    struct Window {
      int center_x, center_y, reach, penalty;
    };
    const Window around_zero{0, 0, kZeroReach, area};
    const Window around_guess{guess_x, guess_y, kNearReach, area / 2};
    Window window = around_zero;
    int best_x = 0, best_y = 0, best_difference = difference(0, 0), best_cost = best_difference;
    const auto search = [&](const Window& w) {
      for (int dy = -w.reach; dy <= w.reach; ++dy) {
        for (int dx = -w.reach; dx <= w.reach; ++dx) {
          const int sum = difference(w.center_x + dx, w.center_y + dy);
          const int cost = sum + w.penalty + area * (std::abs(dx) + std::abs(dy)) / 16;
          if (cost >= best_cost) continue;
          best_cost = cost;
          best_difference = sum;
          best_x = w.center_x + dx;
          best_y = w.center_y + dy;
          window = w;
        }
      }
    };
    search(around_zero);
    if (std::abs(guess_x) > 1 || std::abs(guess_y) > 1) search(around_guess);

    BlockMotion motion;
    motion.textured = best_x != 0 || best_y != 0;
    const auto part = [&](int offset, int less, int more) {  // sixteenths of a cell
      if (std::abs(offset) == window.reach) return 0;
      const int edge = std::max(less, more) - best_difference;
      if (edge < 2 * area) return 0;
      motion.textured = true;
      return std::clamp(8 * (less - more) / edge, -8, 8);
    };
    const int part_x = part(best_x - window.center_x, difference(best_x - 1, best_y),
                            difference(best_x + 1, best_y));
    const int part_y = part(best_y - window.center_y, difference(best_x, best_y - 1),
                            difference(best_x, best_y + 1));
    motion.x = std::int16_t(best_x * kVectorUnits + part_x);
    motion.y = std::int16_t(best_y * kVectorUnits + part_y);
    motion.difference = std::min(
        best_difference, matched_difference(before, now, block_x, block_y, motion.x, motion.y));
    return motion;
  }

  int matched_difference(const WorkingPicture& before, const WorkingPicture& now, int block_x,
                         int block_y, int vector_x, int vector_y) const {
    // The place in the previous picture: whole cells (rounded down) and sixteenths beyond.
    const int back_x = -vector_x >> 4, right = -vector_x & 15;
    const int back_y = -vector_y >> 4, below = -vector_y & 15;
    int sum = 0;
    for (int y = block_y * r_.block_cells_y; y < (block_y + 1) * r_.block_cells_y; ++y) {
      for (int x = block_x * r_.block_cells_x; x < (block_x + 1) * r_.block_cells_x; ++x) {
        int matched = 0;
        for (int i = 0; i <= (below > 0 ? 1 : 0); ++i) {
          for (int j = 0; j <= (right > 0 ? 1 : 0); ++j) {
            const int weight = (i != 0 ? below : 16 - below) * (j != 0 ? right : 16 - right);
            matched += weight * before.cell_luma_row(y + back_y + i)[x + back_x + j];
          }
        }
        sum += std::abs(now.cell_luma_row(y)[x] - ((matched + 128) >> 8));
      }
    }
    return sum;
  }

  static std::size_t at(int x, int y, int cols) {
    return std::size_t(y) * std::size_t(cols) + std::size_t(x);
  }

  const Reduction& r_;
};

}  // namespace

std::unique_ptr<FrameSummer> make_scalar_frame_summer(const Reduction& reduction) {
  return std::make_unique<ScalarFrameSummer>(reduction);
}

}  // namespace fastthumb
