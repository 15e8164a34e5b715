// Makes a grid eight rows at a time, some of their columns at a time. See Note [eight rows].
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "fastthumb/letterbox.hpp"

namespace fastthumb {

inline constexpr int kLanes = 8;

class Resampler {
 public:
  explicit Resampler(const Grid& grid);  // which outlives it

  // Sums up the rows first..first + kLanes (fewer at the end: the rest become any numbers).
  void take_rows(int first_row);

  // Components of the columns first..first + count of those rows, eight values side by side.
  void make(int first_col, int count, const std::array<float*, 3>& out) const;

 private:
  struct Narrowed {  // a group's taps in float, counted from the first sample in use
    std::vector<float> down, across;
    std::vector<std::int32_t> first;
    int first_col = 0, samples = 0;
    std::vector<float> lanes;  // of each plane: eight values of each sample side by side
  };

  void sum_rows(const PlaneGroup& group, const Narrowed& narrowed, const PlaneView& plane, int row,
                float* out);

  const Grid& grid_;
  std::vector<Narrowed> groups_;
  std::vector<float> rows_;  // eight rows of samples
  std::vector<const std::uint8_t*> bytes_;
  std::vector<const std::uint16_t*> words_;
  std::vector<float> weights_;
};

// out[lane * pitch + x] = lanes[x * kLanes + lane] for `count` columns.
void take_apart(const float* lanes, int count, float* out, std::ptrdiff_t pitch);

}  // namespace fastthumb
