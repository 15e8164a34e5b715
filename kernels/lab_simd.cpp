#include "lab_simd.hpp"

#include <cmath>
#include <cstring>

#include "fastthumb/signals.hpp"
#include "simd.hpp"

namespace fastthumb {
namespace {

struct Triple {
  std::uint16_t* __restrict first;
  std::uint16_t* __restrict second;
  std::uint16_t* __restrict third;
};

FASTTHUMB_INLINE std::uint16_t quarter_level(std::int32_t q14) {
  const std::int32_t level = (q14 + 8192) >> 14;
  return static_cast<std::uint16_t>(level < 0 ? 0 : level > 1020 ? 1020 : level);
}

FASTTHUMB_CLONES void rgb_indices(const LabTables& t, const std::uint8_t* __restrict luma,
                                  const std::uint8_t* __restrict cb,
                                  const std::uint8_t* __restrict cr, int cells, Triple out) {
  const std::int32_t cr_to_r = t.cr_to_r, cb_to_g = t.cb_to_g, cr_to_g = t.cr_to_g;
  const std::int32_t cb_to_b = t.cb_to_b;
  for (int x = 0; x < cells; ++x) {
    const std::int32_t y = luma[x] * (4 << 14);
    const std::int32_t blue = 4 * (cb[x] - 128), red = 4 * (cr[x] - 128);
    out.first[x] = quarter_level(y + cr_to_r * red);
    out.second[x] = quarter_level(y - cb_to_g * blue - cr_to_g * red);
    out.third[x] = quarter_level(y + cb_to_b * blue);
  }
}

FASTTHUMB_INLINE std::uint16_t root_index(const std::int32_t* m, std::int32_t red,
                                          std::int32_t green, std::int32_t blue) {
  const std::int32_t value = (m[0] * red + m[1] * green + m[2] * blue + 8192) >> 14;
  return static_cast<std::uint16_t>(
      static_cast<std::int32_t>(std::sqrt(static_cast<float>(value)) * 8 + 0.5f));
}

FASTTHUMB_CLONES void xyz_indices(const LabTables& t, int cells, Triple linear_to_root) {
  std::int32_t m[9];
  for (std::size_t i = 0; i < 9; ++i) m[i] = t.rgb_to_xyz[i];
  for (int x = 0; x < cells; ++x) {
    const std::int32_t red = linear_to_root.first[x], green = linear_to_root.second[x],
                       blue = linear_to_root.third[x];
    linear_to_root.first[x] = root_index(m, red, green, blue);
    linear_to_root.second[x] = root_index(m + 3, red, green, blue);
    linear_to_root.third[x] = root_index(m + 6, red, green, blue);
  }
}

FASTTHUMB_CLONES LabSums add_up(int cells, Triple f) {
  std::int32_t lightness_sum = 0, a_sum = 0, b_sum = 0, chroma_sum = 0;
  for (int x = 0; x < cells; ++x) {
    const std::int32_t fx = f.first[x], fy = f.second[x], fz = f.third[x];
    const std::int32_t a = (500 * kLabUnits * (fx - fy) + 16384) >> 15;
    const std::int32_t b = (200 * kLabUnits * (fy - fz) + 16384) >> 15;
    lightness_sum += ((116 * kLightnessUnits * fy + 16384) >> 15) - 16 * kLightnessUnits;
    a_sum += a;
    b_sum += b;
    chroma_sum += static_cast<std::int32_t>(std::sqrt(static_cast<float>(a * a + b * b)) + 0.5f);
  }
  return {lightness_sum, a_sum, b_sum, chroma_sum};
}

// Four to a load and a store: one store a cycle is the limit.
void look_up(const std::uint16_t* __restrict table, std::uint16_t* __restrict values, int count) {
  int x = 0;
  for (; x + 4 <= count; x += 4) {
    std::uint64_t four;
    std::memcpy(&four, values + x, sizeof four);
    const std::uint64_t found =
        std::uint64_t{table[four & 0xffff]} | std::uint64_t{table[(four >> 16) & 0xffff]} << 16 |
        std::uint64_t{table[(four >> 32) & 0xffff]} << 32 | std::uint64_t{table[four >> 48]} << 48;
    std::memcpy(values + x, &found, sizeof found);
  }
  for (; x < count; ++x) values[x] = table[values[x]];
}

}  // namespace

LabRow::LabRow(const LabTables& tables, int cells)
    : tables_(tables),
      cells_(cells),
      first_(std::size_t(cells)),
      second_(std::size_t(cells)),
      third_(std::size_t(cells)) {}

LabSums LabRow::sums(const std::uint8_t* luma, const std::uint8_t* cb, const std::uint8_t* cr) {
  const Triple values{first_.data(), second_.data(), third_.data()};
  rgb_indices(tables_, luma, cb, cr, cells_, values);
  for (auto* row : {&first_, &second_, &third_})
    look_up(tables_.linear.data(), row->data(), cells_);
  xyz_indices(tables_, cells_, values);
  for (auto* row : {&first_, &second_, &third_})
    look_up(tables_.cube_root.data(), row->data(), cells_);
  return add_up(cells_, values);
}

}  // namespace fastthumb
