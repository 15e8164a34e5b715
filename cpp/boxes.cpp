#include "fastthumb/boxes.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "fastthumb/error.hpp"

namespace fastthumb {
namespace {

constexpr int kLargestTensor = 65535;  // px a side
constexpr std::array kFaceStrides{8, 16, 32};

bool finite(const Box& box) {
  return std::isfinite(box.x0) && std::isfinite(box.y0) && std::isfinite(box.x1) &&
         std::isfinite(box.y1);
}

double area(const Box& box) {
  return std::max(0.0, double{box.x1} - box.x0) * std::max(0.0, double{box.y1} - box.y0);
}

void check_share(const char* who, const char* name, double value) {
  require<SettingsError>(value >= 0 && value <= 1, who, ": needs ", name, " of 0 to 1, got ", value,
                         "; pass a share");
}

void check(const char* who, const DecodeSettings& settings) {
  for (const int side : {settings.width, settings.height}) {
    require(side >= 1 && side <= kLargestTensor, who, ": needs a tensor of 1 to ", kLargestTensor,
            " px a side, got ", settings.width, " x ", settings.height,
            "; pass the size that the network saw");
  }
  check_share(who, "a threshold", settings.threshold);
  check_share(who, "an iou", settings.iou);
}

// The cells of one stride.
struct Cells {
  int stride, cols, rows;
  std::size_t count() const { return std::size_t(cols) * std::size_t(rows); }
};

Cells cells_of(const char* who, int stride, const DecodeSettings& settings) {
  require<SettingsError>(stride >= 1 && stride <= 1024, who, ": needs strides of 1 to 1024, got ",
                         stride, "; pass the tensor px between two cells");
  return {stride, (settings.width + stride - 1) / stride, (settings.height + stride - 1) / stride};
}

void check_rows(const char* who, const char* what, const Rows& rows, std::size_t wanted_rows,
                std::size_t wanted_columns) {
  require(rows.rows == wanted_rows && rows.columns == wanted_columns, who, ": needs ", what, " of ",
          wanted_rows, " x ", wanted_columns, " numbers for this tensor, got ", rows.rows, " x ",
          rows.columns, "; pass the size and the outputs of the same picture");
}

// Adds the box with each class of a cell that scores enough: all of them, or the best one.
template <typename Score>
void add_classes(const Box& box, std::size_t classes, bool every_class, double threshold,
                 const Score& score_of, std::vector<ScoredBox>& found) {
  std::size_t best = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    const double score = score_of(k);
    if (every_class && score >= threshold) {
      found.push_back({box, static_cast<float>(score), static_cast<std::int32_t>(k)});
    }
    if (score > score_of(best)) best = k;
  }
  const double score = classes == 0 ? 0 : score_of(best);
  if (!every_class && classes != 0 && score >= threshold) {
    found.push_back({box, static_cast<float>(score), static_cast<std::int32_t>(best)});
  }
}

std::vector<ScoredBox> without_overlaps(const std::vector<ScoredBox>& found, double iou) {
  std::vector<Box> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> labels;
  for (const ScoredBox& each : found) {
    boxes.push_back(each.box);
    scores.push_back(each.score);
    labels.push_back(each.label);
  }
  std::vector<ScoredBox> kept;
  for (const std::int64_t index : non_maximum_suppression(boxes, scores, iou, labels)) {
    kept.push_back(found[std::size_t(index)]);
  }
  return kept;
}

// The mean of 0, 1, 2, ... under the softmax of `count` numbers.
double expected_step(const float* numbers, std::size_t count) {
  const double largest = *std::max_element(numbers, numbers + count);
  double weights = 0, sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double weight = std::exp(numbers[i] - largest);
    weights += weight;
    sum += weight * static_cast<double>(i);
  }
  return sum / weights;
}

}  // namespace

double overlap(const Box& a, const Box& b) {
  const Box common{std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1),
                   std::min(a.y1, b.y1)};
  const double shared = area(common);
  const double both = area(a) + area(b) - shared;
  return both > 0 ? shared / both : 0;
}

std::vector<std::int64_t> non_maximum_suppression(std::span<const Box> boxes,
                                                  std::span<const float> scores, double iou,
                                                  std::span<const std::int32_t> classes) {
  check_share("nms", "an iou", iou);
  require(boxes.size() == scores.size() && (classes.empty() || classes.size() == boxes.size()),
          "nms: needs a score and a class for each of ", boxes.size(), " boxes, got ",
          scores.size(), " scores and ", classes.size(), " classes; pass arrays of equal length");
  for (const float score : scores) {
    require(!std::isnan(score), "nms: needs scores that are numbers, got NaN; drop those boxes");
  }
  std::vector<std::size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  std::vector<std::int64_t> kept;
  std::unordered_map<std::int32_t, std::vector<std::size_t>> kept_of_class;
  for (const std::size_t index : order) {
    std::vector<std::size_t>& rivals = kept_of_class[classes.empty() ? 0 : classes[index]];
    const bool covered = std::any_of(rivals.begin(), rivals.end(), [&](std::size_t rival) {
      return overlap(boxes[rival], boxes[index]) > iou;
    });
    if (covered) continue;
    rivals.push_back(index);
    kept.push_back(static_cast<std::int64_t>(index));
  }
  return kept;
}

std::vector<FaceRow> decode_yunet(std::span<const Rows> outputs, const DecodeSettings& settings) {
  constexpr const char* who = "decode_yunet";
  check(who, settings);
  constexpr std::size_t strides = kFaceStrides.size();
  require(outputs.size() == 4 * strides, who, ": needs ", 4 * strides, " outputs, got ",
          outputs.size(), "; pass cls, obj, bbox and kps of the strides 8, 16 and 32");
  std::vector<FaceRow> found;
  for (std::size_t level = 0; level < strides; ++level) {
    const Cells cells = cells_of(who, kFaceStrides[level], settings);
    const Rows &classes = outputs[level], &objects = outputs[strides + level];
    const Rows &sides = outputs[2 * strides + level], &points = outputs[3 * strides + level];
    check_rows(who, "cls", classes, cells.count(), 1);
    check_rows(who, "obj", objects, cells.count(), 1);
    check_rows(who, "bbox", sides, cells.count(), 4);
    check_rows(who, "kps", points, cells.count(), 10);
    for (std::size_t cell = 0; cell < cells.count(); ++cell) {
      const double product = double{classes.data[cell]} * objects.data[cell];
      const double score = std::sqrt(std::clamp(product, 0.0, 1.0));
      if (!(score >= settings.threshold)) continue;
      const double s = cells.stride;
      const auto col = static_cast<double>(cell % std::size_t(cells.cols));
      const auto row = static_cast<double>(cell / std::size_t(cells.cols));
      const float* const b = sides.data + 4 * cell;
      const float* const k = points.data + 10 * cell;
      const double x = (col + b[0]) * s, y = (row + b[1]) * s;
      const double half_width = std::exp(double{b[2]}) * s / 2;
      const double half_height = std::exp(double{b[3]}) * s / 2;
      FaceRow face{float(x - half_width), float(y - half_height), float(x + half_width),
                   float(y + half_height), float(score)};
      for (std::size_t i = 0; i < 10; ++i) {
        face[5 + i] = static_cast<float>(((i % 2 == 0 ? col : row) + k[i]) * s);
      }
      if (std::all_of(face.begin(), face.end(), [](float v) { return std::isfinite(v); })) {
        found.push_back(face);
      }
    }
  }
  std::vector<Box> boxes;
  std::vector<float> scores;
  for (const FaceRow& face : found) {
    boxes.push_back({face[0], face[1], face[2], face[3]});
    scores.push_back(face[4]);
  }
  std::vector<FaceRow> kept;
  for (const std::int64_t index : non_maximum_suppression(boxes, scores, settings.iou)) {
    kept.push_back(found[std::size_t(index)]);
  }
  return kept;
}

std::vector<ScoredBox> decode_yolox(const Rows& output, std::span<const int> strides,
                                    bool every_class, const DecodeSettings& settings) {
  constexpr const char* who = "decode_yolox";
  check(who, settings);
  std::size_t wanted = 0;
  for (const int stride : strides) wanted += cells_of(who, stride, settings).count();
  require(output.columns >= 6 && output.rows == wanted, who, ": needs ", wanted,
          " rows of a box, an objectness and at least one class for this tensor, got ", output.rows,
          " x ", output.columns, "; pass the size, the strides and the output of the same model");
  const std::size_t classes = output.columns - 5;
  std::vector<ScoredBox> found;
  const float* o = output.data;
  for (const int stride : strides) {
    const Cells cells = cells_of(who, stride, settings);
    for (std::size_t cell = 0; cell < cells.count(); ++cell, o += output.columns) {
      // Classes are at most 1, so that nothing of this cell can reach the threshold.
      if (!(o[4] >= settings.threshold)) continue;
      const double s = stride;
      const double x = (o[0] + static_cast<double>(cell % std::size_t(cells.cols))) * s;
      const double y = (o[1] + static_cast<double>(cell / std::size_t(cells.cols))) * s;
      const double half_width = std::exp(double{o[2]}) * s / 2;
      const double half_height = std::exp(double{o[3]}) * s / 2;
      const Box box{float(x - half_width), float(y - half_height), float(x + half_width),
                    float(y + half_height)};
      if (!finite(box)) continue;
      const auto score = [o](std::size_t k) { return double{o[4]} * o[5 + k]; };
      add_classes(box, classes, every_class, settings.threshold, score, found);
    }
  }
  return without_overlaps(found, settings.iou);
}

std::vector<ScoredBox> decode_picodet(std::span<const Rows> scores, std::span<const Rows> sides,
                                      std::span<const int> strides, bool every_class,
                                      const DecodeSettings& settings) {
  constexpr const char* who = "decode_picodet";
  check(who, settings);
  require(scores.size() == strides.size() && sides.size() == strides.size() && !strides.empty(),
          who, ": needs scores and boxes for each of ", strides.size(), " strides, got ",
          scores.size(), " and ", sides.size(), "; pass the outputs in the order of the strides");
  const std::size_t classes = scores[0].columns, columns = sides[0].columns;
  require(classes >= 1 && columns >= 8 && columns % 4 == 0, who,
          ": needs a class and four sides of at least 2 steps, got ", classes, " and ", columns,
          " columns; pass the score tables first, then the boxes");
  std::vector<ScoredBox> found;
  for (std::size_t level = 0; level < strides.size(); ++level) {
    const Cells cells = cells_of(who, strides[level], settings);
    check_rows(who, "scores", scores[level], cells.count(), classes);
    check_rows(who, "boxes", sides[level], cells.count(), columns);
    for (std::size_t cell = 0; cell < cells.count(); ++cell) {
      const float* const row = scores[level].data + cell * classes;
      if (!(*std::max_element(row, row + classes) >= settings.threshold)) continue;
      const float* const bins = sides[level].data + cell * columns;
      const double s = cells.stride;
      const double x = (static_cast<double>(cell % std::size_t(cells.cols)) + 0.5) * s;
      const double y = (static_cast<double>(cell / std::size_t(cells.cols)) + 0.5) * s;
      std::array<double, 4> reach{};
      for (std::size_t side = 0; side < 4; ++side) {
        reach[side] = expected_step(bins + side * (columns / 4), columns / 4) * s;
      }
      const Box box{float(x - reach[0]), float(y - reach[1]), float(x + reach[2]),
                    float(y + reach[3])};
      if (!finite(box)) continue;
      const auto score = [row](std::size_t k) { return double{row[k]}; };
      add_classes(box, classes, every_class, settings.threshold, score, found);
    }
  }
  return without_overlaps(found, settings.iou);
}

}  // namespace fastthumb
