// Tensors in device memory out of frames in device memory, as a decoder on the device leaves them.
#pragma once

#include <memory>

#include "fastthumb/letterbox.hpp"

namespace fastthumb {

// Keeps the tables of one stream of pictures on the device. For one CUDA stream at a time.
class DeviceLetterbox {
 public:
  DeviceLetterbox();
  ~DeviceLetterbox();
  DeviceLetterbox(const DeviceLetterbox&) = delete;
  DeviceLetterbox& operator=(const DeviceLetterbox&) = delete;

  // Queue on `stream` (a cudaStream_t) the writing of all px of `tensor`, 3 * format.height *
  // format.width floats. `plan` is of a picture whose planes, like the tensor, are device memory;
  // the tables of its layout are host memory and read before the call returns. The same bits as
  // the simd twin. Throw DeviceUnavailable where CUDA fails.
  void fit(const FitPlan& plan, float* tensor, void* stream);
  void warp(const WarpPlan& plan, float* tensor, void* stream);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace fastthumb
