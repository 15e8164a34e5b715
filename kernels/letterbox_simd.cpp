// The fast CPU twin, in float. See Note [eight rows].
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "fastthumb/letterbox.hpp"
#include "simd.hpp"

// Note [eight rows]
//
// Eight rows of the grid are made at a time. Each is first summed out of its source rows, over
// whole rows of samples. Then the eight are interleaved, so that the eight values of a column lie
// side by side: every tap along the row, the color and the normalization are then one vector
// operation for eight px, with no gathering of scattered samples. Px of a grid that is turned by a
// quarter lie side by side in the tensor as they are; of any other, eight rows are taken apart
// again.
//
// Sums are float, taken in the order of the taps, without contraction: the same bits on every
// machine, and within 1/2000 code of the plain twin (where tables are steep, that times their
// slope).

namespace fastthumb {
namespace {

constexpr int kLanes = 8;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

// ---- rows -------------------------------------------------------------------------------------

FASTTHUMB_INLINE float code_of(std::uint8_t sample, int, float) {
  return static_cast<float>(static_cast<std::int32_t>(sample));
}

// The lesser of two floats: of two integers, the compiler makes a jump.
FASTTHUMB_INLINE float code_of(std::uint16_t sample, int shift, float maximum) {
  const auto value = static_cast<float>(static_cast<std::int32_t>(sample >> shift));
  return value < maximum ? value : maximum;
}

// out[x] = the sum of weights[t] * the sample x of row t, over 1 to 4 rows, added to out if `more`.
template <typename Sample, int taps, bool more>
FASTTHUMB_INLINE void weigh(const Sample* const* rows, const float* weights, int shift,
                            float maximum, int count, float* __restrict out) {
  const Sample* __restrict row0 = rows[0];
  const Sample* __restrict row1 = rows[taps > 1 ? 1 : 0];
  const Sample* __restrict row2 = rows[taps > 2 ? 2 : 0];
  const Sample* __restrict row3 = rows[taps > 3 ? 3 : 0];
  const float w0 = weights[0], w1 = weights[taps > 1 ? 1 : 0], w2 = weights[taps > 2 ? 2 : 0],
              w3 = weights[taps > 3 ? 3 : 0];
  for (int x = 0; x < count; ++x) {
    float sum = more ? out[x] + w0 * code_of(row0[x], shift, maximum)
                     : w0 * code_of(row0[x], shift, maximum);
    if constexpr (taps > 1) sum += w1 * code_of(row1[x], shift, maximum);
    if constexpr (taps > 2) sum += w2 * code_of(row2[x], shift, maximum);
    if constexpr (taps > 3) sum += w3 * code_of(row3[x], shift, maximum);
    out[x] = sum;
  }
}

template <typename Sample, bool more>
FASTTHUMB_INLINE void weigh_up_to_4(const Sample* const* rows, const float* weights, int taps,
                                    int shift, float maximum, int count, float* __restrict out) {
  switch (taps) {
    case 1:
      return weigh<Sample, 1, more>(rows, weights, shift, maximum, count, out);
    case 2:
      return weigh<Sample, 2, more>(rows, weights, shift, maximum, count, out);
    case 3:
      return weigh<Sample, 3, more>(rows, weights, shift, maximum, count, out);
    default:
      return weigh<Sample, 4, more>(rows, weights, shift, maximum, count, out);
  }
}

template <typename Sample>
FASTTHUMB_INLINE void weigh_rows(const Sample* const* rows, const float* weights, int taps,
                                 int shift, float maximum, int count, float* __restrict out) {
  weigh_up_to_4<Sample, false>(rows, weights, std::min(taps, 4), shift, maximum, count, out);
  for (int t = 4; t < taps; t += 4) {
    weigh_up_to_4<Sample, true>(rows + t, weights + t, std::min(taps - t, 4), shift, maximum, count,
                                out);
  }
}

FASTTHUMB_CLONES void weigh_bytes(const std::uint8_t* const* rows, const float* weights, int taps,
                                  int count, float* __restrict out) {
  weigh_rows(rows, weights, taps, 0, 0, count, out);
}

FASTTHUMB_CLONES void weigh_words(const std::uint16_t* const* rows, const float* weights, int taps,
                                  int shift, float maximum, int count, float* __restrict out) {
  weigh_rows(rows, weights, taps, shift, maximum, count, out);
}

// The first halves of a and b, or their second halves, taken in turn.
FASTTHUMB_INLINE Lanes riffled_low(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

FASTTHUMB_INLINE Lanes riffled_high(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

// Eight rows of eight become eight columns: three riffles of row i with row i + 4.
FASTTHUMB_INLINE void transpose(Lanes* rows) {
  for (int riffle = 0; riffle < 3; ++riffle) {
    const Lanes a = rows[0], b = rows[1], c = rows[2], d = rows[3];
    const Lanes e = rows[4], f = rows[5], g = rows[6], h = rows[7];
    rows[0] = riffled_low(a, e), rows[1] = riffled_high(a, e);
    rows[2] = riffled_low(b, f), rows[3] = riffled_high(b, f);
    rows[4] = riffled_low(c, g), rows[5] = riffled_high(c, g);
    rows[6] = riffled_low(d, h), rows[7] = riffled_high(d, h);
  }
}

FASTTHUMB_INLINE Lanes load(const float* from) { return *reinterpret_cast<const Lanes*>(from); }
FASTTHUMB_INLINE void store(Lanes values, float* to) { *reinterpret_cast<Lanes*>(to) = values; }

// out[x * kLanes + lane] = rows[lane * pitch + x], and back.
FASTTHUMB_CLONES void interleave(const float* __restrict rows, std::ptrdiff_t pitch, int count,
                                 float* __restrict out) {
  int x = 0;
  for (; x + kLanes <= count; x += kLanes) {
    Lanes block[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) block[lane] = load(rows + lane * pitch + x);
    transpose(block);
    for (int i = 0; i < kLanes; ++i) store(block[i], out + (x + i) * kLanes);
  }
  for (; x < count; ++x) {
    for (int lane = 0; lane < kLanes; ++lane) out[x * kLanes + lane] = rows[lane * pitch + x];
  }
}

FASTTHUMB_CLONES void take_apart(const float* __restrict lanes, int count, float* __restrict out,
                                 std::ptrdiff_t pitch) {
  int x = 0;
  for (; x + kLanes <= count; x += kLanes) {
    Lanes block[kLanes];
    for (int i = 0; i < kLanes; ++i) block[i] = load(lanes + (x + i) * kLanes);
    transpose(block);
    for (int lane = 0; lane < kLanes; ++lane) store(block[lane], out + lane * pitch + x);
  }
  for (; x < count; ++x) {
    for (int lane = 0; lane < kLanes; ++lane) out[lane * pitch + x] = lanes[x * kLanes + lane];
  }
}

// ---- columns ----------------------------------------------------------------------------------

template <int fixed>
FASTTHUMB_INLINE void weigh_columns(const float* lanes, const std::int32_t* first,
                                    const float* weights, int any, std::ptrdiff_t step, int count,
                                    float* __restrict out) {
  const int taps = fixed > 0 ? fixed : any;
  for (int i = 0; i < count; ++i) {
    const float* source = lanes + first[i] * step;
    const float* const w = weights + std::ptrdiff_t{i} * taps;
    Lanes sum = load(source) * w[0];
    for (int t = 1; t < taps; ++t) sum += load(source + t * step) * w[t];
    store(sum, out + std::ptrdiff_t{i} * kLanes);
  }
}

// Eight values of each of `count` outputs; `lanes` holds eight values of each sample, `step` floats
// from one sample of the component to the next.
FASTTHUMB_CLONES void weigh_lanes(const float* lanes, const std::int32_t* first,
                                  const float* weights, int taps, std::ptrdiff_t step, int count,
                                  float* __restrict out) {
  switch (taps) {
    case 1:
      return weigh_columns<1>(lanes, first, weights, taps, step, count, out);
    case 2:
      return weigh_columns<2>(lanes, first, weights, taps, step, count, out);
    case 3:
      return weigh_columns<3>(lanes, first, weights, taps, step, count, out);
    case 4:
      return weigh_columns<4>(lanes, first, weights, taps, step, count, out);
    case 5:
      return weigh_columns<5>(lanes, first, weights, taps, step, count, out);
    default:
      return weigh_columns<0>(lanes, first, weights, taps, step, count, out);
  }
}

// ---- color ------------------------------------------------------------------------------------

// ColorMap and TensorFormat in float, the channels of the latter as R, G, B.
struct FloatColor {
  explicit FloatColor(const ColorMap& map)
      : luma_gain(float(map.luma_gain)),
        luma_offset(float(map.luma_offset)),
        chroma_gain(float(map.chroma_gain)),
        chroma_offset(float(map.chroma_offset)),
        cr_to_r(float(map.cr_to_r)),
        cb_to_g(float(map.cb_to_g)),
        cr_to_g(float(map.cr_to_g)),
        cb_to_b(float(map.cb_to_b)) {}
  float luma_gain, luma_offset, chroma_gain, chroma_offset;
  float cr_to_r, cb_to_g, cr_to_g, cb_to_b;
};

struct FloatFormat {
  explicit FloatFormat(const TensorFormat& format) : fill(float(format.fill)) {
    for (std::size_t rgb = 0; rgb < 3; ++rgb) {
      channel[rgb] = format.bgr ? 2 - rgb : rgb;
      mean[rgb] = float(format.mean[channel[rgb]]);
      scale[rgb] = float(format.scale[channel[rgb]]);
    }
  }
  std::array<std::size_t, 3> channel{};
  std::array<float, 3> mean{}, scale{};
  float fill;
};

FASTTHUMB_INLINE float clamped(float value) {
  value = value > 0.0f ? value : 0.0f;
  return value < 255.0f ? value : 255.0f;
}

// Three rows of code values become full-range Y and Cb, Cr around 0, in place.
FASTTHUMB_CLONES void expand(const FloatColor& color, bool luma, int count, float* __restrict y,
                             float* __restrict cb, float* __restrict cr) {
  const FloatColor c = color;
  if (luma) {
    for (int i = 0; i < count; ++i) y[i] = y[i] * c.luma_gain + c.luma_offset;
  }
  for (int i = 0; i < count; ++i) cb[i] = cb[i] * c.chroma_gain + c.chroma_offset;
  for (int i = 0; i < count; ++i) cr[i] = cr[i] * c.chroma_gain + c.chroma_offset;
}

void through_curve(const ColorMap& map, int count, float* y) {
  const auto maximum = static_cast<float>(map.curve_maximum);
  for (int i = 0; i < count; ++i) {
    const float at = std::clamp(y[i], 0.0f, maximum);
    const int step = std::min(static_cast<int>(at), map.curve_maximum - 1);
    const float part = at - static_cast<float>(step);
    y[i] = static_cast<float>(map.curve[step]) * (1 - part) +
           static_cast<float>(map.curve[step + 1]) * part;
  }
}

template <typename Value>
FASTTHUMB_INLINE Value mixed(Value a, Value b, float part) {
  return a + (b - a) * part;
}

using FourInts = std::int32_t __attribute__((vector_size(16)));
using FourFloats = float __attribute__((vector_size(16)));

// Three bytes of the table from `at`, and one that means nothing; `last` is where four still fit.
FASTTHUMB_INLINE FourFloats entry_at(const std::uint8_t* lut, std::ptrdiff_t at,
                                     std::ptrdiff_t last) {
  const std::ptrdiff_t from = at < last ? at : last;
  std::uint32_t bits;
  std::memcpy(&bits, lut + from, sizeof bits);
  const auto all = static_cast<std::int32_t>(bits >> (8 * (at - from)));
  const FourInts bytes = (FourInts{all, all, all, all} >> FourInts{0, 8, 16, 24}) & 255;
  return __builtin_convertvector(bytes, FourFloats);
}

// Full-range Y and Cb, Cr around 0 through the cube, in place: the three components of a corner at
// a time.
FASTTHUMB_CLONES void through_lut(const ColorMap& map, int count, float* __restrict y,
                                  float* __restrict cb, float* __restrict cr) {
  const std::uint8_t* const lut = map.lut;
  const int n = map.lut_size;
  const float steps = static_cast<float>(n - 1) / 255.0f;
  const std::ptrdiff_t across = std::ptrdiff_t{3} * n, face = across * n, last = face * n - 4;
  for (int i = 0; i < count; ++i) {
    const float at_y = clamped(y[i]) * steps;
    const float at_cb = clamped(cb[i] + 128.0f) * steps;
    const float at_cr = clamped(cr[i] + 128.0f) * steps;
    const int step_y = std::min(static_cast<int>(at_y), n - 2);
    const int step_cb = std::min(static_cast<int>(at_cb), n - 2);
    const int step_cr = std::min(static_cast<int>(at_cr), n - 2);
    const float part_y = at_y - static_cast<float>(step_y);
    const float part_cb = at_cb - static_cast<float>(step_cb);
    const float part_cr = at_cr - static_cast<float>(step_cr);
    const std::ptrdiff_t corner = step_y * face + step_cb * across + std::ptrdiff_t{3} * step_cr;
    FourFloats faces[2];
    for (int j = 0; j < 2; ++j) {
      const std::ptrdiff_t at = corner + j * face;
      const FourFloats upper = mixed(entry_at(lut, at, last), entry_at(lut, at + 3, last), part_cr);
      const FourFloats lower =
          mixed(entry_at(lut, at + across, last), entry_at(lut, at + across + 3, last), part_cr);
      faces[j] = mixed(upper, lower, part_cb);
    }
    const FourFloats shown = mixed(faces[0], faces[1], part_y);
    y[i] = shown[0];
    cb[i] = shown[1] - 128.0f;
    cr[i] = shown[2] - 128.0f;
  }
}

// Y, Cb, Cr to codes of R', G', B', in place and clamped; RGB is only clamped.
FASTTHUMB_CLONES void to_rgb(const FloatColor& color, bool is_rgb, int count, float* __restrict y,
                             float* __restrict cb, float* __restrict cr) {
  const FloatColor c = color;
  for (int i = 0; i < count; ++i) {
    const float r = is_rgb ? y[i] : y[i] + c.cr_to_r * cr[i];
    const float g = is_rgb ? cb[i] : y[i] - c.cb_to_g * cb[i] - c.cr_to_g * cr[i];
    const float b = is_rgb ? cr[i] : y[i] + c.cb_to_b * cb[i];
    y[i] = clamped(r);
    cb[i] = clamped(g);
    cr[i] = clamped(b);
  }
}

FASTTHUMB_CLONES void normalize(float mean, float scale, int count, float* __restrict codes) {
  for (int i = 0; i < count; ++i) codes[i] = (codes[i] - mean) * scale;
}

// Rows of resampled components, in place, to R', G', B' codes.
void color_rows(const ColorMap& map, const FloatColor& color, int count, float* y, float* cb,
                float* cr) {
  if (!map.is_rgb) {
    if (!map.has_chroma) {
      std::fill(cb, cb + count, -color.chroma_offset / color.chroma_gain);
      std::fill(cr, cr + count, -color.chroma_offset / color.chroma_gain);
    }
    expand(color, map.curve == nullptr, count, y, cb, cr);
    if (map.curve != nullptr) through_curve(map, count, y);
    if (map.lut != nullptr) through_lut(map, count, y, cb, cr);
  }
  to_rgb(color, map.is_rgb, count, y, cb, cr);
}

// ---- grids ------------------------------------------------------------------------------------

// Makes eight rows of a grid at a time, some of their columns at a time.
class Resampler {
 public:
  explicit Resampler(const Grid& grid) : grid_(grid) {
    std::size_t most = 0;
    for (const PlaneGroup& group : grid.groups) {
      Narrowed narrowed;
      narrowed.down.assign(group.down.weights.begin(), group.down.weights.end());
      narrowed.across.assign(group.across.weights.begin(), group.across.weights.end());
      const auto [low, high] =
          std::minmax_element(group.across.first.begin(), group.across.first.end());
      narrowed.first_col = *low;
      narrowed.samples = (*high - *low + group.across.taps) * group.components;
      for (const std::int32_t first : group.across.first) {
        narrowed.first.push_back(first - narrowed.first_col);
      }
      narrowed.lanes.resize(group.planes.size() * std::size_t(narrowed.samples) * kLanes);
      most = std::max(most, std::size_t(narrowed.samples) * kLanes);
      groups_.push_back(std::move(narrowed));
    }
    rows_.assign(most, 0.0f);
  }

  // Sums up the rows first..first + kLanes (fewer at the end: the rest become any numbers).
  void take_rows(int first_row) {
    const int count = std::min(kLanes, grid_.rows - first_row);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      const PlaneGroup& group = grid_.groups[g];
      Narrowed& narrowed = groups_[g];
      float* lanes = narrowed.lanes.data();
      for (const PlaneView& plane : group.planes) {
        for (int lane = 0; lane < count; ++lane) {
          sum_rows(group, narrowed, plane, first_row + lane,
                   rows_.data() + std::ptrdiff_t{lane} * narrowed.samples);
        }
        interleave(rows_.data(), narrowed.samples, narrowed.samples, lanes);
        lanes += std::ptrdiff_t{narrowed.samples} * kLanes;
      }
    }
  }

  // Components of the columns first..first + count of those rows, eight values side by side.
  void make(int first_col, int count, const std::array<float*, 3>& out) const {
    std::size_t component = 0;
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      const PlaneGroup& group = grid_.groups[g];
      const Narrowed& narrowed = groups_[g];
      const int taps = group.across.taps;
      for (std::size_t plane = 0; plane < group.planes.size(); ++plane) {
        const float* const lanes =
            narrowed.lanes.data() + plane * std::size_t(narrowed.samples) * kLanes;
        for (int c = 0; c < group.components; ++c, ++component) {
          weigh_lanes(lanes + std::ptrdiff_t{c} * kLanes, narrowed.first.data() + first_col,
                      narrowed.across.data() + std::ptrdiff_t{first_col} * taps, taps,
                      std::ptrdiff_t{group.components} * kLanes, count, out[component]);
        }
      }
    }
  }

 private:
  struct Narrowed {  // a group's taps in float, counted from the first sample in use
    std::vector<float> down, across;
    std::vector<std::int32_t> first;
    int first_col = 0, samples = 0;
    std::vector<float> lanes;  // of each plane: eight values of each sample side by side
  };

  void sum_rows(const PlaneGroup& group, const Narrowed& narrowed, const PlaneView& plane, int row,
                float* out) {
    const int all = group.down.taps;
    const float* const weights = narrowed.down.data() + std::ptrdiff_t{row} * all;
    bytes_.clear();
    words_.clear();
    weights_.clear();
    for (int t = 0; t < all; ++t) {
      if (weights[t] == 0) continue;
      const int y = group.down.first[std::size_t(row)] + t;
      const std::ptrdiff_t first = std::ptrdiff_t{narrowed.first_col} * group.components;
      weights_.push_back(weights[t]);
      if (grid_.sample_bytes == 1) {
        bytes_.push_back(plane.row<std::uint8_t>(y) + first);
      } else {
        words_.push_back(plane.row<std::uint16_t>(y) + first);
      }
    }
    const int taps = static_cast<int>(weights_.size());
    if (grid_.sample_bytes == 1) {
      weigh_bytes(bytes_.data(), weights_.data(), taps, narrowed.samples, out);
    } else {
      weigh_words(words_.data(), weights_.data(), taps, grid_.msb_shift,
                  static_cast<float>(grid_.sample_maximum), narrowed.samples, out);
    }
  }

  const Grid& grid_;
  std::vector<Narrowed> groups_;
  std::vector<float> rows_;  // eight rows of samples
  std::vector<const std::uint8_t*> bytes_;
  std::vector<const std::uint16_t*> words_;
  std::vector<float> weights_;
};

// Eight values of each of `cols` columns to their places in a channel.
void place(const FitPlan& plan, int first_row, int first_col, int cols, const float* lanes,
           float* channel) {
  const int rows = std::min(kLanes, plan.grid.rows - first_row);
  float* const target =
      channel + plan.start + first_row * plan.step_row + first_col * plan.step_col;
  if (plan.step_col == 1 && rows == kLanes) {
    take_apart(lanes, cols, target, plan.step_row);
    return;
  }
  if (plan.step_row == 1 && rows == kLanes) {
    for (int i = 0; i < cols; ++i) {
      std::memcpy(target + i * plan.step_col, lanes + std::ptrdiff_t{i} * kLanes,
                  kLanes * sizeof(float));
    }
    return;
  }
  for (int i = 0; i < cols; ++i) {
    for (int lane = 0; lane < rows; ++lane) {
      target[i * plan.step_col + lane * plan.step_row] = lanes[i * kLanes + lane];
    }
  }
}

// ---- warp -------------------------------------------------------------------------------------

// Where the px of a row of the tensor look.
struct Looks {
  explicit Looks(int width)
      : offset(std::size_t(width)),
        right(std::size_t(width)),
        down(std::size_t(width)),
        share(std::size_t(width)) {}
  std::vector<std::int32_t> offset;  // of the cell at the upper left
  std::vector<float> right, down;    // parts of the cells to the right and below
  std::vector<float> share;          // of the picture, against the fill
};

FASTTHUMB_INLINE double within(double value, double most) {
  value = value > 0.0 ? value : 0.0;
  return value < most ? value : most;
}

FASTTHUMB_CLONES void look_along(const WarpPlan& plan, int v, Looks& looks) {
  const Affine m = plan.matrix;
  const double x0 = m[1] * (v + 0.5) + m[2], y0 = m[4] * (v + 0.5) + m[5];
  const double left = plan.left - 0.5, right = plan.right + 0.5;
  const double top = plan.top - 0.5, bottom = plan.bottom + 0.5;
  const int cols = plan.grid.cols, last_col = std::max(cols - 2, 0);
  const int last_row = std::max(plan.grid.rows - 2, 0);
  const double most_x = cols - 1, most_y = plan.grid.rows - 1;
  std::int32_t* __restrict offset = looks.offset.data();
  float* __restrict to_right = looks.right.data();
  float* __restrict to_down = looks.down.data();
  float* __restrict share = looks.share.data();
  for (int u = 0; u < plan.format.width; ++u) {
    const double x = m[0] * (u + 0.5) + x0, y = m[3] * (u + 0.5) + y0;
    const double at_x = within(x - 0.5, most_x), at_y = within(y - 0.5, most_y);
    int col = static_cast<int>(at_x), row = static_cast<int>(at_y);
    col = col < last_col ? col : last_col;
    row = row < last_row ? row : last_row;
    offset[u] = row * cols + col;
    to_right[u] = static_cast<float>(at_x - col);
    to_down[u] = static_cast<float>(at_y - row);
    share[u] = static_cast<float>(within(x - left, 1.0) * within(right - x, 1.0) *
                                  within(y - top, 1.0) * within(bottom - y, 1.0));
  }
}

FASTTHUMB_CLONES void read_cells(const float* __restrict cells, int cols, int rows,
                                 const Looks& looks, int count, float* __restrict out) {
  const std::int32_t* __restrict offset = looks.offset.data();
  const float* __restrict to_right = looks.right.data();
  const float* __restrict to_down = looks.down.data();
  const int right = cols > 1 ? 1 : 0, below = rows > 1 ? cols : 0;
  for (int u = 0; u < count; ++u) {
    const std::int32_t at = offset[u];
    const float upper = mixed(cells[at], cells[at + right], to_right[u]);
    const float lower = mixed(cells[at + below], cells[at + below + right], to_right[u]);
    out[u] = mixed(upper, lower, to_down[u]);
  }
}

FASTTHUMB_CLONES void blend(const float* __restrict share, const float* __restrict codes,
                            float fill, float mean, float scale, int count, float* __restrict out) {
  for (int u = 0; u < count; ++u) {
    out[u] = (fill + share[u] * (codes[u] - fill) - mean) * scale;
  }
}

}  // namespace

void fit_simd(const FitPlan& plan, float* tensor) {
  constexpr int kCols = 128;  // at a time: three components of them stay in the nearest cache
  Resampler resampler(plan.grid);
  const FloatColor color(plan.color);
  const FloatFormat format(plan.format);
  const auto plane = std::size_t(plan.format.width) * std::size_t(plan.format.height);
  std::array<std::array<float, kCols * kLanes>, 3> scratch;
  const std::array<float*, 3> some{scratch[0].data(), scratch[1].data(), scratch[2].data()};
  for (int row = 0; row < plan.grid.rows; row += kLanes) {
    resampler.take_rows(row);
    for (int col = 0; col < plan.grid.cols; col += kCols) {
      const int cols = std::min(kCols, plan.grid.cols - col);
      resampler.make(col, cols, some);
      color_rows(plan.color, color, cols * kLanes, some[0], some[1], some[2]);
      for (std::size_t c = 0; c < 3; ++c) {
        normalize(format.mean[c], format.scale[c], cols * kLanes, some[c]);
        place(plan, row, col, cols, some[c], tensor + format.channel[c] * plane);
      }
    }
  }
}

void warp_simd(const WarpPlan& plan, float* tensor) {
  const Grid& grid = plan.grid;
  const std::ptrdiff_t cells = std::ptrdiff_t{grid.cols} * (grid.rows + kLanes);
  std::vector<float> planes(3 * std::size_t(cells)), scratch(3 * std::size_t(grid.cols) * kLanes);
  Resampler resampler(grid);
  const std::ptrdiff_t count = std::ptrdiff_t{grid.cols} * kLanes;
  for (int first = 0; first < grid.rows; first += kLanes) {
    resampler.take_rows(first);
    resampler.make(0, grid.cols,
                   {scratch.data(), scratch.data() + count, scratch.data() + 2 * count});
    for (int c = 0; c < 3; ++c) {  // rows beyond the last one have room
      take_apart(scratch.data() + c * count, grid.cols,
                 planes.data() + c * cells + std::ptrdiff_t{first} * grid.cols, grid.cols);
    }
  }
  const FloatColor color(plan.color);
  const FloatFormat format(plan.format);
  const int width = plan.format.width;
  const std::ptrdiff_t channel = std::ptrdiff_t{width} * plan.format.height;
  Looks looks(width);
  std::array<std::vector<float>, 3> row;
  for (auto& values : row) values.resize(std::size_t(width));
  for (int v = 0; v < plan.format.height; ++v) {
    look_along(plan, v, looks);
    for (int c = 0; c < 3; ++c) {
      read_cells(planes.data() + c * cells, grid.cols, grid.rows, looks, width, row[c].data());
    }
    color_rows(plan.color, color, width, row[0].data(), row[1].data(), row[2].data());
    for (std::size_t c = 0; c < 3; ++c) {
      float* const target =
          tensor + std::ptrdiff_t(format.channel[c]) * channel + std::ptrdiff_t{v} * width;
      blend(looks.share.data(), row[c].data(), format.fill, format.mean[c], format.scale[c], width,
            target);
    }
  }
}

}  // namespace fastthumb
