// Tensors in device memory out of frames in device memory, as a decoder on the device leaves them.
#pragma once

#include <memory>
#include <vector>

#include "fastthumb/device.hpp"
#include "fastthumb/letterbox.hpp"

namespace fastthumb {

// Keeps the tables of one stream on the device. The same bits as the simd twin. Plans of a call are
// of pictures of one layout, with planes in device memory, and of one format; the tables of the
// layout are host memory and read before a call returns. Not for use by two threads at once.
class DeviceLetterbox {
 public:
  virtual ~DeviceLetterbox() = default;

  // Queue the writing of all px of plans.size() tensors, one after the other from `tensors` on,
  // which is device memory. The host waits only where tables have to grow, or where it is
  // several calls ahead of the device.
  virtual void fit(const std::vector<FitPlan>& plans, float* tensors) = 0;
  virtual void warp(const std::vector<WarpPlan>& plans, float* tensors) = 0;

  // Fills `rgb`, format.height * format.width * 3 bytes of host memory, with the codes rounded to
  // the nearest (halves to even), black outside the picture. Waits for the stream.
  virtual void fit_rgb(const FitPlan& plan, std::uint8_t* rgb) = 0;
};
std::unique_ptr<DeviceLetterbox> make_device_letterbox(std::shared_ptr<CudaStream> stream);

}  // namespace fastthumb
