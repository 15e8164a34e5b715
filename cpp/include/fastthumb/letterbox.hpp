// Tensors for networks out of pixel planes: contract of the kernels letterbox_{scalar,simd}.cpp and
// letterbox_cuda.cu.
//
// A tensor is planar float (3, height, width) of (code - mean) * scale, codes 0..255 of R'G'B'.
// Coordinates are continuous: sample i covers i..i+1 and its center is at i + 0.5. "Frame px" are
// luma samples of the whole stored frame (both fields), before any turn or stretch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fastthumb/layout.hpp"

namespace fastthumb {

// Note [resampling]
//
// Each output px stands for an interval of the source, `step` samples long. area, where step >= 1:
// the mean of the interval, each sample by the part of it that is covered; where step < 1: linear
// between the two samples around the interval's center. (At step 1 both are the same.) cubic: the
// Keys kernel with a = -1/2, stretched by max(1, step), around the interval's center. Weights sum
// to one; those of samples that are not there go to the ones that are. Rows and columns are
// separate, and every plane is read on its own grid: chroma samples lie in the middle of the luma
// samples they stand for, and the rows of the first of two fields at 1/4 of theirs.
//
// Then Y, Cb, Cr become R'G'B': the range expansion (or the luma_curve, linear between entries,
// and the cell_lut, linear in three directions, both read within their tables only), the matrix,
// and a clamp to 0..255. Codes outside the picture are `fill`.
enum class Filter : std::uint8_t { area, cubic };

struct TensorFormat {
  int width = 0, height = 0;     // 1..16384
  bool bgr = false;              // channel order of the tensor, of mean and of scale
  std::array<double, 3> mean{};  // codes
  std::array<double, 3> scale{1, 1, 1};
  double fill = 0;  // code
};

// Throws FrameError for sizes and numbers that cannot be.
void check_format(const TensorFormat& format);

// The region x0..x1, y0..y1 of the frame (frame px), turned and mirrored, fills width x height px
// at the top left of the tensor.
struct Fit {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  int width = 0, height = 0;  // as displayed, at most the tensor's
  int quarter_turns = 0;      // clockwise, 0..3
  bool mirrored = false;      // flipped left to right after the turn
  Filter filter = Filter::area;

  bool operator==(const Fit&) const = default;
};

// Where each px of the tensor looks: x = m[0] u + m[1] v + m[2], y = m[3] u + m[4] v + m[5], (u, v)
// in tensor px, (x, y) in frame px. See Note [warp].
using Affine = std::array<double, 6>;

// Along one axis: output i is the sum over t < taps of weights[i * taps + t] * sample[first[i] +
// t].
struct AxisTaps {
  int taps = 1;
  std::vector<std::int32_t> first;
  std::vector<double> weights;
};

// Taps for `count` outputs, of which the first stands for from..from + step of `samples` samples.
AxisTaps taps_of(int samples, double from, double step, int count, Filter filter);

// Planes of one size that are resampled alike; each holds `components` interleaved components.
struct PlaneGroup {
  std::vector<PlaneView> planes;
  int components = 1;
  AxisTaps across, down;
};

// Y, Cb, Cr (or Y alone, or R, G, B) on one grid of cols x rows px.
struct Grid {
  int cols = 0, rows = 0;
  int sample_bytes = 1, msb_shift = 0;
  std::uint32_t sample_maximum = 255;  // samples above it are read as it
  std::vector<PlaneGroup> groups;      // their components, in order, are those of the picture
};

// How resampled components become codes of R', G', B'.
struct ColorMap {
  bool is_rgb = false;  // they are
  bool has_chroma = true;
  double luma_gain = 1, luma_offset = 0;      // -> 0..255
  double chroma_gain = 1, chroma_offset = 0;  // -> -127.5..127.5
  double cr_to_r = 0, cb_to_g = 0, cr_to_g = 0, cb_to_b = 0;
  const std::uint8_t* curve = nullptr;  // FrameLayout::luma_curve
  int curve_maximum = 0;                // its last index
  const std::uint8_t* lut = nullptr;    // FrameLayout::cell_lut
  int lut_size = 0;
};

// Everything that a kernel needs for a fit: px (i, j) of the grid goes to tensor px
// start + i * step_col + j * step_row of each channel. Those are the px left..right, top..bottom;
// the caller fills the others.
struct FitPlan {
  Grid grid;  // empty where the region lies outside
  ColorMap color;
  TensorFormat format;
  std::ptrdiff_t start = 0, step_col = 1, step_row = 0;
  int left = 0, right = 0, top = 0, bottom = 0;
};

// Note [warp]
//
// With l = hypot(m[0], m[1]), the frame px in x that a tensor px is long, the picture is first
// reduced by s = max(1, l / 2) as in Note [resampling], to cells of s px counted from 0 (the last
// one may be cut); in y alike. Each px of the tensor is read at its center, linear between four
// cells; cells beyond the edge repeat it. That color counts by the share
// clamp(x / s + 1/2) clamp((width - x) / s + 1/2), in y alike, clamped to 0..1, and `fill` by the
// rest: for s = 1, linear interpolation with a border of `fill`.
struct WarpPlan {
  Grid grid;  // the cells that are looked at; empty where the tensor lies outside
  ColorMap color;
  TensorFormat format;
  Affine matrix{};             // tensor px -> grid px, continuous
  double left = 0, right = 0;  // edges of the picture in grid px
  double top = 0, bottom = 0;
};

// A picture that can be read: planes of a layout, or packed RGB bytes.
struct Picture {
  const FrameLayout* layout = nullptr;  // null: RGB
  FramePlanes planes;                   // RGB: `luma`, three components a column
  int width() const;
  int height() const;  // of the whole frame
};

// Throw FrameError where planes and layout do not fit. The layout and the pixels stay the caller's.
Picture picture_of(const FrameLayout& layout, const std::vector<PlaneBytes>& planes);
Picture picture_of(const std::uint8_t* rgb, int width, int height, std::ptrdiff_t pitch_bytes);

// The geometry and the constants. Throw FrameError for regions, matrices and sizes that cannot be.
FitPlan plan_fit(const Picture& picture, const Fit& fit, const TensorFormat& format);
WarpPlan plan_warp(const Picture& picture, const Affine& matrix, const TensorFormat& format);

// A plan per picture, which are all of one layout; a fit that follows an equal one is not worked
// out again.
std::vector<FitPlan> plan_fits(const std::vector<Picture>& pictures, const std::vector<Fit>& fits,
                               const TensorFormat& format);

// Fill `tensor`, 3 * format.height * format.width floats. implementation: "auto" (the fastest CPU
// one) or one of letterbox_implementations(). Throw what the plans do, SettingsError for an unknown
// implementation, DeviceUnavailable where its device is not.
void fit(const Picture& picture, const Fit& fit, const TensorFormat& format,
         std::string_view implementation, float* tensor);
void warp(const Picture& picture, const Affine& matrix, const TensorFormat& format,
          std::string_view implementation, float* tensor);

// The names that are built in, the plain truth first.
std::vector<std::string> letterbox_implementations();

// The twins.
void fit_scalar(const FitPlan& plan, float* tensor);
void fit_simd(const FitPlan& plan, float* tensor);
void warp_scalar(const WarpPlan& plan, float* tensor);
void warp_simd(const WarpPlan& plan, float* tensor);
#ifdef FASTTHUMB_HAS_CUDA
void fit_cuda(const FitPlan& plan, float* tensor);
void warp_cuda(const WarpPlan& plan, float* tensor);
#endif

}  // namespace fastthumb
