// Devices, streams and memory, as device.hpp says.
#include "cuda_common.cuh"
#include "cuda_devices.hpp"
#include "fastthumb/device.hpp"

namespace fastthumb {
namespace {

class OwnStream final : public CudaStream {
 public:
  explicit OwnStream(int device) : device_(device) {
    require_device(device);
    use_device(device);
    FT_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  }
  ~OwnStream() override { ignore_cuda(cudaStreamDestroy(stream_)); }

  int device() const override { return device_; }
  void* handle() const override { return stream_; }
  void synchronize() override {
    use_device(device_);
    FT_CUDA(cudaStreamSynchronize(stream_));
  }

 private:
  int device_;
  cudaStream_t stream_ = nullptr;
};

class OwnBuffer final : public DeviceBuffer {
 public:
  OwnBuffer(int device, std::size_t bytes) : device_(device), bytes_(bytes) {
    require_device(device);
    require(bytes >= 1, "device buffer: needs at least 1 byte, got 0; leave the buffer out");
    use_device(device);
    memory_.reserve(bytes);
  }

  std::uintptr_t address() const override {
    return reinterpret_cast<std::uintptr_t>(memory_.data());
  }
  std::size_t bytes() const override { return bytes_; }

  void copy_from_device(std::uintptr_t from, std::size_t from_pitch, std::size_t offset,
                        const RowLayout& to, CudaStream& stream) override {
    check_rows(bytes_, offset, to);
    require(from != 0 && from_pitch >= to.row_bytes,
            "device buffer: needs rows at a device address, with a pitch of at least ",
            to.row_bytes, " bytes, got a pitch of ", from_pitch, " at ", from,
            "; pass the decoder's plane");
    FT_CUDA(cudaMemcpy2DAsync(memory_.data() + offset, to.pitch,
                              reinterpret_cast<const void*>(from), from_pitch, to.row_bytes,
                              to.rows, cudaMemcpyDeviceToDevice, queue_of(stream)));
  }

  void copy_from_host(const std::uint8_t* from, std::size_t offset, std::size_t count,
                      CudaStream& stream) override {
    require(offset <= bytes_ && count <= bytes_ - offset, "device buffer: needs ", count,
            " bytes from ", offset, " on, has ", bytes_, " in all; ask for a larger buffer");
    FT_CUDA(cudaMemcpyAsync(memory_.data() + offset, from, count, cudaMemcpyHostToDevice,
                            queue_of(stream)));
    stream.synchronize();
  }

  void copy_to_host(std::uint8_t* to, std::size_t offset, const RowLayout& from,
                    CudaStream& stream) override {
    check_rows(bytes_, offset, from);
    FT_CUDA(cudaMemcpy2DAsync(to, from.row_bytes, memory_.data() + offset, from.pitch,
                              from.row_bytes, from.rows, cudaMemcpyDeviceToHost, queue_of(stream)));
    stream.synchronize();
  }

 private:
  cudaStream_t queue_of(const CudaStream& stream) const {
    require(stream.device() == device_, "device buffer: needs a stream of device ", device_,
            ", got one of ", stream.device(), "; open the stream on the buffer's device");
    use_device(device_);
    return static_cast<cudaStream_t>(stream.handle());
  }

  int device_;
  std::size_t bytes_;
  DeviceArray<std::uint8_t> memory_;
};

}  // namespace

int require_devices(std::string_view who, std::string_view instead) {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status == cudaSuccess && devices > 0) return devices;
  cudaGetLastError();
  int driver = 0;  // its CUDA version, 0 without one
  ignore_cuda(cudaDriverGetVersion(&driver));
  const char* const got = driver == 0             ? "no driver"
                          : status == cudaSuccess ? "no device"
                                                  : cudaGetErrorString(status);
  throw DeviceUnavailable(
      joined(who, ": needs a CUDA device and its driver, got ", got, "; ", instead));
}

void require_device(int device) {
  const std::string who = joined("CUDA device ", device);
  const int devices = require_devices(who, "use the CPU");
  require<DeviceUnavailable>(device >= 0 && device < devices, who, ": needs a number of 0 to ",
                             devices - 1, ", for there are ", devices,
                             "; use one of these, or the CPU");
}

std::vector<DeviceFacts> cuda_devices() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess) devices = 0;
  std::vector<DeviceFacts> found(static_cast<std::size_t>(devices));
  int device = 0;
  for (DeviceFacts& facts : found) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, device) == cudaSuccess) {
      facts.name = properties.name;
      facts.major = properties.major;
      facts.minor = properties.minor;
      facts.total_bytes = properties.totalGlobalMem;
    }
    std::size_t total = 0;
    const bool asked = cudaSetDevice(device) == cudaSuccess &&
                       cudaMemGetInfo(&facts.free_bytes, &total) == cudaSuccess;
    if (!asked) facts.free_bytes = 0;
    ++device;
  }
  cudaGetLastError();  // what CUDA said is told here, not after the next launch
  return found;
}

std::unique_ptr<CudaStream> open_stream(int device) { return std::make_unique<OwnStream>(device); }

std::unique_ptr<DeviceBuffer> allocate(int device, std::size_t bytes) {
  return std::make_unique<OwnBuffer>(device, bytes);
}

}  // namespace fastthumb
