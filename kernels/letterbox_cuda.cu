// The device twin, px by px in the order of the simd twin's sums. Compiled without contraction
// (--fmad=false), so that it gives the same bits. See Notes [resampling] and [warp].
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "cuda_common.cuh"
#include "fastthumb/letterbox_device.hpp"

namespace fastthumb {
namespace {

// ---- what the kernels are given ---------------------------------------------------------------

struct DeviceAxis {
  int taps;
  const std::int32_t* first;
  const float* weights;
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

__device__ float sample_of(const DeviceGrid& grid, const std::uint8_t* row, int index) {
  if (grid.sample_bytes == 1) return static_cast<float>(row[index]);
  const auto code = reinterpret_cast<const std::uint16_t*>(row)[index];
  const auto value = static_cast<float>(static_cast<int>(code) >> grid.msb_shift);
  return value < grid.maximum ? value : grid.maximum;
}

// Components of grid px (i, j) in code values: columns of samples first, then along the row.
__device__ Codes resampled(const DeviceGrid& grid, int i, int j) {
  Codes out{};
  int component = 0;
  for (int g = 0; g < grid.group_count; ++g) {
    const DeviceGroup& group = grid.groups[g];
    const DeviceAxis &across = group.across, &down = group.down;
    const int first_x = across.first[i], first_y = down.first[j];
    const float* const weights_x = across.weights + static_cast<std::ptrdiff_t>(i) * across.taps;
    const float* const weights_y = down.weights + static_cast<std::ptrdiff_t>(j) * down.taps;
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

__device__ float clamped(float value) {
  value = value > 0.0f ? value : 0.0f;
  return value < 255.0f ? value : 255.0f;
}

__device__ float mixed(float a, float b, float part) { return a + (b - a) * part; }

__device__ float through_curve(const DeviceColor& color, float code) {
  const auto maximum = static_cast<float>(color.curve_maximum);
  const float at = code < 0.0f ? 0.0f : maximum < code ? maximum : code;
  const int step = min(static_cast<int>(at), color.curve_maximum - 1);
  const float part = at - static_cast<float>(step);
  return static_cast<float>(color.curve[step]) * (1 - part) +
         static_cast<float>(color.curve[step + 1]) * part;
}

// Y, Cb, Cr, each 0..255, through the cube: along Cr, then Cb, then Y.
__device__ Codes through_lut(const DeviceColor& color, const Codes& ycc) {
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

__device__ Codes to_rgb(const DeviceColor& color, const Codes& in) {
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

// ---- kernels ----------------------------------------------------------------------------------

__device__ int first_x() { return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); }
__device__ int first_y() { return static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y); }
__device__ int stride_x() { return static_cast<int>(gridDim.x * blockDim.x); }
__device__ int stride_y() { return static_cast<int>(gridDim.y * blockDim.y); }

__global__ void fill_kernel(DeviceFormat format, float* tensor) {
  for (int v = first_y(); v < format.height; v += stride_y()) {
    for (int u = first_x(); u < format.width; u += stride_x()) {
      const std::ptrdiff_t offset = std::ptrdiff_t{v} * format.width + u;
      for (int c = 0; c < 3; ++c) tensor[format.channel[c] + offset] = format.outside[c];
    }
  }
}

__global__ void fit_kernel(DeviceGrid grid, DeviceColor color, DeviceFormat format,
                           std::ptrdiff_t start, std::ptrdiff_t step_col, std::ptrdiff_t step_row,
                           float* tensor) {
  for (int j = first_y(); j < grid.rows; j += stride_y()) {
    for (int i = first_x(); i < grid.cols; i += stride_x()) {
      const Codes rgb = to_rgb(color, resampled(grid, i, j));
      const std::ptrdiff_t offset = start + i * step_col + j * step_row;
      for (int c = 0; c < 3; ++c) {
        tensor[format.channel[c] + offset] = (rgb.v[c] - format.mean[c]) * format.scale[c];
      }
    }
  }
}

__global__ void cells_kernel(DeviceGrid grid, Codes* cells) {
  for (int j = first_y(); j < grid.rows; j += stride_y()) {
    for (int i = first_x(); i < grid.cols; i += stride_x()) {
      cells[static_cast<std::ptrdiff_t>(j) * grid.cols + i] = resampled(grid, i, j);
    }
  }
}

struct DeviceLook {
  double m[6];
  double left, right, top, bottom;  // edges of the picture, half a cell further out
  int cols, rows;
};

__device__ double within(double value, double most) {
  value = value > 0.0 ? value : 0.0;
  return value < most ? value : most;
}

__global__ void look_kernel(DeviceLook look, const Codes* cells, DeviceColor color,
                            DeviceFormat format, float* tensor) {
  const int last_col = max(look.cols - 2, 0), last_row = max(look.rows - 2, 0);
  const int right = look.cols > 1 ? 1 : 0, below = look.rows > 1 ? look.cols : 0;
  const double* const m = look.m;
  for (int v = first_y(); v < format.height; v += stride_y()) {
    for (int u = first_x(); u < format.width; u += stride_x()) {
      const double x = m[0] * (u + 0.5) + (m[1] * (v + 0.5) + m[2]);
      const double y = m[3] * (u + 0.5) + (m[4] * (v + 0.5) + m[5]);
      const double at_x = within(x - 0.5, look.cols - 1), at_y = within(y - 0.5, look.rows - 1);
      const int col = min(static_cast<int>(at_x), last_col);
      const int row = min(static_cast<int>(at_y), last_row);
      const auto to_right = static_cast<float>(at_x - col);
      const auto to_down = static_cast<float>(at_y - row);
      const auto share =
          static_cast<float>(within(x - look.left, 1.0) * within(look.right - x, 1.0) *
                             within(y - look.top, 1.0) * within(look.bottom - y, 1.0));
      const Codes* const at = cells + static_cast<std::ptrdiff_t>(row) * look.cols + col;
      Codes mean;
      for (int c = 0; c < 3; ++c) {
        const float upper = mixed(at[0].v[c], at[right].v[c], to_right);
        const float lower = mixed(at[below].v[c], at[below + right].v[c], to_right);
        mean.v[c] = mixed(upper, lower, to_down);
      }
      const Codes rgb = to_rgb(color, mean);
      const std::ptrdiff_t offset = std::ptrdiff_t{v} * format.width + u;
      for (int c = 0; c < 3; ++c) {
        const float code = format.fill + share * (rgb.v[c] - format.fill);
        tensor[format.channel[c] + offset] = (code - format.mean[c]) * format.scale[c];
      }
    }
  }
}

// ---- launching --------------------------------------------------------------------------------

const dim3 kBlock(32, 8);

dim3 blocks_of(int cols, int rows) {
  const auto blocks = [](int count, unsigned size) {
    return std::min((static_cast<unsigned>(count) + size - 1) / size, 1024u);
  };
  return {blocks(cols, kBlock.x), blocks(rows, kBlock.y)};
}

DeviceFormat device_format(const TensorFormat& format) {
  DeviceFormat device{};
  device.width = format.width;
  device.height = format.height;
  device.fill = static_cast<float>(format.fill);
  for (std::size_t rgb = 0; rgb < 3; ++rgb) {
    const std::size_t channel = format.bgr ? 2 - rgb : rgb;
    device.channel[rgb] = static_cast<std::ptrdiff_t>(channel) * format.width * format.height;
    device.mean[rgb] = static_cast<float>(format.mean[channel]);
    device.scale[rgb] = static_cast<float>(format.scale[channel]);
    device.outside[rgb] =
        static_cast<float>((format.fill - format.mean[channel]) * format.scale[channel]);
  }
  return device;
}

// A table that is sent only where it is another than last time.
class KeptTable {
 public:
  const std::uint8_t* send(const std::uint8_t* table, std::size_t size, cudaStream_t stream) {
    if (table == nullptr) return nullptr;
    if (kept_.size() != size || std::memcmp(kept_.data(), table, size) != 0) {
      kept_.clear();
      device_.upload(table, size, stream);
      kept_.assign(table, table + size);
    }
    return device_.data();
  }

 private:
  std::vector<std::uint8_t> kept_;
  DeviceBuffer<std::uint8_t> device_;
};

}  // namespace

struct DeviceLetterbox::Parts {
  DeviceBuffer<float> weights;
  DeviceBuffer<std::int32_t> firsts;
  DeviceBuffer<Codes> cells;
  KeptTable curve, lut;

  DeviceGrid send(const Grid& grid, cudaStream_t stream) {
    std::vector<float> all_weights;
    std::vector<std::int32_t> all_firsts;
    for (const PlaneGroup& group : grid.groups) {
      for (const AxisTaps* axis : {&group.across, &group.down}) {
        for (const double weight : axis->weights) all_weights.push_back(static_cast<float>(weight));
        all_firsts.insert(all_firsts.end(), axis->first.begin(), axis->first.end());
      }
    }
    const float* weight = weights.upload(all_weights.data(), all_weights.size(), stream);
    const std::int32_t* first = firsts.upload(all_firsts.data(), all_firsts.size(), stream);
    DeviceGrid device{};
    device.cols = grid.cols;
    device.rows = grid.rows;
    device.sample_bytes = grid.sample_bytes;
    device.msb_shift = grid.msb_shift;
    device.maximum = static_cast<float>(grid.sample_maximum);
    for (const PlaneGroup& group : grid.groups) {
      DeviceGroup& target = device.groups[device.group_count++];
      target.components = group.components;
      for (const PlaneView& plane : group.planes) {
        target.planes[target.plane_count++] = {plane.data, plane.pitch_bytes};
      }
      const auto next = [&](const AxisTaps& axis) {
        const DeviceAxis here{axis.taps, first, weight};
        first += axis.first.size();
        weight += axis.weights.size();
        return here;
      };
      target.across = next(group.across);
      target.down = next(group.down);
    }
    return device;
  }

  DeviceColor send(const ColorMap& map, cudaStream_t stream) {
    const auto f = [](double value) { return static_cast<float>(value); };
    const auto codes = static_cast<std::size_t>(map.curve_maximum) + 1;
    const auto n = static_cast<std::size_t>(map.lut_size);
    return {map.is_rgb,
            map.has_chroma,
            f(map.luma_gain),
            f(map.luma_offset),
            f(map.chroma_gain),
            f(map.chroma_offset),
            f(map.cr_to_r),
            f(map.cb_to_g),
            f(map.cr_to_g),
            f(map.cb_to_b),
            curve.send(map.curve, codes, stream),
            map.curve_maximum,
            lut.send(map.lut, n * n * n * 3, stream),
            map.lut_size};
  }
};

DeviceLetterbox::DeviceLetterbox() : parts_(std::make_unique<Parts>()) {}
DeviceLetterbox::~DeviceLetterbox() = default;

void DeviceLetterbox::fit(const FitPlan& plan, float* tensor, void* stream) {
  const auto queue = static_cast<cudaStream_t>(stream);
  const DeviceFormat format = device_format(plan.format);
  const bool whole = plan.left == 0 && plan.top == 0 && plan.right == plan.format.width &&
                     plan.bottom == plan.format.height;
  if (!whole) {
    const dim3 blocks = blocks_of(format.width, format.height);
    fill_kernel<<<blocks, kBlock, 0, queue>>>(format, tensor);
    FT_CUDA(cudaGetLastError());
  }
  if (plan.grid.cols == 0) return;
  const DeviceGrid grid = parts_->send(plan.grid, queue);
  const DeviceColor color = parts_->send(plan.color, queue);
  const dim3 blocks = blocks_of(grid.cols, grid.rows);
  fit_kernel<<<blocks, kBlock, 0, queue>>>(grid, color, format, plan.start, plan.step_col,
                                           plan.step_row, tensor);
  FT_CUDA(cudaGetLastError());
}

void DeviceLetterbox::warp(const WarpPlan& plan, float* tensor, void* stream) {
  const auto queue = static_cast<cudaStream_t>(stream);
  const DeviceFormat format = device_format(plan.format);
  const dim3 blocks = blocks_of(format.width, format.height);
  if (plan.grid.cols == 0) {
    fill_kernel<<<blocks, kBlock, 0, queue>>>(format, tensor);
    FT_CUDA(cudaGetLastError());
    return;
  }
  const DeviceGrid grid = parts_->send(plan.grid, queue);
  const DeviceColor color = parts_->send(plan.color, queue);
  Codes* const cells = parts_->cells.reserve(static_cast<std::size_t>(grid.cols) *
                                             static_cast<std::size_t>(grid.rows));
  cells_kernel<<<blocks_of(grid.cols, grid.rows), kBlock, 0, queue>>>(grid, cells);
  FT_CUDA(cudaGetLastError());
  DeviceLook look{};
  std::copy(plan.matrix.begin(), plan.matrix.end(), look.m);
  look.left = plan.left - 0.5;
  look.right = plan.right + 0.5;
  look.top = plan.top - 0.5;
  look.bottom = plan.bottom + 0.5;
  look.cols = grid.cols;
  look.rows = grid.rows;
  look_kernel<<<blocks, kBlock, 0, queue>>>(look, cells, color, format, tensor);
  FT_CUDA(cudaGetLastError());
}

// ---- the twins: planes and tensor in host memory ----------------------------------------------

namespace {

// Copies of a grid's planes on the device.
struct SentPlanes {
  SentPlanes(Grid& grid, cudaStream_t stream) {
    std::size_t next = 0;
    for (PlaneGroup& group : grid.groups) {
      for (PlaneView& plane : group.planes) {
        const std::ptrdiff_t row =
            std::ptrdiff_t{plane.cols} * group.components * grid.sample_bytes;
        const std::ptrdiff_t size = plane.pitch_bytes * (plane.rows - 1) + row;
        plane.data = buffers[next++].upload(plane.data, static_cast<std::size_t>(size), stream);
      }
    }
  }
  std::array<DeviceBuffer<std::uint8_t>, 3> buffers;
};

template <typename Plan, typename Launch>
void run(Plan plan, float* tensor, const Launch& launch) {
  const Stream stream;
  const SentPlanes sent(plan.grid, stream);
  const auto floats = 3 * static_cast<std::size_t>(plan.format.width) *
                      static_cast<std::size_t>(plan.format.height);
  DeviceBuffer<float> result;
  result.reserve(floats);
  DeviceLetterbox letterbox;
  launch(letterbox, plan, result.data(), static_cast<cudaStream_t>(stream));
  result.download(tensor, floats, stream);
  FT_CUDA(cudaStreamSynchronize(stream));
}

}  // namespace

void fit_cuda(const FitPlan& plan, float* tensor) {
  run(plan, tensor,
      [](DeviceLetterbox& letterbox, const FitPlan& sent, float* out, cudaStream_t stream) {
        letterbox.fit(sent, out, stream);
      });
}

void warp_cuda(const WarpPlan& plan, float* tensor) {
  run(plan, tensor,
      [](DeviceLetterbox& letterbox, const WarpPlan& sent, float* out, cudaStream_t stream) {
        letterbox.warp(sent, out, stream);
      });
}

}  // namespace fastthumb
