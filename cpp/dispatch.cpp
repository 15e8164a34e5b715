#include "fastthumb/dispatch.hpp"

#include <array>

#include "fastthumb/error.hpp"
#include "fastthumb/letterbox.hpp"

namespace fastthumb {
namespace {

struct FrameSummerEntry {
  std::string_view implementation;
  std::unique_ptr<FrameSummer> (*make)(const Reduction&);
};

// The plain truth first; "auto" takes kFastestCpu.
constexpr std::array kFrameSummers{
    FrameSummerEntry{"scalar", make_scalar_frame_summer},
    FrameSummerEntry{"simd", make_simd_frame_summer},
#ifdef FASTTHUMB_HAS_CUDA
    FrameSummerEntry{"cuda", make_cuda_frame_summer},
#endif
};
constexpr std::string_view kFastestCpu = "simd";

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::vector<std::string> implementations(std::string_view operation) {
  if (operation == "letterbox") return letterbox_implementations();
  require<SettingsError>(operation == "frame_signals", "implementations: no operation '", operation,
                         "'; there are 'frame_signals' and 'letterbox'");
  std::vector<std::string> names;
  for (const FrameSummerEntry& entry : kFrameSummers) names.emplace_back(entry.implementation);
  return names;
}

ChosenSummer make_frame_summer(std::string_view implementation, const Reduction& reduction) {
  const std::string_view wanted = implementation == "auto" ? kFastestCpu : implementation;
  for (const FrameSummerEntry& entry : kFrameSummers) {
    if (entry.implementation == wanted) return {std::string(wanted), entry.make(reduction)};
  }
  throw SettingsError(joined("frame_signals: no implementation '", implementation,
                             "' in this build; use auto, ",
                             listed(implementations("frame_signals"))));
}

}  // namespace fastthumb
