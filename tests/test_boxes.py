"""Suppression and decoding of detections against their restatement in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastthumb import _core
from fastthumb.errors import FrameError, SettingsError

Floats = npt.NDArray[np.float64]

FLOAT_RTOL = 2e-6  # results are float32, the arithmetic on both sides float64
PX_ATOL = 1e-4  # float32 of coordinates up to a thousand


def overlap(a: Floats, b: Floats) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(wide, 0.0) * max(high, 0.0)
    areas = [max(box[2] - box[0], 0) * max(box[3] - box[1], 0) for box in (a, b)]
    both = sum(areas) - shared
    return shared / both if both > 0 else 0.0


def suppressed(boxes: Any, scores: Any, iou: float, classes: Any = None) -> list[int]:
    boxes = np.asarray(boxes, np.float64)
    order = sorted(range(len(boxes)), key=lambda i: (-scores[i], i))
    kept: list[int] = []
    for i in order:
        rivals = [k for k in kept if classes is None or classes[k] == classes[i]]
        if all(overlap(boxes[k], boxes[i]) <= iou for k in rivals):
            kept.append(i)
    return kept


def random_boxes(rng: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    corner, size = rng.random((count, 2)) * 60, rng.random((count, 2)) * 40
    return np.concatenate([corner, corner + size], axis=1).astype(np.float32)


@given(st.integers(0, 60), st.floats(0, 1), st.booleans(), st.integers(0, 10_000))
@settings(max_examples=80, deadline=None)
def test_suppression_keeps_what_the_definition_keeps(
    count: int, iou: float, by_class: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    boxes = random_boxes(rng, count)
    scores = (rng.integers(0, 8, count) / 8).astype(np.float32)  # ties are likely
    classes = rng.integers(-1, 3, count).astype(np.int32) if by_class else None
    kept = _core.nms(boxes, scores, iou, classes)
    assert kept.dtype == np.int64
    assert kept.tolist() == suppressed(boxes, scores, iou, classes)


def test_suppression_by_hand() -> None:
    boxes = np.array(
        [[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 5], [50, 50, 60, 60], [3, 3, 3, 3]], np.float32
    )
    scores = np.array([0.5, 0.9, 0.4, 0.1, 0.2], np.float32)
    assert _core.nms(boxes, scores, 0.5).tolist() == [1, 4, 3]
    assert _core.nms(boxes, scores, 0.56).tolist() == [1, 2, 4, 3]  # 5 / 9 is not more
    assert _core.nms(boxes, scores, 1.0).tolist() == [1, 0, 2, 4, 3]
    classes = np.array([0, 1, 1, 0, 0], np.int32)
    assert _core.nms(boxes, scores, 0.5, classes).tolist() == [1, 0, 4, 3]
    assert _core.nms(boxes[:0], scores[:0], 0.5).shape == (0,)


def test_suppression_refuses_what_does_not_fit() -> None:
    boxes, scores = np.zeros((3, 4), np.float32), np.zeros(3, np.float32)
    with pytest.raises(FrameError, match=r"boxes \(n, 4\)"):
        _core.nms(boxes[:, :3].copy(), scores, 0.5)
    with pytest.raises(FrameError, match="3 boxes, got 2 scores"):
        _core.nms(boxes, scores[:2], 0.5)
    with pytest.raises(FrameError, match="equal length"):
        _core.nms(boxes, scores, 0.5, np.zeros(2, np.int32))
    with pytest.raises(FrameError, match="NaN"):
        _core.nms(boxes, np.array([0, np.nan, 0], np.float32), 0.5)
    for iou in (-0.1, 1.1, float("nan")):
        with pytest.raises(SettingsError, match="iou"):
            _core.nms(boxes, scores, iou)
    with pytest.raises(TypeError):
        _core.nms(boxes.astype(np.float64), scores, 0.5)
    with pytest.raises(TypeError):
        _core.nms(boxes[::-1], scores, 0.5)


def cells(width: int, height: int, strides: list[int]) -> Floats:
    """Column, row and stride of every cell, stride after stride, row by row."""
    parts = []
    for stride in strides:
        rows, cols = -(-height // stride), -(-width // stride)
        y, x = np.mgrid[:rows, :cols]
        parts.append(np.stack([x.ravel(), y.ravel(), np.full(rows * cols, stride)], axis=1))
    return np.concatenate(parts).astype(np.float64)


def centered(x: Floats, y: Floats, width: Floats, height: Floats) -> Floats:
    return np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)


def yunet_outputs(rng: np.random.Generator, width: int, height: int) -> list[Any]:
    counts = [len(cells(width, height, [s])) for s in (8, 16, 32)]
    outputs = [rng.random((n, 1), np.float32) for n in counts + counts]
    outputs += [rng.normal(0, 0.7, (n, 4)).astype(np.float32) for n in counts]
    return outputs + [rng.normal(0, 1, (n, 10)).astype(np.float32) for n in counts]


@pytest.mark.parametrize("size", [(96, 64), (32, 32), (160, 128)], ids="{0[0]}x{0[1]}".format)
@pytest.mark.parametrize("threshold", [0.0, 0.7, 0.99])
def test_yunet_decodes_as_its_formula_says(size: tuple[int, int], threshold: float) -> None:
    outputs = yunet_outputs(np.random.default_rng(4), *size)
    cls, obj, box, points = [
        np.concatenate(outputs[3 * i : 3 * i + 3]).astype(np.float64) for i in range(4)
    ]
    col, row, stride = cells(*size, [8, 16, 32]).T
    score = np.sqrt(np.clip(cls[:, 0] * obj[:, 0], 0, 1))
    boxes = centered(
        (col + box[:, 0]) * stride,
        (row + box[:, 1]) * stride,
        np.exp(box[:, 2]) * stride,
        np.exp(box[:, 3]) * stride,
    )
    marks = (points + np.tile(np.stack([col, row], axis=1), 5)) * stride[:, None]
    rows = np.concatenate([boxes, score[:, None], marks], axis=1)[score >= threshold]
    rows = rows.astype(np.float32).astype(np.float64)
    correct = rows[suppressed(rows[:, :4], rows[:, 4], 0.3)]
    got = _core.decode_yunet(outputs, *size, threshold, 0.3)
    assert got.dtype == np.float32
    assert len(correct) > 0 or threshold > 0.9
    np.testing.assert_allclose(got, correct, FLOAT_RTOL, PX_ATOL)
    leading = [output[None] for output in outputs]
    np.testing.assert_array_equal(_core.decode_yunet(leading, *size, threshold, 0.3), got)


def detections(
    boxes: Floats, scores: Floats, threshold: float, iou: float, *, every_class: bool
) -> Floats:
    """Rows x0, y0, x1, y1, score, class, of the boxes and the class scores of all cells."""
    rows = []
    for box, row in zip(boxes, scores, strict=True):
        chosen = range(len(row)) if every_class else [int(row.argmax())]
        rows += [[*box, row[k], k] for k in chosen if row[k] >= threshold]
    found = np.array(rows).reshape(-1, 6).astype(np.float32).astype(np.float64)
    return np.asarray(found[suppressed(found[:, :4], found[:, 4], iou, found[:, 5])])


@pytest.mark.parametrize("every_class", [False, True])
def test_yolox_decodes_as_its_formula_says(every_class: bool) -> None:
    rng = np.random.default_rng(6)
    grid = cells(70, 40, [8, 16, 32])
    output = rng.random((len(grid), 12), np.float32)
    output[:, :4] = rng.normal(0, 0.6, (len(grid), 4))
    col, row, stride = grid.T
    raw = output.astype(np.float64)
    boxes = centered(
        (raw[:, 0] + col) * stride,
        (raw[:, 1] + row) * stride,
        np.exp(raw[:, 2]) * stride,
        np.exp(raw[:, 3]) * stride,
    )
    scores = raw[:, 4:5] * raw[:, 5:]
    correct = detections(boxes, scores, 0.35, 0.45, every_class=every_class)
    got = _core.decode_yolox(output, 70, 40, [8, 16, 32], 0.35, 0.45, every_class=every_class)
    assert len(correct) > 10
    np.testing.assert_allclose(got, correct, FLOAT_RTOL, PX_ATOL)


@pytest.mark.parametrize("every_class", [False, True])
def test_picodet_decodes_as_its_formula_says(every_class: bool) -> None:
    rng = np.random.default_rng(7)
    strides = [8, 16, 32, 64]
    tables = [cells(100, 60, [stride]) for stride in strides]
    scores = [rng.random((len(t), 7), np.float32) for t in tables]
    sides = [rng.normal(0, 2, (len(t), 32)).astype(np.float32) for t in tables]
    col, row, stride = np.concatenate(tables).T
    raw = np.concatenate(sides).astype(np.float64).reshape(-1, 4, 8)
    shares = np.exp(raw) / np.exp(raw).sum(axis=-1, keepdims=True)
    left, top, right, bottom = (shares @ np.arange(8)).T * stride
    x, y = (col + 0.5) * stride, (row + 0.5) * stride
    boxes = np.stack([x - left, y - top, x + right, y + bottom], axis=1)
    every = np.concatenate(scores).astype(np.float64)
    correct = detections(boxes, every, 0.9, 0.5, every_class=every_class)
    got = _core.decode_picodet(scores, sides, 100, 60, strides, 0.9, 0.5, every_class=every_class)
    assert len(correct) > 10
    np.testing.assert_allclose(got, correct, FLOAT_RTOL, PX_ATOL)


def test_what_is_not_a_number_is_left_out() -> None:
    outputs = yunet_outputs(np.random.default_rng(1), 32, 32)
    outputs[0][:] = 1
    outputs[3][:] = 1
    whole = _core.decode_yunet(outputs, 32, 32, 0.9, 1.0)
    outputs[0][3] = np.nan  # a score
    outputs[6][5, 2] = 1e9  # a box without an end
    outputs[9][7, 4] = np.inf  # a landmark nowhere
    assert len(_core.decode_yunet(outputs, 32, 32, 0.9, 1.0)) == len(whole) - 3
    output = np.full((21, 6), np.nan, np.float32)
    assert _core.decode_yolox(output, 32, 32, [8, 16, 32], 0.0, 0.5).shape == (0, 6)
    scores, sides = np.full((16, 2), np.nan, np.float32), np.zeros((16, 32), np.float32)
    assert _core.decode_picodet([scores], [sides], 32, 32, [8], 0.0, 0.5).shape == (0, 6)


def test_outputs_of_another_size_are_refused() -> None:
    outputs = yunet_outputs(np.random.default_rng(1), 64, 32)
    with pytest.raises(FrameError, match="12 outputs, got 11"):
        _core.decode_yunet(outputs[:11], 64, 32, 0.5, 0.3)
    with pytest.raises(FrameError, match="32 x 1 numbers for this tensor"):
        _core.decode_yunet([outputs[1], *outputs[1:]], 64, 32, 0.5, 0.3)
    with pytest.raises(FrameError, match="1 to 65535"):
        _core.decode_yunet(outputs, 0, 32, 0.5, 0.3)
    with pytest.raises(SettingsError, match="threshold"):
        _core.decode_yunet(outputs, 64, 32, 1.5, 0.3)
    output = np.zeros((21, 8), np.float32)
    with pytest.raises(FrameError, match="21 rows"):
        _core.decode_yolox(output[:20], 32, 32, [8, 16, 32], 0.5, 0.5)
    with pytest.raises(FrameError, match="at least one class"):
        _core.decode_yolox(output[:, :5].copy(), 32, 32, [8, 16, 32], 0.5, 0.5)
    with pytest.raises(SettingsError, match="strides of 1 to 1024, got 0"):
        _core.decode_yolox(output, 32, 32, [8, 0], 0.5, 0.5)
    scores, sides = np.zeros((16, 3), np.float32), np.zeros((16, 32), np.float32)
    with pytest.raises(FrameError, match="each of 2 strides"):
        _core.decode_picodet([scores], [sides], 32, 32, [8, 16], 0.5, 0.5)
    with pytest.raises(FrameError, match="four sides"):
        _core.decode_picodet([scores], [sides[:, :30].copy()], 32, 32, [8], 0.5, 0.5)
    with pytest.raises(FrameError, match="16 x 3 numbers"):
        _core.decode_picodet([scores[:15]], [sides], 32, 32, [8], 0.5, 0.5)
