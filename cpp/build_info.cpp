#include "fastthumb/dispatch.hpp"

namespace fastthumb {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#else
  return "unknown";
#endif
}

}  // namespace

BuildInfo build_info() {
  BuildInfo info;
  info.compiler = compiler();
  info.simd = simd_level();
#ifdef FASTTHUMB_HAS_CUDA
  info.cuda = true;
  info.cuda_architectures = FASTTHUMB_CUDA_ARCHITECTURES;
#else
  info.cuda = false;
#endif
  return info;
}

}  // namespace fastthumb
