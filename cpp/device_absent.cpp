// What stands for the devices in a build without CUDA.
#include "fastthumb/device.hpp"
#include "fastthumb/error.hpp"
#include "fastthumb/letterbox_device.hpp"
#include "fastthumb/signals_device.hpp"

namespace fastthumb {
namespace {

[[noreturn]] void refuse(int device) {
  throw DeviceUnavailable(joined("CUDA device ", device,
                                 ": needs a build of fastthumb with CUDA, got one without; install "
                                 "fastthumb where nvcc is, or use the CPU"));
}

}  // namespace

std::vector<DeviceFacts> cuda_devices() { return {}; }

std::unique_ptr<CudaStream> open_stream(int device) { refuse(device); }

std::unique_ptr<DeviceBuffer> allocate(int device, std::size_t) { refuse(device); }

// Neither is ever called: there is no stream to call it with.
std::unique_ptr<DeviceSignalMeter> make_device_signal_meter(FrameLayout,
                                                            std::shared_ptr<CudaStream> stream,
                                                            int) {
  refuse(stream->device());
}

std::unique_ptr<DeviceLetterbox> make_device_letterbox(std::shared_ptr<CudaStream> stream) {
  refuse(stream->device());
}

}  // namespace fastthumb
