// What the kernels of the signals see: tables in device memory, one row per frame of a batch.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "cuda_common.cuh"
#include "fastthumb/layout.hpp"
#include "fastthumb/signals.hpp"

namespace fastthumb {

struct DevicePlane {
  const std::uint8_t* data;
  std::ptrdiff_t pitch_bytes;
};

// One frame of a batch. All pointers are device memory; cells are unpadded, cells_y x cells_x.
struct DeviceFrame {
  DevicePlane luma, cb, cr;            // rows that are read, as FramePlanes
  std::uint8_t* working_luma;          // rows x cols, written
  std::uint8_t* cells[3];              // Y, Cb, Cr, written
  const std::uint8_t* previous_luma;   // null without a previous frame
  const std::uint8_t* previous_cells;  // its cell luma
  BlockMotion* blocks;                 // blocks_y x blocks_x, written if there is a previous frame
  std::int32_t* profiles;              // scratch: 2 * (cells_x + cells_y)
};

// SignalSums without its vector; zeroed before a batch.
struct DeviceSums {
  std::uint32_t luma_histogram[256];
  std::uint32_t chroma_histogram[2][kChromaBins];
  std::uint32_t grid[kGridRows][kGridCols][3];
  std::int64_t laplacian_sum, laplacian_squares, difference;
  std::int64_t lightness, a, b, chroma;
  std::int32_t bar_top, bar_bottom, bar_left, bar_right;
  std::int32_t guess_x, guess_y;
};

// Reduction, as kernels take it by value.
struct DeviceReduction {
  int sample_bytes, msb_shift;
  std::uint32_t sample_maximum;
  Chroma chroma;
  int box_cols, box_rows, cols, rows;
  int cell_cols, cell_rows, cells_x, cells_y;
  int chroma_box_cols, chroma_box_rows;
  int block_cells_x, block_cells_y, blocks_x, blocks_y;
  FixedGain luma_gain, chroma_gain;
  const LabTables* lab;
  const std::uint8_t* luma_curve;  // null without
  const std::uint8_t* cell_lut;    // null without
  int cell_lut_size;
};

// A reduction with its tables on the device.
class DeviceTables {
 public:
  DeviceTables(const Reduction& reduction, cudaStream_t stream);  // waits for the stream
  const DeviceReduction& reduction() const { return reduction_; }

 private:
  DeviceReduction reduction_;
  DeviceArray<LabTables> lab_;
  DeviceArray<std::uint8_t> curve_, lut_;
};

// Sums of `count` frames. Tables and everything in them are device memory, and stay until the
// stream is done. A frame's previous one may be of the same batch.
void launch_frame_signals(const DeviceReduction& reduction, const DeviceFrame* frames,
                          DeviceSums* sums, int count, cudaStream_t stream);

// Takes over everything but the blocks.
void take_sums(const DeviceSums& found, SignalSums& sums);

// Its parts, in their order.
void launch_reduction(const DeviceReduction& reduction, const DeviceFrame* frames, DeviceSums* sums,
                      int count, cudaStream_t stream);
void launch_picture(const DeviceReduction& reduction, const DeviceFrame* frames, DeviceSums* sums,
                    int count, cudaStream_t stream);
void launch_block_motion(const DeviceReduction& reduction, const DeviceFrame* frames,
                         const DeviceSums* sums, int count, cudaStream_t stream);

}  // namespace fastthumb
