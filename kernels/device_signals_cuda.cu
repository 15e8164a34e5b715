// The signals of frames on the device, batch by batch, as signals_device.hpp says.
#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "cuda_common.cuh"
#include "cuda_range.hpp"
#include "fastthumb/signals_device.hpp"
#include "frame_signals_device.cuh"

namespace fastthumb {
namespace {

constexpr std::size_t rounded_up(std::size_t bytes) { return (bytes + 15) / 16 * 16; }

// Note [ring of pictures]
//
// There is one picture more than a batch has frames. A batch takes those after the last one of the
// batch before, so that this one is still there when the first frame is compared with it.
class CudaSignalMeter final : public DeviceSignalMeter {
 public:
  CudaSignalMeter(FrameLayout layout, std::shared_ptr<CudaStream> stream, int batch)
      : r_(reduction_of(std::move(layout))),
        stream_(std::move(stream)),
        batch_(std::size_t(batch)),
        px_(std::size_t(r_.cols) * std::size_t(r_.rows)),
        cells_(std::size_t(r_.cells_x) * std::size_t(r_.cells_y)),
        blocks_(std::size_t(r_.blocks_x) * std::size_t(r_.blocks_y)),
        tables_(r_, queue()) {
    pictures_.reserve((batch_ + 1) * picture_bytes());
    profiles_.reserve(batch_ * profile_values());
    frames_.reserve(batch_);
    results_.reserve(batch_ * result_bytes());
    host_frames_.reserve(batch_);
    host_results_.reserve(batch_ * result_bytes());
  }

  ~CudaSignalMeter() override {
    ignore_cuda(cudaStreamSynchronize(queue()));  // nothing is freed under a kernel
  }

  std::vector<FrameSignals> measure(const std::vector<FramePlanes>& frames) override {
    const ProfilerRange range("frame signals");
    use_device(stream_->device());
    std::vector<FrameSignals> signals;
    signals.reserve(frames.size());
    for (std::size_t first = 0; first < frames.size(); first += batch_) {
      const std::size_t count = std::min(batch_, frames.size() - first);
      measure_batch(std::span(frames).subspan(first, count), signals);
    }
    return signals;
  }

  void reset() override { has_previous_ = false; }

  const Reduction& reduction() const override { return r_; }

  WorkingPicture picture() override {
    require(measured_, "signal meter: no frame has been measured yet; call measure first");
    use_device(stream_->device());
    WorkingPicture picture(r_);
    const std::uint8_t* const last = picture_at(next_ + batch_);
    FT_CUDA(cudaMemcpyAsync(picture.luma.data(), last, px_, cudaMemcpyDeviceToHost, queue()));
    const auto cells_x = std::size_t(r_.cells_x), cells_y = std::size_t(r_.cells_y);
    FT_CUDA(cudaMemcpy2DAsync(picture.cell_luma_row(0), std::size_t(picture.cell_pitch),
                              cells_at(last, 0), cells_x, cells_x, cells_y, cudaMemcpyDeviceToHost,
                              queue()));
    FT_CUDA(cudaMemcpyAsync(picture.cell_cb.data(), cells_at(last, 1), cells_,
                            cudaMemcpyDeviceToHost, queue()));
    FT_CUDA(cudaMemcpyAsync(picture.cell_cr.data(), cells_at(last, 2), cells_,
                            cudaMemcpyDeviceToHost, queue()));
    FT_CUDA(cudaStreamSynchronize(queue()));
    picture.repeat_edge_cells();
    return picture;
  }

 private:
  cudaStream_t queue() const { return static_cast<cudaStream_t>(stream_->handle()); }

  // A picture: working luma, then the cells of Y, Cb and Cr, each from a multiple of 16 bytes on.
  std::size_t picture_bytes() const { return rounded_up(px_) + 3 * rounded_up(cells_); }
  std::uint8_t* picture_at(std::size_t place) const {
    return pictures_.data() + place % (batch_ + 1) * picture_bytes();
  }
  template <typename Byte>
  Byte* cells_at(Byte* picture, std::size_t component) const {
    return picture + rounded_up(px_) + component * rounded_up(cells_);
  }

  std::size_t profile_values() const { return 2 * std::size_t(r_.cells_x + r_.cells_y); }

  // What comes back: the sums of all frames, then the blocks of all, in one copy.
  std::size_t result_bytes() const { return sizeof(DeviceSums) + blocks_ * sizeof(BlockMotion); }
  static_assert(sizeof(DeviceSums) % alignof(BlockMotion) == 0);

  void measure_batch(std::span<const FramePlanes> frames, std::vector<FrameSignals>& signals) {
    const bool first_has_previous = std::exchange(has_previous_, false);
    measured_ = false;  // both stay so if CUDA fails
    try {
      queue_batch(frames, first_has_previous);
    } catch (...) {
      ignore_cuda(cudaStreamSynchronize(queue()));  // what was queued reads the caller's pixels
      throw;
    }
    FT_CUDA(cudaStreamSynchronize(queue()));
    next_ = (next_ + frames.size()) % (batch_ + 1);
    measured_ = has_previous_ = true;
    const auto* const sums = reinterpret_cast<const DeviceSums*>(host_results_.data());
    const auto* const blocks = reinterpret_cast<const BlockMotion*>(sums + frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
      take_sums(sums[i], sums_);
      sums_.blocks.clear();
      if (i > 0 || first_has_previous) {
        sums_.blocks.assign(blocks + i * blocks_, blocks + (i + 1) * blocks_);
      }
      signals.push_back(signals_of(r_, sums_));
    }
  }

  void queue_batch(std::span<const FramePlanes> frames, bool first_has_previous) {
    const std::size_t count = frames.size();
    auto* const sums = reinterpret_cast<DeviceSums*>(results_.data());
    auto* const blocks = reinterpret_cast<BlockMotion*>(sums + count);
    for (std::size_t i = 0; i < count; ++i) {
      DeviceFrame& frame = host_frames_.data()[i];
      frame = {};
      frame.luma = {frames[i].luma.data, frames[i].luma.pitch_bytes};
      frame.cb = {frames[i].cb.data, frames[i].cb.pitch_bytes};
      frame.cr = {frames[i].cr.data, frames[i].cr.pitch_bytes};
      frame.working_luma = picture_at(next_ + i);
      for (std::size_t c = 0; c < 3; ++c) frame.cells[c] = cells_at(frame.working_luma, c);
      if (i > 0 || first_has_previous) {
        frame.previous_luma = picture_at(next_ + i + batch_);  // one before, around the ring
        frame.previous_cells = cells_at(frame.previous_luma, 0);
      }
      frame.blocks = blocks + i * blocks_;
      frame.profiles = profiles_.data() + i * profile_values();
    }
    FT_CUDA(cudaMemcpyAsync(frames_.data(), host_frames_.data(), count * sizeof(DeviceFrame),
                            cudaMemcpyHostToDevice, queue()));
    launch_frame_signals(tables_.reduction(), frames_.data(), sums, int(count), queue());
    FT_CUDA(cudaMemcpyAsync(host_results_.data(), results_.data(), count * result_bytes(),
                            cudaMemcpyDeviceToHost, queue()));
  }

  Reduction r_;
  std::shared_ptr<CudaStream> stream_;
  std::size_t batch_, px_, cells_, blocks_;  // frames; of a picture
  DeviceTables tables_;
  DeviceArray<std::uint8_t> pictures_;  // Note [ring of pictures]
  DeviceArray<std::int32_t> profiles_;
  DeviceArray<DeviceFrame> frames_;
  DeviceArray<std::uint8_t> results_;
  PinnedArray<DeviceFrame> host_frames_;
  PinnedArray<std::uint8_t> host_results_;
  SignalSums sums_;
  std::size_t next_ = 0;  // place of the next frame's picture
  bool has_previous_ = false;
  bool measured_ = false;
};

}  // namespace

std::unique_ptr<DeviceSignalMeter> make_device_signal_meter(FrameLayout layout,
                                                            std::shared_ptr<CudaStream> stream,
                                                            int batch) {
  require<SettingsError>(batch >= 1 && batch <= kLargestBatch,
                         "device signal meter: needs a batch of 1 to ", kLargestBatch,
                         " frames, got ", batch, "; 16 to 64 are fastest");
  use_device(stream->device());
  return std::make_unique<CudaSignalMeter>(std::move(layout), std::move(stream), batch);
}

}  // namespace fastthumb
