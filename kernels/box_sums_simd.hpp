// One row of box means over a source plane, for the fast CPU twin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastthumb/layout.hpp"

namespace fastthumb {

struct BoxRow {
  const std::uint8_t* data;  // first of box_rows source rows
  std::ptrdiff_t pitch_bytes;
  int box_cols, box_rows;  // samples per box
  int boxes;               // along the row
  int components;          // 1, or 2 for interleaved pairs
  int bit_depth, msb_shift;
  FixedGain gain;
  const std::uint8_t* curve;  // null, or gain's result -> output
};

// Note [ahead]
//
// Frames come from memory. Rows summed side by side, each shorter than a page, are not foreseen by
// the hardware's prefetcher, and asking for lines near the loads that wait for memory gains
// nothing. Counting levels, though, is bound by one increment a cycle and leaves memory idle: so
// the source of the next rows is asked for then, a few lines at a time.
class Ahead {
 public:
  // Follows the source of `row` from its beginning; spreads it evenly over `steps`.
  void aim(const BoxRow& row, int steps) {
    line_ = reinterpret_cast<std::uintptr_t>(row.data);
    row_bytes_ = std::uintptr_t(row.boxes) * unsigned(row.box_cols * row.components) *
                 (row.bit_depth == 8 ? 1 : 2);
    pitch_bytes_ = row.pitch_bytes;
    rows_left_ = row.box_rows;
    offset_ = 0;
    const auto lines = (row_bytes_ / kLineBytes + 1) * unsigned(row.box_rows);
    lines_per_step_ = int(lines) / steps + 1;
  }

  void step() {
    for (int i = 0; i < lines_per_step_ && rows_left_ > 0; ++i) {
      __builtin_prefetch(reinterpret_cast<const void*>(line_ + offset_), 0, 2);
      offset_ += kLineBytes;
      if (offset_ < row_bytes_) continue;
      offset_ = 0;
      line_ += std::uintptr_t(pitch_bytes_);
      --rows_left_;
    }
  }

 private:
  static constexpr std::uintptr_t kLineBytes = 64;
  std::uintptr_t line_ = 0, row_bytes_ = 0, offset_ = 0;
  std::ptrdiff_t pitch_bytes_ = 0;
  int rows_left_ = 0, lines_per_step_ = 0;
};

// Writes `boxes` bytes to each of the `components` outputs. `scratch` grows as needed.
void box_row(const BoxRow& row, std::vector<std::uint64_t>& scratch, std::uint8_t* const* out);

}  // namespace fastthumb
