#include "resampling_simd.hpp"

#include <algorithm>

#include "simd.hpp"

// Note [eight rows]
//
// Eight rows of the grid are made at a time. Each is first summed out of its source rows, over
// whole rows of samples. Then the eight are interleaved, so that the eight values of a column lie
// side by side: every tap along the row, the color and the normalization are then one vector
// operation for eight px, with no gathering of scattered samples. Px of a grid that is turned by a
// quarter lie side by side in the tensor as they are; of any other, eight rows are taken apart
// again.
//
// Sums are float, taken in the order of the taps, without contraction: the same bits on every
// machine, and within 1/2000 code of the plain twin (where tables are steep, that times their
// slope).

namespace fastthumb {
namespace {

using Lanes = float __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

// ---- rows -------------------------------------------------------------------------------------

FASTTHUMB_INLINE float code_of(std::uint8_t sample, int, float) {
  return static_cast<float>(static_cast<std::int32_t>(sample));
}

// The lesser of two floats: of two integers, the compiler makes a jump.
FASTTHUMB_INLINE float code_of(std::uint16_t sample, int shift, float maximum) {
  const auto value = static_cast<float>(static_cast<std::int32_t>(sample >> shift));
  return value < maximum ? value : maximum;
}

// out[x] = the sum of weights[t] * the sample x of row t, over 1 to 4 rows, added to out if `more`.
template <typename Sample, int taps, bool more>
FASTTHUMB_INLINE void weigh(const Sample* const* rows, const float* weights, int shift,
                            float maximum, int count, float* __restrict out) {
  const Sample* __restrict row0 = rows[0];
  const Sample* __restrict row1 = rows[taps > 1 ? 1 : 0];
  const Sample* __restrict row2 = rows[taps > 2 ? 2 : 0];
  const Sample* __restrict row3 = rows[taps > 3 ? 3 : 0];
  const float w0 = weights[0], w1 = weights[taps > 1 ? 1 : 0], w2 = weights[taps > 2 ? 2 : 0],
              w3 = weights[taps > 3 ? 3 : 0];
  for (int x = 0; x < count; ++x) {
    float sum = more ? out[x] + w0 * code_of(row0[x], shift, maximum)
                     : w0 * code_of(row0[x], shift, maximum);
    if constexpr (taps > 1) sum += w1 * code_of(row1[x], shift, maximum);
    if constexpr (taps > 2) sum += w2 * code_of(row2[x], shift, maximum);
    if constexpr (taps > 3) sum += w3 * code_of(row3[x], shift, maximum);
    out[x] = sum;
  }
}

template <typename Sample, bool more>
FASTTHUMB_INLINE void weigh_up_to_4(const Sample* const* rows, const float* weights, int taps,
                                    int shift, float maximum, int count, float* __restrict out) {
  switch (taps) {
    case 1:
      return weigh<Sample, 1, more>(rows, weights, shift, maximum, count, out);
    case 2:
      return weigh<Sample, 2, more>(rows, weights, shift, maximum, count, out);
    case 3:
      return weigh<Sample, 3, more>(rows, weights, shift, maximum, count, out);
    default:
      return weigh<Sample, 4, more>(rows, weights, shift, maximum, count, out);
  }
}

template <typename Sample>
FASTTHUMB_INLINE void weigh_rows(const Sample* const* rows, const float* weights, int taps,
                                 int shift, float maximum, int count, float* __restrict out) {
  weigh_up_to_4<Sample, false>(rows, weights, std::min(taps, 4), shift, maximum, count, out);
  for (int t = 4; t < taps; t += 4) {
    weigh_up_to_4<Sample, true>(rows + t, weights + t, std::min(taps - t, 4), shift, maximum, count,
                                out);
  }
}

FASTTHUMB_CLONES void weigh_bytes(const std::uint8_t* const* rows, const float* weights, int taps,
                                  int count, float* __restrict out) {
  weigh_rows(rows, weights, taps, 0, 0, count, out);
}

FASTTHUMB_CLONES void weigh_words(const std::uint16_t* const* rows, const float* weights, int taps,
                                  int shift, float maximum, int count, float* __restrict out) {
  weigh_rows(rows, weights, taps, shift, maximum, count, out);
}

// Eight floats in memory. (By reference, never by value: how eight floats are passed depends on the
// instruction set.)
FASTTHUMB_INLINE const Lanes& lanes_at(const float* from) {
  return *reinterpret_cast<const Lanes*>(from);
}
FASTTHUMB_INLINE Lanes& lanes_at(float* from) { return *reinterpret_cast<Lanes*>(from); }

// Eight rows of eight become eight columns, by three riffles of the rows i with the rows i + 4.
FASTTHUMB_INLINE void transpose(Lanes* rows) {
  for (int riffle = 0; riffle < 3; ++riffle) {
    const Lanes upper[4] = {rows[0], rows[1], rows[2], rows[3]};
    const Lanes lower[4] = {rows[4], rows[5], rows[6], rows[7]};
    for (int i = 0; i < 4; ++i) {
      rows[2 * i] = __builtin_shufflevector(upper[i], lower[i], 0, 8, 1, 9, 2, 10, 3, 11);
      rows[2 * i + 1] = __builtin_shufflevector(upper[i], lower[i], 4, 12, 5, 13, 6, 14, 7, 15);
    }
  }
}

// out[x * kLanes + lane] = rows[lane * pitch + x].
FASTTHUMB_CLONES void interleave(const float* __restrict rows, std::ptrdiff_t pitch, int count,
                                 float* __restrict out) {
  int x = 0;
  for (; x + kLanes <= count; x += kLanes) {
    Lanes block[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) block[lane] = lanes_at(rows + lane * pitch + x);
    transpose(block);
    for (int i = 0; i < kLanes; ++i) lanes_at(out + (x + i) * kLanes) = block[i];
  }
  for (; x < count; ++x) {
    for (int lane = 0; lane < kLanes; ++lane) out[x * kLanes + lane] = rows[lane * pitch + x];
  }
}

// ---- columns ----------------------------------------------------------------------------------

template <int fixed>
FASTTHUMB_INLINE void weigh_columns(const float* lanes, const std::int32_t* first,
                                    const float* weights, int any, std::ptrdiff_t step, int count,
                                    float* __restrict out) {
  const int taps = fixed > 0 ? fixed : any;
  for (int i = 0; i < count; ++i) {
    const float* source = lanes + first[i] * step;
    const float* const w = weights + std::ptrdiff_t{i} * taps;
    Lanes sum = lanes_at(source) * w[0];
    for (int t = 1; t < taps; ++t) sum += lanes_at(source + t * step) * w[t];
    lanes_at(out + std::ptrdiff_t{i} * kLanes) = sum;
  }
}

// Eight values of each of `count` outputs; `lanes` holds eight values of each sample, `step` floats
// from one sample of the component to the next.
FASTTHUMB_CLONES void weigh_lanes(const float* lanes, const std::int32_t* first,
                                  const float* weights, int taps, std::ptrdiff_t step, int count,
                                  float* __restrict out) {
  switch (taps) {
    case 1:
      return weigh_columns<1>(lanes, first, weights, taps, step, count, out);
    case 2:
      return weigh_columns<2>(lanes, first, weights, taps, step, count, out);
    case 3:
      return weigh_columns<3>(lanes, first, weights, taps, step, count, out);
    case 4:
      return weigh_columns<4>(lanes, first, weights, taps, step, count, out);
    case 5:
      return weigh_columns<5>(lanes, first, weights, taps, step, count, out);
    default:
      return weigh_columns<0>(lanes, first, weights, taps, step, count, out);
  }
}

}  // namespace

FASTTHUMB_CLONES void take_apart(const float* __restrict lanes, int count, float* __restrict out,
                                 std::ptrdiff_t pitch) {
  int x = 0;
  for (; x + kLanes <= count; x += kLanes) {
    Lanes block[kLanes];
    for (int i = 0; i < kLanes; ++i) block[i] = lanes_at(lanes + (x + i) * kLanes);
    transpose(block);
    for (int lane = 0; lane < kLanes; ++lane) lanes_at(out + lane * pitch + x) = block[lane];
  }
  for (; x < count; ++x) {
    for (int lane = 0; lane < kLanes; ++lane) out[lane * pitch + x] = lanes[x * kLanes + lane];
  }
}

Resampler::Resampler(const Grid& grid) : grid_(grid) {
  std::size_t most = 0;
  for (const PlaneGroup& group : grid.groups) {
    Narrowed narrowed;
    narrowed.down.assign(group.down.weights.begin(), group.down.weights.end());
    narrowed.across.assign(group.across.weights.begin(), group.across.weights.end());
    const auto [low, high] =
        std::minmax_element(group.across.first.begin(), group.across.first.end());
    narrowed.first_col = *low;
    narrowed.samples = (*high - *low + group.across.taps) * group.components;
    for (const std::int32_t first : group.across.first) {
      narrowed.first.push_back(first - narrowed.first_col);
    }
    narrowed.lanes.resize(group.planes.size() * std::size_t(narrowed.samples) * kLanes);
    most = std::max(most, std::size_t(narrowed.samples) * kLanes);
    groups_.push_back(std::move(narrowed));
  }
  rows_.assign(most, 0.0f);
}

void Resampler::take_rows(int first_row) {
  const int count = std::min(kLanes, grid_.rows - first_row);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const PlaneGroup& group = grid_.groups[g];
    Narrowed& narrowed = groups_[g];
    float* lanes = narrowed.lanes.data();
    for (const PlaneView& plane : group.planes) {
      for (int lane = 0; lane < count; ++lane) {
        sum_rows(group, narrowed, plane, first_row + lane,
                 rows_.data() + std::ptrdiff_t{lane} * narrowed.samples);
      }
      interleave(rows_.data(), narrowed.samples, narrowed.samples, lanes);
      lanes += std::ptrdiff_t{narrowed.samples} * kLanes;
    }
  }
}

void Resampler::make(int first_col, int count, const std::array<float*, 3>& out) const {
  std::size_t component = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const PlaneGroup& group = grid_.groups[g];
    const Narrowed& narrowed = groups_[g];
    const int taps = group.across.taps;
    for (std::size_t plane = 0; plane < group.planes.size(); ++plane) {
      const float* const lanes =
          narrowed.lanes.data() + plane * std::size_t(narrowed.samples) * kLanes;
      for (int c = 0; c < group.components; ++c, ++component) {
        weigh_lanes(lanes + std::ptrdiff_t{c} * kLanes, narrowed.first.data() + first_col,
                    narrowed.across.data() + std::ptrdiff_t{first_col} * taps, taps,
                    std::ptrdiff_t{group.components} * kLanes, count, out[component]);
      }
    }
  }
}

void Resampler::sum_rows(const PlaneGroup& group, const Narrowed& narrowed, const PlaneView& plane,
                         int row, float* out) {
  const int all = group.down.taps;
  const float* const weights = narrowed.down.data() + std::ptrdiff_t{row} * all;
  bytes_.clear();
  words_.clear();
  weights_.clear();
  for (int t = 0; t < all; ++t) {
    if (weights[t] == 0) continue;
    const int y = group.down.first[std::size_t(row)] + t;
    const std::ptrdiff_t first = std::ptrdiff_t{narrowed.first_col} * group.components;
    weights_.push_back(weights[t]);
    if (grid_.sample_bytes == 1) {
      bytes_.push_back(plane.row<std::uint8_t>(y) + first);
    } else {
      words_.push_back(plane.row<std::uint16_t>(y) + first);
    }
  }
  const int taps = static_cast<int>(weights_.size());
  if (grid_.sample_bytes == 1) {
    weigh_bytes(bytes_.data(), weights_.data(), taps, narrowed.samples, out);
  } else {
    weigh_words(words_.data(), weights_.data(), taps, grid_.msb_shift,
                static_cast<float>(grid_.sample_maximum), narrowed.samples, out);
  }
}

}  // namespace fastthumb
