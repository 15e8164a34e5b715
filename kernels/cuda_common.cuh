// What the CUDA twins share: checked calls, memory and streams that free themselves, small parts.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "fastthumb/error.hpp"

namespace fastthumb {

// Throws DeviceUnavailable, or DeviceOutOfMemory, naming the call and CUDA's reason. The last
// error, which CUDA would tell again after the next launch, is cleared.
inline void check_cuda(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  const char* const reason = cudaGetErrorString(status);
  require<DeviceOutOfMemory>(status != cudaErrorMemoryAllocation, "CUDA: ", call, " failed (",
                             reason, "); use a smaller batch, or a CPU implementation");
  throw DeviceUnavailable(
      joined("CUDA: ", call, " failed (", reason, "); use a CPU implementation"));
}
#define FT_CUDA(call) ::fastthumb::check_cuda((call), #call)

// For destructors, which have nobody to tell.
inline void ignore_cuda(cudaError_t status) {
  if (status != cudaSuccess) cudaGetLastError();
}

// Makes the calls of this thread go to the device. It stays so: going back would start CUDA on a
// device that nobody asked for.
inline void use_device(int device) { FT_CUDA(cudaSetDevice(device)); }

// Memory of the thread's device. Throws DeviceOutOfMemory, saying how much there is.
inline void* device_memory(std::size_t bytes) {
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    std::size_t free_bytes = 0, total_bytes = 0;
    ignore_cuda(cudaMemGetInfo(&free_bytes, &total_bytes));
    throw DeviceOutOfMemory(joined("device memory: needs ", bytes, " bytes, got ", free_bytes,
                                   " free of ", total_bytes,
                                   "; use a smaller batch, or free what others hold"));
  }
  check_cuda(status, "cudaMalloc");
  return data;
}

// Device memory for `count` values, grown when more are asked for, never shrunk. Freeing waits for
// the work on the device, so that nothing is taken from a kernel.
template <typename T>
class DeviceArray {
 public:
  DeviceArray() = default;
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { ignore_cuda(cudaFree(data_)); }

  T* reserve(std::size_t count) {
    if (count <= count_) return data_;
    ignore_cuda(cudaFree(data_));
    data_ = nullptr;
    count_ = 0;
    data_ = static_cast<T*>(device_memory(count * sizeof(T)));
    count_ = count;
    return data_;
  }

  // From pageable memory, which CUDA has copied when the call returns.
  T* upload(const T* host, std::size_t count, cudaStream_t stream) {
    reserve(count);
    FT_CUDA(cudaMemcpyAsync(data_, host, count * sizeof(T), cudaMemcpyHostToDevice, stream));
    return data_;
  }

  void download(T* host, std::size_t count, cudaStream_t stream) const {
    FT_CUDA(cudaMemcpyAsync(host, data_, count * sizeof(T), cudaMemcpyDeviceToHost, stream));
  }

  T* data() const { return data_; }

 private:
  T* data_ = nullptr;
  std::size_t count_ = 0;
};

// Host memory that the device reads and writes while the host goes on. Grows as DeviceArray does;
// what was in it is lost.
template <typename T>
class PinnedArray {
 public:
  PinnedArray() = default;
  PinnedArray(const PinnedArray&) = delete;
  PinnedArray& operator=(const PinnedArray&) = delete;
  ~PinnedArray() { ignore_cuda(cudaFreeHost(data_)); }

  T* reserve(std::size_t count) {
    if (count <= count_) return data_;
    ignore_cuda(cudaFreeHost(data_));
    data_ = nullptr;
    count_ = 0;
    FT_CUDA(cudaMallocHost(&data_, count * sizeof(T)));
    count_ = count;
    return data_;
  }

  T* data() const { return data_; }

 private:
  T* data_ = nullptr;
  std::size_t count_ = 0;
};

class Stream {
 public:
  Stream() { FT_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { ignore_cuda(cudaStreamDestroy(stream_)); }
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

// 64-bit sums: CUDA has the unsigned atomic only, and two's complement makes it do for both.
using Sum64 = unsigned long long;

__device__ inline void add_to(std::int64_t* sum, std::int64_t value) {
  if (value != 0) atomicAdd(reinterpret_cast<Sum64*>(sum), static_cast<Sum64>(value));
}

}  // namespace fastthumb
