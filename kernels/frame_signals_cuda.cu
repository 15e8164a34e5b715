// The signals on the device, as signals.hpp says, for a batch of frames.
//
//   frame_reduction_cuda.cu   source planes -> working luma, cells, both histograms, LAB
//   working_picture_cuda.cu   those -> Laplacian, difference, black bars, grid, motion guess
//   block_motion_cuda.cu      cells and guess -> block motion
//
// Everything is summed in integers, so that the order of the atomic additions does not show.
#include <cstring>

#include "cuda_common.cuh"
#include "cuda_devices.hpp"
#include "fastthumb/dispatch.hpp"
#include "frame_signals_device.cuh"

namespace fastthumb {
namespace {

class CudaFrameSummer final : public FrameSummer {
 public:
  explicit CudaFrameSummer(const Reduction& reduction)
      : r_(reduction), device_(reduction, stream_) {}

  void sum(const FramePlanes& planes, const WorkingPicture* previous, WorkingPicture& picture,
           SignalSums& sums) override {
    const std::size_t px = picture.luma.size(), cells = picture.cell_cb.size();
    const auto blocks = std::size_t(r_.blocks_x) * std::size_t(r_.blocks_y);
    DeviceFrame frame{};
    frame.luma = upload_plane(planes.luma, 1, luma_);
    if (r_.layout.chroma != Chroma::none) {
      const int components = r_.layout.chroma == Chroma::interleaved ? 2 : 1;
      frame.cb = upload_plane(planes.cb, components, cb_);
      if (components == 1) frame.cr = upload_plane(planes.cr, 1, cr_);
    }
    frame.working_luma = working_luma_.reserve(px);
    for (std::size_t c = 0; c < 3; ++c) frame.cells[c] = cells_.reserve(3 * cells) + c * cells;
    if (previous != nullptr) {
      frame.previous_luma = previous_luma_.upload(previous->luma.data(), px, stream_);
      std::uint8_t* const before = previous_cells_.reserve(cells);
      FT_CUDA(cudaMemcpy2DAsync(before, std::size_t(r_.cells_x), previous->cell_luma_row(0),
                                std::size_t(previous->cell_pitch), std::size_t(r_.cells_x),
                                std::size_t(r_.cells_y), cudaMemcpyHostToDevice, stream_));
      frame.previous_cells = before;
    }
    frame.blocks = blocks_.reserve(blocks);
    frame.profiles = profiles_.reserve(2 * std::size_t(r_.cells_x + r_.cells_y));
    const DeviceFrame* const table = frames_.upload(&frame, 1, stream_);
    launch_frame_signals(device_.reduction(), table, sums_.reserve(1), 1, stream_);

    DeviceSums found;
    sums_.download(&found, 1, stream_);
    working_luma_.download(picture.luma.data(), px, stream_);
    FT_CUDA(cudaMemcpy2DAsync(picture.cell_luma_row(0), std::size_t(picture.cell_pitch),
                              frame.cells[0], std::size_t(r_.cells_x), std::size_t(r_.cells_x),
                              std::size_t(r_.cells_y), cudaMemcpyDeviceToHost, stream_));
    for (int c = 1; c < 3; ++c) {
      std::uint8_t* const host = (c == 1 ? picture.cell_cb : picture.cell_cr).data();
      FT_CUDA(cudaMemcpyAsync(host, frame.cells[c], cells, cudaMemcpyDeviceToHost, stream_));
    }
    sums = SignalSums{};
    sums.blocks.resize(previous != nullptr ? blocks : 0);
    if (previous != nullptr) blocks_.download(sums.blocks.data(), blocks, stream_);
    FT_CUDA(cudaStreamSynchronize(stream_));
    picture.repeat_edge_cells();
    take_sums(found, sums);
  }

 private:
  // The rows that are read, each from a word on.
  DevicePlane upload_plane(const PlaneView& plane, int components,
                           DeviceArray<std::uint8_t>& buffer) {
    const std::size_t row_bytes =
        std::size_t(plane.cols) * std::size_t(components * device_.reduction().sample_bytes);
    const std::size_t pitch = (row_bytes + 3) / 4 * 4;
    std::uint8_t* const data = buffer.reserve(pitch * std::size_t(plane.rows));
    FT_CUDA(cudaMemcpy2DAsync(data, pitch, plane.data, std::size_t(plane.pitch_bytes), row_bytes,
                              std::size_t(plane.rows), cudaMemcpyHostToDevice, stream_));
    return {data, std::ptrdiff_t(pitch)};
  }

  const Reduction& r_;
  Stream stream_;
  DeviceTables device_;
  DeviceArray<std::uint8_t> luma_, cb_, cr_, working_luma_, cells_;
  DeviceArray<std::uint8_t> previous_luma_, previous_cells_;
  DeviceArray<BlockMotion> blocks_;
  DeviceArray<std::int32_t> profiles_;
  DeviceArray<DeviceFrame> frames_;
  DeviceArray<DeviceSums> sums_;
};

}  // namespace

namespace {

// The numbers of a reduction; the tables stay null.
DeviceReduction device_reduction(const Reduction& r) {
  const FrameLayout& in = r.layout;
  DeviceReduction d{};
  d.sample_bytes = in.bit_depth == 8 ? 1 : 2;
  d.msb_shift = in.msb_shift;
  d.sample_maximum = r.sample_maximum;
  d.chroma = in.chroma;
  d.box_cols = r.box_cols;
  d.box_rows = r.box_rows;
  d.cols = r.cols;
  d.rows = r.rows;
  d.cell_cols = r.cell_cols;
  d.cell_rows = r.cell_rows;
  d.cells_x = r.cells_x;
  d.cells_y = r.cells_y;
  d.chroma_box_cols = r.chroma_box_cols;
  d.chroma_box_rows = r.chroma_box_rows;
  d.block_cells_x = r.block_cells_x;
  d.block_cells_y = r.block_cells_y;
  d.blocks_x = r.blocks_x;
  d.blocks_y = r.blocks_y;
  d.luma_gain = r.luma_gain;
  d.chroma_gain = r.chroma_gain;
  d.cell_lut_size = in.cell_lut_size;
  return d;
}

}  // namespace

DeviceTables::DeviceTables(const Reduction& r, cudaStream_t stream)
    : reduction_(device_reduction(r)) {
  const FrameLayout& in = r.layout;
  reduction_.lab = lab_.upload(&r.lab, 1, stream);
  if (!in.luma_curve.empty()) {
    reduction_.luma_curve = curve_.upload(in.luma_curve.data(), in.luma_curve.size(), stream);
  }
  if (!in.cell_lut.empty()) {
    reduction_.cell_lut = lut_.upload(in.cell_lut.data(), in.cell_lut.size(), stream);
  }
  FT_CUDA(cudaStreamSynchronize(stream));
}

void launch_frame_signals(const DeviceReduction& r, const DeviceFrame* frames, DeviceSums* sums,
                          int count, cudaStream_t stream) {
  FT_CUDA(cudaMemsetAsync(sums, 0, std::size_t(count) * sizeof(DeviceSums), stream));
  launch_reduction(r, frames, sums, count, stream);
  launch_picture(r, frames, sums, count, stream);
  launch_block_motion(r, frames, sums, count, stream);
}

void take_sums(const DeviceSums& found, SignalSums& sums) {
  std::memcpy(sums.luma_histogram.data(), found.luma_histogram, sizeof found.luma_histogram);
  std::memcpy(sums.chroma_histogram.data(), found.chroma_histogram, sizeof found.chroma_histogram);
  std::memcpy(sums.grid.data(), found.grid, sizeof found.grid);
  sums.laplacian_sum = found.laplacian_sum;
  sums.laplacian_squares = std::uint64_t(found.laplacian_squares);
  sums.difference = std::uint64_t(found.difference);
  sums.lightness = found.lightness;
  sums.a = found.a;
  sums.b = found.b;
  sums.chroma = found.chroma;
  sums.bar_top = found.bar_top;
  sums.bar_bottom = found.bar_bottom;
  sums.bar_left = found.bar_left;
  sums.bar_right = found.bar_right;
}

std::unique_ptr<FrameSummer> make_cuda_frame_summer(const Reduction& reduction) {
  require_devices("implementation 'cuda'", "use 'auto' or 'simd'");
  return std::make_unique<CudaFrameSummer>(reduction);
}

}  // namespace fastthumb
