// The module's table of contents. Only this folder includes pybind11: checks, releases the GIL,
// calls; no arithmetic.
#include <exception>

#include "arguments.hpp"
#include "fastthumb/dispatch.hpp"

namespace py = pybind11;
using namespace pybind11::literals;

namespace {

void raise_as(const char* name, const std::exception& error) {
  py::set_error(py::module_::import("fastthumb.errors").attr(name), error.what());
}

void translate(std::exception_ptr pending) {
  try {
    if (pending) std::rethrow_exception(pending);
  } catch (const fastthumb::FrameError& error) {
    raise_as("FrameError", error);
  } catch (const fastthumb::SettingsError& error) {
    raise_as("SettingsError", error);
  } catch (const fastthumb::DeviceOutOfMemory& error) {
    raise_as("DeviceOutOfMemory", error);
  } catch (const fastthumb::DeviceUnavailable& error) {
    raise_as("DeviceUnavailable", error);
  }
}

py::typing::Dict<py::str, py::object> build_info() {
  const fastthumb::BuildInfo info = fastthumb::build_info();
  return py::dict("compiler"_a = info.compiler, "simd"_a = info.simd, "cuda"_a = info.cuda,
                  "cuda_architectures"_a = info.cuda_architectures);
}

}  // namespace

PYBIND11_MODULE(_core, m) {
  m.doc() =
      "The compiled core: signals of frames, tensors for networks, boxes out of their outputs, on "
      "the CPU and on CUDA devices.";
  py::register_local_exception_translator(&translate);
  fastthumb::bindings::bind_signals(m);
  fastthumb::bindings::bind_letterbox(m);
  fastthumb::bindings::bind_boxes(m);
  fastthumb::bindings::bind_device(m);
  fastthumb::bindings::bind_device_frames(m);
  m.def("implementations", &fastthumb::implementations, "operation"_a,
        R"(Names of the implementations built in, the plain truth first.

operation: "frame_signals" or "letterbox". Raises SettingsError for another.)");
  m.def("build_info", &build_info,
        R"(How the core was built and what it runs on.

Keys: compiler (str), simd (instruction set in use, str), cuda (bool), cuda_architectures (str).)");
}
