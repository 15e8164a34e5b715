// Tensors out of frames and RGB pictures: fit_planes, fit_rgb, warp_planes, warp_rgb.
#include "fastthumb/letterbox.hpp"

#include <algorithm>

#include "arguments.hpp"

namespace fastthumb::bindings {
namespace {

using Rgb = py::array_t<std::uint8_t, py::array::c_style>;
using Matrix23 = py::array_t<double, py::array::c_style>;
using Tensor = py::array_t<float>;

// What the network wants of its pixels, as one argument list would be too long.
TensorFormat format_of(int width, int height, bool bgr, const std::array<double, 3>& mean,
                       const std::array<double, 3>& scale, double fill) {
  return {width, height, bgr, mean, scale, fill};
}

Tensor empty_tensor(const TensorFormat& format) {
  check_format(format);  // before memory for it is asked for
  return Tensor({3, format.height, format.width});
}

Picture rgb_picture(const Rgb& rgb) {
  require(rgb.ndim() == 3 && rgb.shape(2) == 3, "RGB picture: needs uint8 (height, width, 3), got ",
          py::str(rgb.attr("shape")).cast<std::string>(), "; convert the picture first");
  constexpr py::ssize_t kMost = 1 << 20;  // fits an int; the core checks the size itself
  return picture_of(rgb.data(), int(std::min(rgb.shape(1), kMost)),
                    int(std::min(rgb.shape(0), kMost)), 3 * rgb.shape(1));
}

Affine affine_of(const Matrix23& matrix) {
  require(matrix.ndim() == 2 && matrix.shape(0) == 2 && matrix.shape(1) == 3,
          "warp: needs a matrix (2, 3), got ", py::str(matrix.attr("shape")).cast<std::string>(),
          "; pass the upper two rows");
  Affine affine;
  std::copy(matrix.data(), matrix.data() + affine.size(), affine.begin());
  return affine;
}

Tensor fit_planes(const FrameLayout& layout, const Planes& planes, const Pitches& pitches,
                  const std::array<double, 4>& region, const std::array<int, 2>& size,
                  const TensorFormat& format, int quarter_turns, bool mirrored,
                  const std::string& filter, const std::string& implementation) {
  const HeldPlanes held(planes, pitches);
  const Fit wanted = fit_of(region, size, quarter_turns, mirrored, filter);
  Tensor tensor = empty_tensor(format);
  float* const target = tensor.mutable_data();
  const py::gil_scoped_release nogil;  // `held` keeps the pixels alive
  fit(picture_of(layout, held.bytes()), wanted, format, implementation, target);
  return tensor;
}

Tensor fit_rgb(const Rgb& rgb, const std::array<double, 4>& region, const std::array<int, 2>& size,
               const TensorFormat& format, const std::string& filter,
               const std::string& implementation) {
  const Picture picture = rgb_picture(rgb);
  const Fit wanted = fit_of(region, size, 0, false, filter);
  Tensor tensor = empty_tensor(format);
  float* const target = tensor.mutable_data();
  const py::gil_scoped_release nogil;  // the caller's `rgb` keeps the pixels alive
  fit(picture, wanted, format, implementation, target);
  return tensor;
}

Tensor warp_planes(const FrameLayout& layout, const Planes& planes, const Pitches& pitches,
                   const Matrix23& matrix, const TensorFormat& format,
                   const std::string& implementation) {
  const HeldPlanes held(planes, pitches);
  const Affine affine = affine_of(matrix);
  Tensor tensor = empty_tensor(format);
  float* const target = tensor.mutable_data();
  const py::gil_scoped_release nogil;
  warp(picture_of(layout, held.bytes()), affine, format, implementation, target);
  return tensor;
}

Tensor warp_rgb(const Rgb& rgb, const Matrix23& matrix, const TensorFormat& format,
                const std::string& implementation) {
  const Picture picture = rgb_picture(rgb);
  const Affine affine = affine_of(matrix);
  Tensor tensor = empty_tensor(format);
  float* const target = tensor.mutable_data();
  const py::gil_scoped_release nogil;
  warp(picture, affine, format, implementation, target);
  return tensor;
}

}  // namespace

Fit fit_of(const std::array<double, 4>& region, const std::array<int, 2>& size, int quarter_turns,
           bool mirrored, const std::string& filter) {
  const Filter kind =
      named("letterbox: no filter", filter,
            std::array{std::pair{"area", Filter::area}, std::pair{"cubic", Filter::cubic}});
  return {region[0], region[1],     region[2], region[3], size[0],
          size[1],   quarter_turns, mirrored,  kind};
}

void bind_letterbox(py::module_& m) {
  py::class_<TensorFormat>(m, "TensorFormat", "How a network wants its pixels.")
      .def(py::init(&format_of), "width"_a, "height"_a, py::kw_only(), "bgr"_a = false,
           "mean"_a = std::array<double, 3>{0, 0, 0}, "scale"_a = std::array<double, 3>{1, 1, 1},
           "fill"_a = 0.0,
           R"(Tensors of float32 (3, height, width), value = (code - mean) * scale, codes 0..255.

width, height: 1..16384. bgr: the order of the channels, of mean and of scale.
fill: code of what lies outside the picture. Checked where it is used.)");

  m.def("fit_planes", &fit_planes, "layout"_a, "planes"_a, "pitches"_a, "region"_a, "size"_a,
        "format"_a, py::kw_only(), "quarter_turns"_a = 0, "mirrored"_a = false, "filter"_a = "area",
        "implementation"_a = "auto",
        R"(Tensor of a region of a frame: float32 (3, format.height, format.width).

planes, pitches: as SignalMeter.measure takes them; the GIL is released.
region: x0, y0, x1, y1 in luma samples of the stored frame, continuous; it may reach beyond it.
size: (width, height) of the part of the tensor, at the top left, that the region fills after
`quarter_turns` clockwise and, if `mirrored`, a flip left to right. All else is format.fill.
filter: "area" (means where it reduces, linear where it enlarges) or "cubic".
implementation: "auto" or one of implementations("letterbox").
Raises FrameError for planes, regions and sizes that cannot be, SettingsError for unknown names.)");
  m.def("fit_rgb", &fit_rgb, py::arg("rgb").noconvert(), "region"_a, "size"_a, "format"_a,
        py::kw_only(), "filter"_a = "area", "implementation"_a = "auto",
        "Tensor of a region of uint8 (height, width, 3) RGB; everything else as in fit_planes.");
  m.def("warp_planes", &warp_planes, "layout"_a, "planes"_a, "pitches"_a,
        py::arg("matrix").noconvert(), "format"_a, py::kw_only(), "implementation"_a = "auto",
        R"(Tensor that looks at a frame through a matrix: float32 (3, format.height, format.width).

matrix: float64 (2, 3), tensor px to luma samples of the stored frame, both continuous. Reduced
pictures are averaged first; outside is format.fill, mixed in softly along the edge.
Raises FrameError for planes and matrices that cannot be, SettingsError for unknown names.)");
  m.def("warp_rgb", &warp_rgb, py::arg("rgb").noconvert(), py::arg("matrix").noconvert(),
        "format"_a, py::kw_only(), "implementation"_a = "auto",
        "Tensor that looks at uint8 (height, width, 3) RGB; everything else as in warp_planes.");
}

}  // namespace fastthumb::bindings
