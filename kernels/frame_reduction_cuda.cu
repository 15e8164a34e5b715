// What is made of the source planes, each byte of which is read once: working luma, cells, both
// histograms, LAB. For a batch of frames.
//
//   reduce_kernel    a warp per row of 32 cells at a time, a lane per cell; no lane waits for
//   another
//
// Four px and the chroma of a cell are a few words in memory: the usual boxes have kernels of their
// own that load words. Rows that begin between words (widths such as 854) take one word more and
// are shifted, except at the right end, behind which nothing may be read.
#include "cuda_common.cuh"
#include "frame_signals_device.cuh"

namespace fastthumb {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kStripCols = 128;     // working px: the cells of a warp
constexpr int kStripsPerFrame = 6;  // blocks that share a column of strips; each flushes once

// ---- samples ----------------------------------------------------------------------------------

__device__ std::uint32_t sample_at(const DeviceReduction& r, const std::uint8_t* row, int x) {
  if (r.sample_bytes == 1) return row[x];
  const std::uint32_t value = reinterpret_cast<const std::uint16_t*>(row)[x];
  return min(value >> r.msb_shift, r.sample_maximum);
}

// Two samples of two bytes, as sample_at reads them.
__device__ std::uint32_t clipped_pair(const DeviceReduction& r, std::uint32_t pair) {
  const std::uint32_t kept = (0xFFFFu >> r.msb_shift) * 0x10001u;
  return __vminu2((pair >> r.msb_shift) & kept, r.sample_maximum * 0x10001u);
}

// The sum of a luma box has at most 32 bits: 65535 rows have boxes of at most 182 x 182 samples.
__device__ std::uint32_t luma_of(const DeviceReduction& r, std::uint32_t sum) {
  const FixedGain& gain = r.luma_gain;
  const std::uint32_t half = (1u << gain.pre_shift) >> 1;
  const int s = static_cast<int>((sum + half) >> gain.pre_shift);
  const int value = min(max((s * gain.gain + gain.offset) >> gain.shift, 0), gain.maximum);
  return r.luma_curve == nullptr ? std::uint32_t(value) : r.luma_curve[value];
}

// Ones where the bytes (or, two to a word, the samples) of `word` belong to box `px` of four.
template <int kBox, int kBytes>
__device__ constexpr std::uint32_t ones(int word, int px) {
  std::uint32_t mask = 0;
  for (int i = 0; i < 4 / kBytes; ++i) {
    if ((word * (4 / kBytes) + i) / kBox == px) mask |= 1u << (8 * i);
  }
  return mask;
}

// How many rows of words are loaded before the first is used: about 18 words are on their way.
template <int kWords>
__device__ constexpr int rows_at_once(int rows) {
  const int fit = 18 / kWords > 0 ? 18 / kWords : 1;
  return rows < fit ? rows : fit;
}

// A row of words from any address on; of a shifted one the word behind it is read, too.
template <int kWords, bool kShifted>
struct Row {
  std::uint32_t words[kWords];

  __device__ explicit Row(const std::uint8_t* from) {
    const auto address = reinterpret_cast<std::uintptr_t>(from);
    const auto* const source = reinterpret_cast<const std::uint32_t*>(address & ~std::uintptr_t{3});
#pragma unroll
    for (int w = 0; w < kWords; ++w) words[w] = __ldcs(source + w);
    if constexpr (kShifted) {
      const std::uint32_t behind = source[kWords], bits = unsigned(address & 3) * 8;
#pragma unroll
      for (int w = 0; w < kWords; ++w) {
        words[w] = __funnelshift_r(words[w], w + 1 < kWords ? words[w + 1] : behind, bits);
      }
    }
  }
};

// Luma of four px in a word, the leftmost lowest, loaded as words.
template <int kBox, int kBytes, bool kShifted>
__device__ std::uint32_t quad_of_words(const DeviceReduction& r, const DevicePlane& plane, int x,
                                       int y) {
  constexpr int kWords = kBox * kBytes;  // a row of four boxes
  std::uint32_t sums[4] = {};
  const std::uint8_t* row =
      plane.data + std::ptrdiff_t{y} * kBox * plane.pitch_bytes + std::ptrdiff_t{x} * kBox * kBytes;
#pragma unroll(rows_at_once<kWords>(kBox))
  for (int i = 0; i < kBox; ++i, row += plane.pitch_bytes) {
    const Row<kWords, kShifted> loaded(row);
#pragma unroll
    for (int w = 0; w < kWords; ++w) {
      std::uint32_t word = loaded.words[w];
      if (kBytes == 2) word = clipped_pair(r, word);
#pragma unroll
      for (int px = 0; px < 4; ++px) {
        const std::uint32_t mask = ones<kBox, kBytes>(w, px);
        if (mask == 0) continue;
        sums[px] = kBytes == 1 ? __dp4a(word, mask, sums[px]) : __dp2a_lo(word, mask, sums[px]);
      }
    }
  }
  std::uint32_t quad = 0;
#pragma unroll
  for (int px = 0; px < 4; ++px) quad |= luma_of(r, sums[px]) << (8 * px);
  return quad;
}

// The same for any box and address; px beyond the picture are 0.
__device__ std::uint32_t quad_of_samples(const DeviceReduction& r, const DevicePlane& plane, int x,
                                         int y) {
  std::uint32_t quad = 0;
#pragma unroll 1
  for (int px = 0; px < min(4, r.cols - x); ++px) {
    std::uint32_t sum = 0;
#pragma unroll 1
    for (int i = 0; i < r.box_rows; ++i) {
      const std::uint8_t* const row =
          plane.data + (std::ptrdiff_t{y} * r.box_rows + i) * plane.pitch_bytes;
      const int first = (x + px) * r.box_cols;
#pragma unroll 1
      for (int j = 0; j < r.box_cols; ++j) sum += sample_at(r, row, first + j);
    }
    quad |= luma_of(r, sum) << (8 * px);
  }
  return quad;
}

// Sums over a cell's chroma of pairs loaded as words.
template <int kBox, int kBytes, bool kShifted>
__device__ void add_pairs(const DeviceReduction& r, const DevicePlane& plane, int cell_x,
                          int cell_y, Sum64& cb_sum, Sum64& cr_sum) {
  std::uint32_t cb = 0, cr = 0;
  constexpr int kWords = kBox * kBytes, kRows = 2 * kBox;
  const std::uint8_t* row = plane.data + std::ptrdiff_t{cell_y} * kRows * plane.pitch_bytes +
                            std::ptrdiff_t{cell_x} * kWords * 4;
#pragma unroll(rows_at_once<kWords>(kRows))
  for (int i = 0; i < kRows; ++i, row += plane.pitch_bytes) {
    const Row<kWords, kShifted> loaded(row);
#pragma unroll
    for (int w = 0; w < kWords; ++w) {
      std::uint32_t word = loaded.words[w];
      if (kBytes == 1) {
        cb = __dp4a(word, 0x00010001u, cb);
        cr = __dp4a(word, 0x01000100u, cr);
      } else {
        word = clipped_pair(r, word);
        cb += word & 0xFFFF;
        cr += word >> 16;
      }
    }
  }
  cb_sum = cb;
  cr_sum = cr;
}

// The same for any layout and address.
__device__ void add_samples(const DeviceReduction& r, const DeviceFrame& frame, int cell_x,
                            int cell_y, Sum64& cb, Sum64& cr) {
  const bool pairs = r.chroma == Chroma::interleaved;
  const std::uint8_t* const cr_data = pairs ? frame.cb.data : frame.cr.data;
  const std::ptrdiff_t cr_pitch = pairs ? frame.cb.pitch_bytes : frame.cr.pitch_bytes;
  const int stride = pairs ? 2 : 1, second = pairs ? 1 : 0;
#pragma unroll 1
  for (int i = 0; i < r.chroma_box_rows; ++i) {
    const std::ptrdiff_t y = std::ptrdiff_t{cell_y} * r.chroma_box_rows + i;
    const std::uint8_t* const cb_row = frame.cb.data + y * frame.cb.pitch_bytes;
    const std::uint8_t* const cr_row = cr_data + y * cr_pitch;
#pragma unroll 1
    for (int j = 0; j < r.chroma_box_cols; ++j) {
      const int x = (cell_x * r.chroma_box_cols + j) * stride;
      cb += sample_at(r, cb_row, x);
      cr += sample_at(r, cr_row, x + second);
    }
  }
}

// ---- cells ------------------------------------------------------------------------------------

struct Cell {
  int y, cb, cr;
};

__device__ Cell mapped(const DeviceReduction& r, const Cell& cell) {
  const int n = r.cell_lut_size;
  const int values[3] = {cell.y, cell.cb, cell.cr};
  int steps[3];
  std::uint32_t weights[3];
#pragma unroll
  for (int axis = 0; axis < 3; ++axis) {
    const int position = (values[axis] * (n - 1) * 256 + 127) / 255;
    steps[axis] = min(position >> 8, n - 2);
    weights[axis] = static_cast<std::uint32_t>(position - (steps[axis] << 8));
  }
  std::uint32_t out[3] = {1u << 23, 1u << 23, 1u << 23};
#pragma unroll
  for (int corner = 0; corner < 8; ++corner) {
    std::uint32_t weight = 1;
    int index = 0;
#pragma unroll
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
  int lightness = 0, a = 0, b = 0, chroma = 0;  // of a few thousand cells
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

// ---- kernel -----------------------------------------------------------------------------------

struct BlockShared {
  std::uint32_t luma_counts[kWarps][256];  // a table per warp: neighbors like the same bin
  std::uint32_t chroma_counts[2][kChromaBins];
  LabSum lab[kWarps];
};

__device__ int warp_sum(int value) {
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(~0u, value, step);
  return value;
}

__device__ bool on_words(const DevicePlane& plane) {
  return ((reinterpret_cast<std::uintptr_t>(plane.data) | std::uintptr_t(plane.pitch_bytes)) & 3) ==
         0;
}

// kBox: samples along both sides of a luma box, chroma being pairs at half of both resolutions;
// 0 for whatever else there is. Blocks: a column of strips x kStripsPerFrame x a frame.
template <int kBox, int kBytes>
__global__ void __launch_bounds__(kThreads, 4)
    reduce_kernel(DeviceReduction r, const DeviceFrame* frames, DeviceSums* all_sums) {
  __shared__ BlockShared shared;
  const DeviceFrame frame = frames[blockIdx.z];
  DeviceSums& sums = all_sums[blockIdx.z];
  const int thread = int(threadIdx.x), lane = int(threadIdx.x % 32), warp = int(threadIdx.x / 32);
  for (int i = thread; i < kWarps * 256; i += kThreads) shared.luma_counts[i / 256][i % 256] = 0;
  if (thread < 2 * kChromaBins) shared.chroma_counts[0][thread] = 0;
  __syncthreads();

  const bool luma_words = kBox > 0 && on_words(frame.luma);
  const bool chroma_words = kBox > 0 && on_words(frame.cb);
  const bool store_words =
      r.cols % 4 == 0 && reinterpret_cast<std::uintptr_t>(frame.working_luma) % 4 == 0;
  std::uint32_t* const counts = shared.luma_counts[warp];
  LabSum lab;
  const int x = int(blockIdx.x) * kStripCols + 4 * lane, cell_x = x / 4;
  const int across = min(max(r.cols - x, 0), 4);
  const int strips = (r.rows + 3) / 4;
  for (int strip = int(blockIdx.y) * kWarps + warp; strip < strips;
       strip += int(gridDim.y) * kWarps) {
    std::uint32_t luma = 0;
#pragma unroll 1
    for (int y = 4 * strip; y < min(4 * strip + 4, r.rows); ++y) {
      if (across == 0) break;
      std::uint32_t quad = 0;
      if constexpr (kBox > 0) {
        if (across == 4 && luma_words) {
          quad = quad_of_words<kBox, kBytes, false>(r, frame.luma, x, y);
        } else if (x + 8 <= r.cols) {
          quad = quad_of_words<kBox, kBytes, true>(r, frame.luma, x, y);
        } else {
          quad = quad_of_samples(r, frame.luma, x, y);
        }
      } else {
        quad = quad_of_samples(r, frame.luma, x, y);
      }
      luma = __dp4a(quad, 0x01010101u, luma);
      std::uint8_t* const out = frame.working_luma + std::ptrdiff_t{y} * r.cols + x;
      if (across == 4 && store_words) {
        *reinterpret_cast<std::uint32_t*>(out) = quad;
      } else {
        for (int i = 0; i < across; ++i) out[i] = static_cast<std::uint8_t>(quad >> (8 * i));
      }
      if (across == 4 && quad == __byte_perm(quad, 0, 0)) {  // all four are equal
        atomicAdd(&counts[quad & 255], 4u);
      } else {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          if (i < across) atomicAdd(&counts[quad >> (8 * i) & 255], 1u);
        }
      }
    }
    if (cell_x >= r.cells_x || strip >= r.cells_y) continue;

    const int area = r.cell_cols * r.cell_rows;
    Cell values{(int(luma) + area / 2) / area, 128, 128};
    if (r.chroma != Chroma::none) {
      Sum64 cb = 0, cr = 0;
      if constexpr (kBox > 0) {
        if (chroma_words) {
          add_pairs<kBox, kBytes, false>(r, frame.cb, cell_x, strip, cb, cr);
        } else if (cell_x + 1 < r.cells_x) {
          add_pairs<kBox, kBytes, true>(r, frame.cb, cell_x, strip, cb, cr);
        } else {
          add_samples(r, frame, cell_x, strip, cb, cr);
        }
      } else {
        add_samples(r, frame, cell_x, strip, cb, cr);
      }
      values.cb = r.chroma_gain(cb);
      values.cr = r.chroma_gain(cr);
    }
    if (r.cell_lut != nullptr) values = mapped(r, values);
    const std::ptrdiff_t at = std::ptrdiff_t{strip} * r.cells_x + cell_x;
    frame.cells[0][at] = static_cast<std::uint8_t>(values.y);
    frame.cells[1][at] = static_cast<std::uint8_t>(values.cb);
    frame.cells[2][at] = static_cast<std::uint8_t>(values.cr);
    atomicAdd(&shared.chroma_counts[0][values.cb / (256 / kChromaBins)], 1u);
    atomicAdd(&shared.chroma_counts[1][values.cr / (256 / kChromaBins)], 1u);
    add_lab(*r.lab, values, lab);
  }

  lab = {warp_sum(lab.lightness), warp_sum(lab.a), warp_sum(lab.b), warp_sum(lab.chroma)};
  if (lane == 0) shared.lab[warp] = lab;
  __syncthreads();
  for (int value = thread; value < 256; value += kThreads) {
    std::uint32_t times = 0;
    for (int i = 0; i < kWarps; ++i) times += shared.luma_counts[i][value];
    if (times > 0) atomicAdd(&sums.luma_histogram[value], times);
  }
  if (thread < 2 * kChromaBins) {
    const std::uint32_t times = shared.chroma_counts[0][thread];
    if (times > 0) atomicAdd(&sums.chroma_histogram[0][thread], times);
  }
  if (thread == 0) {
    std::int64_t lightness = 0, a = 0, b = 0, chroma = 0;
    for (const LabSum& part : shared.lab) {
      lightness += part.lightness;
      a += part.a;
      b += part.b;
      chroma += part.chroma;
    }
    add_to(&sums.lightness, lightness);
    add_to(&sums.a, a);
    add_to(&sums.b, b);
    add_to(&sums.chroma, chroma);
  }
}

using Kernel = void (*)(DeviceReduction, const DeviceFrame*, DeviceSums*);

template <int kBytes>
Kernel kernel_for_box(int box) {
  switch (box) {  // the usual pictures: up to 719 lines, 720, 1080, 1440, 2160
    case 1:
      return reduce_kernel<1, kBytes>;
    case 2:
      return reduce_kernel<2, kBytes>;
    case 3:
      return reduce_kernel<3, kBytes>;
    case 4:
      return reduce_kernel<4, kBytes>;
    case 6:
      return reduce_kernel<6, kBytes>;
    default:
      return reduce_kernel<0, kBytes>;
  }
}

}  // namespace

void launch_reduction(const DeviceReduction& r, const DeviceFrame* frames, DeviceSums* sums,
                      int count, cudaStream_t stream) {
  const bool square = r.box_cols == r.box_rows && r.chroma == Chroma::interleaved &&
                      r.chroma_box_cols == 2 * r.box_cols && r.chroma_box_rows == 2 * r.box_rows;
  const int box = square ? r.box_cols : 0;
  const Kernel kernel = r.sample_bytes == 1 ? kernel_for_box<1>(box) : kernel_for_box<2>(box);
  const auto strips_x = unsigned((r.cols + kStripCols - 1) / kStripCols);
  const auto strips_y = unsigned((r.rows + 4 * kWarps - 1) / (4 * kWarps));
  const dim3 blocks(strips_x, strips_y < kStripsPerFrame ? strips_y : kStripsPerFrame,
                    unsigned(count));
  kernel<<<blocks, kThreads, 0, stream>>>(r, frames, sums);
  check_launch("reduce_kernel");
}

}  // namespace fastthumb
