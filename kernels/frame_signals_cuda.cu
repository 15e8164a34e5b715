// The signals on the device, as signals.hpp says, for a batch of frames.
//
//   reduce_kernel    tiles of 64 x 16 working px: every source byte is read once; working luma,
//                    cells, both histograms, LAB
//   picture_kernel   Laplacian and difference out of the working luma
//   border_kernel    a block of threads per frame: black bars, grid
//   block_motion_cuda.cu follows
//
// Everything is summed in integers, so that the order of the atomic additions does not show.
#include <cstring>

#include "cuda_common.cuh"
#include "fastthumb/dispatch.hpp"
#include "frame_signals_device.cuh"

namespace fastthumb {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kTileCols = 64, kTileRows = 16;  // working px; whole cells
constexpr int kTilePx = kTileCols * kTileRows;
constexpr int kTileCells = kTilePx / 16;
constexpr int kThreadsPerCell = kThreads / kTileCells;
constexpr int kTileRowsPerFrame = 6;  // rows of tiles at work on a frame; each block flushes once

// ---- device functions -------------------------------------------------------------------------

__device__ std::uint32_t sample_at(const DeviceReduction& r, const std::uint8_t* row, int x) {
  if (r.sample_bytes == 1) return row[x];
  const std::uint32_t value = reinterpret_cast<const std::uint16_t*>(row)[x];
  return min(value >> r.msb_shift, r.sample_maximum);
}

__device__ std::uint8_t working_px(const DeviceReduction& r, const DevicePlane& plane, int x,
                                   int y) {
  std::uint32_t sum = 0;  // 65535 rows and columns have boxes of at most 182 x 182 samples
  for (int i = 0; i < r.box_rows; ++i) {
    const std::uint8_t* const row =
        plane.data + (std::ptrdiff_t{y} * r.box_rows + i) * plane.pitch_bytes;
    for (int j = 0; j < r.box_cols; ++j) sum += sample_at(r, row, x * r.box_cols + j);
  }
  const std::int32_t value = r.luma_gain(sum);
  return r.luma_curve == nullptr ? static_cast<std::uint8_t>(value) : r.luma_curve[value];
}

// A share of a cell's chroma: rows `part`, `part` + kThreadsPerCell, ...
__device__ void add_chroma(const DeviceReduction& r, const DeviceFrame& frame, int cell_x,
                           int cell_y, int part, Sum64& cb, Sum64& cr) {
  const bool pairs = r.chroma == Chroma::interleaved;
  const DevicePlane& cr_plane = pairs ? frame.cb : frame.cr;
  const int stride = pairs ? 2 : 1, second = pairs ? 1 : 0;
  for (int i = part; i < r.chroma_box_rows; i += kThreadsPerCell) {
    const std::ptrdiff_t y = std::ptrdiff_t{cell_y} * r.chroma_box_rows + i;
    const std::uint8_t* const cb_row = frame.cb.data + y * frame.cb.pitch_bytes;
    const std::uint8_t* const cr_row = cr_plane.data + y * cr_plane.pitch_bytes;
    for (int j = 0; j < r.chroma_box_cols; ++j) {
      const int x = (cell_x * r.chroma_box_cols + j) * stride;
      cb += sample_at(r, cb_row, x);
      cr += sample_at(r, cr_row, x + second);
    }
  }
}

struct Cell {
  int y, cb, cr;
};

__device__ Cell mapped(const DeviceReduction& r, const Cell& cell) {
  const int n = r.cell_lut_size;
  const int values[3] = {cell.y, cell.cb, cell.cr};
  int steps[3];
  std::uint32_t weights[3];
  for (int axis = 0; axis < 3; ++axis) {
    const int position = (values[axis] * (n - 1) * 256 + 127) / 255;
    steps[axis] = min(position >> 8, n - 2);
    weights[axis] = static_cast<std::uint32_t>(position - (steps[axis] << 8));
  }
  std::uint32_t out[3] = {1u << 23, 1u << 23, 1u << 23};
  for (int corner = 0; corner < 8; ++corner) {
    std::uint32_t weight = 1;
    int index = 0;
    for (int axis = 0; axis < 3; ++axis) {
      const int next = (corner >> axis) & 1;
      weight *= next != 0 ? weights[axis] : 256 - weights[axis];
      index = index * n + steps[axis] + next;
    }
    for (int c = 0; c < 3; ++c) out[c] += weight * r.cell_lut[index * 3 + c];
  }
  return {int(out[0] >> 24), int(out[1] >> 24), int(out[2] >> 24)};
}

// See Note [integer LAB] in layout.cpp. The rounding of each float operation is spelled out.
__device__ int linear_light(const LabTables& t, int q14) {
  return t.linear[min(max((q14 + 8192) >> 14, 0), 1020)];
}

__device__ int cube_root(const LabTables& t, const std::int32_t* m, int red, int green, int blue) {
  const int value = (m[0] * red + m[1] * green + m[2] * blue + 8192) >> 14;
  const float root = __fsqrt_rn(__int2float_rn(value));
  return t.cube_root[__float2int_rz(__fadd_rn(__fmul_rn(root, 8.0f), 0.5f))];
}

struct LabSum {
  std::int64_t lightness = 0, a = 0, b = 0, chroma = 0;
};

__device__ void add_lab(const LabTables& t, const Cell& cell, LabSum& sum) {
  const int y = cell.y * (4 << 14), cb = 4 * (cell.cb - 128), cr = 4 * (cell.cr - 128);
  const int red = linear_light(t, y + t.cr_to_r * cr);
  const int green = linear_light(t, y - t.cb_to_g * cb - t.cr_to_g * cr);
  const int blue = linear_light(t, y + t.cb_to_b * cb);
  const int fx = cube_root(t, &t.rgb_to_xyz[0], red, green, blue);
  const int fy = cube_root(t, &t.rgb_to_xyz[3], red, green, blue);
  const int fz = cube_root(t, &t.rgb_to_xyz[6], red, green, blue);
  const int a = (500 * kLabUnits * (fx - fy) + 16384) >> 15;
  const int b = (200 * kLabUnits * (fy - fz) + 16384) >> 15;
  sum.lightness += ((116 * kLightnessUnits * fy + 16384) >> 15) - 16 * kLightnessUnits;
  sum.a += a;
  sum.b += b;
  sum.chroma += __float2int_rz(__fadd_rn(__fsqrt_rn(__int2float_rn(a * a + b * b)), 0.5f));
}

// ---- kernels ----------------------------------------------------------------------------------

struct TileShared {
  std::uint8_t luma[kTileRows][kTileCols];
  std::uint32_t luma_counts[kWarps][256];  // a table per warp: neighbors like the same bin
  std::uint32_t chroma_counts[2][kChromaBins];
  Sum64 cell_sums[kThreads][2];
  std::int64_t lab[4];
};

// Blocks: a column of tiles x kTileRowsPerFrame x a frame.
__global__ void reduce_kernel(DeviceReduction r, const DeviceFrame* frames, DeviceSums* all_sums) {
  __shared__ TileShared shared;
  const DeviceFrame& frame = frames[blockIdx.z];
  DeviceSums& sums = all_sums[blockIdx.z];
  const int thread = int(threadIdx.x), warp = thread / 32;
  for (int i = thread; i < kWarps * 256; i += kThreads) shared.luma_counts[i / 256][i % 256] = 0;
  if (thread < 2 * kChromaBins)
    shared.chroma_counts[thread / kChromaBins][thread % kChromaBins] = 0;
  if (thread < 4) shared.lab[thread] = 0;
  __syncthreads();

  LabSum lab;
  const int tile_rows = (r.rows + kTileRows - 1) / kTileRows;
  const int first_x = int(blockIdx.x) * kTileCols;
  for (int tile = int(blockIdx.y); tile < tile_rows; tile += int(gridDim.y)) {
    const int first_y = tile * kTileRows;
    for (int i = thread; i < kTilePx; i += kThreads) {
      const int x = first_x + i % kTileCols, y = first_y + i / kTileCols;
      if (x >= r.cols || y >= r.rows) continue;
      const std::uint8_t value = working_px(r, frame.luma, x, y);
      shared.luma[i / kTileCols][i % kTileCols] = value;
      frame.working_luma[std::ptrdiff_t{y} * r.cols + x] = value;
    }
    __syncthreads();

    // Four neighbors a thread; equal ones are counted with one addition.
    const int run_x = thread % (kTileCols / 4) * 4, run_y = thread / (kTileCols / 4);
    const int run_end = first_y + run_y < r.rows ? min(run_x + 4, r.cols - first_x) : run_x;
    for (int x = run_x; x < run_end;) {
      const std::uint8_t value = shared.luma[run_y][x];
      std::uint32_t times = 1;
      while (x + int(times) < run_end && shared.luma[run_y][x + int(times)] == value) ++times;
      atomicAdd(&shared.luma_counts[warp][value], times);
      x += int(times);
    }

    // A few threads per cell; the first of them finishes it.
    const int cell = thread / kThreadsPerCell, part = thread % kThreadsPerCell;
    const int tile_x = cell % (kTileCols / 4), tile_y = cell / (kTileCols / 4);
    const int cell_x = first_x / 4 + tile_x, cell_y = first_y / 4 + tile_y;
    const bool there = cell_x < r.cells_x && cell_y < r.cells_y;
    Sum64 cb = 0, cr = 0;
    if (there && r.chroma != Chroma::none) add_chroma(r, frame, cell_x, cell_y, part, cb, cr);
    shared.cell_sums[thread][0] = cb;
    shared.cell_sums[thread][1] = cr;
    __syncthreads();
    if (there && part == 0) {
      for (int i = 1; i < kThreadsPerCell; ++i) {
        cb += shared.cell_sums[thread + i][0];
        cr += shared.cell_sums[thread + i][1];
      }
      int luma = 0;
      for (int y = 0; y < r.cell_rows; ++y) {
        for (int x = 0; x < r.cell_cols; ++x) luma += shared.luma[tile_y * 4 + y][tile_x * 4 + x];
      }
      const int area = r.cell_cols * r.cell_rows;
      const bool gray = r.chroma == Chroma::none;
      Cell values{(luma + area / 2) / area, gray ? 128 : r.chroma_gain(cb),
                  gray ? 128 : r.chroma_gain(cr)};
      if (r.cell_lut != nullptr) values = mapped(r, values);
      const std::ptrdiff_t at = std::ptrdiff_t{cell_y} * r.cells_x + cell_x;
      frame.cells[0][at] = static_cast<std::uint8_t>(values.y);
      frame.cells[1][at] = static_cast<std::uint8_t>(values.cb);
      frame.cells[2][at] = static_cast<std::uint8_t>(values.cr);
      atomicAdd(&shared.chroma_counts[0][values.cb / (256 / kChromaBins)], 1u);
      atomicAdd(&shared.chroma_counts[1][values.cr / (256 / kChromaBins)], 1u);
      add_lab(*r.lab, values, lab);
    }
    __syncthreads();  // before the next tile overwrites the luma and the sums
  }

  add_to(&shared.lab[0], lab.lightness);
  add_to(&shared.lab[1], lab.a);
  add_to(&shared.lab[2], lab.b);
  add_to(&shared.lab[3], lab.chroma);
  __syncthreads();
  for (int value = thread; value < 256; value += kThreads) {
    std::uint32_t times = 0;
    for (int i = 0; i < kWarps; ++i) times += shared.luma_counts[i][value];
    if (times > 0) atomicAdd(&sums.luma_histogram[value], times);
  }
  if (thread < 2 * kChromaBins) {
    const int c = thread / kChromaBins, bin = thread % kChromaBins;
    const std::uint32_t times = shared.chroma_counts[c][bin];
    if (times > 0) atomicAdd(&sums.chroma_histogram[c][bin], times);
  }
  if (thread == 0) {
    add_to(&sums.lightness, shared.lab[0]);
    add_to(&sums.a, shared.lab[1]);
    add_to(&sums.b, shared.lab[2]);
    add_to(&sums.chroma, shared.lab[3]);
  }
}

// Blocks: any number x a frame; threads stride over the working px.
__global__ void picture_kernel(DeviceReduction r, const DeviceFrame* frames, DeviceSums* all_sums) {
  const DeviceFrame& frame = frames[blockIdx.y];
  const std::uint8_t* const luma = frame.working_luma;
  const std::ptrdiff_t total = std::ptrdiff_t{r.rows} * r.cols;
  std::int64_t laplacians = 0, squares = 0, difference = 0;
  for (std::ptrdiff_t i = std::ptrdiff_t{blockIdx.x} * kThreads + threadIdx.x; i < total;
       i += std::ptrdiff_t{gridDim.x} * kThreads) {
    const int x = int(i % r.cols), y = int(i / r.cols);
    if (frame.previous_luma != nullptr) difference += abs(luma[i] - frame.previous_luma[i]);
    if (x < 1 || y < 1 || x + 1 >= r.cols || y + 1 >= r.rows) continue;
    const int laplacian =
        4 * luma[i] - luma[i - 1] - luma[i + 1] - luma[i - r.cols] - luma[i + r.cols];
    laplacians += laplacian;
    squares += laplacian * laplacian;
  }
  __shared__ std::int64_t shared[3];
  if (threadIdx.x < 3) shared[threadIdx.x] = 0;
  __syncthreads();
  add_to(&shared[0], laplacians);
  add_to(&shared[1], squares);
  add_to(&shared[2], difference);
  __syncthreads();
  if (threadIdx.x != 0) return;
  add_to(&all_sums[blockIdx.y].laplacian_sum, shared[0]);
  add_to(&all_sums[blockIdx.y].laplacian_squares, shared[1]);
  add_to(&all_sums[blockIdx.y].difference, shared[2]);
}

// Whether `count` px from `first` on, `stride` apart, are black.
__device__ bool black_line(const std::uint8_t* first, std::ptrdiff_t stride, int count) {
  std::int64_t sum = 0;
  for (int i = 0; i < count; ++i) {
    const int value = first[i * stride];
    if (value > kBarMaximum) return false;
    sum += value;
  }
  return sum <= std::int64_t{kBarMean} * count;
}

__global__ void border_kernel(DeviceReduction r, const DeviceFrame* frames, DeviceSums* all_sums) {
  const DeviceFrame& frame = frames[blockIdx.x];
  DeviceSums& sums = all_sums[blockIdx.x];
  const int thread = int(threadIdx.x);
  __shared__ int first_row, last_row, first_col, last_col;  // that are not black
  if (thread == 0) {
    first_row = r.rows;
    first_col = r.cols;
    last_row = last_col = -1;
  }
  __syncthreads();
  for (int y = thread; y < r.rows; y += kThreads) {
    if (black_line(frame.working_luma + std::ptrdiff_t{y} * r.cols, 1, r.cols)) continue;
    atomicMin(&first_row, y);
    atomicMax(&last_row, y);
  }
  for (int x = thread; x < r.cols; x += kThreads) {
    if (black_line(frame.working_luma + x, r.cols, r.rows)) continue;
    atomicMin(&first_col, x);
    atomicMax(&last_col, x);
  }
  __syncthreads();
  if (thread == 0 && last_row >= 0) {  // a black picture has no bars
    sums.bar_top = first_row;
    sums.bar_bottom = r.rows - 1 - last_row;
    if (last_col >= 0) {
      sums.bar_left = first_col;
      sums.bar_right = r.cols - 1 - last_col;
    }
  }
  for (int i = thread; i < kGridRows * kGridCols * 3; i += kThreads) {
    const int c = i % 3, col = i / 3 % kGridCols, row = i / 3 / kGridCols;
    const int y0 = row * r.cells_y / kGridRows, x0 = col * r.cells_x / kGridCols;
    const int y1 = max(y0 + 1, (row + 1) * r.cells_y / kGridRows);
    const int x1 = max(x0 + 1, (col + 1) * r.cells_x / kGridCols);
    std::uint32_t sum = 0;
    for (int y = y0; y < y1; ++y) {
      for (int x = x0; x < x1; ++x) sum += frame.cells[c][std::ptrdiff_t{y} * r.cells_x + x];
    }
    sums.grid[row][col][c] = sum;
  }
}

// ---- one frame of host planes at a time -------------------------------------------------------

// Asks before anything else is done with CUDA.
void require_device() {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  cudaGetLastError();
  require<DeviceUnavailable>(status == cudaSuccess && devices > 0,
                             "implementation 'cuda': needs a CUDA device and its driver, got ",
                             status == cudaSuccess ? "no device" : cudaGetErrorString(status),
                             "; use 'auto' or 'simd'");
}

class CudaFrameSummer final : public FrameSummer {
 public:
  explicit CudaFrameSummer(const Reduction& reduction)
      : r_(reduction), device_(device_reduction(reduction)) {
    const FrameLayout& in = r_.layout;
    device_.lab = lab_.upload(&r_.lab, 1, stream_);
    if (!in.luma_curve.empty()) {
      device_.luma_curve = curve_.upload(in.luma_curve.data(), in.luma_curve.size(), stream_);
    }
    if (!in.cell_lut.empty()) {
      device_.cell_lut = lut_.upload(in.cell_lut.data(), in.cell_lut.size(), stream_);
    }
    FT_CUDA(cudaStreamSynchronize(stream_));
  }

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
    launch_frame_signals(device_, table, sums_.reserve(1), 1, stream_);

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
  // The rows that are read, packed; aligned as all device memory is.
  DevicePlane upload_plane(const PlaneView& plane, int components,
                           DeviceBuffer<std::uint8_t>& buffer) {
    const std::size_t row_bytes =
        std::size_t(plane.cols) * std::size_t(components * device_.sample_bytes);
    std::uint8_t* const data = buffer.reserve(row_bytes * std::size_t(plane.rows));
    FT_CUDA(cudaMemcpy2DAsync(data, row_bytes, plane.data, std::size_t(plane.pitch_bytes),
                              row_bytes, std::size_t(plane.rows), cudaMemcpyHostToDevice, stream_));
    return {data, std::ptrdiff_t(row_bytes)};
  }

  const Reduction& r_;
  DeviceReduction device_;
  Stream stream_;
  DeviceBuffer<LabTables> lab_;
  DeviceBuffer<std::uint8_t> curve_, lut_, luma_, cb_, cr_, working_luma_, cells_;
  DeviceBuffer<std::uint8_t> previous_luma_, previous_cells_;
  DeviceBuffer<BlockMotion> blocks_;
  DeviceBuffer<std::int32_t> profiles_;
  DeviceBuffer<DeviceFrame> frames_;
  DeviceBuffer<DeviceSums> sums_;
};

}  // namespace

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

void launch_frame_signals(const DeviceReduction& r, const DeviceFrame* frames, DeviceSums* sums,
                          int count, cudaStream_t stream) {
  FT_CUDA(cudaMemsetAsync(sums, 0, std::size_t(count) * sizeof(DeviceSums), stream));
  const auto tiles_x = unsigned((r.cols + kTileCols - 1) / kTileCols);
  const auto tiles_y = unsigned((r.rows + kTileRows - 1) / kTileRows);
  const dim3 tiles(tiles_x, tiles_y < kTileRowsPerFrame ? tiles_y : kTileRowsPerFrame,
                   unsigned(count));
  reduce_kernel<<<tiles, kThreads, 0, stream>>>(r, frames, sums);
  FT_CUDA(cudaGetLastError());
  const dim3 blocks(tiles_x * tiles.y, unsigned(count));
  picture_kernel<<<blocks, kThreads, 0, stream>>>(r, frames, sums);
  FT_CUDA(cudaGetLastError());
  border_kernel<<<unsigned(count), kThreads, 0, stream>>>(r, frames, sums);
  FT_CUDA(cudaGetLastError());
  launch_block_motion(r, frames, sums, count, stream);
}

void take_sums(const DeviceSums& found, SignalSums& sums) {
  std::memcpy(sums.luma_histogram.data(), found.luma_histogram, sizeof found.luma_histogram);
  std::memcpy(sums.chroma_histogram.data(), found.chroma_histogram,
              sizeof found.chroma_histogram);
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
  require_device();
  return std::make_unique<CudaFrameSummer>(reduction);
}

}  // namespace fastthumb
