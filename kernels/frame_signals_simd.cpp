// The fast CPU twin. See Note [strips].
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "block_motion_simd.hpp"
#include "box_sums_simd.hpp"
#include "fastthumb/dispatch.hpp"
#include "lab_simd.hpp"
#include "simd.hpp"

// Note [strips]
//
// A strip is the source under one row of cells: 4 working rows, 12 luma and 6 chroma rows at 1080p.
// Every source byte is loaded once; histogram, Laplacian, difference and cell means follow on the
// few kB that the strip became, while they are in the nearest cache. What needs only the cells
// (LAB, grid, motion) or looks at few pixels (bars) comes after the last strip.

namespace fastthumb {
namespace {

// ---- working luma -----------------------------------------------------------------------------

// Counts of bytes. Several tables: equal neighbors would wait for one another's increment.
struct ByteCounts {
  static constexpr std::size_t kTables = 4;
  std::array<std::array<std::uint32_t, 256>, kTables> tables{};

  void add(const std::uint8_t* bytes, std::size_t count) {
    std::size_t i = 0;
    for (; i + kTables <= count; i += kTables) {
      std::uint32_t four;
      std::memcpy(&four, bytes + i, sizeof four);
      for (std::size_t table = 0; table < kTables; ++table) {
        ++tables[table][(four >> (8 * table)) & 255];
      }
    }
    for (; i < count; ++i) ++tables[0][bytes[i]];
  }

  std::uint32_t of(std::size_t value) const {
    std::uint32_t count = 0;
    for (const auto& table : tables) count += table[value];
    return count;
  }
};

constexpr int kSafeRun = 1024;  // px whose squared Laplacians (1020^2 at most) fit 31 bits

// Over the interior of row `y`: `row` and its neighbors above and below.
FASTTHUMB_CLONES void add_laplacian(const std::uint8_t* __restrict above,
                                    const std::uint8_t* __restrict row,
                                    const std::uint8_t* __restrict below, int cols,
                                    SignalSums& sums) {
  for (int first = 1; first < cols - 1; first += kSafeRun) {
    const int last = std::min(first + kSafeRun, cols - 1);
    std::int32_t sum = 0, squares = 0;
    for (int x = first; x < last; ++x) {
      const auto laplacian =
          static_cast<std::int16_t>(4 * row[x] - row[x - 1] - row[x + 1] - above[x] - below[x]);
      sum += laplacian;
      squares += laplacian * laplacian;
    }
    sums.laplacian_sum += sum;
    sums.laplacian_squares += std::uint32_t(squares);
  }
}

FASTTHUMB_CLONES std::uint32_t absolute_difference(const std::uint8_t* __restrict now,
                                                   const std::uint8_t* __restrict before,
                                                   int count) {
  std::uint32_t sum = 0;  // of one row: at most 65535 * 255
  for (int x = 0; x < count; ++x) sum += std::uint32_t(std::abs(now[x] - before[x]));
  return sum;
}

// ---- cells ------------------------------------------------------------------------------------

// Rounded means of 4 x 4 working px.
FASTTHUMB_CLONES void mean_cells_4x4(const std::uint8_t* luma, std::ptrdiff_t pitch, int cells,
                                     std::uint16_t* __restrict columns,
                                     std::uint8_t* __restrict out) {
  for (int x = 0; x < 4 * cells; ++x) {
    columns[x] = static_cast<std::uint16_t>(luma[x] + luma[pitch + x] + luma[2 * pitch + x] +
                                            luma[3 * pitch + x]);
  }
  for (int x = 0; x < cells; ++x) {
    const int sum = columns[4 * x] + columns[4 * x + 1] + columns[4 * x + 2] + columns[4 * x + 3];
    out[x] = static_cast<std::uint8_t>((sum + 8) >> 4);
  }
}

void mean_cells(const std::uint8_t* luma, std::ptrdiff_t pitch, int cell_cols, int cell_rows,
                int cells, std::uint8_t* out) {
  const int area = cell_cols * cell_rows;
  for (int cell = 0; cell < cells; ++cell) {
    int sum = area / 2;
    for (int y = 0; y < cell_rows; ++y) {
      for (int x = 0; x < cell_cols; ++x) sum += luma[y * pitch + cell * cell_cols + x];
    }
    out[cell] = static_cast<std::uint8_t>(sum / area);
  }
}

// The layout's cell_lut with the places of all byte values worked out once.
class CellMap {
 public:
  explicit CellMap(const FrameLayout& layout) : lut_(layout.cell_lut) {
    const int n = layout.cell_lut_size;
    if (lut_.empty()) return;
    const std::uint32_t strides[3] = {std::uint32_t(n * n * 3), std::uint32_t(n * 3), 3};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      strides_[axis] = strides[axis];
      for (int value = 0; value < 256; ++value) {
        const int position = (value * (n - 1) * 256 + 127) / 255;
        const int step = std::min(position >> 8, n - 2);
        places_[axis][std::size_t(value)] = {std::uint32_t(step) * strides[axis],
                                             std::uint32_t(position - (step << 8))};
      }
    }
  }

  void apply(std::uint8_t* luma, std::uint8_t* cb, std::uint8_t* cr, int cells) const {
    if (lut_.empty()) return;
    for (int x = 0; x < cells; ++x) {
      const Place& p0 = places_[0][luma[x]];
      const Place& p1 = places_[1][cb[x]];
      const Place& p2 = places_[2][cr[x]];
      std::array<std::uint32_t, 3> out{1u << 23, 1u << 23, 1u << 23};
      for (std::uint32_t corner = 0; corner < 8; ++corner) {
        const std::uint32_t i = corner >> 2, j = (corner >> 1) & 1, k = corner & 1;
        const std::uint32_t weight = (i != 0 ? p0.weight : 256 - p0.weight) *
                                     (j != 0 ? p1.weight : 256 - p1.weight) *
                                     (k != 0 ? p2.weight : 256 - p2.weight);
        const std::uint8_t* const entry = lut_.data() + p0.offset + i * strides_[0] + p1.offset +
                                          j * strides_[1] + p2.offset + k * strides_[2];
        for (std::size_t c = 0; c < 3; ++c) out[c] += weight * entry[c];
      }
      luma[x] = std::uint8_t(out[0] >> 24);
      cb[x] = std::uint8_t(out[1] >> 24);
      cr[x] = std::uint8_t(out[2] >> 24);
    }
  }

 private:
  struct Place {
    std::uint32_t offset, weight;  // of the lower step; of the next one, 0..256
  };
  const std::vector<std::uint8_t>& lut_;
  std::array<std::uint32_t, 3> strides_{};
  std::array<std::array<Place, 256>, 3> places_{};
};

FASTTHUMB_CLONES void add_bytes(const std::uint8_t* __restrict bytes, int count,
                                std::uint32_t* __restrict sums) {
  for (int x = 0; x < count; ++x) sums[x] += bytes[x];
}

// ---- bars -------------------------------------------------------------------------------------

FASTTHUMB_CLONES void add_columns(const std::uint8_t* __restrict row, int count,
                                  std::uint8_t* __restrict brightest,
                                  std::uint32_t* __restrict sums) {
  for (int x = 0; x < count; ++x) {
    brightest[x] = brightest[x] > row[x] ? brightest[x] : row[x];
    sums[x] += row[x];
  }
}

bool is_black(int brightest, std::uint64_t sum, int count) {
  return brightest <= kBarMaximum && sum <= std::uint64_t(kBarMean) * unsigned(count);
}

bool black_row(const WorkingPicture& picture, int y) {
  const std::uint8_t* const row = picture.luma.data() + std::ptrdiff_t{y} * picture.cols;
  int brightest = 0;
  std::uint64_t sum = 0;
  for (int x = 0; x < picture.cols && brightest <= kBarMaximum; ++x) {
    brightest = std::max(brightest, int{row[x]});
    sum += row[x];
  }
  return is_black(brightest, sum, picture.cols);
}

// Black columns from the left, or from the right; looked at 64 at a time, until one is not black.
int black_columns(const WorkingPicture& picture, bool from_right) {
  constexpr int kColumns = 64;
  for (int done = 0; done < picture.cols; done += kColumns) {
    const int count = std::min(kColumns, picture.cols - done);
    const int first = from_right ? picture.cols - done - count : done;
    std::array<std::uint8_t, kColumns> brightest{};
    std::array<std::uint32_t, kColumns> sums{};
    for (int y = 0; y < picture.rows; ++y) {
      add_columns(picture.luma.data() + std::ptrdiff_t{y} * picture.cols + first, count,
                  brightest.data(), sums.data());
    }
    for (int i = 0; i < count; ++i) {
      const auto column = std::size_t(from_right ? count - 1 - i : i);
      if (!is_black(brightest[column], sums[column], picture.rows)) return done + i;
    }
  }
  return picture.cols;
}

void find_bars(const WorkingPicture& picture, SignalSums& sums) {
  int top = 0, bottom = 0;
  while (top < picture.rows && black_row(picture, top)) ++top;
  if (top == picture.rows) return;  // a black picture has no bars
  while (black_row(picture, picture.rows - 1 - bottom)) ++bottom;
  sums.bar_top = top;
  sums.bar_bottom = bottom;
  const int left = black_columns(picture, false);
  if (left == picture.cols) return;
  sums.bar_left = left;
  sums.bar_right = black_columns(picture, true);
}

// ---- the pass ---------------------------------------------------------------------------------

class SimdFrameSummer final : public FrameSummer {
 public:
  explicit SimdFrameSummer(const Reduction& reduction)
      : r_(reduction),
        cell_map_(reduction.layout),
        lab_(reduction.lab, reduction.cells_x),
        columns_(std::size_t(reduction.cols)) {}

  void sum(const FramePlanes& planes, const WorkingPicture* previous, WorkingPicture& picture,
           SignalSums& sums) override {
    sums = SignalSums{};
    luma_counts_ = ByteCounts{};
    chroma_counts_ = {};
    ahead_ = {};
    for (int strip = 0; strip < r_.cells_y; ++strip) {
      const int first = strip * r_.cell_rows;
      const int last = strip == r_.cells_y - 1 ? r_.rows : first + r_.cell_rows;
      for (int y = first; y < last; ++y) add_luma_row(planes.luma, y, previous, picture, sums);
      add_cells(planes, strip, picture, sums);
    }
    for (std::size_t value = 0; value < 256; ++value) {
      sums.luma_histogram[value] = luma_counts_.of(value);
      for (std::size_t c = 0; c < 2; ++c) {
        sums.chroma_histogram[c][value / (256 / kChromaBins)] += chroma_counts_[c].of(value);
      }
    }
    picture.repeat_edge_cells();
    add_grid(picture, sums);
    find_bars(picture, sums);
    if (previous != nullptr) find_block_motion(r_, *previous, picture, sums.blocks);
  }

 private:
  // Working row `y`, and what follows from it.
  void add_luma_row(const PlaneView& plane, int y, const WorkingPicture* previous,
                    WorkingPicture& picture, SignalSums& sums) {
    const std::ptrdiff_t cols = r_.cols;
    std::uint8_t* const out = picture.luma.data() + y * cols;
    box_row(luma_row(plane, y), scratch_, &out);
    if (previous != nullptr) {
      sums.difference += absolute_difference(out, previous->luma.data() + y * cols, r_.cols);
    }
    if (y >= 2) add_laplacian(out - 2 * cols, out - cols, out, r_.cols, sums);
    constexpr int kSlice = 64;  // px counted between two looks ahead
    const int slices = (r_.cols + kSlice - 1) / kSlice;
    if (y + 1 < r_.rows) ahead_[0].aim(luma_row(plane, y + 1), slices);
    for (int x = 0; x < r_.cols; x += kSlice) {
      luma_counts_.add(out + x, std::size_t(std::min(kSlice, r_.cols - x)));
      for (Ahead& ahead : ahead_) ahead.step();
    }
  }

  void add_cells(const FramePlanes& planes, int strip, WorkingPicture& picture, SignalSums& sums) {
    const std::uint8_t* const luma =
        picture.luma.data() + std::ptrdiff_t{strip} * r_.cell_rows * r_.cols;
    std::uint8_t* const cell_luma = picture.cell_luma_row(strip);
    std::uint8_t* const cb = picture.cell_cb.data() + std::ptrdiff_t{strip} * r_.cells_x;
    std::uint8_t* const cr = picture.cell_cr.data() + std::ptrdiff_t{strip} * r_.cells_x;
    if (r_.cell_cols == 4 && r_.cell_rows == 4) {
      mean_cells_4x4(luma, r_.cols, r_.cells_x, columns_.data(), cell_luma);
    } else {
      mean_cells(luma, r_.cols, r_.cell_cols, r_.cell_rows, r_.cells_x, cell_luma);
    }
    const int steps = r_.cell_rows * ((r_.cols + 63) / 64);
    const bool more = strip + 1 < r_.cells_y;
    if (r_.layout.chroma == Chroma::interleaved) {
      std::uint8_t* const both[2] = {cb, cr};
      box_row(chroma_row(planes.cb, strip, 2), scratch_, both);
      if (more) ahead_[1].aim(chroma_row(planes.cb, strip + 1, 2), steps);
    } else if (r_.layout.chroma == Chroma::planar) {
      box_row(chroma_row(planes.cb, strip, 1), scratch_, &cb);
      box_row(chroma_row(planes.cr, strip, 1), scratch_, &cr);
      if (more) ahead_[1].aim(chroma_row(planes.cb, strip + 1, 1), steps);
      if (more) ahead_[2].aim(chroma_row(planes.cr, strip + 1, 1), steps);
    } else {
      std::memset(cb, 128, std::size_t(r_.cells_x));  // cell_map_ may have changed it
      std::memset(cr, 128, std::size_t(r_.cells_x));
    }
    cell_map_.apply(cell_luma, cb, cr, r_.cells_x);
    chroma_counts_[0].add(cb, std::size_t(r_.cells_x));
    chroma_counts_[1].add(cr, std::size_t(r_.cells_x));
    const LabSums lab = lab_.sums(cell_luma, cb, cr);
    sums.lightness += lab.lightness;
    sums.a += lab.a;
    sums.b += lab.b;
    sums.chroma += lab.chroma;
  }

  BoxRow luma_row(const PlaneView& plane, int y) const {
    const auto& curve = r_.layout.luma_curve;
    return {plane.data + std::ptrdiff_t{y} * r_.box_rows * plane.pitch_bytes,
            plane.pitch_bytes,
            r_.box_cols,
            r_.box_rows,
            r_.cols,
            1,
            r_.layout.bit_depth,
            r_.layout.msb_shift,
            r_.luma_gain,
            curve.empty() ? nullptr : curve.data()};
  }

  BoxRow chroma_row(const PlaneView& plane, int strip, int components) const {
    return {plane.data + std::ptrdiff_t{strip} * r_.chroma_box_rows * plane.pitch_bytes,
            plane.pitch_bytes,
            r_.chroma_box_cols,
            r_.chroma_box_rows,
            r_.cells_x,
            components,
            r_.layout.bit_depth,
            r_.layout.msb_shift,
            r_.chroma_gain,
            nullptr};
  }

  void add_grid(const WorkingPicture& picture, SignalSums& sums) {
    column_sums_.resize(std::size_t(r_.cells_x));
    for (int row = 0; row < kGridRows; ++row) {
      const int y0 = row * r_.cells_y / kGridRows;
      const int y1 = std::max(y0 + 1, (row + 1) * r_.cells_y / kGridRows);
      for (std::size_t c = 0; c < 3; ++c) {
        std::fill(column_sums_.begin(), column_sums_.end(), 0u);
        for (int y = y0; y < y1; ++y) {
          const std::uint8_t* const bytes =
              c == 0 ? picture.cell_luma_row(y)
                     : (c == 1 ? picture.cell_cb : picture.cell_cr).data() +
                           std::ptrdiff_t{y} * r_.cells_x;
          add_bytes(bytes, r_.cells_x, column_sums_.data());
        }
        for (int col = 0; col < kGridCols; ++col) {
          const int x0 = col * r_.cells_x / kGridCols;
          const int x1 = std::max(x0 + 1, (col + 1) * r_.cells_x / kGridCols);
          for (int x = x0; x < x1; ++x) {
            sums.grid[std::size_t(row)][std::size_t(col)][c] += column_sums_[std::size_t(x)];
          }
        }
      }
    }
  }

  const Reduction& r_;
  CellMap cell_map_;
  LabRow lab_;
  std::array<Ahead, 3> ahead_;  // luma, Cb (or both), Cr
  ByteCounts luma_counts_;
  std::array<ByteCounts, 2> chroma_counts_;
  std::vector<std::uint16_t> columns_;
  std::vector<std::uint32_t> column_sums_;
  std::vector<std::uint64_t> scratch_;
};

const char* clone_level() {
#ifdef FASTTHUMB_HAS_CLONES
  return __builtin_cpu_supports("avx512bw") ? "avx512"
         : __builtin_cpu_supports("avx2")   ? "avx2"
                                            : "baseline";
#else
  return "baseline";
#endif
}

}  // namespace

std::unique_ptr<FrameSummer> make_simd_frame_summer(const Reduction& reduction) {
  return std::make_unique<SimdFrameSummer>(reduction);
}

std::string simd_level() { return clone_level(); }

}  // namespace fastthumb
