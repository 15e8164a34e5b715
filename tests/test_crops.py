"""Cuts to other shapes: what they promise about faces, held against every place there is."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fastthumb.artwork.crops import Box, Crop, best_crop, crops, parse_aspect
from fastthumb.artwork.subjects import Subject, View, head_box
from fastthumb.errors import SettingsError

ASPECTS = ["16:9", "2:3", "1:1", "9:16", "21:9", "4:5"]
SIZES = [(1920, 1080), (1920, 804), (1440, 1080), (608, 1080), (320, 180)]
TOUCH = 1e-3  # pixels by which a share of a picture misses a whole pixel

aspects = st.sampled_from(ASPECTS)
sizes = st.sampled_from(SIZES)
shares = st.floats(0, 1).map(lambda value: round(value, 4))
maps = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, 256, (18, 32)).astype(np.uint8)
)


def subject(
    box: tuple[float, float, float, float], weight: float = 1.0, looking: float = 0.0
) -> Subject:
    left, top, right, bottom = box
    eyes = ((left + right) / 2, top + 0.4 * (bottom - top))
    return Subject(box, head_box(box), eyes, looking, weight)


def view_with(faces: Sequence[Subject], **more: object) -> View:
    eyes = faces[0].eyes if faces else (0.5, 0.5)
    return View(focal_point=eyes, subjects=tuple(faces), **more)  # type: ignore[arg-type]


@st.composite
def faces(draw: st.DrawFn, least: int = 1, most: int = 5, smallest: float = 0.004) -> list[Subject]:
    """Faces anywhere, of any size and shape, also over the edge; most prominent first."""
    boxes = []
    for _ in range(draw(st.integers(least, most))):
        width, height = draw(st.floats(smallest, 0.7)), draw(st.floats(2 * smallest, 1.0))
        x, y = draw(st.floats(-0.05, 1.0 - width / 2)), draw(st.floats(-0.05, 1.0 - height / 2))
        box = tuple(min(max(v, 0.0), 1.0) for v in (x, y, x + width, y + height))
        if box[2] - box[0] > 1e-3 and box[3] - box[1] > 1e-3:
            boxes.append(box)
    assume(boxes)
    boxes.sort(key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))
    total = sum((box[2] - box[0]) * (box[3] - box[1]) for box in boxes)
    return [subject(box, (box[2] - box[0]) * (box[3] - box[1]) / total) for box in boxes]  # type: ignore[arg-type]


def share_inside(box: Box, inner: Sequence[float], size: tuple[int, int]) -> float:
    """Share of a box (in shares of the picture) that lies inside a cut; 1 within a rounding."""
    pixels = [value * size[axis % 2] for axis, value in enumerate(inner)]
    across = min(box[2], pixels[2]) - max(box[0], pixels[0])
    down = min(box[3], pixels[3]) - max(box[1], pixels[1])
    if across <= TOUCH or down <= TOUCH:
        return 0.0
    whole = (pixels[2] - pixels[0] - across) <= TOUCH and (pixels[3] - pixels[1] - down) <= TOUCH
    area = (pixels[2] - pixels[0]) * (pixels[3] - pixels[1])
    return 1.0 if whole else min(across * down / area, 1.0 - 1e-6)


def whole(box: Box, inner: Sequence[float], size: tuple[int, int]) -> bool:
    return share_inside(box, inner, size) == 1.0


def places(size: tuple[int, int], aspect: str) -> list[Box]:
    """Every place of the largest cut of a shape."""
    width, height = size
    ratio = parse_aspect(aspect)
    if Fraction(width, height) >= ratio:
        span = min(max(int(height * ratio + Fraction(1, 2)), 1), width)
        return [(x, 0, x + span, height) for x in range(width - span + 1)]
    span = min(max(int(width / ratio + Fraction(1, 2)), 1), height)
    return [(0, y, width, y + span) for y in range(height - span + 1)]


# -- faces ---------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(size=sizes, aspect=aspects, people=faces(), saliency=maps)
def test_faces_that_all_fit_are_all_whole(
    size: tuple[int, int], aspect: str, people: list[Subject], saliency: np.ndarray
) -> None:
    fits = any(all(whole(box, one.face, size) for one in people) for box in places(size, aspect))
    assume(fits)
    crop = best_crop(size, parse_aspect(aspect), view_with(people, saliency=saliency))
    assert all(whole(crop.box, one.face, size) for one in people)
    assert crop.parts["faces"] == pytest.approx(1.0)


@settings(max_examples=150, deadline=None)
@given(size=sizes, aspect=aspects, people=faces(least=2), saliency=maps)
def test_where_not_all_fit_the_most_prominent_are_whole_and_few_are_cut_through(
    size: tuple[int, int], aspect: str, people: list[Subject], saliency: np.ndarray
) -> None:
    left = places(size, aspect)
    for one in people:  # most prominent first: keep who fits together with those before
        holding = [box for box in left if whole(box, one.face, size)]
        left = holding or (left if one is not people[0] else [])
    assume(left)
    view = view_with(people, saliency=saliency)
    largest = crops(size, parse_aspect(aspect), view)[0].box

    def cut_through(box: Box) -> float:
        shares = [share_inside(box, one.face, size) for one in people]
        weighed = zip(people, shares, strict=True)
        return sum(one.weight for one, share in weighed if 0.0 < share < 1.0)

    kept = [one for one in people if all(whole(box, one.face, size) for box in left)]
    for crop in crops(size, parse_aspect(aspect), view):
        assert all(whole(crop.box, one.face, size) for one in kept)
    assert whole(best_crop(size, parse_aspect(aspect), view).box, people[0].face, size)
    heads = [
        box
        for box in left
        if all(
            whole(box, one.head, size)
            for one in kept
            if any(whole(other, one.head, size) for other in left)
        )
    ]
    if heads:  # heads of those who are kept come before strangers who are cut through
        assert cut_through(largest) <= min(cut_through(box) for box in heads) + 1e-6


@settings(max_examples=100, deadline=None)
@given(size=sizes, aspect=aspects, people=faces(most=1))
def test_a_head_is_whole_where_it_fits(
    size: tuple[int, int], aspect: str, people: list[Subject]
) -> None:
    fits = any(whole(box, people[0].head, size) for box in places(size, aspect))
    assume(fits)
    assert whole(best_crop(size, parse_aspect(aspect), view_with(people)).box, people[0].head, size)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(size=sizes, aspect=aspects, people=faces(most=1, smallest=0.45))
def test_a_face_larger_than_the_cut_fills_it(
    size: tuple[int, int], aspect: str, people: list[Subject]
) -> None:
    assume(not any(whole(box, people[0].face, size) for box in places(size, aspect)))
    box = best_crop(size, parse_aspect(aspect), view_with(people)).box
    best = max(share_inside(other, people[0].face, size) for other in places(size, aspect))
    assert share_inside(box, people[0].face, size) >= best - 0.02  # a pixel of a small picture


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("edge", ["left", "right", "top", "bottom"])
def test_who_touches_the_frames_edge_stays_as_whole_as_the_film_shows_them(
    aspect: str, edge: str
) -> None:
    box = {
        "left": (0.0, 0.3, 0.12, 0.6),
        "right": (0.88, 0.3, 1.0, 0.6),
        "top": (0.4, 0.0, 0.52, 0.25),
        "bottom": (0.4, 0.75, 0.52, 1.0),
    }[edge]
    crop = best_crop((1920, 1080), parse_aspect(aspect), view_with([subject(box)]))
    assert whole(crop.box, box, (1920, 1080))
    if edge == "top":  # what the frame itself cuts is cut there, and not again below it
        assert crop.box[1] == 0


@pytest.mark.parametrize("aspect", ["2:3", "1:1", "9:16"])
def test_a_tiny_face_gets_a_tighter_cut_and_a_large_one_does_not(aspect: str) -> None:
    far, near = subject((0.48, 0.40, 0.52, 0.50)), subject((0.36, 0.2, 0.62, 0.85))
    (_, largest_height) = (1920, 1080)
    tight = best_crop((1920, 1080), parse_aspect(aspect), view_with([far])).box
    loose = best_crop((1920, 1080), parse_aspect(aspect), view_with([near])).box
    assert 0.5 * largest_height <= tight[3] - tight[1] < 0.9 * largest_height
    assert loose[3] - loose[1] == largest_height


def test_a_group_is_never_cut_tighter_than_its_heads() -> None:
    people = [subject((x, 0.45, x + 0.03, 0.53), 0.25) for x in (0.2, 0.4, 0.6, 0.75)]
    box = best_crop((1920, 1080), parse_aspect("16:9"), view_with(people)).box
    assert all(whole(box, one.head, (1920, 1080)) for one in people)


def test_who_looks_aside_has_room_there() -> None:
    middle = []
    for looking in (-1.0, 0.0, 1.0):
        person = subject((0.45, 0.3, 0.55, 0.6), looking=looking)
        x0, _, x1, _ = best_crop((1920, 1080), parse_aspect("1:1"), view_with([person])).box
        middle.append((0.5 * 1920 - x0) / (x1 - x0))
    assert middle[0] > middle[1] > middle[2]


def test_there_is_air_above_a_head() -> None:
    person = subject((0.40, 0.45, 0.55, 0.60))
    _, y0, _, y1 = best_crop((1080, 1920), parse_aspect("16:9"), view_with([person])).box
    air = (person.head[1] * 1920 - y0) / (y1 - y0)
    assert 0.02 <= air <= 0.25


def test_bodies_and_lettering_are_not_cut_through_where_that_can_be_avoided() -> None:
    glare = np.zeros((18, 32), np.uint8)
    glare[:, :3] = 255
    for focal in ((0.35, 0.5), (0.02, 0.5)):  # a window draws the eye, an animal is the subject
        one = View(focal_point=focal, saliency=glare, bodies=((0.30, 0.2, 0.65, 0.9),))
        x0, _, x1, _ = best_crop((1920, 1080), parse_aspect("1:1"), one).box
        assert x0 <= 0.30 * 1920
        assert x1 >= 0.55 * 1920
    _, y0, _, _ = best_crop((1080, 1080), parse_aspect("21:9"), replace(one, saliency=None)).box
    assert y0 <= 0.25 * 1080, "the top of a body holds the head"
    written = View(focal_point=(0.5, 0.5), lettering=((0.60, 0.4, 0.9, 0.5),))
    x0, _, x1, _ = best_crop((1920, 1080), parse_aspect("1:1"), written).box
    assert x1 <= 0.62 * 1920 or x1 >= 0.88 * 1920


def test_what_may_be_a_face_is_not_cut_through_where_that_can_be_avoided() -> None:
    view = View(focal_point=(0.4, 0.5), doubtful=((0.55, 0.3, 0.65, 0.5),))
    x0, _, x1, _ = best_crop((1920, 1080), parse_aspect("2:3"), view).box
    assert x1 <= 0.55 * 1920 or x1 >= 0.65 * 1920
    assert x0 <= 0.4 * 1920 <= x1


def test_the_head_of_who_turns_away_is_in_or_out() -> None:
    back = Subject((0.7, 0.1, 0.8, 0.3), (0.7, 0.1, 0.8, 0.3), (0.75, 0.2), 0.0, 1.0, seen=False)
    view = View(focal_point=(0.1, 0.5), subjects=(back,))
    alone = best_crop((1920, 1080), parse_aspect("2:3"), view)
    assert whole(alone.box, back.head, (1920, 1080))
    assert set(alone.parts) >= {"faces", "headroom", "saliency"}
    face = subject((0.1, 0.3, 0.2, 0.5), 0.5)
    both = best_crop(
        (1920, 1080), parse_aspect("2:3"), view_with([face, replace(back, weight=0.5)])
    )
    assert whole(both.box, face.head, (1920, 1080))
    assert share_inside(both.box, back.head, (1920, 1080)) == 0.0


def test_a_picture_that_has_the_shape_already_is_taken_whole() -> None:
    tiny = subject((0.49, 0.40, 0.53, 0.48))
    crop = best_crop((1920, 1080), parse_aspect("16:9"), view_with([tiny]))
    assert crop.box == (0, 0, 1920, 1080)


# -- pictures without faces ----------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(aspect=aspects, saliency=maps, focal=st.tuples(shares, shares))
def test_the_largest_cut_without_faces_lies_where_it_is_worth_most(
    aspect: str, saliency: np.ndarray, focal: tuple[float, float]
) -> None:
    size = (256, 144)  # whole cells of the map, so that pixels can be added up
    crop = crops(size, parse_aspect(aspect), View(focal_point=focal, saliency=saliency))[0]
    pixels = np.kron(saliency.astype(float), np.ones((8, 8)))

    def worth(box: Box) -> float:
        x0, y0, x1, y1 = box
        kept = pixels[y0:y1, x0:x1].sum() / pixels.sum()
        placed = []
        for place, start, span, targets in (
            (focal[0] * 256, x0, x1 - x0, (1 / 3, 1 / 2, 2 / 3)),
            (focal[1] * 144, y0, y1 - y0, (1 / 3, 1 / 2)),
        ):
            miss = max(min(abs((place - start) / span - t) for t in targets) - 0.5 / span, 0.0)
            placed.append(max(1.0 - 3.0 * miss, 0.0))
        return 0.50 * kept + 0.10 * sum(placed) / 2

    every = places(size, aspect)
    inside = [box for box in every if whole(box, (*focal, *focal), size) or _holds(box, focal)]
    assert crop.box in every
    assert _holds(crop.box, focal)
    assert worth(crop.box) >= max(worth(box) for box in inside) - 1e-6


def _holds(box: Box, focal: tuple[float, float]) -> bool:
    x, y = focal[0] * 256, focal[1] * 144
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


@settings(max_examples=200, deadline=None)
@given(
    width=st.integers(1, 8192),
    height=st.integers(1, 8192),
    aspect=aspects,
    focal=st.tuples(shares, shares),
)
def test_any_size_gives_boxes_of_the_shape_within_the_picture(
    width: int, height: int, aspect: str, focal: tuple[float, float]
) -> None:
    ratio = parse_aspect(aspect)
    tried = crops((width, height), ratio, View(focal_point=focal))
    assert 1 <= len(tried) <= 3
    for crop in tried:
        x0, y0, x1, y1 = crop.box
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        assert 0.0 <= crop.score <= 1.0
        assert x0 <= focal[0] * width <= x1
        assert y0 <= focal[1] * height <= y1
        off = min(abs((x1 - x0) - (y1 - y0) * ratio), abs((y1 - y0) - (x1 - x0) / ratio))
        assert off <= Fraction(1, 2) or 1 in (x1 - x0, y1 - y0)
    x0, y0, x1, y1 = tried[0].box
    assert x1 - x0 == width or y1 - y0 == height


def test_the_best_of_the_tried_cuts_is_taken_and_explains_itself() -> None:
    view = view_with([subject((0.49, 0.40, 0.53, 0.48))], saliency=np.ones((18, 32), np.uint8))
    tried = crops((1920, 1080), parse_aspect("2:3"), view)
    assert len(tried) == 3
    assert len({crop.box for crop in tried}) == 3
    best = best_crop((1920, 1080), parse_aspect("2:3"), view)
    assert best == max(tried, key=lambda crop: crop.score)
    assert set(best.parts) == {
        "faces", "heads", "headroom", "looking", "size", "bodies", "saliency", "placement",
        "resolution", "lettering",
    }  # fmt: skip
    assert all(0.0 <= part <= 1.0 for part in best.parts.values())


@pytest.mark.parametrize("saliency", [None, np.zeros((18, 32), np.uint8)], ids=["none", "flat"])
def test_a_picture_in_which_nothing_stands_out_is_cut_from_the_middle(
    saliency: np.ndarray | None,
) -> None:
    crop = best_crop((300, 100), 1, View(focal_point=(0.5, 0.5), saliency=saliency))
    assert crop.box == (100, 0, 200, 100)


def test_the_same_shape_is_the_whole_picture() -> None:
    crop = best_crop((1920, 1080), parse_aspect("16:9"), View(focal_point=(0.9, 0.9)))
    assert crop.box == (0, 0, 1920, 1080)


def test_a_wide_cut_of_a_tall_picture_does_not_sink_its_subject() -> None:
    _, y0, _, y1 = best_crop((90, 160), parse_aspect("16:9"), View(focal_point=(0.5, 0.5))).box
    assert (80 - y0) / (y1 - y0) <= 0.52


def test_equal_pictures_give_equal_cuts() -> None:
    people = [subject((x, 0.4, x + 0.05, 0.5), 0.5) for x in (0.3, 0.6)]
    again: list[Crop] = [
        best_crop((1920, 1080), parse_aspect("2:3"), view_with(people)) for _ in range(2)
    ]
    assert again[0] == again[1]


@pytest.mark.parametrize("aspect", ["", "16", "16:", "0:9", "16:0", "1.5:1", "-2:3", "a:b"])
def test_what_is_no_aspect_is_refused_by_name(aspect: str) -> None:
    with pytest.raises(SettingsError, match="wanted width:height"):
        parse_aspect(aspect)


def test_an_empty_picture_is_refused() -> None:
    for size, aspect in itertools.product([(0, 10), (10, 0)], [1]):
        with pytest.raises(SettingsError, match="wanted a picture"):
            best_crop(size, aspect, View(focal_point=(0.5, 0.5)))
