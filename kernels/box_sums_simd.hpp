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
  int box_cols, box_rows;    // samples per box
  int boxes;                 // along the row
  int components;            // 1, or 2 for interleaved pairs
  int bit_depth, msb_shift;
  FixedGain gain;
  const std::uint8_t* curve;  // null, or gain's result -> output
};

// Writes `boxes` bytes to each of the `components` outputs. `scratch` grows as needed.
void box_row(const BoxRow& row, std::vector<std::uint64_t>& scratch, std::uint8_t* const* out);

}  // namespace fastthumb
