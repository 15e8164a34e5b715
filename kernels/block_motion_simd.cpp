// A row of blocks at a time: every candidate vector is tried on all its blocks at once, so that the
// loops run along whole rows of cells.
#include "block_motion_simd.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "simd.hpp"

namespace fastthumb {
namespace {

struct Window {
  int center_x, center_y, reach;
  int penalty;  // of any vector in it
  int first;    // its first candidate
};

struct Candidate {
  int x, y, penalty;
};

// All candidates in the order of the contract; (0, 0) comes first and again inside its window.
class Search {
 public:
  Search(int guess_x, int guess_y, int area) {
    candidates_.push_back({0, 0, 0});
    add({0, 0, kZeroReach, area, 0}, area);
    if (std::abs(guess_x) > 1 || std::abs(guess_y) > 1) {
      add({guess_x, guess_y, kNearReach, area / 2, 0}, area);
    }
  }

  const std::vector<Candidate>& candidates() const { return candidates_; }

  // The candidate `dx`, `dy` cells from `index` in its own window; -1 outside of it.
  int neighbor(int index, int dx, int dy) const {
    const Window& window = index < windows_.back().first ? windows_.front() : windows_.back();
    const Candidate& candidate = candidates_[std::size_t(index)];
    const int x = candidate.x + dx - window.center_x, y = candidate.y + dy - window.center_y;
    if (std::abs(x) > window.reach || std::abs(y) > window.reach) return -1;
    return window.first + (y + window.reach) * (2 * window.reach + 1) + x + window.reach;
  }

 private:
  void add(Window window, int area) {
    window.first = int(candidates_.size());
    for (int dy = -window.reach; dy <= window.reach; ++dy) {
      for (int dx = -window.reach; dx <= window.reach; ++dx) {
        const int penalty = window.penalty + area * (std::abs(dx) + std::abs(dy)) / 16;
        candidates_.push_back({window.center_x + dx, window.center_y + dy, penalty});
      }
    }
    windows_.push_back(window);
  }

  std::vector<Candidate> candidates_;
  std::vector<Window> windows_;
};

// Per block of a row of blocks: the best cost so far, whose it is, and every candidate's sum.
struct Costs {
  std::vector<std::uint16_t> columns, pairs, quads;  // sums down the columns, then along the row
  std::vector<std::uint16_t> sums;                   // candidates x blocks
  std::vector<std::uint16_t> best, chosen;           // blocks
};

template <int kRows>
FASTTHUMB_INLINE void column_differences(const std::uint8_t* now, std::ptrdiff_t now_pitch,
                                         const std::uint8_t* before, std::ptrdiff_t before_pitch,
                                         int cells, std::uint16_t* __restrict out) {
  for (int x = 0; x < cells; ++x) {
    std::uint16_t sum = 0;
    for (int y = 0; y < kRows; ++y) {
      const int change = now[y * now_pitch + x] - before[y * before_pitch + x];
      sum = static_cast<std::uint16_t>(sum + std::abs(change));
    }
    out[x] = sum;
  }
}

FASTTHUMB_INLINE void add_pairs(const std::uint16_t* __restrict in, int count,
                                std::uint16_t* __restrict out) {
  for (int x = 0; x < count; ++x) out[x] = static_cast<std::uint16_t>(in[2 * x] + in[2 * x + 1]);
}

// Sums of absolute differences of the blocks of one row for one vector.
FASTTHUMB_CLONES void block_differences(const std::uint8_t* now, const std::uint8_t* before,
                                        std::ptrdiff_t pitch, int block_cols, int block_rows,
                                        int blocks, Costs& costs, std::uint16_t* __restrict out) {
  const int cells = block_cols * blocks;
  std::uint16_t* const columns = costs.columns.data();
  if (block_rows == 8) {
    column_differences<8>(now, pitch, before, pitch, cells, columns);
  } else {
    std::fill_n(columns, cells, std::uint16_t{0});
    for (int y = 0; y < block_rows; ++y) {
      for (int x = 0; x < cells; ++x) {
        const int change = now[y * pitch + x] - before[y * pitch + x];
        columns[x] = static_cast<std::uint16_t>(columns[x] + std::abs(change));
      }
    }
  }
  if (block_cols == 8) {
    add_pairs(columns, cells / 2, costs.pairs.data());
    add_pairs(costs.pairs.data(), cells / 4, costs.quads.data());
    add_pairs(costs.quads.data(), cells / 8, out);
    return;
  }
  for (int block = 0; block < blocks; ++block) {
    std::uint16_t sum = 0;
    for (int x = 0; x < block_cols; ++x) {
      sum = static_cast<std::uint16_t>(sum + columns[block * block_cols + x]);
    }
    out[block] = sum;
  }
}

FASTTHUMB_CLONES void keep_better(const std::uint16_t* __restrict sums, int blocks,
                                  std::uint16_t penalty, std::uint16_t candidate,
                                  std::uint16_t* __restrict best,
                                  std::uint16_t* __restrict chosen) {
  for (int block = 0; block < blocks; ++block) {
    const auto cost = static_cast<std::uint16_t>(sums[block] + penalty);
    const bool better = cost < best[block];
    best[block] = better ? cost : best[block];
    chosen[block] = better ? candidate : chosen[block];
  }
}

// |cell - bilinear previous cell| over one block. 255 times the weights' 256 fits 16 bits.
template <int kCols>
FASTTHUMB_INLINE int bilinear_difference(const std::uint8_t* now, const std::uint8_t* place,
                                         std::ptrdiff_t pitch, int cols, int rows, int right,
                                         int below) {
  const std::ptrdiff_t next_x = right > 0 ? 1 : 0, next_y = below > 0 ? pitch : 0;
  const auto w00 = static_cast<std::uint16_t>((16 - below) * (16 - right));
  const auto w01 = static_cast<std::uint16_t>((16 - below) * right);
  const auto w10 = static_cast<std::uint16_t>(below * (16 - right));
  const auto w11 = static_cast<std::uint16_t>(below * right);
  int sum = 0;
  for (int y = 0; y < rows; ++y) {
    const std::uint8_t* const here = place + y * pitch;
    const std::uint8_t* const under = here + next_y;
    for (int x = 0; x < (kCols > 0 ? kCols : cols); ++x) {
      const auto matched = static_cast<std::uint16_t>(
          w00 * here[x] + w01 * here[x + next_x] + w10 * under[x] + w11 * under[x + next_x] + 128);
      sum += std::abs(now[y * pitch + x] - (matched >> 8));
    }
  }
  return sum;
}

// The place in the previous picture is given in sixteenths of a cell.
FASTTHUMB_CLONES int refined_difference(const std::uint8_t* now, const std::uint8_t* before,
                                        std::ptrdiff_t pitch, int cols, int rows, int vector_x,
                                        int vector_y) {
  const int right = -vector_x & 15, below = -vector_y & 15;
  const std::uint8_t* const place = before + (-vector_y >> 4) * pitch + (-vector_x >> 4);
  return cols == 8 ? bilinear_difference<8>(now, place, pitch, cols, rows, right, below)
                   : bilinear_difference<0>(now, place, pitch, cols, rows, right, below);
}

FASTTHUMB_CLONES void add_bytes(const std::uint8_t* __restrict bytes, int count,
                                std::int32_t* __restrict sums) {
  for (int x = 0; x < count; ++x) sums[x] += bytes[x];
}

FASTTHUMB_CLONES std::int32_t byte_sum(const std::uint8_t* bytes, int count) {
  std::int32_t sum = 0;
  for (int x = 0; x < count; ++x) sum += bytes[x];
  return sum;
}

std::vector<std::int32_t> column_profile(const WorkingPicture& picture) {
  std::vector<std::int32_t> profile(std::size_t(picture.cells_x), 0);
  for (int y = 0; y < picture.cells_y; ++y) {
    add_bytes(picture.cell_luma_row(y), picture.cells_x, profile.data());
  }
  return profile;
}

std::vector<std::int32_t> row_profile(const WorkingPicture& picture) {
  std::vector<std::int32_t> profile(std::size_t(picture.cells_y));
  for (int y = 0; y < picture.cells_y; ++y) {
    profile[std::size_t(y)] = byte_sum(picture.cell_luma_row(y), picture.cells_x);
  }
  return profile;
}

FASTTHUMB_CLONES std::int64_t profile_difference(const std::int32_t* __restrict now,
                                                 const std::int32_t* __restrict before, int count) {
  std::int64_t sum = 0;
  for (int i = 0; i < count; ++i) sum += std::abs(now[i] - before[i]);
  return sum;
}

int guessed_shift(std::vector<std::int32_t> before, std::vector<std::int32_t> now) {
  const int length = int(now.size());
  for (std::vector<std::int32_t>* profile : {&before, &now}) {
    std::int64_t total = 0;
    for (const std::int32_t value : *profile) total += value;
    for (std::int32_t& value : *profile) value -= std::int32_t(total / length);
  }
  const int reach = std::min(kGuessReach, length / 4);
  int best = 0;
  std::int64_t best_sum = 0, best_count = 0;
  for (int k = 0; k <= 2 * reach; ++k) {
    const int shift = k % 2 != 0 ? -(k + 1) / 2 : k / 2;
    const std::int64_t count = length - std::abs(shift);
    const std::int64_t sum = profile_difference(now.data() + std::max(0, shift),
                                                before.data() + std::max(0, -shift), int(count));
    if (k == 0 || sum * best_count < best_sum * count) {
      best = shift;
      best_sum = sum;
      best_count = count;
    }
  }
  return best;
}

}  // namespace

void find_block_motion(const Reduction& r, const WorkingPicture& before, const WorkingPicture& now,
                       std::vector<BlockMotion>& motions) {
  const int area = r.block_cells_x * r.block_cells_y;
  const Search search(guessed_shift(column_profile(before), column_profile(now)),
                      guessed_shift(row_profile(before), row_profile(now)), area);
  const std::vector<Candidate>& candidates = search.candidates();
  const auto blocks = std::size_t(r.blocks_x);
  const std::size_t cells = blocks * std::size_t(r.block_cells_x);
  const std::ptrdiff_t pitch = now.cell_pitch;
  Costs costs{.columns = std::vector<std::uint16_t>(cells),
              .pairs = std::vector<std::uint16_t>(cells / 2 + 1),
              .quads = std::vector<std::uint16_t>(cells / 4 + 1),
              .sums = std::vector<std::uint16_t>(candidates.size() * blocks),
              .best = std::vector<std::uint16_t>(blocks),
              .chosen = std::vector<std::uint16_t>(blocks)};

  for (int block_y = 0; block_y < r.blocks_y; ++block_y) {
    const std::uint8_t* const now_row = now.cell_luma_row(block_y * r.block_cells_y);
    const std::uint8_t* const before_row = before.cell_luma_row(block_y * r.block_cells_y);
    std::fill(costs.best.begin(), costs.best.end(), std::uint16_t{UINT16_MAX});
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const Candidate& candidate = candidates[i];
      std::uint16_t* const sums = costs.sums.data() + i * blocks;
      block_differences(now_row, before_row - candidate.y * pitch - candidate.x, pitch,
                        r.block_cells_x, r.block_cells_y, r.blocks_x, costs, sums);
      keep_better(sums, r.blocks_x, std::uint16_t(candidate.penalty), std::uint16_t(i),
                  costs.best.data(), costs.chosen.data());
    }
    for (std::size_t block = 0; block < blocks; ++block) {
      // The zero vector stands in its window too, with the neighbors that the lone one lacks.
      const int zero_in_window = 1 + (kZeroReach * (2 * kZeroReach + 1) + kZeroReach);
      const int chosen = costs.chosen[block] == 0 ? zero_in_window : int(costs.chosen[block]);
      const Candidate& winner = candidates[std::size_t(chosen)];
      const auto sum_of = [&](int index) {
        return int(costs.sums[std::size_t(index) * blocks + block]);
      };
      const int whole = sum_of(chosen);
      BlockMotion motion;
      motion.textured = winner.x != 0 || winner.y != 0;
      const auto part = [&](int dx, int dy) {  // sixteenths of a cell along one axis
        const int less = search.neighbor(chosen, -dx, -dy), more = search.neighbor(chosen, dx, dy);
        if (less < 0 || more < 0) return 0;
        const int edge = std::max(sum_of(less), sum_of(more)) - whole;
        if (edge < 2 * area) return 0;
        motion.textured = true;
        return std::clamp(8 * (sum_of(less) - sum_of(more)) / edge, -8, 8);
      };
      const int part_x = part(1, 0), part_y = part(0, 1);
      motion.x = std::int16_t(winner.x * kVectorUnits + part_x);
      motion.y = std::int16_t(winner.y * kVectorUnits + part_y);
      motion.difference = whole;
      if (part_x != 0 || part_y != 0) {
        const std::size_t first = block * std::size_t(r.block_cells_x);
        motion.difference = std::min(
            whole, refined_difference(now_row + first, before_row + first, pitch, r.block_cells_x,
                                      r.block_cells_y, motion.x, motion.y));
      }
      motions.push_back(motion);
    }
  }
}

}  // namespace fastthumb
