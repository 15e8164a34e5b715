// The signals of a frame: contract of the kernels frame_signals_{scalar,simd}.cpp and _cuda.cu.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fastthumb/layout.hpp"

namespace fastthumb {

inline constexpr int kGridRows = 18;
inline constexpr int kGridCols = 32;
inline constexpr int kChromaBins = 64;   // of 4 levels each
inline constexpr int kDarkLuma = 24;     // dark_share counts working luma up to here
inline constexpr int kBrightLuma = 250;  // bright_share counts from here
inline constexpr int kBarMaximum = 40;   // no px of a black bar's row or column is brighter
inline constexpr int kBarMean = 24;      // nor its mean
inline constexpr int kGuessReach = 24;   // cells: profile matching for the global guess
inline constexpr int kZeroReach = 3;     // cells: block search around the zero vector
inline constexpr int kNearReach = 2;     // cells: block search around the guess
inline constexpr int kCellPad = kGuessReach + kNearReach;  // replicated cells around cell_luma
inline constexpr int kVectorUnits = 16;                    // vectors are in 1/16 cell
inline constexpr int kLightnessUnits = 256;                // lightness sums are in 1/256
inline constexpr int kLabUnits = 64;                       // a, b and chroma sums are in 1/64

// What is kept of a frame for the next one, and for who wants to look at it.
struct WorkingPicture {
  explicit WorkingPicture(const Reduction& reduction);

  int cols, rows, cells_x, cells_y;
  std::ptrdiff_t cell_pitch;            // of the padded cell luma
  std::vector<std::uint8_t> luma;       // rows x cols, 0..255
  std::vector<std::uint8_t> cell_luma;  // padded by kCellPad replicated cells on every side
  std::vector<std::uint8_t> cell_cb;    // cells_y x cells_x, 0..255 around 128
  std::vector<std::uint8_t> cell_cr;

  // Fills the padding of cell_luma from its edge cells.
  void repeat_edge_cells();

  // Y, Cb, Cr of each cell, row by row: cells_y * cells_x * 3 bytes.
  void copy_cells(std::uint8_t* out) const;

  std::uint8_t* cell_luma_row(int y) {
    return cell_luma.data() + (y + kCellPad) * cell_pitch + kCellPad;
  }
  const std::uint8_t* cell_luma_row(int y) const {
    return cell_luma.data() + (y + kCellPad) * cell_pitch + kCellPad;
  }
};

// How one block of cells moved since the previous frame. See Note [block motion] in signals.hpp.
struct BlockMotion {
  std::int16_t x = 0, y = 0;    // 1/16 cell, positive right and down
  std::int32_t difference = 0;  // sum of |cell - matched previous cell|
  bool textured = false;        // a shift would have shown
};

// Note [block motion]
//
// Cell luma of the frame against that of the previous one, outside of which its edge cells repeat.
// Guess, per axis: profile = sum of the cells across the axis, less its rounded-down mean; the
// shift s (0, -1, 1, -2, 2, ... up to min(kGuessReach, n / 4)) with the least mean |now[i] -
// before[i - s]| over the overlap; the first of equals. Candidates: (0, 0); then all within
// kZeroReach of zero, row by row; then, unless the guess is within 1 of zero on both axes, all
// within kNearReach of the guess, row by row. Cost: the block's sum of absolute differences, plus
// nothing for zero, plus area + area * d / 16 in the first window and area / 2 + area * d / 16 in
// the second, d the city-block distance from its center, integer divisions. Least cost wins, the
// first of equals. Part of a cell, per axis, where both neighbors lie in the winner's window: with
// their sums m (less) and p (more), s the winner's and e = max(m, p) - s: if e >= 2 * area, add
// clamp(8 * (m - p) / e, -8, 8) sixteenths (division toward zero).
// Difference: the less of the winner's sum and the one against the previous cells at the refined
// vector, bilinear between four of them with weights in sixteenths, rounded.
// Textured: the whole-cell vector is not zero, or e >= 2 * area on either axis.

// Everything that is summed over a frame, in integers, so that all twins agree bit for bit.
struct SignalSums {
  std::array<std::uint32_t, 256> luma_histogram{};                           // working luma
  std::array<std::array<std::uint32_t, kChromaBins>, 2> chroma_histogram{};  // Cb, Cr of the cells
  std::int64_t laplacian_sum = 0;  // 4 c - left - right - up - down over the interior
  std::uint64_t laplacian_squares = 0;
  std::uint64_t difference = 0;           // |working luma - previous|, 0 without a previous frame
  std::int64_t lightness = 0;             // 1/256 CIELAB L over the cells
  std::int64_t a = 0, b = 0, chroma = 0;  // 1/64 over the cells
  int bar_top = 0, bar_bottom = 0, bar_left = 0, bar_right = 0;  // working px
  // Sums of cell Y, Cb, Cr; bucket i of n covers cells floor(i c / n) up to floor((i + 1) c / n),
  // at least one.
  std::array<std::array<std::array<std::uint32_t, 3>, kGridCols>, kGridRows> grid{};
  std::vector<BlockMotion> blocks;  // row by row; empty without a previous frame
};

// One implementation at work on one stream; it may keep buffers between frames.
class FrameSummer {
 public:
  virtual ~FrameSummer() = default;
  // Fills `picture` and `sums` from the planes. `previous` is the picture of the frame before, or
  // null. Nothing outside the planes' rows is read.
  virtual void sum(const FramePlanes& planes, const WorkingPicture* previous,
                   WorkingPicture& picture, SignalSums& sums) = 0;
};

// The signals that the stages read. Luma is working luma: full range 0..255.
struct FrameSignals {
  double luma_mean = 0;               // 0..255
  double luma_std = 0;                // population, 0..127.5
  double laplacian_variance = 0;      // levels squared; 0 where the picture has no interior
  double lightness = 0;               // mean CIELAB L, 0..100
  double chroma = 0;                  // mean sqrt(a^2 + b^2)
  double a_mean = 0, b_mean = 0;      // mean CIELAB a, b; 0 is gray
  double entropy = 0;                 // bits, of the luma histogram, 0..8
  double difference = 0;              // mean |luma - previous|, 0..255
  double motion = 0;                  // mean length of the block vectors, working px
  double camera_x = 0, camera_y = 0;  // median vector of the textured blocks, working px
  double motion_spread = 0;           // their mean distance from it, working px
  double compensated_difference = 0;  // mean |cell - previous cell| after block motion, 0..255
  double dark_share = 0;              // share of luma <= kDarkLuma
  double bright_share = 0;            // share of luma >= kBrightLuma
  int bar_top = 0, bar_bottom = 0, bar_left = 0, bar_right = 0;  // black border, working px
  bool has_previous = false;  // the motion and difference fields mean something
  std::array<std::uint32_t, 256> luma_histogram{};
  std::array<std::array<std::uint32_t, kChromaBins>, 2> chroma_histogram{};
  std::array<std::array<std::array<float, 3>, kGridCols>, kGridRows> grid{};  // mean Y, Cb, Cr
};

// The arithmetic from the sums to the signals, the same for all twins.
FrameSignals signals_of(const Reduction& reduction, const SignalSums& sums);

// Measures the frames of one stream in order. Not for use by two threads at once.
class SignalMeter {
 public:
  // implementation: "auto" (the fastest CPU one) or one of implementations("frame_signals").
  SignalMeter(FrameLayout layout, std::string_view implementation);
  SignalMeter(const SignalMeter&) = delete;  // the summer refers to the reduction
  SignalMeter& operator=(const SignalMeter&) = delete;

  FrameSignals measure(const std::vector<PlaneBytes>& planes);
  void reset() { has_previous_ = false; }  // the next frame has no previous one

  const Reduction& reduction() const { return reduction_; }
  const std::string& implementation() const { return implementation_; }
  const WorkingPicture& picture() const;  // of the last frame; throws FrameError before the first

 private:
  Reduction reduction_;
  std::string implementation_;
  std::unique_ptr<FrameSummer> summer_;
  WorkingPicture current_, previous_;
  SignalSums sums_;
  bool has_previous_ = false;
  bool measured_ = false;
};

}  // namespace fastthumb
