// The signals of frames that are in device memory already, as a decoder on the device leaves them.
#pragma once

#include <memory>
#include <vector>

#include "fastthumb/device.hpp"
#include "fastthumb/signals.hpp"

namespace fastthumb {

inline constexpr int kLargestBatch = 256;  // frames

// Measures the frames of one stream of pictures in order, as SignalMeter does and with the same
// results. Not for use by two threads at once.
class DeviceSignalMeter {
 public:
  virtual ~DeviceSignalMeter() = default;

  // Planes as planes_of gives them, but in device memory, where they stay until the call returns.
  // Up to a batch of frames costs a few launches and one wait; more go batch by batch. Where it
  // throws, none of the frames is a previous one for the next.
  virtual std::vector<FrameSignals> measure(const std::vector<FramePlanes>& frames) = 0;
  virtual void reset() = 0;  // the next frame has no previous one

  virtual const Reduction& reduction() const = 0;
  virtual WorkingPicture picture() = 0;  // of the last frame; throws FrameError before the first
};

// Device memory for a batch of working pictures and one more, a few hundred KB each. Throws
// SettingsError for a batch that is not 1..kLargestBatch.
std::unique_ptr<DeviceSignalMeter> make_device_signal_meter(FrameLayout layout,
                                                            std::shared_ptr<CudaStream> stream,
                                                            int batch);

}  // namespace fastthumb
