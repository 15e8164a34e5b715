// The errors of the core. Each message is one sentence: what, wanted, got, what to do.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace fastthumb {

// Pixels of a shape, depth or layout that the core cannot take.
struct FrameError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// An option or a name that does not exist.
struct SettingsError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A device was asked for that is not usable here.
struct DeviceUnavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// It is usable, but has not the memory: less at a time may do.
struct DeviceOutOfMemory : DeviceUnavailable {
  using DeviceUnavailable::DeviceUnavailable;
};

template <typename... Parts>
std::string joined(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

// Throws `Error` with the joined message unless `condition` holds.
template <typename Error = FrameError, typename... Parts>
void require(bool condition, const Parts&... message) {
  if (!condition) throw Error(joined(message...));
}

}  // namespace fastthumb
