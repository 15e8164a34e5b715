// Names on a profiler's time line, where the toolkit has the header (which loads its library only
// under a profiler).
#pragma once

#if __has_include(<nvtx3/nvtx3.hpp>)
#include <nvtx3/nvtx3.hpp>
#endif

namespace fastthumb {

#if __has_include(<nvtx3/nvtx3.hpp>)
struct ProfilerDomain {
  static constexpr char const* name{"fastthumb"};
};
using ProfilerRange = nvtx3::scoped_range_in<ProfilerDomain>;
#else
struct ProfilerRange {
  explicit ProfilerRange(const char*) {}
};
#endif

}  // namespace fastthumb
