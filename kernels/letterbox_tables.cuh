// What the letterbox's kernels are given, made of a plan on the host.
#pragma once

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#include "cuda_common.cuh"
#include "cuda_staging.cuh"
#include "fastthumb/letterbox.hpp"
#include "letterbox_device.cuh"

namespace fastthumb::letterbox {

inline DeviceFormat device_format(const TensorFormat& format) {
  DeviceFormat device{};
  device.width = format.width;
  device.height = format.height;
  device.fill = static_cast<float>(format.fill);
  for (std::size_t rgb = 0; rgb < 3; ++rgb) {
    const std::size_t channel = format.bgr ? 2 - rgb : rgb;
    device.channel[rgb] = static_cast<std::ptrdiff_t>(channel) * format.width * format.height;
    device.mean[rgb] = static_cast<float>(format.mean[channel]);
    device.scale[rgb] = static_cast<float>(format.scale[channel]);
    device.outside[rgb] =
        static_cast<float>((format.fill - format.mean[channel]) * format.scale[channel]);
  }
  return device;
}

// The taps of all grids of a call; grids that follow one with the same taps share its.
class Taps {
 public:
  DeviceGrid add(const Grid& grid) {
    DeviceGrid device{};
    if (grid.cols == 0) return device;
    device.cols = grid.cols;
    device.rows = grid.rows;
    device.sample_bytes = grid.sample_bytes;
    device.msb_shift = grid.msb_shift;
    device.maximum = static_cast<float>(grid.sample_maximum);
    if (last_ == nullptr || !same_taps(*last_, grid)) {
      last_ = &grid;
      axes_.clear();
      for (const PlaneGroup& group : grid.groups) {
        axes_.emplace_back(add(group.across), add(group.down));
      }
    }
    for (const PlaneGroup& group : grid.groups) {
      std::tie(device.groups[device.group_count].across, device.groups[device.group_count].down) =
          axes_[static_cast<std::size_t>(device.group_count)];
      DeviceGroup& target = device.groups[device.group_count++];
      target.components = group.components;
      for (const PlaneView& plane : group.planes) {
        target.planes[target.plane_count++] = {plane.data, plane.pitch_bytes};
      }
    }
    return device;
  }

  const std::vector<float>& weights() const { return weights_; }
  const std::vector<std::int32_t>& firsts() const { return firsts_; }

 private:
  DeviceAxis add(const AxisTaps& axis) {
    const DeviceAxis device{axis.taps, static_cast<std::uint32_t>(firsts_.size()),
                            static_cast<std::uint32_t>(weights_.size())};
    firsts_.insert(firsts_.end(), axis.first.begin(), axis.first.end());
    for (const double weight : axis.weights) weights_.push_back(static_cast<float>(weight));
    return device;
  }

  static bool same_taps(const Grid& a, const Grid& b) {
    const auto same = [](const AxisTaps& x, const AxisTaps& y) {
      return x.taps == y.taps && x.first == y.first && x.weights == y.weights;
    };
    return std::equal(a.groups.begin(), a.groups.end(), b.groups.begin(), b.groups.end(),
                      [&](const PlaneGroup& x, const PlaneGroup& y) {
                        return same(x.across, y.across) && same(x.down, y.down);
                      });
  }

  std::vector<float> weights_;
  std::vector<std::int32_t> firsts_;
  const Grid* last_ = nullptr;
  std::vector<std::pair<DeviceAxis, DeviceAxis>> axes_;  // of its groups
};

// A table that is sent only where it is another than last time.
class KeptTable {
 public:
  const std::uint8_t* send(const std::uint8_t* table, std::size_t size, Staging& staging,
                           cudaStream_t stream) {
    if (table == nullptr) return nullptr;
    if (kept_.size() != size || std::memcmp(kept_.data(), table, size) != 0) {
      kept_.clear();  // stays so if CUDA fails
      device_.reserve(size);
      std::memcpy(staging.take(size), table, size);
      staging.send(device_.data(), size, stream);
      kept_.assign(table, table + size);
    }
    return device_.data();
  }

 private:
  std::vector<std::uint8_t> kept_;
  DeviceArray<std::uint8_t> device_;
};

}  // namespace fastthumb::letterbox
