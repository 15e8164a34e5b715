// A CUDA stream as Python holds it, shared by the bindings that queue work on it.
#pragma once

#include <memory>
#include <mutex>

#include "fastthumb/device.hpp"
#include "fastthumb/letterbox_device.hpp"

namespace fastthumb::bindings {

// With the tables of the tensors that are made on it, and the lock that makes a second thread wait.
struct Stream {
  explicit Stream(int device)
      : stream(open_stream(device)), letterbox(make_device_letterbox(stream)) {}

  const std::shared_ptr<CudaStream> stream;
  const std::unique_ptr<DeviceLetterbox> letterbox;
  std::mutex lock;
};

}  // namespace fastthumb::bindings
