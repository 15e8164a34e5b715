// Boxes out of the raw outputs of detection networks, and the choice among those that overlap.
//
// Everything is in pixels of the tensor that the network saw, continuous: the tensor spans
// 0..width, and boxes may reach beyond it. Arithmetic in double, results in float.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fastthumb {

struct Box {
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

// A box, how sure the network is of it (0..1), and of which class.
struct ScoredBox {
  Box box;
  float score = 0;
  std::int32_t label = 0;
};

// x0, y0, x1, y1, score, then x and y of left eye, right eye, nose, left and right mouth corner,
// left and right in the picture.
using FaceRow = std::array<float, 15>;

// Intersection over union, 0..1; 0 where both are empty.
double overlap(const Box& a, const Box& b);

// Indices of the boxes that stay, best first (of equal scores the first): a box goes where a
// better one that stays, and has the same class, overlaps it by more than `iou`. Without classes
// (an empty span) all are of one. Throws FrameError for scores that are not numbers,
// SettingsError for an iou outside 0..1.
std::vector<std::int64_t> non_maximum_suppression(std::span<const Box> boxes,
                                                  std::span<const float> scores, double iou,
                                                  std::span<const std::int32_t> classes = {});

// What the decoders below share. Cells of stride s lie row by row, ceil(width / s) in a row. What
// scores less than `threshold`, or has a box that is not finite, is left out.
struct DecodeSettings {
  int width = 0, height = 0;  // of the tensor, px
  double threshold = 0;       // 0..1
  double iou = 0;             // of the suppression, 0..1
};

// One picture's outputs of a detection head, as rows of `columns` numbers.
struct Rows {
  const float* data = nullptr;
  std::size_t rows = 0, columns = 0;
};

// YuNet: 12 outputs, cls_8, cls_16, cls_32, then obj, bbox and kps alike. Throws FrameError where
// an output has not the rows of its stride or not 1, 1, 4, 10 columns.
std::vector<FaceRow> decode_yunet(std::span<const Rows> outputs, const DecodeSettings& settings);

// YOLOX: one row per cell, 4 numbers of the box, objectness, then the classes. With `every_class` a
// cell may give a box for each of its classes, else only for the best one. Suppression is by class.
std::vector<ScoredBox> decode_yolox(const Rows& output, std::span<const int> strides,
                                    bool every_class, const DecodeSettings& settings);

// PicoDet: per stride a table of class scores and one of box sides, each side a distribution over
// 0, 1, 2, ... strides. Suppression is by class.
std::vector<ScoredBox> decode_picodet(std::span<const Rows> scores, std::span<const Rows> sides,
                                      std::span<const int> strides, bool every_class,
                                      const DecodeSettings& settings);

}  // namespace fastthumb
