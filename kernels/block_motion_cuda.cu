// Block motion on the device, as Note [block motion] in signals.hpp says, for a batch of frames.
//
//   profiles_kernel   a block of threads per frame: profiles, then the guess of both axes
//   motion_kernel     a block of threads per block of cells: a thread per candidate vector
#include "cuda_common.cuh"
#include "frame_signals_device.cuh"

namespace fastthumb {
namespace {

constexpr int kThreads = 128;
constexpr int kShifts = 2 * kGuessReach + 1;
constexpr int kZeroSide = 2 * kZeroReach + 1;
constexpr int kNearSide = 2 * kNearReach + 1;
constexpr int kZeroWindow = kZeroSide * kZeroSide;
constexpr int kCandidates = kZeroWindow + kNearSide * kNearSide;
static_assert(2 * kShifts <= kThreads && kCandidates <= kThreads, "one thread each");

// 0, -1, 1, -2, 2, ...
__device__ int shift_of(int index) { return index % 2 != 0 ? -(index + 1) / 2 : index / 2; }

__global__ void profiles_kernel(DeviceReduction r, const DeviceFrame* frames, DeviceSums* sums) {
  const DeviceFrame& frame = frames[blockIdx.x];
  if (frame.previous_cells == nullptr) return;
  const int lengths[2] = {r.cells_x, r.cells_y};
  // Sums across the axis: [axis][picture], first now, then before.
  std::int32_t* const profiles[2][2] = {
      {frame.profiles, frame.profiles + r.cells_x},
      {frame.profiles + 2 * r.cells_x, frame.profiles + 2 * r.cells_x + r.cells_y}};
  __shared__ std::int64_t totals[2][2];
  __shared__ std::int64_t differences[2][kShifts];
  if (threadIdx.x < 4) totals[threadIdx.x / 2][threadIdx.x % 2] = 0;
  __syncthreads();
  for (int axis = 0; axis < 2; ++axis) {
    for (int i = int(threadIdx.x); i < lengths[axis]; i += kThreads) {
      for (int picture = 0; picture < 2; ++picture) {
        const std::uint8_t* const cells = picture == 0 ? frame.cells[0] : frame.previous_cells;
        std::int32_t sum = 0;
        for (int j = 0; j < lengths[1 - axis]; ++j) {
          sum += axis == 0 ? cells[std::ptrdiff_t{j} * r.cells_x + i]
                           : cells[std::ptrdiff_t{i} * r.cells_x + j];
        }
        profiles[axis][picture][i] = sum;
        add_to(&totals[axis][picture], sum);
      }
    }
  }
  __syncthreads();
  if (threadIdx.x < 2 * kShifts) {
    const int axis = int(threadIdx.x) / kShifts, index = int(threadIdx.x) % kShifts;
    const int length = lengths[axis], shift = shift_of(index);
    std::int64_t difference = 0;
    if (index <= 2 * min(kGuessReach, length / 4)) {
      const auto now_mean = static_cast<std::int32_t>(totals[axis][0] / length);
      const auto before_mean = static_cast<std::int32_t>(totals[axis][1] / length);
      for (int i = max(0, shift); i < length + min(0, shift); ++i) {
        difference +=
            abs((profiles[axis][0][i] - now_mean) - (profiles[axis][1][i - shift] - before_mean));
      }
    }
    differences[axis][index] = difference;
  }
  __syncthreads();
  if (threadIdx.x < 2) {
    const int axis = int(threadIdx.x), length = lengths[axis];
    int best = 0;
    std::int64_t best_sum = differences[axis][0], best_count = length;
    for (int index = 1; index <= 2 * min(kGuessReach, length / 4); ++index) {
      const int shift = shift_of(index);
      const std::int64_t count = length - abs(shift);
      if (differences[axis][index] * best_count >= best_sum * count) continue;
      best = shift;
      best_sum = differences[axis][index];
      best_count = count;
    }
    (axis == 0 ? sums[blockIdx.x].guess_x : sums[blockIdx.x].guess_y) = best;
  }
}

struct Vector {
  int x, y, penalty;
};

// The window's candidate `index`, row by row.
__device__ Vector candidate_of(int index, int guess_x, int guess_y, int area) {
  const bool near = index >= kZeroWindow;
  const int side = near ? kNearSide : kZeroSide, reach = near ? kNearReach : kZeroReach;
  const int place = near ? index - kZeroWindow : index;
  const int dx = place % side - reach, dy = place / side - reach;
  const int penalty = (near ? area / 2 : area) + area * (abs(dx) + abs(dy)) / 16;
  return {(near ? guess_x : 0) + dx, (near ? guess_y : 0) + dy, penalty};
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

__global__ void motion_kernel(DeviceReduction r, const DeviceFrame* frames,
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
  __shared__ int refined;
  __shared__ int motion_x, motion_y;
  bool textured = false;  // thread 0 alone knows
  int whole = 0;

  const int index = int(threadIdx.x);
  if (index < candidates) {
    const Vector vector = candidate_of(index, guess_x, guess_y, area);
    int difference = 0;
    for (int i = 0; i < area; ++i) difference += abs(now(i) - before(i, -vector.x, -vector.y));
    differences[index] = difference;
  }
  __syncthreads();
  if (index == 0) {
    int winner = kZeroWindow / 2;  // the zero vector, which costs nothing more
    int best_cost = differences[winner];
    for (int i = 0; i < candidates; ++i) {
      const int cost = differences[i] + candidate_of(i, guess_x, guess_y, area).penalty;
      if (cost >= best_cost) continue;
      winner = i;
      best_cost = cost;
    }
    const bool near = winner >= kZeroWindow;
    const int side = near ? kNearSide : kZeroSide, reach = near ? kNearReach : kZeroReach;
    const int place = near ? winner - kZeroWindow : winner;
    const Vector vector = candidate_of(winner, guess_x, guess_y, area);
    textured = vector.x != 0 || vector.y != 0;
    const int part_x = part_of(differences, winner, place % side - reach, reach, 1, area, textured);
    const int part_y =
        part_of(differences, winner, place / side - reach, reach, side, area, textured);
    motion_x = vector.x * kVectorUnits + part_x;
    motion_y = vector.y * kVectorUnits + part_y;
    whole = differences[winner];
    refined = 0;
  }
  __syncthreads();
  const int right = -motion_x & 15, below = -motion_y & 15;
  const int back_x = -motion_x >> 4, back_y = -motion_y >> 4;
  for (int i = index; i < area; i += kThreads) {
    const int matched = (16 - below) * ((16 - right) * before(i, back_x, back_y) +
                                        right * before(i, back_x + 1, back_y)) +
                        below * ((16 - right) * before(i, back_x, back_y + 1) +
                                 right * before(i, back_x + 1, back_y + 1));
    atomicAdd(&refined, abs(now(i) - ((matched + 128) >> 8)));
  }
  __syncthreads();
  if (index == 0) {
    BlockMotion& motion = frame.blocks[blockIdx.x];
    motion.x = static_cast<std::int16_t>(motion_x);
    motion.y = static_cast<std::int16_t>(motion_y);
    motion.difference = min(whole, refined);
    motion.textured = textured;
  }
}

}  // namespace

void launch_block_motion(const DeviceReduction& reduction, const DeviceFrame* frames,
                         DeviceSums* sums, int count, cudaStream_t stream) {
  profiles_kernel<<<unsigned(count), kThreads, 0, stream>>>(reduction, frames, sums);
  FT_CUDA(cudaGetLastError());
  const dim3 grid(unsigned(reduction.blocks_x * reduction.blocks_y), unsigned(count));
  motion_kernel<<<grid, kThreads, 0, stream>>>(reduction, frames, sums);
  FT_CUDA(cudaGetLastError());
}

}  // namespace fastthumb
