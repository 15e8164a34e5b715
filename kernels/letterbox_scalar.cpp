// The plain truth: every px by itself, in double. See Notes [resampling] and [warp].
#include <algorithm>
#include <array>
#include <cmath>

#include "fastthumb/letterbox.hpp"

namespace fastthumb {
namespace {

using Triple = std::array<double, 3>;

double sample_at(const Grid& grid, const PlaneView& plane, int y, int index) {
  if (grid.sample_bytes == 1) return plane.row<std::uint8_t>(y)[index];
  const std::uint32_t value = plane.row<std::uint16_t>(y)[index];
  return std::min(value >> grid.msb_shift, grid.sample_maximum);
}

// The components of grid px (i, j), in code values; missing ones are 0.
Triple resampled(const Grid& grid, int i, int j) {
  Triple out{};
  std::size_t component = 0;
  for (const PlaneGroup& group : grid.groups) {
    const AxisTaps &across = group.across, &down = group.down;
    for (const PlaneView& plane : group.planes) {
      for (int c = 0; c < group.components; ++c, ++component) {
        double sum = 0;
        for (int ty = 0; ty < down.taps; ++ty) {
          const int y = down.first[std::size_t(j)] + ty;
          double row = 0;
          for (int tx = 0; tx < across.taps; ++tx) {
            const int x = across.first[std::size_t(i)] + tx;
            row += across.weights[std::size_t(i * across.taps + tx)] *
                   sample_at(grid, plane, y, x * group.components + c);
          }
          sum += down.weights[std::size_t(j * down.taps + ty)] * row;
        }
        out[component] = sum;
      }
    }
  }
  return out;
}

double through_curve(const ColorMap& map, double code) {
  const double at = std::clamp(code, 0.0, double(map.curve_maximum));
  const int step = std::min(static_cast<int>(at), map.curve_maximum - 1);
  const double part = at - step;
  return map.curve[step] * (1 - part) + map.curve[step + 1] * part;
}

// Y, Cb, Cr, each 0..255, through the cube.
Triple through_lut(const ColorMap& map, const Triple& ycc) {
  const int n = map.lut_size;
  std::array<int, 3> step{};
  Triple part{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double at = std::clamp(ycc[axis], 0.0, 255.0) * (n - 1) / 255;
    step[axis] = std::min(static_cast<int>(at), n - 2);
    part[axis] = at - step[axis];
  }
  Triple out{};
  for (int corner = 0; corner < 8; ++corner) {
    const int di = corner >> 2, dj = (corner >> 1) & 1, dk = corner & 1;
    const double weight = (di != 0 ? part[0] : 1 - part[0]) * (dj != 0 ? part[1] : 1 - part[1]) *
                          (dk != 0 ? part[2] : 1 - part[2]);
    const int entry = ((step[0] + di) * n + step[1] + dj) * n + step[2] + dk;
    for (std::size_t c = 0; c < 3; ++c) out[c] += weight * map.lut[3 * std::size_t(entry) + c];
  }
  return out;
}

// Codes of R', G', B', 0..255, of resampled components.
Triple to_rgb(const ColorMap& map, const Triple& components) {
  Triple rgb = components;
  if (!map.is_rgb) {
    double y = map.curve != nullptr ? through_curve(map, components[0])
                                    : components[0] * map.luma_gain + map.luma_offset;
    double cb = 0, cr = 0;
    if (map.has_chroma) {
      cb = components[1] * map.chroma_gain + map.chroma_offset;
      cr = components[2] * map.chroma_gain + map.chroma_offset;
    }
    if (map.lut != nullptr) {
      const Triple shown = through_lut(map, {y, cb + 128, cr + 128});
      y = shown[0];
      cb = shown[1] - 128;
      cr = shown[2] - 128;
    }
    rgb = {y + map.cr_to_r * cr, y - map.cb_to_g * cb - map.cr_to_g * cr, y + map.cb_to_b * cb};
  }
  for (double& code : rgb) code = std::clamp(code, 0.0, 255.0);
  return rgb;
}

void store(const TensorFormat& format, const Triple& rgb, std::ptrdiff_t offset, float* tensor) {
  const std::ptrdiff_t plane = std::ptrdiff_t{format.width} * format.height;
  for (std::size_t c = 0; c < 3; ++c) {
    const double code = rgb[format.bgr ? 2 - c : c];
    tensor[std::ptrdiff_t(c) * plane + offset] =
        static_cast<float>((code - format.mean[c]) * format.scale[c]);
  }
}

}  // namespace

void fit_scalar(const FitPlan& plan, float* tensor) {
  for (int j = 0; j < plan.grid.rows; ++j) {
    for (int i = 0; i < plan.grid.cols; ++i) {
      const std::ptrdiff_t offset = plan.start + i * plan.step_col + j * plan.step_row;
      store(plan.format, to_rgb(plan.color, resampled(plan.grid, i, j)), offset, tensor);
    }
  }
}

void warp_scalar(const WarpPlan& plan, float* tensor) {
  const Affine& m = plan.matrix;
  for (int v = 0; v < plan.format.height; ++v) {
    for (int u = 0; u < plan.format.width; ++u) {
      const double x = m[0] * (u + 0.5) + m[1] * (v + 0.5) + m[2];
      const double y = m[3] * (u + 0.5) + m[4] * (v + 0.5) + m[5];
      const auto part = [](double value) { return std::clamp(value, 0.0, 1.0); };
      const double share = part(x - plan.left + 0.5) * part(plan.right - x + 0.5) *
                           part(y - plan.top + 0.5) * part(plan.bottom - y + 0.5);
      Triple rgb{plan.format.fill, plan.format.fill, plan.format.fill};
      if (share > 0) {
        const int left = static_cast<int>(std::floor(x - 0.5));
        const int top = static_cast<int>(std::floor(y - 0.5));
        Triple mean{};
        for (int corner = 0; corner < 4; ++corner) {
          const int i = left + corner % 2, j = top + corner / 2;
          const double weight = (1 - std::abs(x - 0.5 - i)) * (1 - std::abs(y - 0.5 - j));
          const Triple cell = resampled(plan.grid, std::clamp(i, 0, plan.grid.cols - 1),
                                        std::clamp(j, 0, plan.grid.rows - 1));
          for (std::size_t c = 0; c < 3; ++c) mean[c] += weight * cell[c];
        }
        const Triple seen = to_rgb(plan.color, mean);
        for (std::size_t c = 0; c < 3; ++c) rgb[c] += share * (seen[c] - rgb[c]);
      }
      store(plan.format, rgb, std::ptrdiff_t{v} * plan.format.width + u, tensor);
    }
  }
}

}  // namespace fastthumb
