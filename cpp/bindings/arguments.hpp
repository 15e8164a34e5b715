// What the bindings share: buffers, planes and names as Python hands them over.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fastthumb/error.hpp"
#include "fastthumb/layout.hpp"
#include "fastthumb/letterbox.hpp"

namespace fastthumb::bindings {

namespace py = pybind11;
using namespace pybind11::literals;

// The bytes of one plane, taken without a copy and given back on destruction (GIL held).
class HeldBuffer {
 public:
  explicit HeldBuffer(py::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &buffer_, PyBUF_SIMPLE) != 0) {
      PyErr_Clear();
      throw FrameError(joined("frame: needs planes that are contiguous buffers, got ",
                              Py_TYPE(object.ptr())->tp_name,
                              "; pass the decoder's planes or C-contiguous arrays"));
    }
  }
  HeldBuffer(const HeldBuffer&) = delete;
  HeldBuffer& operator=(const HeldBuffer&) = delete;
  ~HeldBuffer() { PyBuffer_Release(&buffer_); }

  PlaneBytes bytes(std::ptrdiff_t pitch_bytes) const {
    return {static_cast<const std::uint8_t*>(buffer_.buf), static_cast<std::size_t>(buffer_.len),
            pitch_bytes};
  }

 private:
  Py_buffer buffer_{};
};

template <typename Value, std::size_t n>
Value named(const char* what, const std::string& name,
            const std::array<std::pair<const char*, Value>, n>& names) {
  std::string known;
  for (const auto& [candidate, value] : names) {
    if (name == candidate) return value;
    if (!known.empty()) known.append(", ");
    known.append(candidate);
  }
  throw SettingsError(joined(what, " '", name, "'; use ", known));
}

inline std::ptrdiff_t pitch_of(py::handle object) {
  const Py_ssize_t pitch = PyLong_Check(object.ptr()) ? PyLong_AsSsize_t(object.ptr()) : -1;
  const bool fits = pitch != -1 || !PyErr_Occurred();
  PyErr_Clear();
  require(fits && PyLong_Check(object.ptr()), "frame: needs pitches that are integers, got ",
          py::repr(object).cast<std::string>(), "; pass the planes' line sizes");
  return pitch;
}

// Tuples by their types in the signature, so that the stub says what is in them.
using Planes = py::typing::Tuple<py::buffer, py::ellipsis>;
using Pitches = py::typing::Tuple<py::int_, py::ellipsis>;

// The planes of a frame, kept alive without a copy until destruction (GIL held then).
class HeldPlanes {
 public:
  HeldPlanes(const Planes& planes, const Pitches& pitches) {
    require(planes.size() == pitches.size() && planes.size() <= kMost,
            "frame: needs one pitch per plane, got ", planes.size(), " planes and ", pitches.size(),
            " pitches; pass tuples of equal length");
    bytes_.reserve(planes.size());
    for (std::size_t i = 0; i < planes.size(); ++i) {
      held_[i].emplace(planes[i]);
      bytes_.push_back(held_[i]->bytes(pitch_of(pitches[i])));
    }
  }
  const std::vector<PlaneBytes>& bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kMost = 4;
  std::array<std::optional<HeldBuffer>, kMost> held_;
  std::vector<PlaneBytes> bytes_;
};

// A read-only array over a member of `self`, which it keeps alive.
template <typename T>
py::array member_array(const py::object& self, const T* data, std::vector<py::ssize_t> shape) {
  py::array_t<T> array(std::move(shape), data, self);
  array.attr("setflags")("write"_a = false);
  return array;
}

// A fit by what Python calls its parts. Throws SettingsError for an unknown filter.
Fit fit_of(const std::array<double, 4>& region, const std::array<int, 2>& size, int quarter_turns,
           bool mirrored, const std::string& filter);

// The chapters of the module; each adds its part.
void bind_signals(py::module_& m);        // FrameLayout, FrameSignals, SignalMeter
void bind_letterbox(py::module_& m);      // TensorFormat, fit_*, warp_*
void bind_boxes(py::module_& m);          // nms, decode_*
void bind_device(py::module_& m);         // cuda_devices, CudaStream, DeviceBuffer
void bind_device_frames(py::module_& m);  // DeviceSignalMeter, fit_device, warp_device, ...

}  // namespace fastthumb::bindings
