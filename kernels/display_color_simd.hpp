// Rows of resampled components become values of a tensor, in float.
#pragma once

#include <array>
#include <cstddef>

#include "fastthumb/letterbox.hpp"

namespace fastthumb {

// The numbers of a ColorMap.
struct FloatColor {
  explicit FloatColor(const ColorMap& map)
      : luma_gain(float(map.luma_gain)),
        luma_offset(float(map.luma_offset)),
        chroma_gain(float(map.chroma_gain)),
        chroma_offset(float(map.chroma_offset)),
        cr_to_r(float(map.cr_to_r)),
        cb_to_g(float(map.cb_to_g)),
        cr_to_g(float(map.cr_to_g)),
        cb_to_b(float(map.cb_to_b)) {}
  float luma_gain, luma_offset, chroma_gain, chroma_offset;
  float cr_to_r, cb_to_g, cr_to_g, cb_to_b;
};

// A TensorFormat with its numbers in the order R, G, B.
struct FloatFormat {
  explicit FloatFormat(const TensorFormat& format) : fill(float(format.fill)) {
    for (std::size_t rgb = 0; rgb < 3; ++rgb) {
      channel[rgb] = format.bgr ? 2 - rgb : rgb;
      mean[rgb] = float(format.mean[channel[rgb]]);
      scale[rgb] = float(format.scale[channel[rgb]]);
    }
  }
  std::array<std::size_t, 3> channel{};
  std::array<float, 3> mean{}, scale{};
  float fill;
};

// Three rows of components become (code - mean) * scale of R', G', B', codes 0..255, in place.
void color_rows(const ColorMap& map, const FloatColor& color, const FloatFormat& format, int count,
                float* y, float* cb, float* cr);

}  // namespace fastthumb
