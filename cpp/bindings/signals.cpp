// FrameLayout, FrameSignals and SignalMeter.
#include <cstring>
#include <mutex>
#include <string_view>
#include <type_traits>

#include "arguments.hpp"
#include "fastthumb/signals.hpp"

namespace fastthumb::bindings {
namespace {

using ByteArray = py::array_t<std::uint8_t, py::array::c_style>;

std::vector<std::uint8_t> bytes_of(const ByteArray& array) {
  return {array.data(), array.data() + array.size()};
}

FrameLayout make_layout(int width, int height, int chroma_shift_x, int chroma_shift_y,
                        int bit_depth, int msb_shift, const std::string& chroma, bool full_range,
                        const std::string& matrix, int fields,
                        const std::optional<ByteArray>& luma_curve,
                        const std::optional<ByteArray>& cell_lut) {
  FrameLayout layout;
  layout.width = width;
  layout.height = height;
  layout.chroma_shift_x = chroma_shift_x;
  layout.chroma_shift_y = chroma_shift_y;
  layout.bit_depth = bit_depth;
  layout.msb_shift = msb_shift;
  layout.chroma = named(
      "frame layout: no chroma", chroma,
      std::array{std::pair{"planar", Chroma::planar}, std::pair{"interleaved", Chroma::interleaved},
                 std::pair{"none", Chroma::none}});
  layout.full_range = full_range;
  layout.matrix =
      named("frame layout: no matrix", matrix,
            std::array{std::pair{"bt601", Matrix::bt601}, std::pair{"bt709", Matrix::bt709},
                       std::pair{"bt2020", Matrix::bt2020}});
  layout.fields = fields;
  if (luma_curve) layout.luma_curve = bytes_of(*luma_curve);
  if (cell_lut) {
    const bool cube = cell_lut->ndim() == 4 && cell_lut->shape(0) == cell_lut->shape(1) &&
                      cell_lut->shape(0) == cell_lut->shape(2) && cell_lut->shape(3) == 3;
    require(cube, "frame layout: needs a cell_lut of shape (n, n, n, 3), got ",
            py::str(cell_lut->attr("shape")).cast<std::string>(), "; reshape the table");
    layout.cell_lut = bytes_of(*cell_lut);
    layout.cell_lut_size = static_cast<int>(cell_lut->shape(0));
  }
  reduction_of(layout);  // throws now rather than at the first frame
  return layout;
}

// A meter with the lock that makes a second thread wait.
struct Meter {
  Meter(const FrameLayout& layout, const std::string& implementation)
      : meter(layout, implementation) {}
  SignalMeter meter;
  std::mutex lock;
};

FrameSignals measure(Meter& self, const Planes& planes, const Pitches& pitches) {
  const HeldPlanes held(planes, pitches);
  const py::gil_scoped_release nogil;  // `held` keeps the pixels alive
  const std::lock_guard one_at_a_time(self.lock);
  return self.meter.measure(held.bytes());
}

void reset(Meter& self) {
  const py::gil_scoped_release nogil;
  const std::lock_guard one_at_a_time(self.lock);
  self.meter.reset();
}

py::array_t<std::uint8_t> working_luma(Meter& self) {
  const WorkingPicture& picture = self.meter.picture();
  return py::array_t<std::uint8_t>({picture.rows, picture.cols}, picture.luma.data());
}

py::array_t<std::uint8_t> cells(Meter& self) {
  const WorkingPicture& picture = self.meter.picture();
  py::array_t<std::uint8_t> out({picture.cells_y, picture.cells_x, 3});
  picture.copy_cells(out.mutable_data());
  return out;
}

// As it lies in memory: both ends are the same build of the same version, or the size differs.
static_assert(std::is_trivially_copyable_v<FrameSignals>);

py::bytes frame_signals_state(const FrameSignals& signals) {
  return {reinterpret_cast<const char*>(&signals), sizeof(FrameSignals)};
}

FrameSignals frame_signals_of(const py::bytes& state) {
  const auto bytes = static_cast<std::string_view>(state);
  require(bytes.size() == sizeof(FrameSignals), "frame signals: needs ", sizeof(FrameSignals),
          " bytes, got ", bytes.size(), "; pickle them with this version of fastthumb");
  FrameSignals signals;
  std::memcpy(&signals, bytes.data(), bytes.size());
  return signals;
}

void bind_frame_signals(py::module_& m) {
  py::class_<FrameSignals> signals(m, "FrameSignals", R"(What was measured of one frame.

Luma is working luma, full range 0..255; "working px" are pixels of the reduced picture
(short side about 360). Fields that compare with the previous frame are 0 without one.)");
  signals.def(py::pickle(&frame_signals_state, &frame_signals_of));
  signals.def_readonly("luma_mean", &FrameSignals::luma_mean, "Mean luma, 0..255.")
      .def_readonly("luma_std", &FrameSignals::luma_std, "Population deviation of luma, 0..127.5.")
      .def_readonly("laplacian_variance", &FrameSignals::laplacian_variance,
                    "Variance of the 4-neighbor Laplacian of luma, levels squared; 0 below 3 x 3.")
      .def_readonly("lightness", &FrameSignals::lightness, "Mean CIELAB L, 0..100.")
      .def_readonly("chroma", &FrameSignals::chroma, "Mean CIELAB sqrt(a^2 + b^2), 0..about 134.")
      .def_readonly("a_mean", &FrameSignals::a_mean, "Mean CIELAB a; 0 is gray.")
      .def_readonly("b_mean", &FrameSignals::b_mean, "Mean CIELAB b; 0 is gray.")
      .def_readonly("entropy", &FrameSignals::entropy, "Bits of the luma histogram, 0..8.")
      .def_readonly("difference", &FrameSignals::difference,
                    "Mean absolute change of luma since the previous frame, 0..255.")
      .def_readonly("motion", &FrameSignals::motion,
                    "Mean length of the block vectors, working px, 0..about 150.")
      .def_readonly("camera_x", &FrameSignals::camera_x,
                    "Median motion of the textured blocks, working px, positive to the right.")
      .def_readonly("camera_y", &FrameSignals::camera_y,
                    "Median motion of the textured blocks, working px, positive downward.")
      .def_readonly("motion_spread", &FrameSignals::motion_spread,
                    "Mean distance of the textured blocks' vectors from the median, working px.")
      .def_readonly("compensated_difference", &FrameSignals::compensated_difference,
                    "Mean absolute change of cell luma after block motion, 0..255.")
      .def_readonly("dark_share", &FrameSignals::dark_share, "Share of luma <= 24, 0..1.")
      .def_readonly("bright_share", &FrameSignals::bright_share, "Share of luma >= 250, 0..1.")
      .def_readonly("bar_top", &FrameSignals::bar_top, "Black rows at the top, working px.")
      .def_readonly("bar_bottom", &FrameSignals::bar_bottom,
                    "Black rows at the bottom, working px.")
      .def_readonly("bar_left", &FrameSignals::bar_left, "Black columns at the left, working px.")
      .def_readonly("bar_right", &FrameSignals::bar_right,
                    "Black columns at the right, working px.")
      .def_readonly("has_previous", &FrameSignals::has_previous,
                    "Whether there was a previous frame to compare with.")
      .def_property_readonly(
          "luma_histogram",
          [](const py::object& self) -> py::array_t<std::uint32_t> {
            return member_array(self, self.cast<const FrameSignals&>().luma_histogram.data(),
                                {256});
          },
          "Working px per luma level: read-only uint32 (256,).")
      .def_property_readonly(
          "chroma_histogram",
          [](const py::object& self) -> py::array_t<std::uint32_t> {
            return member_array(self, self.cast<const FrameSignals&>().chroma_histogram[0].data(),
                                {2, kChromaBins});
          },
          "Cells per bin of 4 levels of Cb and of Cr: read-only uint32 (2, 64).")
      .def_property_readonly(
          "grid",
          [](const py::object& self) -> py::array_t<float> {
            return member_array(self, self.cast<const FrameSignals&>().grid[0][0].data(),
                                {kGridRows, kGridCols, 3});
          },
          "Mean cell Y, Cb, Cr over an even grid of the frame: read-only float32 (18, 32, 3), "
          "0..255.");
}

void bind_meter(py::module_& m) {
  py::class_<FrameLayout>(m, "FrameLayout", "How the planes of a stream are to be read.")
      .def(py::init(&make_layout), "width"_a, "height"_a, py::kw_only(), "chroma_shift_x"_a,
           "chroma_shift_y"_a, "bit_depth"_a = 8, "msb_shift"_a = 0, "chroma"_a = "planar",
           "full_range"_a = false, "matrix"_a = "bt709", "fields"_a = 1,
           py::arg("luma_curve").noconvert() = py::none(),
           py::arg("cell_lut").noconvert() = py::none(),
           R"(A checked layout; one per stream, another where the picture size changes.

width, height: luma samples and rows of the whole frame, 1..65535.
chroma_shift_x, chroma_shift_y: log2 of the subsampling, 0..2 (4:2:0 is 1, 1).
bit_depth: 8 (one byte a sample) or 9..16 (two bytes, little endian).
msb_shift: unused low bits of a two-byte sample (P010: 6).
chroma: "planar" (three planes), "interleaved" (two, Cb first) or "none" (one).
matrix: "bt601", "bt709" or "bt2020"; how cells, after cell_lut, become R'G'B'.
fields: 2 for interlaced frames, of which only the first field is read.
luma_curve: uint8 (2**bit_depth,), code value to 0..255 luma, instead of the range expansion.
cell_lut: uint8 (n, n, n, 3), n 2..65: cell (Y, Cb, Cr), full range, to (Y, Cb, Cr).

Raises FrameError for sizes and depths that cannot be, SettingsError for unknown names.)");

  py::class_<Meter>(m, "SignalMeter", "Measures the frames of one stream in order.")
      .def(py::init<const FrameLayout&, const std::string&>(), "layout"_a, py::kw_only(),
           "implementation"_a = "auto",
           R"(A meter that has seen no frame yet.

implementation: "auto" (the fastest for the CPU) or one of implementations("frame_signals").
Raises SettingsError for one that is not built in, DeviceUnavailable without its device.)")
      .def("measure", &measure, "planes"_a, "pitches"_a,
           R"(Signals of the frame, compared with the one measured before it.

planes: contiguous buffers (decoder planes, bytes, arrays), read in place with the GIL released.
pitches: bytes from one row to the next, one per plane; the last row may be shorter.
Raises FrameError where a plane is missing, too many, short, narrow or misaligned.)")
      .def("reset", &reset, "Forget the previous frame, as after a seek.")
      .def("working_luma", &working_luma,
           "Working luma of the last frame: uint8 (rows, cols), a copy. FrameError before the "
           "first.")
      .def(
          "cells", &cells,
          "Cell Y, Cb, Cr of the last frame: uint8 (rows, cols, 3), full range around 128, a copy.")
      .def_property_readonly(
          "implementation", [](const Meter& self) { return self.meter.implementation(); },
          "The implementation in use; what \"auto\" chose.");
}

}  // namespace

void bind_signals(py::module_& m) {
  bind_frame_signals(m);
  bind_meter(m);
}

}  // namespace fastthumb::bindings
