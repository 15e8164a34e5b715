#include "fastthumb/device.hpp"

#include "fastthumb/error.hpp"

namespace fastthumb {

void check_rows(std::size_t bytes, std::size_t offset, const RowLayout& rows) {
  constexpr std::size_t kMost = std::size_t{1} << 31;  // what CUDA copies; products fit 64 bits
  require(rows.row_bytes >= 1 && rows.rows >= 1 && rows.row_bytes < kMost && rows.rows < kMost,
          "device buffer: needs at least one row of one byte, got ", rows.rows, " of ",
          rows.row_bytes, "; pass the size of a plane");
  require(rows.pitch >= rows.row_bytes && rows.pitch < kMost,
          "device buffer: needs a pitch of at least ", rows.row_bytes, " bytes, got ", rows.pitch,
          "; pass the bytes from one row to the next");
  const std::size_t wanted = rows.pitch * (rows.rows - 1) + rows.row_bytes;
  require(offset <= bytes && wanted <= bytes - offset, "device buffer: needs ", wanted,
          " bytes from ", offset, " on, has ", bytes, " in all; ask for a larger buffer");
}

}  // namespace fastthumb
