// Suppression and decoding on random numbers, for the sanitizers; what they give is tested in
// tests/test_boxes.py.
#include "fastthumb/boxes.hpp"

#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include "fastthumb/error.hpp"

namespace {

using fastthumb::Rows;
using fastthumb::ScoredBox;

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

constexpr int kWidth = 75, kHeight = 41;
constexpr fastthumb::DecodeSettings kSettings{kWidth, kHeight, 0.3, 0.5};
constexpr std::array kStrides{8, 16, 32};

std::size_t cells(int stride) {
  return std::size_t((kWidth + stride - 1) / stride) * std::size_t((kHeight + stride - 1) / stride);
}

// Tables of exactly the size that is promised, now and then with numbers that are none.
class Tables {
 public:
  explicit Tables(std::mt19937& random) : random_(random) {}
  Rows add(std::size_t rows, std::size_t columns) {
    std::vector<float> numbers(rows * columns);
    std::normal_distribution<float> normal(0.5f, 0.5f);
    constexpr float kOdd[] = {std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::infinity(), -1e30f, 1e30f};
    for (float& number : numbers) {
      number = random_() % 50 == 0 ? kOdd[random_() % 4] : normal(random_);
    }
    kept_.push_back(std::move(numbers));
    return {kept_.back().data(), rows, columns};
  }

 private:
  std::mt19937& random_;
  std::vector<std::vector<float>> kept_;
};

void expect_order(const std::vector<ScoredBox>& boxes) {
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const ScoredBox& each = boxes[i];
    fastthumb::require<Failure>(std::isfinite(each.box.x0) && std::isfinite(each.box.y1),
                                "a box without an end came through");
    fastthumb::require<Failure>(i == 0 || boxes[i - 1].score >= each.score, "not best first");
    for (std::size_t j = 0; j < i; ++j) {
      fastthumb::require<Failure>(
          boxes[j].label != each.label || fastthumb::overlap(boxes[j].box, each.box) <= 0.5,
          "two boxes of a class overlap");
    }
  }
}

void check_decoders(std::mt19937& random) {
  Tables tables(random);
  std::vector<Rows> faces;
  for (const std::size_t columns : {1, 1, 4, 10}) {
    for (const int stride : kStrides) faces.push_back(tables.add(cells(stride), columns));
  }
  fastthumb::decode_yunet(faces, kSettings);
  std::size_t all = 0;
  std::vector<Rows> scores, sides;
  for (const int stride : kStrides) {
    all += cells(stride);
    scores.push_back(tables.add(cells(stride), 5));
    sides.push_back(tables.add(cells(stride), 32));
  }
  const Rows output = tables.add(all, 10);
  for (const bool every_class : {false, true}) {
    expect_order(fastthumb::decode_yolox(output, kStrides, every_class, kSettings));
    expect_order(fastthumb::decode_picodet(scores, sides, kStrides, every_class, kSettings));
  }
}

}  // namespace

int main() {
  try {
    std::mt19937 random(20260103);
    for (int round = 0; round < 60; ++round) check_decoders(random);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  std::printf("decoders keep their promises\n");
  return 0;
}
