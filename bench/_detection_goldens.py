"""Largest differences of our outputs to the reference outputs of the test data."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from _detection_pictures import PictureSet
from fastthumb import _core
from fastthumb.inference.onnx import Network
from fastthumb.inference.tensors import pixels_of
from fastthumb.inference.views import PictureView

# model: (file, its crops, {output: its reference})
TENSORS = {
    "mobilefacenet_112": ("mobilefacenet", "crops_bgr_u8", {"output0": "embedding_raw"}),
    "face_expression_112": ("face_expression", "crops_bgr_u8", {"probs": "probs"}),
    "face_mesh468_192": (
        "face_mesh",
        "crops_bgr_u8",
        {"landmarks": "landmarks", "score": "score"},
    ),
    "mobilenet_v2_imagenet_224": ("mobilenet_v2", "images_bgr_u8", {"embedding": "embedding"}),
    "movenet_lightning_192": ("movenet", "crop_bgr_u8", {"keypoints": "keypoints_yxs"}),
}
OVERLAP = {"yolox_nano_416": 0.45, "picodet_s_416": 0.5}
ROUNDED = "references of boxes are rounded to 0.01 (faces) and 0.1 px (objects)"


def goldens(pictures: PictureSet) -> dict[str, Any]:
    """Per model and output; scores and boxes of the detectors for equal pictures."""
    report: dict[str, Any] = {"note": ROUNDED}
    for name, (file, crops, outputs) in TENSORS.items():
        net = pictures.network(name)
        with np.load(pictures.data / "goldens" / f"{file}.npz", allow_pickle=False) as wanted:
            shown = wanted[crops]
            found = net.run(_tensors(net, shown if shown.ndim == 4 else shown[None]))
            report[name] = {
                output: float(np.abs(found[output] - wanted[reference]).max())
                for output, reference in outputs.items()
            }
    report["yunet_n_dynamic"] = _faces(pictures)
    for name in OVERLAP:
        report[name] = _objects(pictures, name)
    return report


def _faces(pictures: PictureSet) -> dict[str, float]:
    net, scores, places, missed = pictures.network("yunet_n_dynamic"), [0.0], [0.0], 0
    for file, facts in _present(pictures, "yunet").items():
        rgb = pictures.rgb(file)
        scale = min(1.0, 640 / max(rgb.shape[:2]))
        size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
        if scale < 1:
            rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        tensor = _padded(rgb, 32, 0)
        maps = [np.ascontiguousarray(one[0]) for one in net.run(tensor).values()]
        rows = _core.decode_yunet(maps, tensor.shape[3], tensor.shape[2], 0.6, 0.3).astype(float)
        missed += abs(len(rows) - len(facts["faces"]))
        for row, face in zip(rows, facts["faces"], strict=False):
            scores.append(abs(row[4] - face["score"]))
            box = np.array([row[0], row[1], row[2] - row[0], row[3] - row[1]]) / scale
            points = row[5:].reshape(5, 2) / scale
            places += [np.abs(box - face["box"]).max(), np.abs(points - face["kps"]).max()]
    return {"score": float(max(scores)), "px": float(max(places)), "too_many_or_few": missed}


def _objects(pictures: PictureSet, name: str) -> dict[str, float]:
    net, scores, places, wrong = pictures.network(name), [0.0], [0.0], 0
    strides, iou = list(net.entry.output.strides), OVERLAP[name]
    for file, facts in _present(pictures, "objects").items():
        rgb = pictures.rgb(file)
        height, width = rgb.shape[:2]
        if net.entry.family == "yolox":
            ratio = min(416 / height, 416 / width)
            small = cv2.resize(rgb, (int(width * ratio), int(height * ratio)))
            cells, scale = net.run(_padded(small, 416, 114))["output"][0], (ratio, ratio)
            rows = _core.decode_yolox(cells, 416, 416, strides, 0.35, iou, every_class=True)
        else:
            small = cv2.resize(rgb, (416, 416), interpolation=cv2.INTER_CUBIC)
            scale = (416 / width, 416 / height)
            maps = [one[0] for one in net.run(_tensors(net, small[None, :, :, ::-1])).values()]
            half = len(maps) // 2
            rows = _core.decode_picodet(
                maps[:half], maps[half:], 416, 416, strides, 0.35, iou, every_class=True
            )
        wrong += abs(len(rows) - len(facts[name]))
        for row, thing in zip(rows.astype(float), facts[name], strict=False):
            wrong += net.entry.output.labels[int(row[5])] != thing["label"]
            scores.append(abs(row[4] - thing["score"]))
            places.append(np.abs(row[:4] / (*scale, *scale) - thing["box_xyxy"]).max())
    return {"score": float(max(scores)), "px": float(max(places)), "too_many_or_few": wrong}


def _present(pictures: PictureSet, name: str) -> dict[str, Any]:
    table = json.loads((pictures.data / "goldens" / f"{name}.json").read_text())["images"]
    return {file: facts for file, facts in table.items() if (pictures.data / file).exists()}


def _tensors(net: Network, crops_bgr: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    height, width = crops_bgr.shape[1:3]
    views = [PictureView.of_rgb(np.ascontiguousarray(crop[:, :, ::-1])) for crop in crops_bgr]
    return np.stack([view.fitted(width, height, pixels_of(net.entry.input)) for view in views])


def _padded(rgb: npt.NDArray[np.uint8], multiple: int, fill: int) -> npt.NDArray[np.float32]:
    height, width = (-(-side // multiple) * multiple for side in rgb.shape[:2])
    tensor = np.full((height, width, 3), fill, np.float32)
    tensor[: rgb.shape[0], : rgb.shape[1]] = rgb[:, :, ::-1]
    return np.ascontiguousarray(tensor.transpose(2, 0, 1)[None])
