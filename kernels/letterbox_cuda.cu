// The letterbox on the device, for a batch of tensors: see Notes [resampling] and [warp].
//
//   fill_kernel    px that no picture reaches
//   fit_kernel     tensors, rgb_kernel   bytes: a thread per px
//   cells_kernel   reduced pictures, which look_kernel reads for the px of a warp
#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "cuda_common.cuh"
#include "cuda_range.hpp"
#include "cuda_staging.cuh"
#include "fastthumb/letterbox_device.hpp"
#include "letterbox_device.cuh"

namespace fastthumb {
namespace {

using namespace letterbox;

// ---- kernels ----------------------------------------------------------------------------------

struct DeviceFit {
  DeviceGrid grid;  // without columns where the region lies outside
  std::ptrdiff_t start, step_col, step_row;
  int left, right, top, bottom;
};

struct DeviceWarp {
  DeviceGrid grid;  // without columns where the tensor lies outside
  Codes* cells;     // grid.rows x grid.cols
  double matrix[6];
  double left, right, top, bottom;  // edges of the picture, half a cell further out
};

__device__ int first_x() { return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); }
__device__ int first_y() { return static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y); }
__device__ int stride_x() { return static_cast<int>(gridDim.x * blockDim.x); }
__device__ int stride_y() { return static_cast<int>(gridDim.y * blockDim.y); }

// The block's item of the batch, in shared memory.
template <typename Item>
__device__ const Item& item_of(const Item* items) {
  static_assert(sizeof(Item) % sizeof(std::uint32_t) == 0);
  __shared__ Item item;
  const auto* const from = reinterpret_cast<const std::uint32_t*>(items + blockIdx.z);
  auto* const to = reinterpret_cast<std::uint32_t*>(&item);
  const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
  for (unsigned i = thread; i < sizeof(Item) / sizeof(std::uint32_t);
       i += blockDim.x * blockDim.y) {
    to[i] = from[i];
  }
  __syncthreads();
  return item;
}

__device__ float* tensor_of(const DeviceFormat& format, float* tensors) {
  return tensors + std::ptrdiff_t{3} * format.width * format.height * blockIdx.z;
}

__global__ void fill_kernel(const DeviceFit* fits, DeviceFormat format, float* tensors) {
  const DeviceFit& fit = item_of(fits);
  float* const tensor = tensor_of(format, tensors);
  for (int v = first_y(); v < format.height; v += stride_y()) {
    for (int u = first_x(); u < format.width; u += stride_x()) {
      if (u >= fit.left && u < fit.right && v >= fit.top && v < fit.bottom) continue;
      const std::ptrdiff_t offset = std::ptrdiff_t{v} * format.width + u;
      for (int c = 0; c < 3; ++c) tensor[format.channel[c] + offset] = format.outside[c];
    }
  }
}

__global__ void fit_kernel(const DeviceFit* fits, DeviceColor color, DeviceFormat format,
                           float* tensors) {
  const DeviceFit& fit = item_of(fits);
  float* const tensor = tensor_of(format, tensors);
  for (int j = first_y(); j < fit.grid.rows; j += stride_y()) {
    for (int i = first_x(); i < fit.grid.cols; i += stride_x()) {
      const Codes rgb = to_rgb(color, resampled(fit.grid, i, j));
      const std::ptrdiff_t offset = fit.start + i * fit.step_col + j * fit.step_row;
      for (int c = 0; c < 3; ++c) {
        tensor[format.channel[c] + offset] = (rgb.v[c] - format.mean[c]) * format.scale[c];
      }
    }
  }
}

__global__ void rgb_kernel(const DeviceFit* fits, DeviceColor color, std::uint8_t* bytes) {
  const DeviceFit& fit = item_of(fits);
  for (int j = first_y(); j < fit.grid.rows; j += stride_y()) {
    for (int i = first_x(); i < fit.grid.cols; i += stride_x()) {
      const Codes rgb = to_rgb(color, resampled(fit.grid, i, j));
      const std::ptrdiff_t offset = fit.start + i * fit.step_col + j * fit.step_row;
      for (int c = 0; c < 3; ++c) {
        bytes[3 * offset + c] = static_cast<std::uint8_t>(__float2int_rn(rgb.v[c]));
      }
    }
  }
}

__global__ void cells_kernel(const DeviceWarp* warps) {
  const DeviceWarp& warp = item_of(warps);
  for (int j = first_y(); j < warp.grid.rows; j += stride_y()) {
    for (int i = first_x(); i < warp.grid.cols; i += stride_x()) {
      warp.cells[static_cast<std::ptrdiff_t>(j) * warp.grid.cols + i] = resampled(warp.grid, i, j);
    }
  }
}

__device__ double within(double value, double most) {
  value = value > 0.0 ? value : 0.0;
  return value < most ? value : most;
}

__global__ void look_kernel(const DeviceWarp* warps, DeviceColor color, DeviceFormat format,
                            float* tensors) {
  const DeviceWarp& warp = item_of(warps);
  float* const tensor = tensor_of(format, tensors);
  const int cols = warp.grid.cols, rows = warp.grid.rows;
  const int last_col = max(cols - 2, 0), last_row = max(rows - 2, 0);
  const int right = cols > 1 ? 1 : 0, below = rows > 1 ? cols : 0;
  const double* const m = warp.matrix;
  for (int v = first_y(); v < format.height; v += stride_y()) {
    for (int u = first_x(); u < format.width; u += stride_x()) {
      const std::ptrdiff_t offset = std::ptrdiff_t{v} * format.width + u;
      if (cols == 0) {
        for (int c = 0; c < 3; ++c) tensor[format.channel[c] + offset] = format.outside[c];
        continue;
      }
      const double x = m[0] * (u + 0.5) + (m[1] * (v + 0.5) + m[2]);
      const double y = m[3] * (u + 0.5) + (m[4] * (v + 0.5) + m[5]);
      const double at_x = within(x - 0.5, cols - 1), at_y = within(y - 0.5, rows - 1);
      const int col = min(static_cast<int>(at_x), last_col);
      const int row = min(static_cast<int>(at_y), last_row);
      const auto to_right = static_cast<float>(at_x - col);
      const auto to_down = static_cast<float>(at_y - row);
      const auto share =
          static_cast<float>(within(x - warp.left, 1.0) * within(warp.right - x, 1.0) *
                             within(y - warp.top, 1.0) * within(warp.bottom - y, 1.0));
      const Codes* const at = warp.cells + static_cast<std::ptrdiff_t>(row) * cols + col;
      Codes mean;
      for (int c = 0; c < 3; ++c) {
        const float upper = mixed(at[0].v[c], at[right].v[c], to_right);
        const float lower = mixed(at[below].v[c], at[below + right].v[c], to_right);
        mean.v[c] = mixed(upper, lower, to_down);
      }
      const Codes rgb = to_rgb(color, mean);
      for (int c = 0; c < 3; ++c) {
        const float code = format.fill + share * (rgb.v[c] - format.fill);
        tensor[format.channel[c] + offset] = (code - format.mean[c]) * format.scale[c];
      }
    }
  }
}

// ---- what they are given ----------------------------------------------------------------------

const dim3 kBlock(32, 8);

// Blocks for `count` items of up to this size.
dim3 blocks_of(int cols, int rows, std::size_t count) {
  const auto blocks = [](int px, unsigned size) {
    return std::min((static_cast<unsigned>(px) + size - 1) / size, 1024u);
  };
  return {blocks(cols, kBlock.x), blocks(rows, kBlock.y), static_cast<unsigned>(count)};
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

// The taps of all grids of a call; grids that follow one with the same taps share its.
class Taps {
 public:
  DeviceGrid add(const Grid& grid) {
    DeviceGrid device{};
    if (grid.cols == 0) return device;
    device.cols = grid.cols;
    device.rows = grid.rows;
    device.sample_bytes = grid.sample_bytes;
    device.msb_shift = grid.msb_shift;
    device.maximum = static_cast<float>(grid.sample_maximum);
    if (last_ == nullptr || !same_taps(*last_, grid)) {
      last_ = &grid;
      axes_.clear();
      for (const PlaneGroup& group : grid.groups) {
        axes_.emplace_back(add(group.across), add(group.down));
      }
    }
    for (const PlaneGroup& group : grid.groups) {
      std::tie(device.groups[device.group_count].across, device.groups[device.group_count].down) =
          axes_[static_cast<std::size_t>(device.group_count)];
      DeviceGroup& target = device.groups[device.group_count++];
      target.components = group.components;
      for (const PlaneView& plane : group.planes) {
        target.planes[target.plane_count++] = {plane.data, plane.pitch_bytes};
      }
    }
    return device;
  }

  const std::vector<float>& weights() const { return weights_; }
  const std::vector<std::int32_t>& firsts() const { return firsts_; }

 private:
  DeviceAxis add(const AxisTaps& axis) {
    const DeviceAxis device{axis.taps, static_cast<std::uint32_t>(firsts_.size()),
                            static_cast<std::uint32_t>(weights_.size())};
    firsts_.insert(firsts_.end(), axis.first.begin(), axis.first.end());
    for (const double weight : axis.weights) weights_.push_back(static_cast<float>(weight));
    return device;
  }

  static bool same_taps(const Grid& a, const Grid& b) {
    const auto same = [](const AxisTaps& x, const AxisTaps& y) {
      return x.taps == y.taps && x.first == y.first && x.weights == y.weights;
    };
    return std::equal(a.groups.begin(), a.groups.end(), b.groups.begin(), b.groups.end(),
                      [&](const PlaneGroup& x, const PlaneGroup& y) {
                        return same(x.across, y.across) && same(x.down, y.down);
                      });
  }

  std::vector<float> weights_;
  std::vector<std::int32_t> firsts_;
  const Grid* last_ = nullptr;
  std::vector<std::pair<DeviceAxis, DeviceAxis>> axes_;  // of its groups
};

// A table that is sent only where it is another than last time.
class KeptTable {
 public:
  const std::uint8_t* send(const std::uint8_t* table, std::size_t size, Staging& staging,
                           cudaStream_t stream) {
    if (table == nullptr) return nullptr;
    if (kept_.size() != size || std::memcmp(kept_.data(), table, size) != 0) {
      kept_.clear();  // stays so if CUDA fails
      device_.reserve(size);
      std::memcpy(staging.take(size), table, size);
      staging.send(device_.data(), size, stream);
      kept_.assign(table, table + size);
    }
    return device_.data();
  }

 private:
  std::vector<std::uint8_t> kept_;
  DeviceArray<std::uint8_t> device_;
};

// ---- launching --------------------------------------------------------------------------------

class CudaLetterbox final : public DeviceLetterbox {
 public:
  explicit CudaLetterbox(std::shared_ptr<CudaStream> stream) : stream_(std::move(stream)) {}
  ~CudaLetterbox() override {
    ignore_cuda(cudaStreamSynchronize(queue()));  // nothing is freed under a kernel
  }

  void fit(const std::vector<FitPlan>& plans, float* tensors) override {
    if (plans.empty()) return;
    const ProfilerRange range("fit");
    use_device(stream_->device());
    const Fits fits = send(plans);
    const DeviceFormat format = device_format(plans.front().format);
    if (!fits.whole) {
      fill_kernel<<<blocks_of(format.width, format.height, plans.size()), kBlock, 0, queue()>>>(
          fits.items, format, tensors);
      FT_CUDA(cudaGetLastError());
    }
    if (fits.cols == 0) return;
    fit_kernel<<<blocks_of(fits.cols, fits.rows, plans.size()), kBlock, 0, queue()>>>(
        fits.items, fits.color, format, tensors);
    FT_CUDA(cudaGetLastError());
  }

  void fit_rgb(const FitPlan& plan, std::uint8_t* rgb) override {
    const ProfilerRange range("fit RGB");
    use_device(stream_->device());
    const std::size_t size =
        std::size_t{3} * std::size_t(plan.format.width) * std::size_t(plan.format.height);
    bytes_.reserve(size);
    const Fits fits = send({plan});
    if (!fits.whole) FT_CUDA(cudaMemsetAsync(bytes_.data(), 0, size, queue()));
    if (fits.cols > 0) {
      rgb_kernel<<<blocks_of(fits.cols, fits.rows, 1), kBlock, 0, queue()>>>(fits.items, fits.color,
                                                                             bytes_.data());
      FT_CUDA(cudaGetLastError());
    }
    bytes_.download(rgb, size, queue());
    FT_CUDA(cudaStreamSynchronize(queue()));
  }

  // In parts whose cells fit what is kept for them; the stream puts these in order.
  void warp(const std::vector<WarpPlan>& plans, float* tensors) override {
    const ProfilerRange range("warp");
    use_device(stream_->device());
    std::size_t first = 0;
    while (first < plans.size()) {
      std::size_t end = first, cells = 0;
      while (end < plans.size()) {
        const std::size_t more = cells_of(plans[end].grid);
        if (end > first && cells + more > kMostCells) break;
        cells += more;
        ++end;
      }
      const TensorFormat& format = plans[first].format;
      warp_part({plans.data() + first, end - first}, cells,
                tensors + std::size_t{3} * first * std::size_t(format.width) *
                              std::size_t(format.height));
      first = end;
    }
  }

 private:
  static constexpr std::size_t kMostCells = std::size_t{64 << 20} / sizeof(Codes);

  // The items of a call as the kernels take them; `cols` and `rows` of the largest grid.
  struct Fits {
    const DeviceFit* items;
    DeviceColor color;
    int cols, rows;
    bool whole;  // no px lies outside
  };

  cudaStream_t queue() const { return static_cast<cudaStream_t>(stream_->handle()); }

  static std::size_t cells_of(const Grid& grid) {
    return static_cast<std::size_t>(grid.cols) * static_cast<std::size_t>(grid.rows);
  }

  Fits send(const std::vector<FitPlan>& plans) {
    Fits fits{nullptr, {}, 0, 0, true};
    Taps taps;
    std::vector<DeviceFit> items;
    for (const FitPlan& plan : plans) {
      items.push_back({taps.add(plan.grid), plan.start, plan.step_col, plan.step_row, plan.left,
                       plan.right, plan.top, plan.bottom});
      if (plan.grid.cols > 0 && fits.cols == 0) fits.color = send(plan.color);
      fits.cols = std::max(fits.cols, plan.grid.cols);
      fits.rows = std::max(fits.rows, plan.grid.rows);
      fits.whole = fits.whole && plan.left == 0 && plan.top == 0 &&
                   plan.right == plan.format.width && plan.bottom == plan.format.height;
    }
    fits.items = send(items, taps);
    return fits;
  }

  void warp_part(std::span<const WarpPlan> plans, std::size_t cells, float* tensors) {
    const DeviceFormat format = device_format(plans.front().format);
    Codes* next_cells = cells_.reserve(cells);
    DeviceColor color{};
    int cols = 0, rows = 0;
    Taps taps;
    std::vector<DeviceWarp> items;
    for (const WarpPlan& plan : plans) {
      DeviceWarp item{};
      item.grid = taps.add(plan.grid);
      item.cells = next_cells;
      next_cells += cells_of(plan.grid);
      std::copy(plan.matrix.begin(), plan.matrix.end(), item.matrix);
      item.left = plan.left - 0.5;
      item.right = plan.right + 0.5;
      item.top = plan.top - 0.5;
      item.bottom = plan.bottom + 0.5;
      items.push_back(item);
      if (plan.grid.cols > 0 && cols == 0) color = send(plan.color);
      cols = std::max(cols, plan.grid.cols);
      rows = std::max(rows, plan.grid.rows);
    }
    const DeviceWarp* const warps = send(items, taps);
    if (cols > 0) {
      cells_kernel<<<blocks_of(cols, rows, items.size()), kBlock, 0, queue()>>>(warps);
      FT_CUDA(cudaGetLastError());
    }
    look_kernel<<<blocks_of(format.width, format.height, items.size()), kBlock, 0, queue()>>>(
        warps, color, format, tensors);
    FT_CUDA(cudaGetLastError());
  }

  // Queues one copy of the items and their taps, and returns where the items then are.
  template <typename Item>
  const Item* send(std::vector<Item>& items, const Taps& taps) {
    const std::size_t weights_at = items.size() * sizeof(Item);
    const std::size_t firsts_at = weights_at + taps.weights().size() * sizeof(float);
    const std::size_t size = firsts_at + taps.firsts().size() * sizeof(std::int32_t);
    std::uint8_t* const device = tables_.reserve(std::bit_ceil(size));
    for (Item& item : items) {
      item.grid.weights = reinterpret_cast<const float*>(device + weights_at);
      item.grid.firsts = reinterpret_cast<const std::int32_t*>(device + firsts_at);
    }
    std::uint8_t* const pinned = staging_.take(size);
    std::memcpy(pinned, items.data(), weights_at);
    if (size > weights_at) {
      std::memcpy(pinned + weights_at, taps.weights().data(), firsts_at - weights_at);
      std::memcpy(pinned + firsts_at, taps.firsts().data(), size - firsts_at);
    }
    staging_.send(device, size, queue());
    return reinterpret_cast<const Item*>(device);
  }

  DeviceColor send(const ColorMap& map) {
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
            curve_.send(map.curve, codes, staging_, queue()),
            map.curve_maximum,
            lut_.send(map.lut, n * n * n * 3, staging_, queue()),
            map.lut_size};
  }

  std::shared_ptr<CudaStream> stream_;
  Staging staging_;
  DeviceArray<std::uint8_t> tables_;
  DeviceArray<Codes> cells_;
  DeviceArray<std::uint8_t> bytes_;
  KeptTable curve_, lut_;
};

}  // namespace

std::unique_ptr<DeviceLetterbox> make_device_letterbox(std::shared_ptr<CudaStream> stream) {
  return std::make_unique<CudaLetterbox>(std::move(stream));
}

}  // namespace fastthumb
