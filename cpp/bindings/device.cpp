// cuda_devices, CudaStream and DeviceBuffer.
#include "fastthumb/device.hpp"
#include "arguments.hpp"
#include "streams.hpp"

namespace fastthumb::bindings {
namespace {

using Rows = py::array_t<std::uint8_t>;

py::typing::List<py::typing::Dict<py::str, py::object>> devices() {
  std::vector<DeviceFacts> found;
  {
    const py::gil_scoped_release nogil;
    found = cuda_devices();
  }
  py::list list;
  for (const DeviceFacts& facts : found) {
    list.append(py::dict("name"_a = facts.name,
                         "compute_capability"_a = py::make_tuple(facts.major, facts.minor),
                         "total_bytes"_a = facts.total_bytes, "free_bytes"_a = facts.free_bytes));
  }
  return list;
}

void synchronize(Stream& self) {
  const py::gil_scoped_release nogil;
  self.stream->synchronize();  // without the lock: others may queue meanwhile
}

void copy_from_device(DeviceBuffer& self, std::uintptr_t address, std::size_t pitch,
                      std::size_t row_bytes, std::size_t rows, Stream& stream, std::size_t offset,
                      std::optional<std::size_t> to_pitch) {
  const py::gil_scoped_release nogil;
  self.copy_from_device(address, pitch, offset, {to_pitch.value_or(row_bytes), row_bytes, rows},
                        *stream.stream);
}

void copy_from_host(DeviceBuffer& self, const py::buffer& data, Stream& stream,
                    std::size_t offset) {
  const HeldBuffer held(data);
  const PlaneBytes bytes = held.bytes(0);
  const py::gil_scoped_release nogil;  // `held` keeps the bytes alive
  self.copy_from_host(bytes.data, offset, bytes.size_bytes, *stream.stream);
}

Rows to_host(DeviceBuffer& self, Stream& stream, std::size_t offset, std::size_t pitch,
             std::size_t row_bytes, std::size_t rows) {
  check_rows(self.bytes(), offset, {pitch, row_bytes, rows});  // before memory is asked for
  Rows out({rows, row_bytes});
  std::uint8_t* const target = out.mutable_data();
  const py::gil_scoped_release nogil;
  self.copy_to_host(target, offset, {pitch, row_bytes, rows}, *stream.stream);
  return out;
}

std::unique_ptr<DeviceBuffer> new_buffer(int device, std::size_t bytes) {
  const py::gil_scoped_release nogil;
  return allocate(device, bytes);
}

std::shared_ptr<Stream> new_stream(int device) {
  const py::gil_scoped_release nogil;
  return std::make_shared<Stream>(device);
}

}  // namespace

void bind_device(py::module_& m) {
  m.def("cuda_devices", &devices,
        R"(The CUDA devices by their number; [] without a driver, or in a build without CUDA.

Keys: name (str), compute_capability ((major, minor)), total_bytes and free_bytes (int; 0 free where
the device does not say). Starts CUDA on each device, which takes a moment and some of its memory.)");

  py::class_<Stream, std::shared_ptr<Stream>>(m, "CudaStream",
                                              "A queue of work on one CUDA device.")
      .def(py::init(&new_stream), "device"_a,
           R"(A stream that no other waits for, nor it for them; destroyed with the object.

device: number, counted as cuda_devices does. Raises DeviceUnavailable without that device.)")
      .def("synchronize", &synchronize,
           "Wait until all that was queued is done. DeviceUnavailable where any of it failed.")
      .def_property_readonly(
          "device", [](const Stream& self) { return self.stream->device(); },
          "Number of the device.")
      .def_property_readonly(
          "handle",
          [](const Stream& self) {
            return reinterpret_cast<std::uintptr_t>(self.stream->handle());
          },
          "The cudaStream_t (a CUstream) as an integer, for other libraries.");

  py::class_<DeviceBuffer>(m, "DeviceBuffer", "Bytes in a CUDA device's memory.")
      .def(py::init(&new_buffer), "device"_a, "bytes"_a,
           R"(Memory that is freed with the object, which waits for the work on the device.

bytes: 1 or more; what they are is not set. Raises DeviceOutOfMemory where the device has not as
many, DeviceUnavailable without that device.)")
      .def("copy_from_device", &copy_from_device, "address"_a, "pitch"_a, "row_bytes"_a, "rows"_a,
           "stream"_a, "offset"_a = 0, "to_pitch"_a = py::none(),
           R"(Queue a copy of rows that are in the memory of the same device.

address, pitch: where the first row begins, and the bytes from one to the next. offset, to_pitch:
the same in this buffer; without to_pitch the rows lie there without gaps. Both memories are to
stay until the stream is done. Raises FrameError for rows that do not fit.)")
      .def("copy_from_host", &copy_from_host, "data"_a, "stream"_a, "offset"_a = 0,
           "Copy a contiguous buffer here, from byte `offset` on; waits for the stream.")
      .def("to_host", &to_host, "stream"_a, "offset"_a, "pitch"_a, "row_bytes"_a, "rows"_a,
           R"(Rows of this buffer: uint8 (rows, row_bytes), a copy; waits for the stream.

Raises FrameError for rows that do not lie in it.)")
      .def_property_readonly("address", &DeviceBuffer::address, "Device address of the first byte.")
      .def_property_readonly("bytes", &DeviceBuffer::bytes, "Size.");
}

}  // namespace fastthumb::bindings
