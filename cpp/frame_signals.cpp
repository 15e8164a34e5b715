#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>

#include "fastthumb/dispatch.hpp"
#include "fastthumb/error.hpp"
#include "fastthumb/signals.hpp"

namespace fastthumb {
namespace {

// Population variance. Exactly 0 for equal values: then sum / count and its square are exact.
double variance(double sum, double squares, double count) {
  const double mean = sum / count;
  return std::max(0.0, squares / count - mean * mean);
}

void luma_statistics(const SignalSums& sums, FrameSignals& signals) {
  double count = 0, sum = 0, squares = 0, dark = 0, bright = 0;
  for (int level = 0; level < 256; ++level) {
    const double times = sums.luma_histogram[std::size_t(level)];
    count += times;
    sum += times * level;
    squares += times * level * level;
    if (level <= kDarkLuma) dark += times;
    if (level >= kBrightLuma) bright += times;
  }
  signals.luma_mean = sum / count;
  signals.luma_std = std::sqrt(variance(sum, squares, count));
  signals.dark_share = dark / count;
  signals.bright_share = bright / count;
  double bits = 0;
  for (const std::uint32_t times : sums.luma_histogram) {
    if (times > 0) bits -= times / count * std::log2(times / count);
  }
  signals.entropy = bits;
}

double median(std::vector<int>& values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + std::ptrdiff_t((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void motion_statistics(const Reduction& r, const SignalSums& sums, FrameSignals& signals) {
  constexpr double kUnitsPerPx = kVectorUnits / 4.0;  // a cell is 4 working px wherever it can move
  const double blocks = static_cast<double>(sums.blocks.size());
  double lengths = 0, differences = 0;
  std::vector<int> textured_x, textured_y;
  for (const BlockMotion& block : sums.blocks) {
    lengths += std::sqrt(double(block.x) * block.x + double(block.y) * block.y);
    differences += block.difference;
    if (block.textured) {
      textured_x.push_back(block.x);
      textured_y.push_back(block.y);
    }
  }
  signals.motion = lengths / blocks / kUnitsPerPx;
  signals.compensated_difference = differences / (blocks * r.block_cells_x * r.block_cells_y);
  const double camera_x = median(textured_x), camera_y = median(textured_y);
  signals.camera_x = camera_x / kUnitsPerPx;
  signals.camera_y = camera_y / kUnitsPerPx;
  double distances = 0;
  for (const BlockMotion& block : sums.blocks) {
    if (!block.textured) continue;
    const double x = block.x - camera_x, y = block.y - camera_y;
    distances += std::sqrt(x * x + y * y);
  }
  if (!textured_x.empty()) {
    signals.motion_spread = distances / static_cast<double>(textured_x.size()) / kUnitsPerPx;
  }
}

int bucket_width(int bucket, int buckets, int cells) {
  return std::max(1, (bucket + 1) * cells / buckets - bucket * cells / buckets);
}

}  // namespace

WorkingPicture::WorkingPicture(const Reduction& r)
    : cols(r.cols),
      rows(r.rows),
      cells_x(r.cells_x),
      cells_y(r.cells_y),
      cell_pitch(r.cells_x + 2 * kCellPad),
      luma(std::size_t(r.cols) * std::size_t(r.rows)),
      cell_luma(std::size_t(cell_pitch) * std::size_t(r.cells_y + 2 * kCellPad)),
      cell_cb(std::size_t(r.cells_x) * std::size_t(r.cells_y)),
      cell_cr(std::size_t(r.cells_x) * std::size_t(r.cells_y)) {}

void WorkingPicture::repeat_edge_cells() {
  for (int y = 0; y < cells_y; ++y) {
    std::uint8_t* const row = cell_luma_row(y);
    std::memset(row - kCellPad, row[0], kCellPad);
    std::memset(row + cells_x, row[cells_x - 1], kCellPad);
  }
  const auto pitch = std::size_t(cell_pitch);
  for (int i = 1; i <= kCellPad; ++i) {
    std::memcpy(cell_luma_row(-i) - kCellPad, cell_luma_row(0) - kCellPad, pitch);
    std::memcpy(cell_luma_row(cells_y - 1 + i) - kCellPad, cell_luma_row(cells_y - 1) - kCellPad,
                pitch);
  }
}

void WorkingPicture::copy_cells(std::uint8_t* out) const {
  std::size_t cell = 0;
  for (int y = 0; y < cells_y; ++y) {
    for (int x = 0; x < cells_x; ++x, ++cell) {
      *out++ = cell_luma_row(y)[x];
      *out++ = cell_cb[cell];
      *out++ = cell_cr[cell];
    }
  }
}

FrameSignals signals_of(const Reduction& r, const SignalSums& sums) {
  FrameSignals signals;
  luma_statistics(sums, signals);
  if (r.cols >= 3 && r.rows >= 3) {
    const double interior = double(r.cols - 2) * (r.rows - 2);
    signals.laplacian_variance =
        variance(double(sums.laplacian_sum), double(sums.laplacian_squares), interior);
  }
  const double cells = double(r.cells_x) * r.cells_y;
  signals.lightness = double(sums.lightness) / (cells * kLightnessUnits);
  signals.chroma = double(sums.chroma) / (cells * kLabUnits);
  signals.a_mean = double(sums.a) / (cells * kLabUnits);
  signals.b_mean = double(sums.b) / (cells * kLabUnits);
  signals.bar_top = sums.bar_top;
  signals.bar_bottom = sums.bar_bottom;
  signals.bar_left = sums.bar_left;
  signals.bar_right = sums.bar_right;
  signals.has_previous = !sums.blocks.empty();
  if (signals.has_previous) {
    signals.difference = double(sums.difference) / (double(r.cols) * r.rows);
    motion_statistics(r, sums, signals);
  }
  signals.luma_histogram = sums.luma_histogram;
  signals.chroma_histogram = sums.chroma_histogram;
  for (int row = 0; row < kGridRows; ++row) {
    for (int col = 0; col < kGridCols; ++col) {
      const double count =
          double(bucket_width(row, kGridRows, r.cells_y)) * bucket_width(col, kGridCols, r.cells_x);
      for (std::size_t c = 0; c < 3; ++c) {
        signals.grid[std::size_t(row)][std::size_t(col)][c] =
            static_cast<float>(sums.grid[std::size_t(row)][std::size_t(col)][c] / count);
      }
    }
  }
  return signals;
}

SignalMeter::SignalMeter(FrameLayout layout, std::string_view implementation)
    : reduction_(reduction_of(std::move(layout))), current_(reduction_), previous_(reduction_) {
  ChosenSummer chosen = make_frame_summer(implementation, reduction_);
  implementation_ = std::move(chosen.implementation);
  summer_ = std::move(chosen.summer);
}

FrameSignals SignalMeter::measure(const std::vector<PlaneBytes>& planes) {
  const FramePlanes views = planes_of(reduction_, planes);
  std::swap(current_, previous_);
  const WorkingPicture* before = has_previous_ ? &previous_ : nullptr;
  measured_ = has_previous_ = false;  // stays so if the summer throws
  summer_->sum(views, before, current_, sums_);
  measured_ = has_previous_ = true;
  return signals_of(reduction_, sums_);
}

const WorkingPicture& SignalMeter::picture() const {
  require(measured_, "signal meter: no frame has been measured yet; call measure first");
  return current_;
}

}  // namespace fastthumb
