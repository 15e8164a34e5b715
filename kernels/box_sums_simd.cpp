// Row by row box means: down the columns first, so that every source byte is loaded once and the
// sums along the row touch only what it became.
#include "box_sums_simd.hpp"

#include <algorithm>
#include <utility>

#include "simd.hpp"

namespace fastthumb {
namespace {

// Sums of kRows source rows, side by side. See Note [ahead] for how they come from memory.
template <int kRows, bool kFirst, typename Sample, typename Sum>
FASTTHUMB_INLINE void add_rows(const BoxRow& row, int first_row, int samples,
                               Sum* __restrict sums) {
  const Sample* rows[kRows];
  for (int i = 0; i < kRows; ++i) {
    rows[i] = reinterpret_cast<const Sample*>(row.data + (first_row + i) * row.pitch_bytes);
  }
  const int shift = row.msb_shift;
  const auto maximum = static_cast<Sample>((1u << row.bit_depth) - 1);
  for (int x = 0; x < samples; ++x) {
    Sum sum = kFirst ? Sum{0} : sums[x];
    for (int i = 0; i < kRows; ++i) {
      Sample sample = rows[i][x];
      if constexpr (sizeof(Sample) > 1) {
        sample = static_cast<Sample>(sample >> shift);
        sample = sample < maximum ? sample : maximum;
      }
      sum = static_cast<Sum>(sum + sample);
    }
    sums[x] = sum;
  }
}

template <bool kFirst, typename Sample, typename Sum>
FASTTHUMB_INLINE void add_some_rows(const BoxRow& row, int first_row, int rows, int samples,
                                    Sum* __restrict sums) {
  switch (rows) {
    case 1:
      return add_rows<1, kFirst, Sample>(row, first_row, samples, sums);
    case 2:
      return add_rows<2, kFirst, Sample>(row, first_row, samples, sums);
    case 3:
      return add_rows<3, kFirst, Sample>(row, first_row, samples, sums);
    default:
      return add_rows<4, kFirst, Sample>(row, first_row, samples, sums);
  }
}

// Sums down the columns, up to 4 rows at a time.
template <typename Sample, typename Sum>
FASTTHUMB_INLINE void column_sums(const BoxRow& row, int samples, Sum* __restrict sums) {
  const int at_once = row.box_rows % 3 == 0 ? 3 : 4;
  int done = std::min(at_once, row.box_rows);
  add_some_rows<true, Sample>(row, 0, done, samples, sums);
  while (done < row.box_rows) {
    const int next = std::min(at_once, row.box_rows - done);
    add_some_rows<false, Sample>(row, done, next, samples, sums);
    done += next;
  }
}

template <typename Sum>
FASTTHUMB_INLINE void add_pairs(const Sum* __restrict in, int count, Sum* __restrict out) {
  for (int x = 0; x < count; ++x) out[x] = static_cast<Sum>(in[2 * x] + in[2 * x + 1]);
}

template <typename Sum>
FASTTHUMB_INLINE void add_triples(const Sum* __restrict in, int count, Sum* __restrict out) {
  for (int x = 0; x < count; ++x) {
    out[x] = static_cast<Sum>(in[3 * x] + in[3 * x + 1] + in[3 * x + 2]);
  }
}

// Sums of `box` neighbors; `sums` and `other` are used in turn, the result is where it returns.
template <typename Sum>
FASTTHUMB_INLINE Sum* row_sums(Sum* sums, Sum* other, int box, int boxes) {
  while (box > 1) {
    const int factor = box % 2 == 0 ? 2 : box % 3 == 0 ? 3 : box;
    const int count = boxes * (box / factor);
    if (factor == 2) {
      add_pairs(sums, count, other);
    } else if (factor == 3) {
      add_triples(sums, count, other);
    } else {
      for (int x = 0; x < count; ++x) {
        Sum sum = 0;
        for (int i = 0; i < factor; ++i) sum = static_cast<Sum>(sum + sums[factor * x + i]);
        other[x] = sum;
      }
    }
    std::swap(sums, other);
    box /= factor;
  }
  return sums;
}

template <typename Sum, typename Out>
FASTTHUMB_INLINE void apply_gain(const FixedGain& fixed, const Sum* __restrict sums, int count,
                                 Out* __restrict out) {
  const Sum half = static_cast<Sum>((Sum{1} << fixed.pre_shift) >> 1);
  const int pre_shift = fixed.pre_shift, shift = fixed.shift;
  const std::int32_t gain = fixed.gain, offset = fixed.offset, maximum = fixed.maximum;
  for (int x = 0; x < count; ++x) {
    Sum sum = sums[x];
    if constexpr (sizeof(Sum) > 2) sum = (sum + half) >> pre_shift;  // 16-bit sums have no shift
    const auto s = static_cast<std::int32_t>(sum);
    std::int32_t value = (s * gain + offset) >> shift;
    value = value < 0 ? 0 : value;
    value = value > maximum ? maximum : value;
    out[x] = static_cast<Out>(value);
  }
}

template <typename Sum>
FASTTHUMB_INLINE void finish_row(const BoxRow& row, const Sum* __restrict sums,
                                 std::uint16_t* __restrict indices, std::uint8_t* __restrict out) {
  if (row.curve == nullptr) {
    apply_gain(row.gain, sums, row.boxes, out);
    return;
  }
  apply_gain(row.gain, sums, row.boxes, indices);
  for (int x = 0; x < row.boxes; ++x) out[x] = row.curve[indices[x]];
}

// `scratch`: three times the row's samples.
template <typename Sample, typename Sum>
FASTTHUMB_INLINE void whole_row(const BoxRow& row, Sum* scratch, std::uint8_t* const* out) {
  const int samples = row.boxes * row.box_cols * row.components;
  Sum* const sums = scratch;
  Sum* const other = sums + samples;
  Sum* const third = other + samples;
  column_sums<Sample>(row, samples, sums);
  auto* const indices = reinterpret_cast<std::uint16_t*>(third);
  if (row.components == 1) {
    finish_row(row, row_sums(sums, other, row.box_cols, row.boxes), indices, out[0]);
    return;
  }
  for (int c = 0; c < 2; ++c) {
    for (int x = 0; x < samples / 2; ++x) other[x] = sums[2 * x + c];
    finish_row(row, row_sums(other, third, row.box_cols, row.boxes), nullptr, out[c]);
  }
}

using Bytes = std::uint8_t* const*;

FASTTHUMB_CLONES void row_8_16(const BoxRow& row, std::uint16_t* scratch, Bytes out) {
  whole_row<std::uint8_t>(row, scratch, out);
}
FASTTHUMB_CLONES void row_8_32(const BoxRow& row, std::uint32_t* scratch, Bytes out) {
  whole_row<std::uint8_t>(row, scratch, out);
}
FASTTHUMB_CLONES void row_16_16(const BoxRow& row, std::uint16_t* scratch, Bytes out) {
  whole_row<std::uint16_t>(row, scratch, out);
}
FASTTHUMB_CLONES void row_16_32(const BoxRow& row, std::uint32_t* scratch, Bytes out) {
  whole_row<std::uint16_t>(row, scratch, out);
}
FASTTHUMB_CLONES void row_16_64(const BoxRow& row, std::uint64_t* scratch, Bytes out) {
  whole_row<std::uint16_t>(row, scratch, out);
}

}  // namespace

void box_row(const BoxRow& row, std::vector<std::uint64_t>& scratch, std::uint8_t* const* out) {
  const auto samples = static_cast<std::size_t>(row.boxes * row.box_cols * row.components);
  if (scratch.size() < 3 * samples) scratch.resize(3 * samples);
  const std::uint64_t largest =
      ((std::uint64_t{1} << row.bit_depth) - 1) * unsigned(row.box_cols) * unsigned(row.box_rows);
  auto* const narrow = reinterpret_cast<std::uint16_t*>(scratch.data());
  auto* const wide = reinterpret_cast<std::uint32_t*>(scratch.data());
  if (row.bit_depth == 8) {
    return largest <= UINT16_MAX ? row_8_16(row, narrow, out) : row_8_32(row, wide, out);
  }
  if (largest <= UINT16_MAX) return row_16_16(row, narrow, out);
  if (largest <= UINT32_MAX / 2) return row_16_32(row, wide, out);
  row_16_64(row, scratch.data(), out);
}

}  // namespace fastthumb
