// The fast twin of the signals against the plain one, on buffers that end where they must, so that
// the sanitizers see every byte read too far. Exits with 1 on the first difference.
#include <cstdio>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "fastthumb/dispatch.hpp"
#include "fastthumb/error.hpp"

namespace {

using fastthumb::Chroma;
using fastthumb::FrameLayout;
using fastthumb::FrameSignals;
using fastthumb::PlaneBytes;
using fastthumb::require;
using fastthumb::SignalMeter;

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string text_of(const FrameLayout& layout) {
  return fastthumb::joined(layout.width, " x ", layout.height, ", shifts ", layout.chroma_shift_x,
                           " ", layout.chroma_shift_y, ", ", layout.bit_depth, " bits << ",
                           layout.msb_shift, ", chroma ", int(layout.chroma), ", fields ",
                           layout.fields, ", curve ", layout.luma_curve.size(), ", lut ",
                           layout.cell_lut_size);
}

enum class Filling { random, extremes, flat, smooth };

// One frame in exactly as many bytes as the layout needs.
class Frame {
 public:
  Frame(const FrameLayout& layout, Filling filling, int pad, std::mt19937& random) {
    const int sample_bytes = layout.bit_depth == 8 ? 1 : 2;
    const auto add = [&](int cols, int rows) {
      const int pitch = (cols + pad) * sample_bytes;
      std::vector<std::uint8_t> bytes(std::size_t(pitch) * std::size_t(rows - 1) +
                                      std::size_t(cols * sample_bytes));
      const unsigned level = unsigned(random()), step = 1 + unsigned(random()) % 9;
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = filling == Filling::random     ? std::uint8_t(random())
                   : filling == Filling::extremes ? std::uint8_t(random() & 1 ? 255 : 0)
                   : filling == Filling::flat     ? std::uint8_t(level)
                                                  : std::uint8_t(i / 2 * step >> 4);
      }
      pitches_.push_back(pitch);
      buffers_.push_back(std::move(bytes));
    };
    add(layout.width, layout.height);
    if (layout.chroma == Chroma::none) return;
    const int cols = (layout.width + (1 << layout.chroma_shift_x) - 1) >> layout.chroma_shift_x;
    const int rows = (layout.height + (1 << layout.chroma_shift_y) - 1) >> layout.chroma_shift_y;
    if (layout.chroma == Chroma::interleaved) {
      add(2 * cols, rows);
    } else {
      add(cols, rows);
      add(cols, rows);
    }
  }

  std::vector<PlaneBytes> planes() const {
    std::vector<PlaneBytes> planes;
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      planes.push_back({buffers_[i].data(), buffers_[i].size(), pitches_[i]});
    }
    return planes;
  }

 private:
  std::vector<std::vector<std::uint8_t>> buffers_;
  std::vector<int> pitches_;
};

void expect_equal(const FrameSignals& fast, const FrameSignals& truth) {
  const auto same = [](const char* name, double got, double wanted) {
    require<Failure>(got == wanted, name, " is ", got, ", not ", wanted);
  };
  same("luma_mean", fast.luma_mean, truth.luma_mean);
  same("luma_std", fast.luma_std, truth.luma_std);
  same("laplacian_variance", fast.laplacian_variance, truth.laplacian_variance);
  same("lightness", fast.lightness, truth.lightness);
  same("chroma", fast.chroma, truth.chroma);
  same("a_mean", fast.a_mean, truth.a_mean);
  same("b_mean", fast.b_mean, truth.b_mean);
  same("entropy", fast.entropy, truth.entropy);
  same("difference", fast.difference, truth.difference);
  same("motion", fast.motion, truth.motion);
  same("camera_x", fast.camera_x, truth.camera_x);
  same("camera_y", fast.camera_y, truth.camera_y);
  same("motion_spread", fast.motion_spread, truth.motion_spread);
  same("compensated_difference", fast.compensated_difference, truth.compensated_difference);
  same("dark_share", fast.dark_share, truth.dark_share);
  same("bright_share", fast.bright_share, truth.bright_share);
  same("bar_top", fast.bar_top, truth.bar_top);
  same("bar_bottom", fast.bar_bottom, truth.bar_bottom);
  same("bar_left", fast.bar_left, truth.bar_left);
  same("bar_right", fast.bar_right, truth.bar_right);
  same("has_previous", fast.has_previous, truth.has_previous);
  require<Failure>(fast.luma_histogram == truth.luma_histogram, "luma_histogram differs");
  require<Failure>(fast.chroma_histogram == truth.chroma_histogram, "chroma_histogram differs");
  require<Failure>(fast.grid == truth.grid, "grid differs");
}

void check_parity(const FrameLayout& layout, Filling filling, int pad, std::mt19937& random) {
  SignalMeter truth(layout, "scalar"), fast(layout, "simd");
  try {
    for (int i = 0; i < 3; ++i) {
      const Frame frame(layout, filling, pad, random);
      const FrameSignals wanted = truth.measure(frame.planes());
      expect_equal(fast.measure(frame.planes()), wanted);
      require<Failure>(fast.picture().luma == truth.picture().luma, "working luma differs");
      require<Failure>(fast.picture().cell_luma == truth.picture().cell_luma, "cell luma differs");
      require<Failure>(fast.picture().cell_cb == truth.picture().cell_cb, "cell Cb differs");
      require<Failure>(fast.picture().cell_cr == truth.picture().cell_cr, "cell Cr differs");
    }
  } catch (const Failure& failure) {
    throw Failure(fastthumb::joined(text_of(layout), ", filling ", int(filling), ", pad ", pad,
                                    ": ", failure.what()));
  }
}

FrameLayout random_layout(std::mt19937& random) {
  const auto below = [&random](unsigned n) { return int(random() % n); };
  FrameLayout layout;
  const int kinds[] = {1 + below(12), 1 + below(90), 330 + below(500)};
  layout.width = kinds[below(3)];
  layout.height = kinds[below(3)];
  layout.chroma_shift_x = below(3);
  layout.chroma_shift_y = below(3);
  const int depths[] = {8, 8, 9, 10, 12, 16};
  layout.bit_depth = depths[below(6)];
  if (layout.bit_depth > 8) layout.msb_shift = below(unsigned(16 - layout.bit_depth + 1));
  layout.chroma = static_cast<Chroma>(below(3));
  layout.full_range = below(2) == 1;
  layout.matrix = static_cast<fastthumb::Matrix>(below(3));
  layout.fields = 1 + below(2);
  const auto bytes = [&random](std::size_t count) {
    std::vector<std::uint8_t> values(count);
    for (std::uint8_t& value : values) value = std::uint8_t(random());
    return values;
  };
  if (below(4) == 0) layout.luma_curve = bytes(std::size_t{1} << layout.bit_depth);
  if (below(4) == 0) {
    layout.cell_lut_size = 2 + below(7);
    const auto n = std::size_t(layout.cell_lut_size);
    layout.cell_lut = bytes(n * n * n * 3);
  }
  return layout;
}

void check_short_planes_are_refused() {
  FrameLayout layout;
  layout.width = 33;
  layout.height = 17;
  layout.chroma_shift_x = layout.chroma_shift_y = 1;
  std::mt19937 random(1);
  const Frame frame(layout, Filling::random, 0, random);
  for (std::size_t plane = 0; plane < 3; ++plane) {
    std::vector<PlaneBytes> planes = frame.planes();
    --planes[plane].size_bytes;
    bool refused = false;
    try {
      SignalMeter(layout, "simd").measure(planes);
    } catch (const fastthumb::FrameError&) {
      refused = true;
    }
    require<Failure>(refused, "a plane ", plane, " one byte short was read");
  }
}

}  // namespace

int main() {
  try {
    std::mt19937 random(20260101);
    for (int i = 0; i < 120; ++i) {
      check_parity(random_layout(random), static_cast<Filling>(i % 4), i % 7, random);
    }
    FrameLayout large;
    large.width = 1921;
    large.height = 1081;
    large.chroma_shift_x = large.chroma_shift_y = 1;
    check_parity(large, Filling::random, 0, random);
    check_parity(large, Filling::extremes, 31, random);
    check_short_planes_are_refused();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  std::printf("scalar and simd (%s) agree\n", fastthumb::build_info().simd.c_str());
  return 0;
}
