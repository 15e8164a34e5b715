#include "fastthumb/letterbox.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "fastthumb/dispatch.hpp"
#include "fastthumb/error.hpp"

namespace fastthumb {
namespace {

constexpr int kLargestTensor = 16384;    // px a side
constexpr int kLargestSide = 65535;      // of an RGB picture, as of a layout
constexpr double kFarthest = 1 << 24;    // frame px that a region or a matrix may reach
constexpr double kLeastCoverage = 1e-9;  // of a sample; less is rounding

struct Letterbox {
  std::string_view implementation;
  void (*fit)(const FitPlan&, float*);
  void (*warp)(const WarpPlan&, float*);
};

// The plain truth first; "auto" takes kFastestCpu.
constexpr std::array kLetterboxes{
    Letterbox{"scalar", fit_scalar, warp_scalar},
    Letterbox{"simd", fit_simd, warp_simd},
#ifdef FASTTHUMB_HAS_CUDA
    Letterbox{"cuda", fit_cuda, warp_cuda},
#endif
};
constexpr std::string_view kFastestCpu = "simd";

const Letterbox& letterbox_of(std::string_view implementation) {
  const std::string_view wanted = implementation == "auto" ? kFastestCpu : implementation;
  std::string known;
  for (const Letterbox& entry : kLetterboxes) {
    if (entry.implementation == wanted) return entry;
    known.append(", ").append(entry.implementation);
  }
  throw SettingsError(
      joined("letterbox: no implementation '", implementation, "' in this build; use auto", known));
}

// ---- taps -------------------------------------------------------------------------------------

double keys(double x) {
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

// The samples of one output, and what each counts.
struct Taps {
  int first = 0;
  std::vector<double> weights;
};

void fill_taps(int samples, double low, double step, Filter filter, Taps& taps) {
  const double center = low + step / 2;
  const double scale = std::max(1.0, step);
  const double reach = filter == Filter::cubic ? 2 * scale : step >= 1 ? step / 2 : 1;
  const auto at = [samples](double x) {
    return static_cast<int>(std::clamp(std::floor(x), 0.0, double(samples - 1)));
  };
  const int first = at(center - reach), last = at(center + reach);
  taps.first = first;
  taps.weights.assign(std::size_t(last - first + 1), 0.0);
  double total = 0;
  for (int j = first; j <= last; ++j) {
    double weight = 0;
    if (filter == Filter::cubic) {
      weight = keys((j + 0.5 - center) / scale);
    } else if (step >= 1) {
      weight = std::min(low + step, j + 1.0) - std::max(low, double(j));
    } else {
      weight = 1 - std::abs(j + 0.5 - center);
    }
    if (filter != Filter::cubic && weight < kLeastCoverage) weight = 0;
    taps.weights[std::size_t(j - first)] = weight;
    total += weight;
  }
  if (std::abs(total) < kLeastCoverage) {  // beyond the edge: the sample there
    taps.first = at(center);
    taps.weights.assign(1, 1.0);
    return;
  }
  for (double& weight : taps.weights) weight /= total;
  while (taps.weights.size() > 1 && taps.weights.back() == 0) taps.weights.pop_back();
  const auto start = std::find_if(taps.weights.begin(), taps.weights.end() - 1,
                                  [](double weight) { return weight != 0; });
  taps.first += static_cast<int>(start - taps.weights.begin());
  taps.weights.erase(taps.weights.begin(), start);
}

// ---- grids ------------------------------------------------------------------------------------

// A stretch of the frame along one axis, cut into `count` outputs.
struct Axis {
  double from, step;
  int count;
};

PlaneGroup group_of(std::vector<PlaneView> planes, int components, const Axis& x, const Axis& y,
                    Filter filter) {
  PlaneGroup group;
  group.across = taps_of(planes[0].cols, x.from, x.step, x.count, filter);
  group.down = taps_of(planes[0].rows, y.from, y.step, y.count, filter);
  group.planes = std::move(planes);
  group.components = components;
  return group;
}

std::vector<PlaneView> chroma_planes(const Picture& picture) {
  if (picture.layout->chroma == Chroma::interleaved) return {picture.planes.cb};
  return {picture.planes.cb, picture.planes.cr};
}

Grid grid_of(const Picture& picture, const Axis& x, Axis y, Filter filter) {
  Grid grid;
  grid.cols = x.count;
  grid.rows = y.count;
  if (picture.layout == nullptr) {
    grid.groups.push_back(group_of({picture.planes.luma}, 3, x, y, filter));
    return grid;
  }
  const FrameLayout& in = *picture.layout;
  grid.sample_bytes = in.bit_depth == 8 ? 1 : 2;
  grid.msb_shift = in.msb_shift;
  grid.sample_maximum = (std::uint32_t{1} << in.bit_depth) - 1;
  // Row j of the first field is row 2 j of the frame: its center 2 j + 1/2 is to become j + 1/2.
  if (in.fields == 2) y = {y.from / 2 + 0.25, y.step / 2, y.count};
  grid.groups.push_back(group_of({picture.planes.luma}, 1, x, y, filter));
  if (in.chroma == Chroma::none) return grid;
  const auto reduced = [](const Axis& axis, int shift) {
    return Axis{std::ldexp(axis.from, -shift), std::ldexp(axis.step, -shift), axis.count};
  };
  const Axis cx = reduced(x, in.chroma_shift_x), cy = reduced(y, in.chroma_shift_y);
  const bool pairs = in.chroma == Chroma::interleaved;
  grid.groups.push_back(group_of(chroma_planes(picture), pairs ? 2 : 1, cx, cy, filter));
  return grid;
}

// The same grid on the planes of another picture of its layout.
void show(const Picture& picture, Grid& grid) {
  grid.groups[0].planes = {picture.planes.luma};
  if (grid.groups.size() > 1) grid.groups[1].planes = chroma_planes(picture);
}

ColorMap color_of(const Picture& picture) {
  ColorMap map;
  map.is_rgb = picture.layout == nullptr;
  if (map.is_rgb) return map;
  const FrameLayout& in = *picture.layout;
  const double maximum = std::ldexp(1.0, in.bit_depth) - 1;
  const double step = std::ldexp(1.0, in.bit_depth - 8);  // code values per 8-bit level
  map.has_chroma = in.chroma != Chroma::none;
  map.luma_gain = in.full_range ? 255 / maximum : 255 / (219 * step);
  map.luma_offset = in.full_range ? 0 : -16 * step * map.luma_gain;
  map.chroma_gain = in.full_range ? 255 / maximum : 255 / (224 * step);
  map.chroma_offset = -128 * step * map.chroma_gain;
  const auto [red, green, blue] = luma_weights(in.matrix);
  map.cr_to_r = 2 * (1 - red);
  map.cb_to_b = 2 * (1 - blue);
  map.cr_to_g = 2 * (1 - red) * red / green;
  map.cb_to_g = 2 * (1 - blue) * blue / green;
  if (!in.luma_curve.empty()) {
    map.curve = in.luma_curve.data();
    map.curve_maximum = static_cast<int>(maximum);
  }
  if (!in.cell_lut.empty()) {
    map.lut = in.cell_lut.data();
    map.lut_size = in.cell_lut_size;
  }
  return map;
}

// ---- fit --------------------------------------------------------------------------------------

void fill_box(const TensorFormat& format, int x0, int x1, int y0, int y1, float* tensor) {
  if (x0 >= x1) return;
  for (std::size_t c = 0; c < 3; ++c) {
    const auto value = static_cast<float>((format.fill - format.mean[c]) * format.scale[c]);
    float* const plane = tensor + c * std::size_t(format.width) * std::size_t(format.height);
    for (int y = y0; y < y1; ++y) {
      float* const row = plane + std::ptrdiff_t{y} * format.width;
      std::fill(row + x0, row + x1, value);
    }
  }
}

// Outputs first..end of an axis whose centers lie in 0..size.
std::pair<int, int> inside(double from, double step, int count, int size) {
  const auto bound = [&](double position) {
    const double output = std::ceil((position - from) / step - 0.5);
    return static_cast<int>(std::clamp(output, 0.0, double(count)));
  };
  return {bound(0), bound(size)};
}

}  // namespace

AxisTaps taps_of(int samples, double from, double step, int count, Filter filter) {
  AxisTaps axis;
  axis.first.resize(std::size_t(count));
  std::vector<double> packed;      // the weights of all outputs
  std::vector<std::size_t> start;  // where those of each begin
  start.reserve(std::size_t(count) + 1);
  Taps taps;
  for (int i = 0; i < count; ++i) {
    fill_taps(samples, from + i * step, step, filter, taps);
    axis.first[std::size_t(i)] = taps.first;
    axis.taps = std::max(axis.taps, static_cast<int>(taps.weights.size()));
    start.push_back(packed.size());
    packed.insert(packed.end(), taps.weights.begin(), taps.weights.end());
  }
  start.push_back(packed.size());
  axis.weights.assign(std::size_t(count) * std::size_t(axis.taps), 0.0);
  for (std::size_t i = 0; i < std::size_t(count); ++i) {
    const int first = axis.first[i];
    axis.first[i] = std::min(first, samples - axis.taps);  // so that all taps are in the plane
    const std::size_t target = i * std::size_t(axis.taps) + std::size_t(first - axis.first[i]);
    std::copy(packed.begin() + std::ptrdiff_t(start[i]),
              packed.begin() + std::ptrdiff_t(start[i + 1]),
              axis.weights.begin() + std::ptrdiff_t(target));
  }
  return axis;
}

void check_format(const TensorFormat& format) {
  for (const int side : {format.width, format.height}) {
    require(side >= 1 && side <= kLargestTensor, "letterbox: needs a tensor of 1 to ",
            kLargestTensor, " px a side, got ", format.width, " x ", format.height,
            "; pass the size that the network takes");
  }
  bool finite = std::isfinite(format.fill);
  for (std::size_t c = 0; c < 3; ++c) {
    finite = finite && std::isfinite(format.mean[c]) && std::isfinite(format.scale[c]);
  }
  require(finite,
          "letterbox: needs a mean, a scale and a fill that are finite numbers; "
          "pass those of the network");
}

std::vector<std::string> letterbox_implementations() {
  std::vector<std::string> names;
  for (const Letterbox& entry : kLetterboxes) names.emplace_back(entry.implementation);
  return names;
}

int Picture::width() const { return layout != nullptr ? layout->width : planes.luma.cols; }
int Picture::height() const { return layout != nullptr ? layout->height : planes.luma.rows; }

Picture picture_of(const FrameLayout& layout, const std::vector<PlaneBytes>& planes) {
  check_layout(layout);
  return {&layout, planes_of(layout, planes)};
}

Picture picture_of(const std::uint8_t* rgb, int width, int height, std::ptrdiff_t pitch_bytes) {
  for (const int side : {width, height}) {
    require(side >= 1 && side <= kLargestSide, "RGB picture: needs 1 to ", kLargestSide,
            " px a side, got ", width, " x ", height, "; scale the picture first");
  }
  Picture picture;
  picture.planes.luma = {rgb, width, height, pitch_bytes};
  return picture;
}

FitPlan plan_fit(const Picture& picture, const Fit& fit, const TensorFormat& format) {
  check_format(format);
  const bool sane = fit.x0 < fit.x1 && fit.y0 < fit.y1 && std::abs(fit.x0) < kFarthest &&
                    std::abs(fit.y0) < kFarthest && std::abs(fit.x1) < kFarthest &&
                    std::abs(fit.y1) < kFarthest;
  require(sane, "letterbox: needs a region with x0 < x1 and y0 < y1, got ", fit.x0, ", ", fit.y0,
          " to ", fit.x1, ", ", fit.y1, "; pass a box in the pixels of the picture");
  require(
      fit.width >= 1 && fit.width <= format.width && fit.height >= 1 && fit.height <= format.height,
      "letterbox: needs a part of at most ", format.width, " x ", format.height,
      " px of the tensor, got ", fit.width, " x ", fit.height, "; pass at most the whole");
  require(fit.quarter_turns >= 0 && fit.quarter_turns <= 3,
          "letterbox: needs 0 to 3 quarter turns, got ", fit.quarter_turns,
          "; pass the clockwise rotation divided by 90");

  const bool sideways = fit.quarter_turns % 2 != 0;
  const int cols = sideways ? fit.height : fit.width;  // of the grid, which is not turned
  const int rows = sideways ? fit.width : fit.height;
  const double step_x = (fit.x1 - fit.x0) / cols, step_y = (fit.y1 - fit.y0) / rows;
  const auto [col0, col1] = inside(fit.x0, step_x, cols, picture.width());
  const auto [row0, row1] = inside(fit.y0, step_y, rows, picture.height());

  // Where grid px (i, j) is shown: u and v, each start + i * per_col + j * per_row.
  struct Place {
    int start, per_col, per_row;
    int at(int i, int j) const { return start + i * per_col + j * per_row; }
  };
  Place u{0, 1, 0}, v{0, 0, 1};
  if (fit.quarter_turns == 1) u = {rows - 1, 0, -1}, v = {0, 1, 0};
  if (fit.quarter_turns == 2) u = {cols - 1, -1, 0}, v = {rows - 1, 0, -1};
  if (fit.quarter_turns == 3) u = {0, 0, 1}, v = {cols - 1, -1, 0};
  if (fit.mirrored) u = {fit.width - 1 - u.start, -u.per_col, -u.per_row};

  FitPlan plan;
  plan.format = format;
  if (col0 >= col1 || row0 >= row1) return plan;
  const auto [u0, u1] = std::minmax({u.at(col0, row0), u.at(col1 - 1, row1 - 1)});
  const auto [v0, v1] = std::minmax({v.at(col0, row0), v.at(col1 - 1, row1 - 1)});
  plan.left = u0;
  plan.right = u1 + 1;
  plan.top = v0;
  plan.bottom = v1 + 1;
  plan.grid = grid_of(picture, {fit.x0 + col0 * step_x, step_x, col1 - col0},
                      {fit.y0 + row0 * step_y, step_y, row1 - row0}, fit.filter);
  plan.color = color_of(picture);
  const std::ptrdiff_t pitch = format.width;
  plan.start = u.at(col0, row0) + v.at(col0, row0) * pitch;
  plan.step_col = u.per_col + v.per_col * pitch;
  plan.step_row = u.per_row + v.per_row * pitch;
  return plan;
}

std::vector<FitPlan> plan_fits(const std::vector<Picture>& pictures, const std::vector<Fit>& fits,
                               const TensorFormat& format) {
  std::vector<FitPlan> plans;
  plans.reserve(fits.size());
  for (std::size_t i = 0; i < fits.size(); ++i) {
    if (i > 0 && fits[i] == fits[i - 1]) {
      plans.push_back(plans.back());
      if (plans.back().grid.cols > 0) show(pictures[i], plans.back().grid);
    } else {
      plans.push_back(plan_fit(pictures[i], fits[i], format));
    }
  }
  return plans;
}

WarpPlan plan_warp(const Picture& picture, const Affine& m, const TensorFormat& format) {
  check_format(format);
  struct Span {  // of the frame, along one axis: cells first..end of `size` px, and what they see
    double size;
    int first, end;
  };
  const auto span_of = [&](double per_u, double per_v, double start, int size) -> Span {
    const double far_u = per_u * format.width, far_v = per_v * format.height;
    const double least = start + std::min(far_u, 0.0) + std::min(far_v, 0.0);
    const double most = start + std::max(far_u, 0.0) + std::max(far_v, 0.0);
    require(std::abs(least) < kFarthest && std::abs(most) < kFarthest,
            "warp: needs a matrix that stays within ", kFarthest,
            " px of the picture, got one from ", least, " to ", most,
            "; pass tensor px to frame px");
    const double cell = std::max(1.0, std::hypot(per_u, per_v) / 2);
    const int cells = static_cast<int>(std::ceil(size / cell));
    const auto bound = [&](double at) {
      return static_cast<int>(std::clamp(at, 0.0, double(cells)));
    };
    return {cell, bound(std::floor(least / cell - 0.5)), bound(std::floor(most / cell + 0.5) + 1)};
  };
  const Span x = span_of(m[0], m[1], m[2], picture.width());
  const Span y = span_of(m[3], m[4], m[5], picture.height());
  WarpPlan plan;
  plan.format = format;
  if (x.first >= x.end || y.first >= y.end) return plan;
  plan.grid = grid_of(picture, {x.first * x.size, x.size, x.end - x.first},
                      {y.first * y.size, y.size, y.end - y.first}, Filter::area);
  plan.color = color_of(picture);
  plan.matrix = {m[0] / x.size, m[1] / x.size, m[2] / x.size - x.first,
                 m[3] / y.size, m[4] / y.size, m[5] / y.size - y.first};
  plan.left = -x.first;
  plan.right = picture.width() / x.size - x.first;
  plan.top = -y.first;
  plan.bottom = picture.height() / y.size - y.first;
  return plan;
}

void fit(const Picture& picture, const Fit& fit, const TensorFormat& format,
         std::string_view implementation, float* tensor) {
  const Letterbox& twin = letterbox_of(implementation);
  const FitPlan plan = plan_fit(picture, fit, format);
  fill_box(format, 0, format.width, 0, plan.top, tensor);
  fill_box(format, 0, plan.left, plan.top, plan.bottom, tensor);
  fill_box(format, plan.right, format.width, plan.top, plan.bottom, tensor);
  fill_box(format, 0, format.width, plan.bottom, format.height, tensor);
  if (plan.grid.cols > 0) twin.fit(plan, tensor);
}

void warp(const Picture& picture, const Affine& matrix, const TensorFormat& format,
          std::string_view implementation, float* tensor) {
  const Letterbox& twin = letterbox_of(implementation);
  const WarpPlan plan = plan_warp(picture, matrix, format);
  if (plan.grid.cols > 0) {
    twin.warp(plan, tensor);
  } else {
    fill_box(format, 0, format.width, 0, format.height, tensor);
  }
}

}  // namespace fastthumb
