// What is said of devices, with and without one; and which rows fit a buffer.
#include "fastthumb/device.hpp"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "fastthumb/error.hpp"

namespace {

using fastthumb::require;

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <typename Error, typename Work>
void expect(const char* what, const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    const std::string message = error.what();
    require<Failure>(
        message.find("needs") != std::string::npos && message.find("; ") != std::string::npos, what,
        ": says neither what it needs nor what to do: ", message);
    return;
  }
  throw Failure(std::string(what) + ": is not refused");
}

bool fits(std::size_t bytes, std::size_t offset, const fastthumb::RowLayout& rows) {
  try {
    fastthumb::check_rows(bytes, offset, rows);
    return true;
  } catch (const fastthumb::FrameError&) {
    return false;
  }
}

void check_rows() {
  constexpr std::size_t kHuge = ~std::size_t{0};
  struct Case {
    std::size_t bytes, offset;
    fastthumb::RowLayout rows;
    bool fits;
  };
  const Case cases[] = {
      {100, 0, {10, 10, 10}, true},      {100, 1, {10, 10, 10}, false},
      {95, 0, {10, 5, 10}, true},        {94, 0, {10, 5, 10}, false},
      {100, 99, {1, 1, 1}, true},        {100, 100, {1, 1, 1}, false},
      {100, kHuge, {1, 1, 1}, false},    {100, 0, {9, 10, 2}, false},
      {100, 0, {10, 0, 10}, false},      {100, 0, {10, 10, 0}, false},
      {100, 0, {kHuge, 10, 2}, false},   {100, 0, {10, 10, kHuge}, false},
      {kHuge, 0, {1, 1, 1 << 30}, true}, {100, 0, {kHuge, kHuge, 2}, false},
  };
  for (const Case& c : cases) {
    require<Failure>(fits(c.bytes, c.offset, c.rows) == c.fits, "rows: ", c.rows.rows, " of ",
                     c.rows.row_bytes, " at a pitch of ", c.rows.pitch, " from ", c.offset,
                     " on in ", c.bytes, " bytes");
  }
}

}  // namespace

int main() {
  try {
    check_rows();
    const auto devices = static_cast<int>(fastthumb::cuda_devices().size());
    require<Failure>(devices > 0 || std::getenv("FASTTHUMB_REQUIRE_CUDA") == nullptr,
                     "FASTTHUMB_REQUIRE_CUDA is set, but there is no device");
    for (const int missing : {-1, devices, devices + 7}) {
      expect<fastthumb::DeviceUnavailable>("stream", [=] { fastthumb::open_stream(missing); });
      expect<fastthumb::DeviceUnavailable>("buffer", [=] { fastthumb::allocate(missing, 16); });
    }
    std::printf("%d devices\n", devices);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
