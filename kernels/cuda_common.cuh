// What the CUDA twins share: checked calls, memory and streams that free themselves, small parts.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "fastthumb/error.hpp"

namespace fastthumb {

// Throws DeviceUnavailable, naming the call and CUDA's reason. The sticky last error is cleared.
inline void check_cuda(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  throw DeviceUnavailable(joined("CUDA: ", call, " failed (", cudaGetErrorString(status),
                                 "); use a CPU implementation"));
}
#define FT_CUDA(call) ::fastthumb::check_cuda((call), #call)

// Device memory for `count` values, grown when more are asked for, never shrunk.
template <typename T>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  ~DeviceBuffer() { cudaFree(data_); }

  T* reserve(std::size_t count) {
    if (count <= count_) return data_;
    cudaFree(data_);
    data_ = nullptr;
    count_ = 0;
    FT_CUDA(cudaMalloc(&data_, count * sizeof(T)));
    count_ = count;
    return data_;
  }

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

class Stream {
 public:
  Stream() { FT_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(stream_); }
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
