// One table of implementations per operation.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fastthumb/signals.hpp"

namespace fastthumb {

// The names that are built in, the plain truth first. Throws SettingsError for an unknown
// operation.
std::vector<std::string> implementations(std::string_view operation);

struct ChosenSummer {
  std::string implementation;
  std::unique_ptr<FrameSummer> summer;
};

// "auto" takes the fastest CPU implementation. Throws SettingsError, naming those that are there,
// for a name that is not; DeviceUnavailable where its device is not.
ChosenSummer make_frame_summer(std::string_view implementation, const Reduction& reduction);

// The twins. `reduction` outlives what they return.
std::unique_ptr<FrameSummer> make_scalar_frame_summer(const Reduction& reduction);
std::unique_ptr<FrameSummer> make_simd_frame_summer(const Reduction& reduction);
#ifdef FASTTHUMB_HAS_CUDA
std::unique_ptr<FrameSummer> make_cuda_frame_summer(const Reduction& reduction);
#endif

// The instruction set that the simd twins use on this machine: "avx512", "avx2", "baseline".
std::string simd_level();

// How this core was built and what it runs on, name and value.
struct BuildInfo {
  std::string compiler;
  std::string simd;                // instruction set that the simd twins use on this machine
  bool cuda;                       // CUDA twins are built in (a device may still be missing)
  std::string cuda_architectures;  // empty without them
};
BuildInfo build_info();

}  // namespace fastthumb
