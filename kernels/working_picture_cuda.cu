// What is read out of the working picture and the cells once they are there: Laplacian, difference,
// black bars, grid, and the motion guess of Note [block motion] in signals.hpp.
//
//   picture_kernel   blocks of threads with different jobs; those that take long come first
#include "cuda_common.cuh"
#include "frame_signals_device.cuh"

namespace fastthumb {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr unsigned kEverybody = ~0u;

// Blocks of a frame by their job; the frame varies fastest, so that all long ones start first.
constexpr int kGuessBlock = 0, kBarsBlock = 1, kFirstGridBlock = 2, kFirstStripBlock = 5;
constexpr int kStripCols = 128, kStripRows = 15;  // working px: what a warp goes down
constexpr int kRowsAtOnce = 5;                    // loads on their way together

template <typename T>
__device__ T warp_sum(T value) {  // in all lanes
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(kEverybody, value, step);
  return value;
}

// A picture of bytes that is loaded four px at a time, the leftmost lowest; 0 beyond the right end.
struct Quads {
  const std::uint8_t* data;
  int cols;
  bool words;  // rows begin at words and end with one

  __device__ Quads(const std::uint8_t* data_, int cols_)
      : data(data_),
        cols(cols_),
        words(cols_ % 4 == 0 && reinterpret_cast<std::uintptr_t>(data_) % 4 == 0) {}

  __device__ std::uint32_t at(int x, int y) const {
    const std::uint8_t* const px = data + y * cols + x;  // below 2^26 px
    if (words) return *reinterpret_cast<const std::uint32_t*>(px);
    std::uint32_t quad = 0;
#pragma unroll 1
    for (int i = 0; i < min(4, cols - x); ++i) quad |= std::uint32_t{px[i]} << (8 * i);
    return quad;
  }
};

// ---- Laplacian and difference -----------------------------------------------------------------

// Note [px in pairs]: the even and the odd bytes of a word are two halves each, of 16 bits, and are
// added as such. With a bias, 2 x 15 Laplacians of at most 2044 fit into a half, and the squares of
// a lane's 4 x 15 into a word; those of a warp do without it.

// A warp goes down a strip of the picture, a lane down four columns. kWords: rows are words.
template <bool kWords>
__device__ void strip(const DeviceReduction& r, const DeviceFrame& frame, int strip_x, int strip_y,
                      DeviceSums& sums) {
  constexpr std::uint32_t kPairs = 0x00FF00FFu;
  constexpr int kBias = 1024;  // keeps a px's share of a pair positive: |Laplacian| <= 1020
  const int lane = int(threadIdx.x % 32), warp = int(threadIdx.x / 32);
  const int x = strip_x * kStripCols + 4 * lane;
  const int first_y = (strip_y * kWarps + warp) * kStripRows;
  const int end_y = min(first_y + kStripRows, r.rows);
  const bool here = x < r.cols, compared = frame.previous_luma != nullptr;
  // Of a lane or row beyond the picture the nearest is loaded, and not counted.
  const auto quad_at = [&](const std::uint8_t* picture, int y) {
    const int row = min(max(y, 0), r.rows - 1) * r.cols;
    if (kWords) return *reinterpret_cast<const std::uint32_t*>(picture + row + (here ? x : 0));
    std::uint32_t quad = 0;
#pragma unroll 1
    for (int i = 0; i < min(4, r.cols - x); ++i) {
      quad |= std::uint32_t{picture[row + x + i]} << (8 * i);
    }
    return quad;
  };
  std::uint32_t pair_sums = 0, squares = 0, difference = 0;
  int count = 0;  // px in the sums
  if (first_y < end_y) {
    const auto mask = [&](int i) { return x + i >= 1 && x + i + 1 < r.cols; };
    const std::uint32_t keep_even = (mask(0) ? 0xFFFFu : 0) | (mask(2) ? 0xFFFF0000u : 0);
    const std::uint32_t keep_odd = (mask(1) ? 0xFFFFu : 0) | (mask(3) ? 0xFFFF0000u : 0);
    // The px beside the strip, for its outer lanes.
    const bool leftmost = lane == 0 && x > 0, rightmost = lane == 31 && x + 4 < r.cols;
    const std::uint8_t* const beside = frame.working_luma + (leftmost ? x - 1 : x + 4);
    const std::uint8_t* const earlier = compared ? frame.previous_luma : frame.working_luma;
    std::uint32_t above = quad_at(frame.working_luma, first_y - 1);
    std::uint32_t center = quad_at(frame.working_luma, first_y);
    for (int begin = first_y; begin < end_y; begin += kRowsAtOnce) {
      std::uint32_t below[kRowsAtOnce], before[kRowsAtOnce], edge[kRowsAtOnce];
#pragma unroll
      for (int i = 0; i < kRowsAtOnce; ++i) {
        below[i] = quad_at(frame.working_luma, begin + i + 1);
        before[i] = quad_at(earlier, begin + i);
        edge[i] = leftmost || rightmost ? beside[min(begin + i, r.rows - 1) * r.cols] : 0;
      }
#pragma unroll
      for (int i = 0; i < kRowsAtOnce; ++i) {
        const int y = begin + i;
        std::uint32_t left = __shfl_up_sync(kEverybody, center, 1);
        std::uint32_t right = __shfl_down_sync(kEverybody, center, 1);
        if (leftmost) left = edge[i] << 24;
        if (rightmost) right = edge[i];
        if (y < end_y) {
          difference += __vsadu4(center, before[i]);
          if (y > 0 && y + 1 < r.rows) {
            const std::uint32_t even = center & kPairs, odd = center >> 8 & kPairs;
            const std::uint32_t left_of_even = __byte_perm(center, left, 0x5157) & kPairs;
            const std::uint32_t right_of_odd = __byte_perm(center, right, 0x5452) & kPairs;
            const std::uint32_t around_even =
                (above & kPairs) + (below[i] & kPairs) + left_of_even + odd;
            const std::uint32_t around_odd =
                (above >> 8 & kPairs) + (below[i] >> 8 & kPairs) + even + right_of_odd;
            const std::uint32_t evens = (4 * even + kBias * 0x10001u - around_even) & keep_even;
            const std::uint32_t odds = (4 * odd + kBias * 0x10001u - around_odd) & keep_odd;
            pair_sums += evens + odds;
            squares += (evens & 0xFFFF) * (evens & 0xFFFF) + (evens >> 16) * (evens >> 16);
            squares += (odds & 0xFFFF) * (odds & 0xFFFF) + (odds >> 16) * (odds >> 16);
          }
        }
        above = center;
        center = below[i];
      }
    }
    const int interior_rows = max(min(end_y, r.rows - 1) - max(first_y, 1), 0);
    count = (mask(0) + mask(1) + mask(2) + mask(3)) * interior_rows;
    if (!here || !compared) difference = 0;
  }
  const int sum = int((pair_sums & 0xFFFF) + (pair_sums >> 16));
  // The squares without the bias; what wraps around comes back.
  squares += std::uint32_t(kBias) * kBias * std::uint32_t(count) - 2u * kBias * std::uint32_t(sum);
  const int laplacians = warp_sum(sum - kBias * count);
  squares = warp_sum(squares);
  difference = warp_sum(difference);
  __shared__ std::int64_t totals[kWarps][3];
  if (lane == 0) {
    totals[warp][0] = laplacians;
    totals[warp][1] = squares;
    totals[warp][2] = difference;
  }
  __syncthreads();
  if (threadIdx.x < 3) {
    std::int64_t total = 0;
    for (int i = 0; i < kWarps; ++i) total += totals[i][threadIdx.x];
    add_to(threadIdx.x == 0   ? &sums.laplacian_sum
           : threadIdx.x == 1 ? &sums.laplacian_squares
                              : &sums.difference,
           total);
  }
}

// ---- black bars -------------------------------------------------------------------------------

// The first row from one end that is not black, r.rows without one. A warp looks at a row.
__device__ int first_lit_row(const DeviceReduction& r, const Quads& picture, bool from_below) {
  const int lane = int(threadIdx.x % 32), warp = int(threadIdx.x / 32);
  __shared__ int first;
  if (threadIdx.x == 0) first = r.rows;
  __syncthreads();
  for (int begin = 0; begin < r.rows; begin += kWarps) {
    const int i = begin + warp;
    bool lit = false;
    if (i < r.rows) {
      const int y = from_below ? r.rows - 1 - i : i;
      std::uint32_t sum = 0, above = 0;
#pragma unroll 5
      for (int x = 4 * lane; x < r.cols; x += 128) {
        const std::uint32_t quad = picture.at(x, y);
        sum = __dp4a(quad, 0x01010101u, sum);
        above |= __vcmpgtu4(quad, kBarMaximum * 0x01010101u);
      }
      std::int64_t total = warp_sum(static_cast<std::int64_t>(sum));
      lit = __any_sync(kEverybody, above != 0) || total > std::int64_t{kBarMean} * r.cols;
    }
    if (lit && lane == 0) atomicMin(&first, i);
    if (__syncthreads_or(lit)) break;
  }
  __syncthreads();
  const int found = first;
  __syncthreads();
  return found;
}

// The first column from one end that is not black, r.cols without one. Four columns at a time.
__device__ int first_lit_col(const DeviceReduction& r, const Quads& picture, bool from_right) {
  __shared__ unsigned long long column_sums[4];
  const int lane = int(threadIdx.x) % 32, quads = (r.cols + 3) / 4;
  for (int i = 0; i < quads; ++i) {
    const int x = 4 * (from_right ? quads - 1 - i : i), there = min(4, r.cols - x);
    if (threadIdx.x < 4) column_sums[threadIdx.x] = 0;
    std::uint32_t above = 0;
    std::uint32_t sums[4] = {};
    for (int y = int(threadIdx.x); y < r.rows; y += kThreads) {
      const std::uint32_t quad = picture.at(x, y);
      above |= __vcmpgtu4(quad, kBarMaximum * 0x01010101u);
#pragma unroll
      for (int k = 0; k < 4; ++k) sums[k] += quad >> (8 * k) & 255;
    }
    int lit = 0;  // bits: columns with a bright px
    for (int k = 0; k < there; ++k) lit |= __syncthreads_or(above >> (8 * k) & 1) != 0 ? 1 << k : 0;
    for (int k = 0; k < 4; ++k) {
      const auto total = warp_sum(static_cast<unsigned long long>(sums[k]));
      if (lane == 0) atomicAdd(&column_sums[k], total);
    }
    __syncthreads();
    for (int k = 0; k < there; ++k) {
      const bool dull = column_sums[k] <= static_cast<unsigned long long>(kBarMean) * r.rows;
      if (!dull) lit |= 1 << k;
    }
    __syncthreads();  // before the sums are cleared
    if (lit == 0) continue;
    return from_right ? r.cols - 1 - (x + 31 - __clz(lit)) : x + __ffs(lit) - 1;
  }
  return r.cols;
}

__device__ void bars(const DeviceReduction& r, const DeviceFrame& frame, DeviceSums& sums) {
  const Quads picture(frame.working_luma, r.cols);
  const int top = first_lit_row(r, picture, false);
  if (top == r.rows) return;  // a black picture has no bars
  const int bottom = first_lit_row(r, picture, true);
  const int left = first_lit_col(r, picture, false);
  const int right = left < r.cols ? first_lit_col(r, picture, true) : 0;
  if (threadIdx.x != 0) return;
  sums.bar_top = top;
  sums.bar_bottom = bottom;
  if (left == r.cols) return;
  sums.bar_left = left;
  sums.bar_right = right;
}

// ---- grid -------------------------------------------------------------------------------------

__device__ void grid(const DeviceReduction& r, const DeviceFrame& frame, int c, DeviceSums& sums) {
  const std::uint8_t* const cells = c == 0   ? frame.cells[0]
                                    : c == 1 ? frame.cells[1]
                                             : frame.cells[2];
  for (int i = int(threadIdx.x); i < kGridRows * kGridCols; i += kThreads) {
    const int row = i / kGridCols, col = i % kGridCols;
    const int y0 = row * r.cells_y / kGridRows, x0 = col * r.cells_x / kGridCols;
    const int y1 = max(y0 + 1, (row + 1) * r.cells_y / kGridRows);
    const int x1 = max(x0 + 1, (col + 1) * r.cells_x / kGridCols);
    std::uint32_t sum = 0;
    for (int y = y0; y < y1; ++y) {
#pragma unroll 5
      for (int x = x0; x < x1; ++x) sum += cells[std::ptrdiff_t{y} * r.cells_x + x];
    }
    sums.grid[row][col][c] = sum;
  }
}

// ---- motion guess -----------------------------------------------------------------------------

constexpr int kShifts = 2 * kGuessReach + 1;
static_assert(2 * kShifts <= kThreads, "a thread each");
constexpr int kStagedProfile = 512;  // longest that is compared in shared memory

// 0, -1, 1, -2, 2, ...
__device__ int shift_of(int index) { return index % 2 != 0 ? -(index + 1) / 2 : index / 2; }

// Sums of the cells along both axes: columns[cells_x], rows[cells_y].
__device__ void profiles_of(const DeviceReduction& r, const Quads& cells, std::int32_t* columns,
                            std::int32_t* rows) {
  constexpr int kSpan = 256, kAtOnce = 6;  // cells of a row; rows on their way together
  __shared__ std::int32_t parts[kWarps][kSpan];
  const int lane = int(threadIdx.x % 32), warp = int(threadIdx.x / 32);
  for (int begin = 0; begin < r.cells_x; begin += kSpan) {
    std::int32_t sums[2][4] = {};
    for (int first_y = warp; first_y < r.cells_y; first_y += kAtOnce * kWarps) {
      std::uint32_t quads[kAtOnce][2];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int x = begin + 128 * half + 4 * lane, y = first_y + i * kWarps;
          quads[i][half] = x < r.cells_x && y < r.cells_y ? cells.at(x, y) : 0;
        }
      }
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        std::uint32_t row = 0;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          row = __dp4a(quads[i][half], 0x01010101u, row);
#pragma unroll
          for (int k = 0; k < 4; ++k) {
            sums[half][k] += static_cast<std::int32_t>(quads[i][half] >> (8 * k) & 255);
          }
        }
        const auto sum = static_cast<std::int32_t>(warp_sum(row));
        const int y = first_y + i * kWarps;  // always the same thread's
        if (lane == 0 && y < r.cells_y) rows[y] = begin == 0 ? sum : rows[y] + sum;
      }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int k = 0; k < 4; ++k) parts[warp][128 * half + 4 * lane + k] = sums[half][k];
    }
    __syncthreads();
    if (begin + int(threadIdx.x) < r.cells_x) {
      std::int32_t sum = 0;
      for (int i = 0; i < kWarps; ++i) sum += parts[i][threadIdx.x];
      columns[begin + int(threadIdx.x)] = sum;
    }
    __syncthreads();
  }
}

__device__ void guess(const DeviceReduction& r, const DeviceFrame& frame, DeviceSums& sums) {
  if (frame.previous_cells == nullptr) return;
  const int thread = int(threadIdx.x), lane = thread % 32, warp = thread / 32;
  __shared__ std::int32_t staged[4][kStagedProfile];
  __shared__ std::int64_t differences[2][kShifts];
  __shared__ std::int32_t means[2][2];
  const bool fits = max(r.cells_x, r.cells_y) <= kStagedProfile;
  // Of this axis, now or before: shared memory or, for a long one, the frame's.
  const auto profile = [&](int axis, int picture) {
    if (fits) return static_cast<std::int32_t*>(staged[2 * axis + picture]);
    return frame.profiles + (axis == 0 ? picture * r.cells_x : 2 * r.cells_x + picture * r.cells_y);
  };
  const auto length_of = [&](int axis) { return axis == 0 ? r.cells_x : r.cells_y; };
  profiles_of(r, Quads(frame.cells[0], r.cells_x), profile(0, 0), profile(1, 0));
  profiles_of(r, Quads(frame.previous_cells, r.cells_x), profile(0, 1), profile(1, 1));
  __syncthreads();
  if (warp < 4) {
    const int axis = warp / 2, picture = warp % 2;
    std::int64_t total = 0;
    for (int i = lane; i < length_of(axis); i += 32) total += profile(axis, picture)[i];
    total = warp_sum(total);
    if (lane == 0) means[axis][picture] = static_cast<std::int32_t>(total / length_of(axis));
  }
  __syncthreads();
  if (thread < 2 * kShifts) {
    const int axis = thread / kShifts, index = thread % kShifts;
    const int length = length_of(axis), shift = shift_of(index);
    std::int64_t difference = 0;
    if (index <= 2 * min(kGuessReach, length / 4)) {
      const std::int32_t* const now = profile(axis, 0);
      const std::int32_t* const before = profile(axis, 1);
      const std::int32_t change = means[axis][0] - means[axis][1];
      const int end = length + min(0, shift);
#pragma unroll 4
      for (int i = max(0, shift); i < end; ++i)
        difference += abs(now[i] - before[i - shift] - change);
    }
    differences[axis][index] = difference;
  }
  __syncthreads();
  // Least mean difference, the first of equals: a warp per axis, exact fractions.
  if (warp < 2) {
    const int axis = warp, length = length_of(axis);
    const int last = 2 * min(kGuessReach, length / 4);
    int best = lane <= last ? lane : 0;
    const auto count_of = [&](int index) { return std::int64_t{length - abs(shift_of(index))}; };
    const auto better = [&](int index, int than) {
      const std::int64_t a = differences[axis][index] * count_of(than);
      const std::int64_t b = differences[axis][than] * count_of(index);
      return a < b || (a == b && index < than);
    };
    if (lane + 32 <= last && better(lane + 32, best)) best = lane + 32;
    for (int step = 16; step > 0; step /= 2) {
      const int other = __shfl_xor_sync(kEverybody, best, step);
      if (better(other, best)) best = other;
    }
    if (lane == 0) (axis == 0 ? sums.guess_x : sums.guess_y) = shift_of(best);
  }
}

// ---- kernel -----------------------------------------------------------------------------------

// Blocks: a frame x those with a job each, then strips.
__global__ void __launch_bounds__(kThreads, 4)
    picture_kernel(DeviceReduction r, const DeviceFrame* frames, DeviceSums* all_sums) {
  const DeviceFrame frame = frames[blockIdx.x];
  DeviceSums& sums = all_sums[blockIdx.x];
  const int block = int(blockIdx.y);
  if (block == kGuessBlock) {
    guess(r, frame, sums);
  } else if (block == kBarsBlock) {
    bars(r, frame, sums);
  } else if (block < kFirstStripBlock) {
    grid(r, frame, block - kFirstGridBlock, sums);
  } else {
    const int strips_x = (r.cols + kStripCols - 1) / kStripCols;
    const int place = block - kFirstStripBlock;
    const auto addresses = reinterpret_cast<std::uintptr_t>(frame.working_luma) |
                           reinterpret_cast<std::uintptr_t>(frame.previous_luma);
    if (r.cols % 4 == 0 && addresses % 4 == 0) {
      strip<true>(r, frame, place % strips_x, place / strips_x, sums);
    } else {
      strip<false>(r, frame, place % strips_x, place / strips_x, sums);
    }
  }
}

}  // namespace

void launch_picture(const DeviceReduction& r, const DeviceFrame* frames, DeviceSums* sums,
                    int count, cudaStream_t stream) {
  const int strips_x = (r.cols + kStripCols - 1) / kStripCols;
  const int strips_y = (r.rows + kWarps * kStripRows - 1) / (kWarps * kStripRows);
  const dim3 blocks(unsigned(count), unsigned(kFirstStripBlock + strips_x * strips_y));
  picture_kernel<<<blocks, kThreads, 0, stream>>>(r, frames, sums);
  check_launch("picture_kernel");
}

}  // namespace fastthumb
