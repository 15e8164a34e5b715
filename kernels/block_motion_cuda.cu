// Block motion on the device, as Note [block motion] in signals.hpp says, for a batch of frames,
// after the guess.
//
//   motion_kernel         a warp per block of 8 x 8 cells: two or three candidate vectors a lane
//   small_motion_kernel   a block of threads per block of fewer cells (pictures under 32 px)
#include "cuda_common.cuh"
#include "frame_signals_device.cuh"

namespace fastthumb {
namespace {

constexpr int kZeroSide = 2 * kZeroReach + 1;
constexpr int kNearSide = 2 * kNearReach + 1;
constexpr int kZeroWindow = kZeroSide * kZeroSide;
constexpr int kCandidates = kZeroWindow + kNearSide * kNearSide;
constexpr unsigned kEverybody = ~0u;

struct Vector {
  int x, y, penalty;
};

// Candidate `place` of a window, row by row, from the window's center.
template <int kReach>
__device__ Vector from_center(int place, int area) {
  constexpr int kSide = 2 * kReach + 1;
  const int x = place % kSide - kReach, y = place / kSide - kReach;
  const int penalty = kReach == kNearReach ? area / 2 : area;
  return {x, y, penalty + area * (abs(x) + abs(y)) / 16};
}
static_assert(kNearReach != kZeroReach, "the reach names the window");

// Candidate `index` of both windows, that around zero first.
__device__ Vector candidate_of(int index, int guess_x, int guess_y, int area) {
  if (index < kZeroWindow) return from_center<kZeroReach>(index, area);
  Vector vector = from_center<kNearReach>(index - kZeroWindow, area);
  vector.x += guess_x;
  vector.y += guess_y;
  return vector;
}

// Sixteenths of a cell along one axis; `offset` and `reach` of the winner in its window, `step`
// between its neighbors' sums. Sets `textured`.
__device__ int part_of(const int* differences, int winner, int offset, int reach, int step,
                       int area, bool& textured) {
  if (abs(offset) == reach) return 0;
  const int less = differences[winner - step], more = differences[winner + step];
  const int edge = max(less, more) - differences[winner];
  if (edge < 2 * area) return 0;
  textured = true;
  return max(-8, min(8, 8 * (less - more) / edge));
}

// The winner's vector with its parts, in sixteenths.
struct Refined {
  int x, y;
  bool textured, near;
};

__device__ Refined refined(const int* differences, int winner, int guess_x, int guess_y, int area) {
  const bool near = winner >= kZeroWindow;
  const Vector offset = near ? from_center<kNearReach>(winner - kZeroWindow, area)
                             : from_center<kZeroReach>(winner, area);
  const int side = near ? kNearSide : kZeroSide, reach = near ? kNearReach : kZeroReach;
  const int whole_x = (near ? guess_x : 0) + offset.x, whole_y = (near ? guess_y : 0) + offset.y;
  bool textured = whole_x != 0 || whole_y != 0;
  const int x = part_of(differences, winner, offset.x, reach, 1, area, textured);
  const int y = part_of(differences, winner, offset.y, reach, side, area, textured);
  return {whole_x * kVectorUnits + x, whole_y * kVectorUnits + y, textured, near};
}

__device__ int blended(int at, int at_right, int below, int below_right, int right, int down) {
  const int sum = (16 - down) * ((16 - right) * at + right * at_right) +
                  down * ((16 - right) * below + right * below_right);
  return (sum + 128) >> 8;
}

// ---- blocks of 8 x 8 cells --------------------------------------------------------------------

constexpr int kSide = 8, kArea = kSide * kSide;
constexpr int kWarps = 4;

// Previous cells around a block, all that its candidates and their refinement see: rows of 16
// bytes in shared memory, the last of them beyond the reach, read with a weight of 0 only.
using WindowRow = std::uint32_t[4];

template <int kReach>
struct Window {
  static constexpr int kRows = kSide + 2 * kReach + 1;
  static_assert(kSide + 2 * kReach + 1 + 3 <= 16 || kReach % 4 == 3, "16 bytes from a word on");
  WindowRow* rows;
  int left, top;  // cell of the first byte

  // Around the cells from (x, y) on, x a multiple of 4 if kReach is 3.
  __device__ Window(WindowRow* rows_, int x, int y)
      : rows(rows_), left((x - kReach) & ~3), top(y - kReach) {}

  __device__ int byte_at(int x, int y) const {  // cells of the picture
    return reinterpret_cast<const std::uint8_t*>(rows[y - top])[x - left];
  }

  // Outside the picture its edge cells repeat.
  __device__ void fill(const DeviceReduction& r, const std::uint8_t* cells) const {
    const bool whole = left >= 0 && left + 16 <= r.cells_x && r.cells_x % 4 == 0 &&
                       reinterpret_cast<std::uintptr_t>(cells) % 4 == 0;
#pragma unroll
    for (unsigned i = threadIdx.x % 32; i < kRows * 4; i += 32) {
      const int row = min(max(top + int(i / 4), 0), r.cells_y - 1), first = left + int(i % 4) * 4;
      const std::uint8_t* const source = cells + row * r.cells_x;  // a few million cells at most
      std::uint32_t word = 0;
      if (whole) {
        word = *reinterpret_cast<const std::uint32_t*>(source + first);
      } else {
        for (int k = 0; k < 4; ++k) {
          word |= std::uint32_t{source[min(max(first + k, 0), r.cells_x - 1)]} << (8 * k);
        }
      }
      rows[i / 4][i % 4] = word;
    }
  }

  // Sum of absolute differences with the cells from (x, y) on.
  __device__ int difference(const std::uint32_t (*now)[2], int x, int y) const {
    const unsigned column = unsigned(x - left), word = column / 4, bits = column % 4 * 8;
    std::uint32_t sum = 0;
#pragma unroll
    for (int i = 0; i < kSide; ++i) {
      const std::uint32_t* const row = rows[y - top + i] + word;
      const std::uint32_t middle = row[1];
      sum += __vsadu4(now[i][0], __funnelshift_r(row[0], middle, bits));
      sum += __vsadu4(now[i][1], __funnelshift_r(middle, row[2], bits));
    }
    return int(sum);
  }
};
using ZeroWindow = Window<kZeroReach>;
using NearWindow = Window<kNearReach>;

struct WarpShared {
  std::uint32_t now[kSide][2];
  WindowRow zero[ZeroWindow::kRows];
  WindowRow near[NearWindow::kRows];
  int differences[kCandidates];
};

__global__ void __launch_bounds__(kWarps * 32)
    motion_kernel(DeviceReduction r, const DeviceFrame* frames, const DeviceSums* sums) {
  __shared__ WarpShared all_shared[kWarps];
  const DeviceFrame frame = frames[blockIdx.z];
  const int lane = int(threadIdx.x % 32), warp = int(threadIdx.x / 32);
  const int block_x = int(blockIdx.x) * kWarps + warp, block_y = int(blockIdx.y);
  if (frame.previous_cells == nullptr || block_x >= r.blocks_x) return;
  WarpShared& shared = all_shared[warp];
  const int guess_x = sums[blockIdx.z].guess_x, guess_y = sums[blockIdx.z].guess_y;
  const bool near_window = abs(guess_x) > 1 || abs(guess_y) > 1;
  const int x = block_x * kSide, y = block_y * kSide;
  if (lane < 2 * kSide) {
    const std::uint8_t* const cells =
        frame.cells[0] + (y + lane / 2) * r.cells_x + x + lane % 2 * 4;
    std::uint32_t word = 0;
    for (int k = 0; k < 4; ++k) word |= std::uint32_t{cells[k]} << (8 * k);
    shared.now[lane / 2][lane % 2] = word;
  }
  const ZeroWindow zero(shared.zero, x, y);
  const NearWindow near(shared.near, x - guess_x, y - guess_y);
  zero.fill(r, frame.previous_cells);
  if (near_window) near.fill(r, frame.previous_cells);
  __syncwarp();

  // Least cost, the first of equals: the zero vector has rank 0, candidate i has i + 1.
  constexpr unsigned kRanks = 128;
  static_assert(kCandidates < int(kRanks), "ranks fit");
  unsigned best = ~0u;
  const auto consider = [&](int index, int difference, int penalty) {
    shared.differences[index] = difference;
    best = min(best, unsigned(difference + penalty) * kRanks + unsigned(index) + 1);
    if (index == kZeroWindow / 2) best = min(best, unsigned(difference) * kRanks);
  };
#pragma unroll
  for (int i = lane; i < kZeroWindow; i += 32) {
    const Vector vector = from_center<kZeroReach>(i, kArea);
    consider(i, zero.difference(shared.now, x - vector.x, y - vector.y), vector.penalty);
  }
  if (near_window && lane < kNearSide * kNearSide) {
    const Vector vector = from_center<kNearReach>(lane, kArea);
    const int from_x = x - guess_x - vector.x, from_y = y - guess_y - vector.y;
    consider(kZeroWindow + lane, near.difference(shared.now, from_x, from_y), vector.penalty);
  }
  for (int step = 16; step > 0; step /= 2) {
    best = min(best, __shfl_xor_sync(kEverybody, best, step));
  }
  __syncwarp();
  const int rank = int(best % kRanks), winner = rank == 0 ? kZeroWindow / 2 : rank - 1;
  const Refined motion = refined(shared.differences, winner, guess_x, guess_y, kArea);

  const int right = -motion.x & 15, down = -motion.y & 15;
  const int back_x = -motion.x >> 4, back_y = -motion.y >> 4;
  const auto* const now = reinterpret_cast<const std::uint8_t*>(shared.now);
  const auto refined_difference = [&](const auto& window) {
    int sum = 0;
#pragma unroll
    for (int i = lane; i < kArea; i += 32) {
      const int cell_x = x + i % kSide + back_x, cell_y = y + i / kSide + back_y;
      sum +=
          abs(now[i] - blended(window.byte_at(cell_x, cell_y), window.byte_at(cell_x + 1, cell_y),
                               window.byte_at(cell_x, cell_y + 1),
                               window.byte_at(cell_x + 1, cell_y + 1), right, down));
    }
    return sum;
  };
  int difference = motion.near ? refined_difference(near) : refined_difference(zero);
  for (int step = 16; step > 0; step /= 2) {
    difference += __shfl_xor_sync(kEverybody, difference, step);
  }
  if (lane != 0) return;
  BlockMotion& found = frame.blocks[block_y * r.blocks_x + block_x];
  found.x = static_cast<std::int16_t>(motion.x);
  found.y = static_cast<std::int16_t>(motion.y);
  found.difference = min(shared.differences[winner], difference);
  found.textured = motion.textured;
}

// ---- smaller blocks ---------------------------------------------------------------------------

constexpr int kThreads = 128;
static_assert(kCandidates <= kThreads, "one thread each");

__global__ void small_motion_kernel(DeviceReduction r, const DeviceFrame* frames,
                                    const DeviceSums* sums) {
  const DeviceFrame& frame = frames[blockIdx.y];
  if (frame.previous_cells == nullptr) return;
  const int guess_x = sums[blockIdx.y].guess_x, guess_y = sums[blockIdx.y].guess_y;
  const int area = r.block_cells_x * r.block_cells_y;
  const int first_x = int(blockIdx.x) % r.blocks_x * r.block_cells_x;
  const int first_y = int(blockIdx.x) / r.blocks_x * r.block_cells_y;
  const auto now = [&](int i) {
    const int x = first_x + i % r.block_cells_x, y = first_y + i / r.block_cells_x;
    return int{frame.cells[0][std::ptrdiff_t{y} * r.cells_x + x]};
  };
  const auto before = [&](int i, int dx, int dy) {  // outside, the edge cells repeat
    const int x = min(max(first_x + i % r.block_cells_x + dx, 0), r.cells_x - 1);
    const int y = min(max(first_y + i / r.block_cells_x + dy, 0), r.cells_y - 1);
    return int{frame.previous_cells[std::ptrdiff_t{y} * r.cells_x + x]};
  };
  const bool near_window = abs(guess_x) > 1 || abs(guess_y) > 1;
  const int candidates = near_window ? kCandidates : kZeroWindow;
  __shared__ int differences[kCandidates];
  __shared__ int refined_difference, winner;

  const int index = int(threadIdx.x);
  if (index < candidates) {
    const Vector vector = candidate_of(index, guess_x, guess_y, area);
    int difference = 0;
    for (int i = 0; i < area; ++i) difference += abs(now(i) - before(i, -vector.x, -vector.y));
    differences[index] = difference;
  }
  __syncthreads();
  if (index == 0) {
    int best = kZeroWindow / 2;  // the zero vector, which costs nothing more
    int best_cost = differences[best];
    for (int i = 0; i < candidates; ++i) {
      const int cost = differences[i] + candidate_of(i, guess_x, guess_y, area).penalty;
      if (cost >= best_cost) continue;
      best = i;
      best_cost = cost;
    }
    winner = best;
    refined_difference = 0;
  }
  __syncthreads();
  const Refined motion = refined(differences, winner, guess_x, guess_y, area);
  const int right = -motion.x & 15, down = -motion.y & 15;
  const int back_x = -motion.x >> 4, back_y = -motion.y >> 4;
  for (int i = index; i < area; i += kThreads) {
    const int matched =
        blended(before(i, back_x, back_y), before(i, back_x + 1, back_y),
                before(i, back_x, back_y + 1), before(i, back_x + 1, back_y + 1), right, down);
    atomicAdd(&refined_difference, abs(now(i) - matched));
  }
  __syncthreads();
  if (index != 0) return;
  BlockMotion& found = frame.blocks[blockIdx.x];
  found.x = static_cast<std::int16_t>(motion.x);
  found.y = static_cast<std::int16_t>(motion.y);
  found.difference = min(differences[winner], refined_difference);
  found.textured = motion.textured;
}

}  // namespace

void launch_block_motion(const DeviceReduction& r, const DeviceFrame* frames,
                         const DeviceSums* sums, int count, cudaStream_t stream) {
  if (r.block_cells_x == kSide && r.block_cells_y == kSide) {
    const dim3 grid(unsigned((r.blocks_x + kWarps - 1) / kWarps), unsigned(r.blocks_y),
                    unsigned(count));
    motion_kernel<<<grid, kWarps * 32, 0, stream>>>(r, frames, sums);
  } else {
    small_motion_kernel<<<dim3(unsigned(r.blocks_x * r.blocks_y), unsigned(count)), kThreads, 0,
                          stream>>>(r, frames, sums);
  }
  check_launch("motion_kernel");
}

}  // namespace fastthumb
