// CIELAB sums over a row of cells, for the fast CPU twin.
#pragma once

#include <cstdint>
#include <vector>

#include "fastthumb/layout.hpp"

namespace fastthumb {

struct LabSums {
  std::int32_t lightness = 0, a = 0, b = 0, chroma = 0;  // of one row: 16384 cells fit
};

// Arithmetic in vectors, table look-ups one by one: a gather instruction costs more than its parts.
class LabRow {
 public:
  LabRow(const LabTables& tables, int cells);
  LabSums sums(const std::uint8_t* luma, const std::uint8_t* cb, const std::uint8_t* cr);

 private:
  const LabTables& tables_;
  int cells_;
  std::vector<std::uint16_t> first_, second_, third_;  // R, G, B, then X, Y, Z: index, then value
};

}  // namespace fastthumb
