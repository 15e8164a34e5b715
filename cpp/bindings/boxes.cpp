// nms and the decoders of detection heads.
#include "fastthumb/boxes.hpp"

#include <algorithm>

#include "arguments.hpp"

namespace fastthumb::bindings {
namespace {

using Floats = py::array_t<float, py::array::c_style>;
using Labels = py::array_t<std::int32_t, py::array::c_style>;
using FloatsList = std::vector<Floats>;

// Rows of the last axis; an array of one axis is a column.
Rows rows_of(const Floats& array) {
  const auto size = static_cast<std::size_t>(array.size());
  const auto last = array.ndim() < 2 ? 1 : static_cast<std::size_t>(array.shape(array.ndim() - 1));
  return {array.data(), last == 0 ? 0 : size / last, last};
}

std::vector<Rows> all_rows(const FloatsList& arrays) {
  std::vector<Rows> rows;
  for (const Floats& array : arrays) rows.push_back(rows_of(array));
  return rows;
}

py::array_t<std::int64_t> nms(const Floats& boxes, const Floats& scores, double iou,
                              const std::optional<Labels>& classes) {
  require(boxes.ndim() == 2 && boxes.shape(1) == 4 && scores.ndim() == 1,
          "nms: needs boxes (n, 4) and scores (n,), got ",
          py::str(boxes.attr("shape")).cast<std::string>(), " and ",
          py::str(scores.attr("shape")).cast<std::string>(), "; reshape them");
  const auto count = static_cast<std::size_t>(boxes.shape(0));
  require(static_cast<std::size_t>(scores.size()) == count &&
              (!classes || (classes->ndim() == 1 && classes->shape(0) == boxes.shape(0))),
          "nms: needs a score and a class for each of ", count, " boxes, got ", scores.size(),
          " scores and ", classes ? classes->size() : 0, " classes; pass arrays of equal length");
  std::vector<std::int64_t> kept;
  {
    const py::gil_scoped_release nogil;
    std::vector<Box> list(count);
    for (std::size_t i = 0; i < count; ++i) {
      const float* const box = boxes.data() + 4 * i;
      list[i] = {box[0], box[1], box[2], box[3]};
    }
    std::span<const std::int32_t> labels;
    if (classes) labels = {classes->data(), count};
    kept = non_maximum_suppression(list, {scores.data(), count}, iou, labels);
  }
  return py::array_t<std::int64_t>(static_cast<py::ssize_t>(kept.size()), kept.data());
}

py::array_t<float> face_array(const std::vector<FaceRow>& faces) {
  constexpr auto columns = static_cast<py::ssize_t>(std::tuple_size_v<FaceRow>);
  py::array_t<float> out({static_cast<py::ssize_t>(faces.size()), columns});
  float* row = out.mutable_data();
  for (const FaceRow& face : faces) row = std::copy(face.begin(), face.end(), row);
  return out;
}

py::array_t<float> box_array(const std::vector<ScoredBox>& boxes) {
  py::array_t<float> out({static_cast<py::ssize_t>(boxes.size()), py::ssize_t{6}});
  float* row = out.mutable_data();
  for (const ScoredBox& each : boxes) {
    for (const float value : {each.box.x0, each.box.y0, each.box.x1, each.box.y1, each.score,
                              static_cast<float>(each.label)}) {
      *row++ = value;
    }
  }
  return out;
}

py::array_t<float> yunet(const FloatsList& outputs, int width, int height, double threshold,
                         double iou) {
  std::vector<FaceRow> found;
  {
    const py::gil_scoped_release nogil;
    found = decode_yunet(all_rows(outputs), {width, height, threshold, iou});
  }
  return face_array(found);
}

py::array_t<float> yolox(const Floats& output, int width, int height,
                         const std::vector<int>& strides, double threshold, double iou,
                         bool every_class) {
  std::vector<ScoredBox> found;
  {
    const py::gil_scoped_release nogil;
    found = decode_yolox(rows_of(output), strides, every_class, {width, height, threshold, iou});
  }
  return box_array(found);
}

py::array_t<float> picodet(const FloatsList& scores, const FloatsList& boxes, int width, int height,
                           const std::vector<int>& strides, double threshold, double iou,
                           bool every_class) {
  std::vector<ScoredBox> found;
  {
    const py::gil_scoped_release nogil;
    found = decode_picodet(all_rows(scores), all_rows(boxes), strides, every_class,
                           {width, height, threshold, iou});
  }
  return box_array(found);
}

}  // namespace

void bind_boxes(py::module_& m) {
  m.def("nms", &nms, py::arg("boxes").noconvert(), py::arg("scores").noconvert(), "iou"_a,
        py::arg("classes").noconvert() = py::none(),
        R"(Indices of the boxes that stay, best first: int64 (k,).

boxes: float32 (n, 4), x0, y0, x1, y1; scores: float32 (n,); classes: int32 (n,) or None.
A box goes where a better one of its class that stays overlaps it by more than `iou` (0..1); of
equal scores the first is the better. Raises FrameError for shapes that do not fit and scores
that are NaN, SettingsError for an iou outside 0..1.)");
  m.def("decode_yunet", &yunet, py::arg("outputs").noconvert(), "width"_a, "height"_a,
        "threshold"_a, "iou"_a,
        R"(Faces out of YuNet's outputs for one picture: float32 (k, 15), best first.

Columns: x0, y0, x1, y1, score, then x and y of left eye, right eye, nose, left and right mouth
corner (left and right in the picture), in px of the tensor.
outputs: 12 float32 arrays: cls of the strides 8, 16, 32, then obj, bbox, kps alike; leading axes
of length 1 are ignored. width, height: of the tensor, px. threshold, iou: 0..1.
Raises FrameError where an output has another size, SettingsError for shares outside 0..1.)");
  m.def("decode_yolox", &yolox, py::arg("output").noconvert(), "width"_a, "height"_a, "strides"_a,
        "threshold"_a, "iou"_a, py::kw_only(), "every_class"_a = false,
        R"(Objects out of YOLOX's output for one picture: float32 (k, 6), best first.

Columns: x0, y0, x1, y1 in px of the tensor, score, class.
output: float32 (cells, 5 + classes), cells row by row, stride after stride. threshold, iou: 0..1;
suppression is by class. every_class: a cell may give a box for each class that reaches the
threshold, not only for its best one.
Raises FrameError where the output has another size, SettingsError for shares outside 0..1.)");
  m.def("decode_picodet", &picodet, py::arg("scores").noconvert(), py::arg("boxes").noconvert(),
        "width"_a, "height"_a, "strides"_a, "threshold"_a, "iou"_a, py::kw_only(),
        "every_class"_a = false,
        R"(Objects out of PicoDet's outputs for one picture: float32 (k, 6), best first.

Columns: x0, y0, x1, y1 in px of the tensor, score, class.
scores: per stride float32 (cells, classes); boxes: per stride float32 (cells, 4 * steps), for
left, top, right, bottom a distribution over 0..steps-1 strides, before the softmax.
threshold, iou, every_class: as for decode_yolox.
Raises FrameError where an output has another size, SettingsError for shares outside 0..1.)");
}

}  // namespace fastthumb::bindings
