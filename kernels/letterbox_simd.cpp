// The fast CPU twin, in float. See Notes [eight rows], [resampling] and [warp].
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "display_color_simd.hpp"
#include "fastthumb/letterbox.hpp"
#include "resampling_simd.hpp"
#include "simd.hpp"

namespace fastthumb {
namespace {

// Eight values of each of `cols` columns to their places in a channel.
void place(const FitPlan& plan, int first_row, int first_col, int cols, const float* lanes,
           float* channel) {
  const int rows = std::min(kLanes, plan.grid.rows - first_row);
  float* const target =
      channel + plan.start + first_row * plan.step_row + first_col * plan.step_col;
  if (plan.step_col == 1 && rows == kLanes) {
    take_apart(lanes, cols, target, plan.step_row);
    return;
  }
  if (plan.step_row == 1 && rows == kLanes) {
    for (int i = 0; i < cols; ++i) {
      std::memcpy(target + i * plan.step_col, lanes + std::ptrdiff_t{i} * kLanes,
                  kLanes * sizeof(float));
    }
    return;
  }
  for (int i = 0; i < cols; ++i) {
    for (int lane = 0; lane < rows; ++lane) {
      target[i * plan.step_col + lane * plan.step_row] = lanes[i * kLanes + lane];
    }
  }
}

// Where the px of a row of the tensor look.
struct Looks {
  explicit Looks(int width)
      : offset(std::size_t(width)),
        right(std::size_t(width)),
        down(std::size_t(width)),
        share(std::size_t(width)) {}
  std::vector<std::int32_t> offset;  // of the cell at the upper left
  std::vector<float> right, down;    // parts of the cells to the right and below
  std::vector<float> share;          // of the picture, against the fill
};

FASTTHUMB_INLINE float between(float a, float b, float part) { return a + (b - a) * part; }

FASTTHUMB_INLINE double within(double value, double most) {
  value = value > 0.0 ? value : 0.0;
  return value < most ? value : most;
}

FASTTHUMB_CLONES void look_along(const WarpPlan& plan, int v, Looks& looks) {
  const Affine m = plan.matrix;
  const double x0 = m[1] * (v + 0.5) + m[2], y0 = m[4] * (v + 0.5) + m[5];
  const double left = plan.left - 0.5, right = plan.right + 0.5;
  const double top = plan.top - 0.5, bottom = plan.bottom + 0.5;
  const int cols = plan.grid.cols, last_col = std::max(cols - 2, 0);
  const int last_row = std::max(plan.grid.rows - 2, 0);
  const double most_x = cols - 1, most_y = plan.grid.rows - 1;
  std::int32_t* __restrict offset = looks.offset.data();
  float* __restrict to_right = looks.right.data();
  float* __restrict to_down = looks.down.data();
  float* __restrict share = looks.share.data();
  for (int u = 0; u < plan.format.width; ++u) {
    const double x = m[0] * (u + 0.5) + x0, y = m[3] * (u + 0.5) + y0;
    const double at_x = within(x - 0.5, most_x), at_y = within(y - 0.5, most_y);
    int col = static_cast<int>(at_x), row = static_cast<int>(at_y);
    col = col < last_col ? col : last_col;
    row = row < last_row ? row : last_row;
    offset[u] = row * cols + col;
    to_right[u] = static_cast<float>(at_x - col);
    to_down[u] = static_cast<float>(at_y - row);
    share[u] = static_cast<float>(within(x - left, 1.0) * within(right - x, 1.0) *
                                  within(y - top, 1.0) * within(bottom - y, 1.0));
  }
}

FASTTHUMB_CLONES void read_cells(const float* __restrict cells, int cols, int rows,
                                 const Looks& looks, int count, float* __restrict out) {
  const std::int32_t* __restrict offset = looks.offset.data();
  const float* __restrict to_right = looks.right.data();
  const float* __restrict to_down = looks.down.data();
  const int right = cols > 1 ? 1 : 0, below = rows > 1 ? cols : 0;
  for (int u = 0; u < count; ++u) {
    const std::int32_t at = offset[u];
    const float upper = between(cells[at], cells[at + right], to_right[u]);
    const float lower = between(cells[at + below], cells[at + below + right], to_right[u]);
    out[u] = between(upper, lower, to_down[u]);
  }
}

FASTTHUMB_CLONES void blend(const float* __restrict share, const float* __restrict codes,
                            float fill, float mean, float scale, int count, float* __restrict out) {
  for (int u = 0; u < count; ++u) {
    out[u] = (fill + share[u] * (codes[u] - fill) - mean) * scale;
  }
}

}  // namespace

void fit_simd(const FitPlan& plan, float* tensor) {
  constexpr int kCols = 128;  // at a time: three components of them stay in the nearest cache
  Resampler resampler(plan.grid);
  const FloatColor color(plan.color);
  const FloatFormat format(plan.format);
  const auto plane = std::size_t(plan.format.width) * std::size_t(plan.format.height);
  std::array<std::array<float, kCols * kLanes>, 3> scratch;
  const std::array<float*, 3> some{scratch[0].data(), scratch[1].data(), scratch[2].data()};
  for (int row = 0; row < plan.grid.rows; row += kLanes) {
    resampler.take_rows(row);
    for (int col = 0; col < plan.grid.cols; col += kCols) {
      const int cols = std::min(kCols, plan.grid.cols - col);
      resampler.make(col, cols, some);
      color_rows(plan.color, color, format, cols * kLanes, some[0], some[1], some[2]);
      for (std::size_t c = 0; c < 3; ++c) {
        place(plan, row, col, cols, some[c], tensor + format.channel[c] * plane);
      }
    }
  }
}

void warp_simd(const WarpPlan& plan, float* tensor) {
  const Grid& grid = plan.grid;
  const std::ptrdiff_t cells = std::ptrdiff_t{grid.cols} * (grid.rows + kLanes);
  std::vector<float> planes(3 * std::size_t(cells)), scratch(3 * std::size_t(grid.cols) * kLanes);
  Resampler resampler(grid);
  const std::ptrdiff_t count = std::ptrdiff_t{grid.cols} * kLanes;
  for (int first = 0; first < grid.rows; first += kLanes) {
    resampler.take_rows(first);
    resampler.make(0, grid.cols,
                   {scratch.data(), scratch.data() + count, scratch.data() + 2 * count});
    for (int c = 0; c < 3; ++c) {  // rows beyond the last one have room
      take_apart(scratch.data() + c * count, grid.cols,
                 planes.data() + c * cells + std::ptrdiff_t{first} * grid.cols, grid.cols);
    }
  }
  const FloatColor color(plan.color);
  const FloatFormat format(plan.format), codes(TensorFormat{});  // which leaves codes as they are
  const int width = plan.format.width;
  const std::ptrdiff_t channel = std::ptrdiff_t{width} * plan.format.height;
  Looks looks(width);
  std::array<std::vector<float>, 3> row;
  for (auto& values : row) values.resize(std::size_t(width));
  for (int v = 0; v < plan.format.height; ++v) {
    look_along(plan, v, looks);
    for (int c = 0; c < 3; ++c) {
      read_cells(planes.data() + c * cells, grid.cols, grid.rows, looks, width, row[c].data());
    }
    color_rows(plan.color, color, codes, width, row[0].data(), row[1].data(), row[2].data());
    for (std::size_t c = 0; c < 3; ++c) {
      float* const target =
          tensor + std::ptrdiff_t(format.channel[c]) * channel + std::ptrdiff_t{v} * width;
      blend(looks.share.data(), row[c].data(), format.fill, format.mean[c], format.scale[c], width,
            target);
    }
  }
}

}  // namespace fastthumb
