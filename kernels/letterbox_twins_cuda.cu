// The device letterbox as a twin of the CPU's: planes and tensor in host memory, on device 0.
#include <array>

#include "cuda_common.cuh"
#include "fastthumb/letterbox_device.hpp"

namespace fastthumb {
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
  std::array<DeviceArray<std::uint8_t>, 3> buffers;
};

template <typename Plan, typename Launch>
void run(Plan plan, float* tensor, const Launch& launch) {
  const std::shared_ptr<CudaStream> stream = open_stream(0);
  const auto queue = static_cast<cudaStream_t>(stream->handle());
  const SentPlanes sent(plan.grid, queue);
  const auto floats = 3 * static_cast<std::size_t>(plan.format.width) *
                      static_cast<std::size_t>(plan.format.height);
  DeviceArray<float> result;
  result.reserve(floats);
  launch(*make_device_letterbox(stream), std::vector<Plan>{plan}, result.data());
  result.download(tensor, floats, queue);
  FT_CUDA(cudaStreamSynchronize(queue));
}

}  // namespace

void fit_cuda(const FitPlan& plan, float* tensor) {
  run(plan, tensor, [](DeviceLetterbox& letterbox, const std::vector<FitPlan>& plans, float* out) {
    letterbox.fit(plans, out);
  });
}

void warp_cuda(const WarpPlan& plan, float* tensor) {
  run(plan, tensor, [](DeviceLetterbox& letterbox, const std::vector<WarpPlan>& plans, float* out) {
    letterbox.warp(plans, out);
  });
}

}  // namespace fastthumb
