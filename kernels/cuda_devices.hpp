// Asked before anything else is done with CUDA, so that a missing driver is told in words.
#pragma once

#include <string_view>

namespace fastthumb {

// How many devices there are. Throws DeviceUnavailable without any: `who` needs one, and is told
// what to do `instead`.
int require_devices(std::string_view who, std::string_view instead);

// Throws DeviceUnavailable unless there is a device of this number.
void require_device(int device);

}  // namespace fastthumb
