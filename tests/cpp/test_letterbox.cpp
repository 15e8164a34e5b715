// Fit and warp on random layouts, regions and matrices: for the sanitizers, which see every byte
// that is read or written, and for the agreement of the twins.
#include "fastthumb/letterbox.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "fastthumb/dispatch.hpp"
#include "fastthumb/error.hpp"

namespace {

using fastthumb::Chroma;
using fastthumb::FrameLayout;
using fastthumb::joined;
using fastthumb::Picture;
using fastthumb::PlaneBytes;
using fastthumb::require;
using fastthumb::TensorFormat;

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

constexpr float kPlain = 5e-4f;  // codes: float sums against double
constexpr float kTables = 4.0f;  // random tables of 8 bits are steeper than any that are used

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int below(int n) { return int(engine_() % unsigned(n)); }
  double between(double low, double high) {
    return low + (high - low) * double(engine_()) / 4294967296.0;
  }
  std::uint8_t byte() { return std::uint8_t(engine_()); }

 private:
  std::mt19937 engine_;
};

// Planes whose buffers end with their last sample.
struct Frame {
  Frame(const FrameLayout& layout, int pad, Random& random) {
    const int sample_bytes = layout.bit_depth == 8 ? 1 : 2;
    const auto add = [&](int cols, int rows) {
      const std::ptrdiff_t pitch = std::ptrdiff_t{cols + pad} * sample_bytes;
      const std::ptrdiff_t size = pitch * (rows - 1) + std::ptrdiff_t{cols} * sample_bytes;
      std::vector<std::uint8_t> bytes(std::size_t(size), 0);
      for (std::uint8_t& value : bytes) value = random.byte();
      buffers.push_back(std::move(bytes));
      planes.push_back({buffers.back().data(), buffers.back().size(), pitch});
    };
    add(layout.width, layout.height);
    if (layout.chroma == Chroma::none) return;
    const int cols = (layout.width + (1 << layout.chroma_shift_x) - 1) >> layout.chroma_shift_x;
    const int rows = (layout.height + (1 << layout.chroma_shift_y) - 1) >> layout.chroma_shift_y;
    add(layout.chroma == Chroma::interleaved ? 2 * cols : cols, rows);
    if (layout.chroma == Chroma::planar) add(cols, rows);
  }
  std::vector<std::vector<std::uint8_t>> buffers;
  std::vector<PlaneBytes> planes;
};

FrameLayout random_layout(Random& random) {
  FrameLayout layout;
  const int kinds[] = {1 + random.below(9), 1 + random.below(60), 100 + random.below(200)};
  layout.width = kinds[random.below(3)];
  layout.height = kinds[random.below(3)];
  layout.chroma_shift_x = random.below(3);
  layout.chroma_shift_y = random.below(3);
  const int depths[] = {8, 8, 9, 10, 12, 16};
  layout.bit_depth = depths[random.below(6)];
  if (layout.bit_depth > 8) layout.msb_shift = random.below(16 - layout.bit_depth + 1);
  layout.chroma = static_cast<Chroma>(random.below(3));
  layout.full_range = random.below(2) == 1;
  layout.matrix = static_cast<fastthumb::Matrix>(random.below(3));
  layout.fields = 1 + random.below(2);
  if (layout.bit_depth <= 10 && random.below(4) == 0) {
    layout.luma_curve.resize(std::size_t{1} << layout.bit_depth);
    for (std::uint8_t& value : layout.luma_curve) value = random.byte();
  }
  if (random.below(4) == 0) {
    layout.cell_lut_size = 2 + random.below(7);
    const auto n = std::size_t(layout.cell_lut_size);
    layout.cell_lut.resize(n * n * n * 3);
    for (std::uint8_t& value : layout.cell_lut) value = random.byte();
  }
  return layout;
}

TensorFormat random_format(Random& random) {
  TensorFormat format;
  format.width = 1 + random.below(150);
  format.height = 1 + random.below(40);
  format.bgr = random.below(2) == 1;
  for (std::size_t c = 0; c < 3; ++c) {
    format.mean[c] = random.between(0, 140);
    format.scale[c] = random.between(0.01, 1);
  }
  format.fill = random.between(0, 255);
  return format;
}

// Whether the device twin is built in and finds a device; where FASTTHUMB_REQUIRE_CUDA is set, it
// has to.
bool has_device() {
#ifdef FASTTHUMB_HAS_CUDA
  const std::uint8_t px[3] = {};
  float tensor[3];
  TensorFormat format;
  format.width = format.height = 1;
  try {
    fastthumb::warp(fastthumb::picture_of(px, 1, 1, 3), {1, 0, 0, 0, 1, 0}, format, "cuda", tensor);
    return true;
  } catch (const fastthumb::DeviceUnavailable&) {
    if (std::getenv("FASTTHUMB_REQUIRE_CUDA") != nullptr) throw;
  }
#else
  require<Failure>(std::getenv("FASTTHUMB_REQUIRE_CUDA") == nullptr, "CUDA is not built in");
#endif
  return false;
}

// All twins into tensors that hold something else before; every px must be written.
template <typename Make>
void expect_agreement(const TensorFormat& format, float tolerance, const Make& make) {
  const auto floats = 3 * std::size_t(format.width) * std::size_t(format.height);
  std::vector<float> truth(floats, 1e9f), fast(floats, -1e9f);
  make("scalar", truth.data());
  make("simd", fast.data());
  for (std::size_t i = 0; i < floats; ++i) {
    const float difference = std::abs(fast[i] - truth[i]);
    require<Failure>(difference <= tolerance, "value ", i, " is ", fast[i], ", not ", truth[i]);
  }
  static const bool device = has_device();
  if (!device) return;
  std::vector<float> far(floats, -1e9f);
  make("cuda", far.data());
  for (std::size_t i = 0; i < floats; ++i) {
    require<Failure>(far[i] == fast[i], "device value ", i, " is ", far[i], ", not ", fast[i]);
  }
}

fastthumb::Fit random_fit(const Picture& picture, const TensorFormat& format, Random& random) {
  fastthumb::Fit fit;
  const double w = picture.width(), h = picture.height();
  fit.x0 = random.between(-0.5 * w, w);
  fit.y0 = random.between(-0.5 * h, h);
  fit.x1 = fit.x0 + random.between(0.01, 2 * w);
  fit.y1 = fit.y0 + random.between(0.01, 2 * h);
  if (random.below(3) == 0) fit.x0 = fit.y0 = 0, fit.x1 = w, fit.y1 = h;
  fit.width = 1 + random.below(format.width);
  fit.height = 1 + random.below(format.height);
  fit.quarter_turns = random.below(4);
  fit.mirrored = random.below(2) == 1;
  fit.filter = static_cast<fastthumb::Filter>(random.below(2));
  return fit;
}

void check_fit(const Picture& picture, float tolerance, Random& random) {
  const TensorFormat format = random_format(random);
  const fastthumb::Fit fit = random_fit(picture, format, random);
  expect_agreement(format, tolerance, [&](const char* implementation, float* tensor) {
    fastthumb::fit(picture, fit, format, implementation, tensor);
  });
}

void check_warp(const Picture& picture, float tolerance, Random& random) {
  const TensorFormat format = random_format(random);
  fastthumb::Affine matrix;
  const double scale = std::exp(random.between(-2, 4));
  for (double& value : matrix) value = scale * random.between(-1, 1);
  matrix[2] = random.between(-1, 1.5) * picture.width();
  matrix[5] = random.between(-1, 1.5) * picture.height();
  expect_agreement(format, tolerance, [&](const char* implementation, float* tensor) {
    fastthumb::warp(picture, matrix, format, implementation, tensor);
  });
}

// Plans that are made together are those that are made one by one.
void check_batch(const Picture& first, const Picture& second, Random& random) {
  const TensorFormat format = random_format(random);
  const fastthumb::Fit fit = random_fit(first, format, random);
  const fastthumb::Fit other = random_fit(first, format, random);
  const std::vector<Picture> pictures{first, second, second, first};
  const std::vector<fastthumb::Fit> fits{fit, fit, other, other};
  const std::vector<fastthumb::FitPlan> plans = fastthumb::plan_fits(pictures, fits, format);
  require<Failure>(plans.size() == fits.size(), "batch: ", plans.size(), " plans");
  const auto floats = 3 * std::size_t(format.width) * std::size_t(format.height);
  for (std::size_t i = 0; i < fits.size(); ++i) {
    const fastthumb::FitPlan alone = fastthumb::plan_fit(pictures[i], fits[i], format);
    std::vector<float> wanted(floats, -1e9f), got(floats, -1e9f);
    if (alone.grid.cols > 0) fastthumb::fit_simd(alone, wanted.data());
    if (plans[i].grid.cols > 0) fastthumb::fit_simd(plans[i], got.data());
    require<Failure>(wanted == got, "batch: plan ", i, " shows something else");
  }
}

void check_layout(Random& random, int round) {
  const FrameLayout layout = random_layout(random);
  const bool tables = !layout.luma_curve.empty() || !layout.cell_lut.empty();
  const Frame frame(layout, round % 5, random);
  const Picture picture = fastthumb::picture_of(layout, frame.planes);
  try {
    for (int i = 0; i < 3; ++i) check_fit(picture, tables ? kTables : kPlain, random);
    for (int i = 0; i < 2; ++i) check_warp(picture, tables ? kTables : kPlain, random);
    const Frame next(layout, round % 5, random);
    check_batch(picture, fastthumb::picture_of(layout, next.planes), random);
  } catch (const Failure& failure) {
    throw Failure(joined("round ", round, ", ", layout.width, "x", layout.height, " ",
                         layout.bit_depth, " bits, chroma ", int(layout.chroma), ", fields ",
                         layout.fields, ", tables ", tables, ": ", failure.what()));
  }
}

void check_rgb(Random& random) {
  const int width = 1 + random.below(90), height = 1 + random.below(90);
  std::vector<std::uint8_t> rgb(3 * std::size_t(width) * std::size_t(height));
  for (std::uint8_t& value : rgb) value = random.byte();
  const Picture picture =
      fastthumb::picture_of(rgb.data(), width, height, std::ptrdiff_t{3} * width);
  check_fit(picture, kPlain, random);
  check_warp(picture, kPlain, random);
}

}  // namespace

int main() {
  try {
    Random random(20260102);
    for (int round = 0; round < 150; ++round) check_layout(random, round);
    for (int round = 0; round < 50; ++round) check_rgb(random);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  std::printf("scalar and simd (%s)%s agree\n", fastthumb::build_info().simd.c_str(),
              has_device() ? " and cuda" : "");
  return 0;
}
