// One px of a tensor on the device, in the order of the simd twin's sums. Who includes this is
// compiled without contraction (--fmad=false), so that it gives the same bits. See Note
// [resampling].
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace fastthumb::letterbox {

// ---- what the kernels are given ---------------------------------------------------------------

// Where the taps of an axis begin in the tables of its grid.
struct DeviceAxis {
  int taps;
  std::uint32_t first, weights;
};

struct DevicePlane {
  const std::uint8_t* data;
  std::ptrdiff_t pitch;
};

struct DeviceGroup {
  DevicePlane planes[2];
  int plane_count, components;
  DeviceAxis across, down;
};

struct DeviceGrid {
  int cols, rows;
  int sample_bytes, msb_shift;
  float maximum;
  DeviceGroup groups[2];
  int group_count;
  const std::int32_t* firsts;  // of all grids of a call
  const float* weights;
};

struct DeviceColor {
  bool is_rgb, has_chroma;
  float luma_gain, luma_offset, chroma_gain, chroma_offset;
  float cr_to_r, cb_to_g, cr_to_g, cb_to_b;
  const std::uint8_t* curve;
  int curve_maximum;
  const std::uint8_t* lut;
  int lut_size;
};

struct DeviceFormat {
  int width, height;
  std::ptrdiff_t channel[3];  // where R, G and B start in the tensor
  float mean[3], scale[3];    // of R, G and B
  float fill;
  float outside[3];  // values of `fill`, as the CPU computes them
};

struct Codes {
  float v[3];
};

// ---- one px -----------------------------------------------------------------------------------

__device__ inline float sample_of(const DeviceGrid& grid, const std::uint8_t* row, int index) {
  if (grid.sample_bytes == 1) return static_cast<float>(row[index]);
  const auto code = reinterpret_cast<const std::uint16_t*>(row)[index];
  const auto value = static_cast<float>(static_cast<int>(code) >> grid.msb_shift);
  return value < grid.maximum ? value : grid.maximum;
}

// Components of grid px (i, j) in code values: columns of samples first, then along the row.
__device__ inline Codes resampled(const DeviceGrid& grid, int i, int j) {
  Codes out{};
  int component = 0;
  for (int g = 0; g < grid.group_count; ++g) {
    const DeviceGroup& group = grid.groups[g];
    const DeviceAxis &across = group.across, &down = group.down;
    const int first_x = grid.firsts[across.first + i], first_y = grid.firsts[down.first + j];
    const float* const weights_x =
        grid.weights + across.weights + static_cast<std::ptrdiff_t>(i) * across.taps;
    const float* const weights_y =
        grid.weights + down.weights + static_cast<std::ptrdiff_t>(j) * down.taps;
    for (int p = 0; p < group.plane_count; ++p) {
      const DevicePlane& plane = group.planes[p];
      for (int c = 0; c < group.components; ++c, ++component) {
        float sum = 0;
        for (int tx = 0; tx < across.taps; ++tx) {
          const int index = (first_x + tx) * group.components + c;
          float column = 0;
          for (int ty = 0; ty < down.taps; ++ty) {
            const std::uint8_t* const row = plane.data + (first_y + ty) * plane.pitch;
            column += weights_y[ty] * sample_of(grid, row, index);
          }
          sum += weights_x[tx] * column;
        }
        out.v[component] = sum;
      }
    }
  }
  return out;
}

__device__ inline float clamped(float value) {
  value = value > 0.0f ? value : 0.0f;
  return value < 255.0f ? value : 255.0f;
}

__device__ inline float mixed(float a, float b, float part) { return a + (b - a) * part; }

__device__ inline float through_curve(const DeviceColor& color, float code) {
  const auto maximum = static_cast<float>(color.curve_maximum);
  const float at = code < 0.0f ? 0.0f : maximum < code ? maximum : code;
  const int step = min(static_cast<int>(at), color.curve_maximum - 1);
  const float part = at - static_cast<float>(step);
  return static_cast<float>(color.curve[step]) * (1 - part) +
         static_cast<float>(color.curve[step + 1]) * part;
}

// Y, Cb, Cr, each 0..255, through the cube: along Cr, then Cb, then Y.
__device__ inline Codes through_lut(const DeviceColor& color, const Codes& ycc) {
  const int n = color.lut_size;
  const float steps = static_cast<float>(n - 1) / 255.0f;
  const std::ptrdiff_t strides[3] = {std::ptrdiff_t{3} * n * n, std::ptrdiff_t{3} * n, 3};
  float part[3];
  const std::uint8_t* corner = color.lut;
  for (int axis = 0; axis < 3; ++axis) {
    const float at = clamped(ycc.v[axis]) * steps;
    const int step = min(static_cast<int>(at), n - 2);
    part[axis] = at - static_cast<float>(step);
    corner += step * strides[axis];
  }
  Codes out;
  for (int c = 0; c < 3; ++c) {
    float faces[2];
    for (int j = 0; j < 2; ++j) {
      const std::uint8_t* const at = corner + j * strides[0] + c;
      const float upper = mixed(static_cast<float>(at[0]), static_cast<float>(at[3]), part[2]);
      const float lower = mixed(static_cast<float>(at[strides[1]]),
                                static_cast<float>(at[strides[1] + 3]), part[2]);
      faces[j] = mixed(upper, lower, part[1]);
    }
    out.v[c] = mixed(faces[0], faces[1], part[0]);
  }
  return out;
}

__device__ inline Codes to_rgb(const DeviceColor& color, const Codes& in) {
  Codes rgb = in;
  if (!color.is_rgb) {
    const float gray = -color.chroma_offset / color.chroma_gain;
    float y = color.curve != nullptr ? through_curve(color, in.v[0])
                                     : in.v[0] * color.luma_gain + color.luma_offset;
    float cb = (color.has_chroma ? in.v[1] : gray) * color.chroma_gain + color.chroma_offset;
    float cr = (color.has_chroma ? in.v[2] : gray) * color.chroma_gain + color.chroma_offset;
    if (color.lut != nullptr) {
      const Codes shown = through_lut(color, {{y, cb + 128.0f, cr + 128.0f}});
      y = shown.v[0];
      cb = shown.v[1] - 128.0f;
      cr = shown.v[2] - 128.0f;
    }
    rgb = {{y + color.cr_to_r * cr, y - color.cb_to_g * cb - color.cr_to_g * cr,
            y + color.cb_to_b * cb}};
  }
  for (float& code : rgb.v) code = clamped(code);
  return rgb;
}

}  // namespace fastthumb::letterbox
