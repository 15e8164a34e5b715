// Pixels that somebody else owns, with their shape and pitch.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastthumb {

// One plane as a decoder left it. A row holds `cols` samples of 1 byte (8-bit pictures) or 2 bytes
// (little endian, aligned, all other depths); an interleaved chroma row holds 2 * cols samples.
struct PlaneView {
  const std::uint8_t* data = nullptr;
  int cols = 0;
  int rows = 0;
  std::ptrdiff_t pitch_bytes = 0;  // from one row to the next, at least a row's bytes

  template <typename Sample>
  const Sample* row(int y) const {
    return reinterpret_cast<const Sample*>(data + y * pitch_bytes);
  }
};

// A plane of finished 8-bit values.
struct ByteView {
  const std::uint8_t* data = nullptr;
  int cols = 0;
  int rows = 0;
  std::ptrdiff_t pitch_bytes = 0;

  const std::uint8_t* row(int y) const { return data + y * pitch_bytes; }
};

}  // namespace fastthumb
