#include "display_color_simd.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "simd.hpp"

namespace fastthumb {
namespace {

FASTTHUMB_INLINE float clamped(float value) {
  value = value > 0.0f ? value : 0.0f;
  return value < 255.0f ? value : 255.0f;
}

// Three rows of code values become full-range Y and Cb, Cr around 0, in place.
FASTTHUMB_CLONES void expand(const FloatColor& color, bool luma, int count, float* __restrict y,
                             float* __restrict cb, float* __restrict cr) {
  const FloatColor c = color;
  if (luma) {
    for (int i = 0; i < count; ++i) y[i] = y[i] * c.luma_gain + c.luma_offset;
  }
  for (int i = 0; i < count; ++i) cb[i] = cb[i] * c.chroma_gain + c.chroma_offset;
  for (int i = 0; i < count; ++i) cr[i] = cr[i] * c.chroma_gain + c.chroma_offset;
}

void through_curve(const ColorMap& map, int count, float* y) {
  const auto maximum = static_cast<float>(map.curve_maximum);
  for (int i = 0; i < count; ++i) {
    const float at = std::clamp(y[i], 0.0f, maximum);
    const int step = std::min(static_cast<int>(at), map.curve_maximum - 1);
    const float part = at - static_cast<float>(step);
    y[i] = static_cast<float>(map.curve[step]) * (1 - part) +
           static_cast<float>(map.curve[step + 1]) * part;
  }
}

template <typename Value>
FASTTHUMB_INLINE Value mixed(Value a, Value b, float part) {
  return a + (b - a) * part;
}

using FourInts = std::int32_t __attribute__((vector_size(16)));
using FourFloats = float __attribute__((vector_size(16)));

// Three bytes of the table from `at`, and one that means nothing; `last` is where four still fit.
FASTTHUMB_INLINE FourFloats entry_at(const std::uint8_t* lut, std::ptrdiff_t at,
                                     std::ptrdiff_t last) {
  const std::ptrdiff_t from = at < last ? at : last;
  std::uint32_t bits;
  std::memcpy(&bits, lut + from, sizeof bits);
  const auto all = static_cast<std::int32_t>(bits >> (8 * (at - from)));
  const FourInts bytes = (FourInts{all, all, all, all} >> FourInts{0, 8, 16, 24}) & 255;
  return __builtin_convertvector(bytes, FourFloats);
}

// Full-range Y and Cb, Cr around 0 through the cube, in place: the three components of a corner at
// a time.
FASTTHUMB_CLONES void through_lut(const ColorMap& map, int count, float* __restrict y,
                                  float* __restrict cb, float* __restrict cr) {
  const std::uint8_t* const lut = map.lut;
  const int n = map.lut_size;
  const float steps = static_cast<float>(n - 1) / 255.0f;
  const std::ptrdiff_t across = std::ptrdiff_t{3} * n, face = across * n, last = face * n - 4;
  for (int i = 0; i < count; ++i) {
    const float at_y = clamped(y[i]) * steps;
    const float at_cb = clamped(cb[i] + 128.0f) * steps;
    const float at_cr = clamped(cr[i] + 128.0f) * steps;
    const int step_y = std::min(static_cast<int>(at_y), n - 2);
    const int step_cb = std::min(static_cast<int>(at_cb), n - 2);
    const int step_cr = std::min(static_cast<int>(at_cr), n - 2);
    const float part_y = at_y - static_cast<float>(step_y);
    const float part_cb = at_cb - static_cast<float>(step_cb);
    const float part_cr = at_cr - static_cast<float>(step_cr);
    const std::ptrdiff_t corner = step_y * face + step_cb * across + std::ptrdiff_t{3} * step_cr;
    FourFloats faces[2];
    for (int j = 0; j < 2; ++j) {
      const std::ptrdiff_t at = corner + j * face;
      const FourFloats upper = mixed(entry_at(lut, at, last), entry_at(lut, at + 3, last), part_cr);
      const FourFloats lower =
          mixed(entry_at(lut, at + across, last), entry_at(lut, at + across + 3, last), part_cr);
      faces[j] = mixed(upper, lower, part_cb);
    }
    const FourFloats shown = mixed(faces[0], faces[1], part_y);
    y[i] = shown[0];
    cb[i] = shown[1] - 128.0f;
    cr[i] = shown[2] - 128.0f;
  }
}

template <bool is_rgb>
FASTTHUMB_INLINE void to_values(const FloatColor& c, const FloatFormat& f, int count,
                                float* __restrict first, float* __restrict second,
                                float* __restrict third) {
  for (int i = 0; i < count; ++i) {
    float r = first[i], g = second[i], b = third[i];
    if constexpr (!is_rgb) {
      const float y = r * c.luma_gain + c.luma_offset;
      const float cb = g * c.chroma_gain + c.chroma_offset;
      const float cr = b * c.chroma_gain + c.chroma_offset;
      r = y + c.cr_to_r * cr;
      g = y - c.cb_to_g * cb - c.cr_to_g * cr;
      b = y + c.cb_to_b * cb;
    }
    first[i] = (clamped(r) - f.mean[0]) * f.scale[0];
    second[i] = (clamped(g) - f.mean[1]) * f.scale[1];
    third[i] = (clamped(b) - f.mean[2]) * f.scale[2];
  }
}

// Components, which are expanded by the gains of `color` before the matrix, to values, in place.
FASTTHUMB_CLONES void values_of(const FloatColor& color, const FloatFormat& format, bool is_rgb,
                                int count, float* first, float* second, float* third) {
  const FloatColor c = color;
  const FloatFormat f = format;
  if (is_rgb) return to_values<true>(c, f, count, first, second, third);
  to_values<false>(c, f, count, first, second, third);
}

}  // namespace

void color_rows(const ColorMap& map, const FloatColor& color, const FloatFormat& format, int count,
                float* y, float* cb, float* cr) {
  FloatColor rest = color;
  if (!map.is_rgb && !map.has_chroma) {
    std::fill(cb, cb + count, -color.chroma_offset / color.chroma_gain);
    std::fill(cr, cr + count, -color.chroma_offset / color.chroma_gain);
  }
  if (map.curve != nullptr || map.lut != nullptr) {
    expand(color, map.curve == nullptr, count, y, cb, cr);
    if (map.curve != nullptr) through_curve(map, count, y);
    if (map.lut != nullptr) through_lut(map, count, y, cb, cr);
    rest.luma_gain = rest.chroma_gain = 1;
    rest.luma_offset = rest.chroma_offset = 0;
  }
  values_of(rest, format, map.is_rgb, count, y, cb, cr);
}

}  // namespace fastthumb
