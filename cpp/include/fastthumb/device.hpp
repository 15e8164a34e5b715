// CUDA devices, their streams and their memory. Every build has these names; one without CUDA has
// no device (device_absent.cpp), so that all but cuda_devices throw DeviceUnavailable there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fastthumb {

struct DeviceFacts {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  std::size_t total_bytes = 0;
  std::size_t free_bytes = 0;  // 0 where the device does not say, as where it is another's alone
};

// The devices by their number; none without a driver. Starts CUDA on each of them. Never throws
// for what CUDA says.
std::vector<DeviceFacts> cuda_devices();

// A queue of work on one device, not ordered with any other. It outlives what is queued on it: who
// keeps it waits first. Threads that use it take turns.
class CudaStream {
 public:
  virtual ~CudaStream() = default;
  virtual int device() const = 0;
  virtual void* handle() const = 0;  // a cudaStream_t, which is a CUstream
  virtual void synchronize() = 0;    // waits until all that was queued is done
};
std::unique_ptr<CudaStream> open_stream(int device);

// Rows of bytes, from one to the next `pitch` bytes.
struct RowLayout {
  std::size_t pitch = 0, row_bytes = 0, rows = 0;
};

// Memory of a device, which is freed with it; that waits for the work on the device.
class DeviceBuffer {
 public:
  virtual ~DeviceBuffer() = default;
  virtual std::uintptr_t address() const = 0;
  virtual std::size_t bytes() const = 0;

  // Queues a copy of rows at the device address `from` to `to`, from byte `offset` on.
  virtual void copy_from_device(std::uintptr_t from, std::size_t from_pitch, std::size_t offset,
                                const RowLayout& to, CudaStream& stream) = 0;
  // These two wait for the stream. The host's rows lie without gaps.
  virtual void copy_from_host(const std::uint8_t* from, std::size_t offset, std::size_t count,
                              CudaStream& stream) = 0;
  virtual void copy_to_host(std::uint8_t* to, std::size_t offset, const RowLayout& from,
                            CudaStream& stream) = 0;
};
// Throws DeviceOutOfMemory where the device has not as much.
std::unique_ptr<DeviceBuffer> allocate(int device, std::size_t bytes);

// Throws FrameError unless the rows lie within `bytes`, from `offset` on, and do not overlap.
void check_rows(std::size_t bytes, std::size_t offset, const RowLayout& rows);

}  // namespace fastthumb
