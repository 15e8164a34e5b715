// How the planes of a stream are read, and what that makes of the working picture.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "fastthumb/views.hpp"

namespace fastthumb {

enum class Chroma : std::uint8_t { none, planar, interleaved };
enum class Matrix : std::uint8_t { bt601, bt709, bt2020 };

// What a stream says about its frames. One per stream; a change of size needs a new one.
struct FrameLayout {
  int width = 0;           // luma samples of the whole frame, 1..65535
  int height = 0;          // luma rows of the whole frame (both fields), 1..65535
  int chroma_shift_x = 0;  // log2 of luma columns per chroma column, 0..2
  int chroma_shift_y = 0;  // log2 of luma rows per chroma row, 0..2
  int bit_depth = 8;       // 8: one byte a sample; 9..16: two bytes, little endian
  int msb_shift = 0;       // unused low bits of a two-byte sample (P010: 6)
  Chroma chroma = Chroma::planar;
  bool full_range = false;
  Matrix matrix = Matrix::bt709;         // by which the cells (after cell_lut) become R'G'B'
  int fields = 1;                        // 2: interlaced, only the first field is read
  std::vector<std::uint8_t> luma_curve;  // empty, or 2^bit_depth: code value -> 0..255 luma
  std::vector<std::uint8_t> cell_lut;    // empty, or n * n * n * 3: (Y, Cb, Cr) -> (Y, Cb, Cr)
  int cell_lut_size = 0;                 // n, 2..65
};

// Throws FrameError for sizes, depths and tables that cannot be.
void check_layout(const FrameLayout& layout);

// What R, G and B count for in luma; they sum to 1.
struct LumaWeights {
  double red, green, blue;
};
LumaWeights luma_weights(Matrix matrix);

// A rounded mean with a range expansion, in integers, so that every twin gives the same bits:
//   s = (sum + 2^pre_shift / 2) >> pre_shift          at most 16 bits
//   value = clamp((s * gain + offset) >> shift, 0, maximum)
// The sum is that of a box of samples; everything stays below 2^31.
struct FixedGain {
  int pre_shift = 0;
  std::int32_t gain = 0;
  std::int32_t offset = 0;
  int shift = 0;
  std::int32_t maximum = 255;

  constexpr std::int32_t operator()(std::uint64_t sum) const {
    const std::uint64_t half = (std::uint64_t{1} << pre_shift) >> 1;
    const auto s = static_cast<std::int32_t>((sum + half) >> pre_shift);
    const std::int32_t value = (s * gain + offset) >> shift;
    return value < 0 ? 0 : value > maximum ? maximum : value;
  }
};

// Integer CIELAB: D65, BT.709 primaries, sRGB transfer function. See Note [integer LAB] in
// layout.cpp.
struct LabTables {
  std::int32_t cr_to_r, cb_to_g, cr_to_g, cb_to_b;  // 2^14, on chroma minus 128
  std::array<std::int32_t, 9> rgb_to_xyz;           // 2^14, each row divided by the white point
  std::array<std::uint16_t, 1021> linear;           // quarter levels of R' -> 65535 t
  std::array<std::uint16_t, 2049> cube_root;        // 8 sqrt(65535 t), rounded -> 2^15 f(t)
};

// The geometry and the constants that follow from a layout.
//
// Working picture: box means of box_cols x box_rows samples, short side about 360 px.
// Cells: means of cell_cols x cell_rows working px (4 x 4), with the chroma under them.
// Rests at the right and the bottom that fill no whole box are left out.
struct Reduction {
  FrameLayout layout;
  int source_cols = 0, source_rows = 0;          // luma samples read (one field if fields == 2)
  int chroma_cols = 0, chroma_rows = 0;          // chroma samples there are in what is read
  int box_cols = 1, box_rows = 1;                // luma samples per working px
  int cols = 0, rows = 0;                        // working px
  int cell_cols = 4, cell_rows = 4;              // working px per cell
  int cells_x = 0, cells_y = 0;                  // cells in the picture
  int chroma_box_cols = 0, chroma_box_rows = 0;  // chroma samples per cell
  int block_cells_x = 8, block_cells_y = 8;      // cells per motion block
  int blocks_x = 0, blocks_y = 0;                // motion blocks in the picture
  FixedGain luma_gain;                           // box sum -> working luma, or index of luma_curve
  FixedGain chroma_gain;                         // box sum -> 0..255 around 128
  std::uint32_t sample_maximum = 255;            // samples above it are read as it
  LabTables lab;
};

// Checks the layout and derives everything else. Throws FrameError.
Reduction reduction_of(FrameLayout layout);

// The planes of one frame, checked against a layout by planes_of.
struct FramePlanes {
  PlaneView luma;
  PlaneView cb;  // interleaved chroma: both components, cols counts pairs
  PlaneView cr;
};

struct PlaneBytes {
  const std::uint8_t* data;
  std::size_t size_bytes;
  std::ptrdiff_t pitch_bytes;
};

// Views on the rows that the kernels read (the first field only if fields == 2).
// Throws FrameError where a plane is missing, too many, short, narrow or misaligned.
FramePlanes planes_of(const FrameLayout& layout, const std::vector<PlaneBytes>& planes);
inline FramePlanes planes_of(const Reduction& reduction, const std::vector<PlaneBytes>& planes) {
  return planes_of(reduction.layout, planes);
}

}  // namespace fastthumb
