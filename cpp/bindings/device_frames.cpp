// DeviceSignalMeter, fit_device, warp_device, fit_rgb_device: frames in a device's memory.
#include <algorithm>
#include <limits>

#include "arguments.hpp"
#include "fastthumb/signals_device.hpp"
#include "streams.hpp"

namespace fastthumb::bindings {
namespace {

using Addresses = std::vector<std::uintptr_t>;
using PitchList = std::vector<std::ptrdiff_t>;
using DeviceFrames = std::vector<std::pair<Addresses, PitchList>>;
using Regions = std::vector<std::array<double, 4>>;
using Sizes = std::vector<std::array<int, 2>>;
using Matrices = py::array_t<double, py::array::c_style>;

// The planes at these addresses, taken to be as long as the layout wants them.
FramePlanes device_planes(const FrameLayout& layout, const Addresses& addresses,
                          const PitchList& pitches) {
  require(addresses.size() == pitches.size(), "frame: needs one pitch per plane, got ",
          addresses.size(), " planes and ", pitches.size(),
          " pitches; pass tuples of equal length");
  std::vector<PlaneBytes> planes;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    require(addresses[i] != 0, "frame: needs planes in device memory, got the address 0 for plane ",
            i, "; pass the decoder's addresses");
    planes.push_back({reinterpret_cast<const std::uint8_t*>(addresses[i]),
                      std::numeric_limits<std::size_t>::max(), pitches[i]});
  }
  return planes_of(layout, planes);
}

std::vector<Picture> device_pictures(const FrameLayout& layout, const DeviceFrames& frames,
                                     std::size_t wanted, const char* what) {
  constexpr std::size_t kMost = 4096;  // tensors; what grows with them is bounded by it
  require(frames.size() == wanted && wanted <= kMost, what,
          ": needs as many frames as tensors, at ", "most ", kMost, ", got ", frames.size(),
          " frames for ", wanted,
          "; give a frame once for each tensor, and large batches in parts");
  std::vector<Picture> pictures;
  for (const auto& [addresses, pitches] : frames) {
    pictures.push_back({&layout, device_planes(layout, addresses, pitches)});
  }
  return pictures;
}

float* tensors_at(std::uintptr_t out) {
  require(out != 0 && out % alignof(float) == 0,
          "tensors: needs the device address of floats, got ", out,
          "; pass the address of a DeviceBuffer");
  return reinterpret_cast<float*>(out);
}

// ---- signals ----------------------------------------------------------------------------------

// A meter with the lock that makes a second thread wait, and the stream that it queues on.
struct DeviceMeter {
  std::unique_ptr<DeviceSignalMeter> meter;
  std::shared_ptr<Stream> stream;
  std::mutex lock;
};

std::unique_ptr<DeviceMeter> make_meter(const FrameLayout& layout, int device,
                                        const std::shared_ptr<Stream>& stream, int batch) {
  require<SettingsError>(device == stream->stream->device(),
                         "device signal meter: needs a stream of device ", device, ", got one of ",
                         stream->stream->device(), "; open the stream on the frames' device");
  const py::gil_scoped_release nogil;
  auto self = std::make_unique<DeviceMeter>();
  self->stream = stream;
  self->meter = make_device_signal_meter(layout, stream->stream, batch);
  return self;
}

std::vector<FrameSignals> measure(DeviceMeter& self, const DeviceFrames& frames) {
  const py::gil_scoped_release nogil;  // the caller keeps the pixels
  std::vector<FramePlanes> planes;
  for (const auto& [addresses, pitches] : frames) {
    planes.push_back(device_planes(self.meter->reduction().layout, addresses, pitches));
  }
  const std::lock_guard one_at_a_time(self.lock);
  return self.meter->measure(planes);
}

void reset(DeviceMeter& self) {
  const py::gil_scoped_release nogil;
  const std::lock_guard one_at_a_time(self.lock);
  self.meter->reset();
}

WorkingPicture picture_of_last(DeviceMeter& self) {
  const py::gil_scoped_release nogil;
  const std::lock_guard one_at_a_time(self.lock);
  return self.meter->picture();
}

py::array_t<std::uint8_t> working_luma(DeviceMeter& self) {
  const WorkingPicture picture = picture_of_last(self);
  return py::array_t<std::uint8_t>({picture.rows, picture.cols}, picture.luma.data());
}

py::array_t<std::uint8_t> cells(DeviceMeter& self) {
  const WorkingPicture picture = picture_of_last(self);
  py::array_t<std::uint8_t> out({picture.cells_y, picture.cells_x, 3});
  picture.copy_cells(out.mutable_data());
  return out;
}

// ---- tensors ----------------------------------------------------------------------------------

void fit_device(const FrameLayout& layout, const DeviceFrames& frames, const Regions& regions,
                const Sizes& sizes, const TensorFormat& format, int quarter_turns, bool mirrored,
                const std::string& filter, std::uintptr_t out, Stream& stream) {
  require(regions.size() == sizes.size(), "fit: needs a size per region, got ", sizes.size(),
          " sizes for ", regions.size(), " regions; pass lists of equal length");
  const py::gil_scoped_release nogil;  // the caller keeps the pixels
  const std::vector<Picture> pictures = device_pictures(layout, frames, regions.size(), "fit");
  std::vector<Fit> fits;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    fits.push_back(fit_of(regions[i], sizes[i], quarter_turns, mirrored, filter));
  }
  const std::vector<FitPlan> plans = plan_fits(pictures, fits, format);
  float* const tensors = tensors_at(out);
  const std::lock_guard one_at_a_time(stream.lock);
  stream.letterbox->fit(plans, tensors);
}

void warp_device(const FrameLayout& layout, const DeviceFrames& frames, const Matrices& matrices,
                 const TensorFormat& format, std::uintptr_t out, Stream& stream) {
  require(matrices.ndim() == 3 && matrices.shape(1) == 2 && matrices.shape(2) == 3,
          "warp: needs matrices (n, 2, 3), got ",
          py::str(matrices.attr("shape")).cast<std::string>(), "; pass the upper two rows of each");
  const double* matrix = matrices.data();
  const auto count = std::size_t(matrices.shape(0));
  const py::gil_scoped_release nogil;
  std::vector<WarpPlan> plans;
  for (const Picture& picture : device_pictures(layout, frames, count, "warp")) {
    Affine affine;
    std::copy(matrix, matrix + affine.size(), affine.begin());
    matrix += affine.size();
    plans.push_back(plan_warp(picture, affine, format));
  }
  float* const tensors = tensors_at(out);
  const std::lock_guard one_at_a_time(stream.lock);
  stream.letterbox->warp(plans, tensors);
}

py::array_t<std::uint8_t> fit_rgb_device(const FrameLayout& layout, const Addresses& planes,
                                         const PitchList& pitches,
                                         const std::array<double, 4>& region,
                                         const std::array<int, 2>& size, int quarter_turns,
                                         bool mirrored, const std::string& filter, Stream& stream) {
  TensorFormat format;
  format.width = size[0];
  format.height = size[1];
  const Picture picture{&layout, device_planes(layout, planes, pitches)};
  const Fit wanted = fit_of(region, size, quarter_turns, mirrored, filter);
  const FitPlan plan = plan_fit(picture, wanted, format);  // before memory is asked for
  py::array_t<std::uint8_t> rgb({size[1], size[0], 3});
  std::uint8_t* const target = rgb.mutable_data();
  const py::gil_scoped_release nogil;
  const std::lock_guard one_at_a_time(stream.lock);
  stream.letterbox->fit_rgb(plan, target);
  return rgb;
}

}  // namespace

void bind_device_frames(py::module_& m) {
  py::class_<DeviceMeter>(m, "DeviceSignalMeter",
                          "Measures the frames of one stream, in a CUDA device's memory, in order.")
      .def(py::init(&make_meter), "layout"_a, py::kw_only(), "device"_a,
           py::arg("stream").none(false), "batch"_a = 32,
           R"(A meter that has seen no frame yet; the results are those of SignalMeter, bit for bit.

device: the frames' and the stream's. batch: frames that are measured together, 1..256, for each
of which a few hundred KB of device memory are kept.
Raises SettingsError for other batches and devices, DeviceOutOfMemory where they do not fit.)")
      .def("measure", &measure, "frames"_a,
           R"(Signals of each frame, compared with the one before it, also that of the last call.

frames: for each the device addresses of its planes, and their pitches (bytes from one row to the
next). The pixels are read on the meter's stream, and no longer once this returns: it waits once
for every `batch` frames, with the GIL released.
Raises FrameError for planes that do not fit the layout; DeviceUnavailable where CUDA fails, after
which the next frame has no previous one.)")
      .def("reset", &reset, "Forget the previous frame, as after a seek.")
      .def("working_luma", &working_luma,
           "Working luma of the last frame: uint8 (rows, cols), a copy. FrameError before the "
           "first.")
      .def("cells", &cells,
           "Cell Y, Cb, Cr of the last frame: uint8 (rows, cols, 3), full range around 128, a "
           "copy.");

  m.def(
      "fit_device", &fit_device, "layout"_a, "frames"_a, "regions"_a, "sizes"_a, "format"_a,
      py::kw_only(), "quarter_turns"_a = 0, "mirrored"_a = false, "filter"_a = "area", "out"_a,
      "stream"_a,
      R"(Tensors of regions of frames in device memory, queued on the stream; the bits of fit_planes.

frames: as DeviceSignalMeter.measure takes them, one for each tensor, all of the layout.
regions, sizes: for each tensor, as fit_planes takes them. quarter_turns, mirrored, filter: for all.
out: device address of float32 (n, 3, format.height, format.width), all of which is written.
Returns before it is done: frames and tensors are to stay until the stream is. The host waits only
where the stream's tables grow, or several calls have not begun.
Raises FrameError for planes, regions and sizes that cannot be, SettingsError for unknown names,
DeviceUnavailable where CUDA fails.)");
  m.def("warp_device", &warp_device, "layout"_a, "frames"_a, py::arg("matrices").noconvert(),
        "format"_a, py::kw_only(), "out"_a, "stream"_a,
        R"(Tensors that look at frames in device memory through matrices; the bits of warp_planes.

matrices: float64 (n, 2, 3), each as warp_planes takes it. Everything else as in fit_device.)");
  m.def("fit_rgb_device", &fit_rgb_device, "layout"_a, "planes"_a, "pitches"_a, "region"_a,
        "size"_a, py::kw_only(), "quarter_turns"_a = 0, "mirrored"_a = false, "filter"_a = "area",
        "stream"_a,
        R"(Region of a frame in device memory as RGB on the host: uint8 (height, width, 3).

planes, pitches: device addresses and bytes from one row to the next. region, size, quarter_turns,
mirrored, filter: as in fit_planes; codes rounded to the nearest, halves to even; black outside the
picture. Only the result is downloaded; waits for the stream, with the GIL released.
Raises what fit_device does.)");
}

}  // namespace fastthumb::bindings
