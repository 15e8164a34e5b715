#include "fastthumb/layout.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

#include "fastthumb/error.hpp"

namespace fastthumb {
namespace {

constexpr int kWorkingLines = 360;  // what the short side is reduced to, about
constexpr int kLargestSide = 65535;
constexpr int kMeanShift = 22;  // 8-bit results: 297 * 2^22 (limited range, over white) < 2^31

int ceil_shift(int value, int shift) { return (value + (1 << shift) - 1) >> shift; }

// value = (sum / samples - zero) * scale + zero_out, rounded.
FixedGain fixed_gain(std::int64_t samples, std::int64_t sample_maximum, double zero, double scale,
                     double zero_out, int shift, std::int32_t maximum) {
  FixedGain fixed;
  const auto largest = static_cast<std::uint64_t>(samples * sample_maximum);
  fixed.pre_shift = std::max(0, static_cast<int>(std::bit_width(largest)) - 16);
  fixed.shift = shift;
  fixed.maximum = maximum;
  const double one = std::ldexp(1.0, shift);
  const double unit = std::ldexp(1.0, fixed.pre_shift) / static_cast<double>(samples);
  fixed.gain = static_cast<std::int32_t>(std::llround(one * scale * unit));
  fixed.offset = static_cast<std::int32_t>(std::llround(one * (zero_out - zero * scale + 0.5)));
  return fixed;
}

FixedGain luma_gain(const FrameLayout& layout, std::int64_t samples) {
  const std::int64_t maximum = (std::int64_t{1} << layout.bit_depth) - 1;
  if (!layout.luma_curve.empty()) {
    return fixed_gain(samples, maximum, 0, 1, 0, 30 - layout.bit_depth,
                      static_cast<std::int32_t>(maximum));
  }
  const double step = std::ldexp(1.0, layout.bit_depth - 8);  // code values per 8-bit level
  if (layout.full_range) {
    return fixed_gain(samples, maximum, 0, 255.0 / static_cast<double>(maximum), 0, kMeanShift,
                      255);
  }
  return fixed_gain(samples, maximum, 16 * step, 255 / (219 * step), 0, kMeanShift, 255);
}

FixedGain chroma_gain(const FrameLayout& layout, std::int64_t samples) {
  const std::int64_t maximum = (std::int64_t{1} << layout.bit_depth) - 1;
  const double step = std::ldexp(1.0, layout.bit_depth - 8);
  const double scale =
      layout.full_range ? 255.0 / static_cast<double>(maximum) : 255 / (224 * step);
  return fixed_gain(samples, maximum, 128 * step, scale, 128, kMeanShift, 255);
}

// Note [integer LAB]
//
// A cell's 8-bit full-range Y, Cb, Cr become R'G'B' in quarter levels (rounded, clamped to 0..1020)
// by the stream's matrix; a table makes them linear light, 0..65535, by the sRGB transfer function
// (IEC 61966-2-1); BT.709 primaries give X, Y, Z over the D65 white point, each row of the matrix
// rounded so that it sums to exactly one: a gray cell then has X = Y = Z and a = b = 0. CIE 15's
// f(t) is read from a table over the square root of t, where it is nowhere steep; the index is the
// correctly rounded float square root, rounded to an integer. L is summed in 1/256, a and b in
// 1/64; the chroma of a cell is the float square root of a^2 + b^2, rounded to 1/64. Float square
// root, addition and conversion are the same bits everywhere; no product is added, so nothing
// contracts.
LabTables lab_tables(Matrix matrix) {
  LabTables tables{};
  const auto [red, green, blue] = luma_weights(matrix);
  const auto q14 = [](double value) {
    return static_cast<std::int32_t>(std::lround(value * 16384));
  };
  tables.cr_to_r = q14(2 * (1 - red));
  tables.cb_to_b = q14(2 * (1 - blue));
  tables.cr_to_g = q14(2 * (1 - red) * red / green);
  tables.cb_to_g = q14(2 * (1 - blue) * blue / green);

  constexpr double kToXyz[3][3] = {{0.4124564, 0.3575761, 0.1804375},
                                   {0.2126729, 0.7151522, 0.0721750},
                                   {0.0193339, 0.1191920, 0.9503041}};
  for (std::size_t row = 0; row < 3; ++row) {
    const double white = kToXyz[row][0] + kToXyz[row][1] + kToXyz[row][2];
    const std::int32_t first = q14(kToXyz[row][0] / white);
    const std::int32_t last = q14(kToXyz[row][2] / white);
    tables.rgb_to_xyz[3 * row] = first;
    tables.rgb_to_xyz[3 * row + 1] = 16384 - first - last;
    tables.rgb_to_xyz[3 * row + 2] = last;
  }
  for (std::size_t i = 0; i < tables.linear.size(); ++i) {
    const double v = static_cast<double>(i) / 1020;
    const double linear = v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
    tables.linear[i] = static_cast<std::uint16_t>(std::lround(linear * 65535));
  }
  for (std::size_t i = 0; i < tables.cube_root.size(); ++i) {
    const double t = std::pow(static_cast<double>(i) / 8, 2) / 65535;
    const double f = t > 216.0 / 24389 ? std::cbrt(t) : (24389.0 / 27 * t + 16) / 116;
    tables.cube_root[i] = static_cast<std::uint16_t>(std::lround(std::min(f, 1.0) * 32768));
  }
  return tables;
}

PlaneView checked_plane(const char* name, const PlaneBytes& plane, int cols, int rows,
                        int samples_per_col, int sample_bytes, int fields) {
  const std::ptrdiff_t row_bytes = std::ptrdiff_t{cols} * samples_per_col * sample_bytes;
  require(plane.pitch_bytes >= row_bytes, name, " plane: needs a pitch of at least ", row_bytes,
          " bytes for ", cols, " columns, got ", plane.pitch_bytes,
          "; pass the plane's bytes from one row to the next");
  require(plane.pitch_bytes <= (std::ptrdiff_t{1} << 40), name, " plane: a pitch of ",
          plane.pitch_bytes, " bytes is not plausible; pass the plane's line size");
  const std::ptrdiff_t wanted = plane.pitch_bytes * (rows - 1) + row_bytes;
  require(plane.size_bytes >= static_cast<std::size_t>(wanted), name, " plane: needs ", wanted,
          " bytes for ", rows, " rows at a pitch of ", plane.pitch_bytes, ", got ",
          plane.size_bytes, "; the buffer is short or the layout is another stream's");
  const bool aligned = reinterpret_cast<std::uintptr_t>(plane.data) % unsigned(sample_bytes) == 0 &&
                       plane.pitch_bytes % sample_bytes == 0;
  require(aligned, name, " plane: needs rows that start at a multiple of ", sample_bytes,
          " bytes; copy the plane to an aligned buffer");
  const int read_rows = fields == 2 ? (rows + 1) / 2 : rows;
  return {plane.data, cols, read_rows, plane.pitch_bytes * fields};
}

}  // namespace

void check_layout(const FrameLayout& layout) {
  const auto side = [](const char* name, int value) {
    require(value >= 1 && value <= kLargestSide, "frame layout: needs a ", name, " of 1 to ",
            kLargestSide, " samples, got ", value, "; scale the picture first");
  };
  side("width", layout.width);
  side("height", layout.height);
  require(layout.bit_depth >= 8 && layout.bit_depth <= 16,
          "frame layout: needs a bit depth of 8 to 16, got ", layout.bit_depth,
          "; convert the picture to one of these");
  const int spare_bits = layout.bit_depth == 8 ? 0 : 16 - layout.bit_depth;
  require(layout.msb_shift >= 0 && layout.msb_shift <= spare_bits,
          "frame layout: needs an msb_shift of 0 to ", spare_bits, " at ", layout.bit_depth,
          " bits, got ", layout.msb_shift, "; pass the number of unused low bits of a sample");
  for (const int shift : {layout.chroma_shift_x, layout.chroma_shift_y}) {
    require(shift >= 0 && shift <= 2, "frame layout: needs chroma shifts of 0 to 2, got ", shift,
            "; pass the base-2 logarithm of the chroma subsampling");
  }
  require(layout.fields == 1 || layout.fields == 2, "frame layout: needs 1 or 2 fields, got ",
          layout.fields, "; pass 2 for an interlaced stream, else 1");
  const std::size_t codes = std::size_t{1} << layout.bit_depth;
  require(layout.luma_curve.empty() || layout.luma_curve.size() == codes,
          "frame layout: needs a luma_curve of ", codes, " entries at ", layout.bit_depth,
          " bits, got ", layout.luma_curve.size(), "; give one entry per code value");
  if (!layout.cell_lut.empty()) {
    const int n = layout.cell_lut_size;
    require(n >= 2 && n <= 65, "frame layout: needs a cell_lut of 2 to 65 steps a side, got ", n,
            "; resample the table");
    const std::size_t wanted = std::size_t(n) * std::size_t(n) * std::size_t(n) * 3;
    require(layout.cell_lut.size() == wanted, "frame layout: needs a cell_lut of ", wanted,
            " bytes for ", n, " steps a side, got ", layout.cell_lut.size(),
            "; give an (n, n, n, 3) table");
  }
}

LumaWeights luma_weights(Matrix matrix) {
  const double red = matrix == Matrix::bt601 ? 0.299 : matrix == Matrix::bt709 ? 0.2126 : 0.2627;
  const double blue = matrix == Matrix::bt601 ? 0.114 : matrix == Matrix::bt709 ? 0.0722 : 0.0593;
  return {red, 1 - red - blue, blue};
}

Reduction reduction_of(FrameLayout layout) {
  if (layout.chroma == Chroma::none) layout.chroma_shift_x = layout.chroma_shift_y = 0;
  check_layout(layout);
  Reduction r;
  r.layout = std::move(layout);
  const FrameLayout& in = r.layout;

  // Note [one field]: an interlaced frame is two moments; measured whole, their comb would count
  // as sharpness. The first field has all columns and half the rows, so its box is twice as wide
  // as high, and rounded to the nearer of the sizes about 360 lines.
  const int factor = std::max(1, std::min(in.width, in.height) / kWorkingLines);
  const bool interlaced = in.fields == 2;
  r.source_cols = in.width;
  r.source_rows = interlaced ? (in.height + 1) / 2 : in.height;
  r.box_rows = std::min(interlaced ? (factor + 1) / 2 : factor, r.source_rows);
  r.box_cols = std::min(interlaced ? 2 * r.box_rows : factor, r.source_cols);
  r.cols = r.source_cols / r.box_cols;
  r.rows = r.source_rows / r.box_rows;

  r.cell_cols = std::min(4, r.cols);
  r.cell_rows = std::min(4, r.rows);
  r.cells_x = r.cols / r.cell_cols;
  r.cells_y = r.rows / r.cell_rows;
  r.block_cells_x = std::min(8, r.cells_x);
  r.block_cells_y = std::min(8, r.cells_y);
  r.blocks_x = r.cells_x / r.block_cells_x;
  r.blocks_y = r.cells_y / r.block_cells_y;

  r.sample_maximum = (std::uint32_t{1} << in.bit_depth) - 1;
  r.luma_gain = luma_gain(in, std::int64_t{r.box_cols} * r.box_rows);
  if (in.chroma != Chroma::none) {
    r.chroma_cols = ceil_shift(in.width, in.chroma_shift_x);
    r.chroma_rows = ceil_shift(in.height, in.chroma_shift_y);
    if (interlaced) r.chroma_rows = (r.chroma_rows + 1) / 2;
    r.chroma_box_cols =
        std::min(ceil_shift(r.cell_cols * r.box_cols, in.chroma_shift_x), r.chroma_cols);
    r.chroma_box_rows =
        std::min(ceil_shift(r.cell_rows * r.box_rows, in.chroma_shift_y), r.chroma_rows);
    r.chroma_gain = chroma_gain(in, std::int64_t{r.chroma_box_cols} * r.chroma_box_rows);
  }
  r.lab = lab_tables(in.matrix);
  return r;
}

FramePlanes planes_of(const FrameLayout& in, const std::vector<PlaneBytes>& planes) {
  const std::size_t wanted = in.chroma == Chroma::none ? 1 : in.chroma == Chroma::planar ? 3 : 2;
  require(planes.size() == wanted, "frame: needs ", wanted, " planes for this layout, got ",
          planes.size(), "; pass the planes that the stream's pixel format has");
  const int sample_bytes = in.bit_depth == 8 ? 1 : 2;
  FramePlanes views;
  views.luma = checked_plane("luma", planes[0], in.width, in.height, 1, sample_bytes, in.fields);
  if (in.chroma == Chroma::none) return views;
  const int cols = ceil_shift(in.width, in.chroma_shift_x);
  const int rows = ceil_shift(in.height, in.chroma_shift_y);
  if (in.chroma == Chroma::interleaved) {
    views.cb = checked_plane("chroma", planes[1], cols, rows, 2, sample_bytes, in.fields);
    return views;
  }
  views.cb = checked_plane("Cb", planes[1], cols, rows, 1, sample_bytes, in.fields);
  views.cr = checked_plane("Cr", planes[2], cols, rows, 1, sample_bytes, in.fields);
  return views;
}

}  // namespace fastthumb
