"""People of a picture: who counts, and how near the camera they are.

Faces and the person boxes of the object detector are brought together: a box and the face in
it are one person, a face without a box is one, and so is a box without a face. Whoever is much
smaller than the nearest person is background and does not count.

Note [scale]. The composition is a question of how much of a person the picture holds. So every
person gets a scale: how tall it would be, standing, in heights of the picture. The face tells
it best, then the torso of a pose, then the person's box, which says less where somebody sits or
is cut off by the edge of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastthumb.analysis.detections import Contents, Face, FloatArray, FoundObject, Rect

if TYPE_CHECKING:
    from fastthumb.analysis.classification import Composition, People
    from fastthumb.analysis.rules import CompositionRules, PeopleRules, Rules

_CUT = 0.985  # a box that ends below it is cut off by the lower edge
_LEFT_SHOULDER, _RIGHT_SHOULDER, _LEFT_HIP, _RIGHT_HIP = 5, 6, 11, 12
_TOUCHES = 0.012  # a box that begins above it touches the upper edge
_SMALL = 0.4  # height of a box up to which detectors are less sure of people
_LARGE_FACE = 0.3
_HEAD_ZONE = 0.62  # a face lies in this upper share of the box of its person


@dataclass(slots=True)
class Person:
    """One person of a picture; `face` is None where only a person box was found.

    `box` is the person's, or the face's where there is no person box. `scale` is explained in
    Note [scale].
    """

    face: Face | None
    box: Rect | None
    scale: float


def find_people(
    faces: Sequence[Face] | None, contents: Contents, aspect: float, rules: Rules
) -> list[Person] | None:
    """The people of a picture that count, nearest first; None where no network looked.

    `aspect` is the picture's width over its height.
    """
    if faces is None and contents.objects is None:
        return None
    limits = rules.people
    seen = [
        face
        for face in faces or ()
        if face.sure
        and face.score >= limits.face_score
        and face.box[3] - face.box[1] >= limits.face_height
    ]
    if contents.objects is None:
        people = [Person(face, None, _scale(face, None, rules.composition)) for face in seen]
    else:
        people = _paired(seen, contents.objects, contents.poses or (), aspect, rules)
    if len(people) < 2:
        return people
    people.sort(key=lambda person: -person.scale)
    least = limits.comparable * people[0].scale
    return [person for person in people if person.scale >= least]


def people_label(people: Sequence[Person], rules: PeopleRules) -> People:
    """How many people a picture shows, in a word."""
    if len(people) >= rules.ensemble:
        return "ensemble"
    words: tuple[People, ...] = ("none", "solo", "duo")
    return words[min(len(people), 2)]


def shot_size(scale: float, rules: CompositionRules) -> Composition:
    """Composition of a picture whose nearest person has this scale."""
    if scale >= rules.close_up:
        return "close-up"
    if scale >= rules.mid:
        return "mid"
    return "wide" if scale >= rules.wide else "extreme-wide"


def thing_size(box: Rect) -> Composition:
    """Composition of a picture without people whose largest thing has this box."""
    height = max(box[3] - box[1], 0.6 * (box[2] - box[0]))
    if height >= 0.6:
        return "close-up"
    if height >= 0.3:
        return "mid"
    return "wide" if height >= 0.1 else "extreme-wide"


def headless(people: Sequence[Person]) -> float:
    """How surely the upper edge of the picture cuts a main person's head off, 0..1.

    That of whoever has no face and reaches up to the edge, by its area over the largest one's.
    """
    boxes = [box for person in people if (box := _box_of(person)) is not None]
    largest = max((area_of(box) for box in boxes), default=0.0)
    if largest <= 0.0:
        return 0.0
    cut = [
        area_of(person.box) / largest
        for person in people
        if person.face is None and person.box is not None and person.box[1] <= _TOUCHES
    ]
    return max(cut, default=0.0)


def faceless_bulk(faces: Sequence[Face], objects: Sequence[FoundObject], least: float) -> float:
    """How much of the picture is somebody too near to be a person of it, 0..1: an arm, a back.

    The largest person box from the score `least` that reaches the upper edge and holds no face.
    """
    bulks = [
        area_of(one.box)
        for one in objects
        if one.label == "person"
        and one.score >= least
        and one.box[1] <= _TOUCHES
        and not any(_centered_in(face, one.box) for face in faces)
    ]
    return max(bulks, default=0.0)


def area_of(box: Rect) -> float:
    """Share of the picture that a box covers, its parts beyond the edge left out."""
    width = min(box[2], 1.0) - max(box[0], 0.0)
    height = min(box[3], 1.0) - max(box[1], 0.0)
    return width * height if width > 0.0 and height > 0.0 else 0.0


def _paired(
    faces: list[Face],
    objects: Sequence[FoundObject],
    poses: Sequence[FloatArray],
    aspect: float,
    rules: Rules,
) -> list[Person]:
    """Faces and person boxes as people: each box takes at most one face, and the reverse."""
    limits = rules.people
    fit = [
        one
        for one in objects
        if one.label == "person" and one.box[3] - one.box[1] >= limits.person_height
    ]
    free = sorted(fit, key=lambda one: (-one.score, -area_of(one.box)))
    animals = [one.box for one in objects if one.group == "animal"]
    people = []
    taken: list[Rect] = []
    for face in sorted(faces, key=lambda one: one.box[1] - one.box[3]):
        holder = _holder(face, free)
        if holder is not None:
            free.remove(holder)
            taken.append(holder.box)
        elif _doubtful(face, limits) or any(_centered_in(face, box) for box in animals):
            continue  # of a bear, a poster, a pattern
        box = holder.box if holder is not None else None
        people.append(Person(face, box, _scale(face, box, rules.composition)))
    for one in free:
        if one.score < _least_score(one.box, people, limits):
            continue
        if any(_covered(box, one.box) >= limits.same_person for box in taken):
            continue  # a box around several people
        inside = max((_covered(one.box, box) for box in taken), default=0.0)
        if inside < limits.same_person and not _holds_a_face(one.box, people):
            taken.append(one.box)
            scale = _box_scale(one.box, poses, aspect, rules.composition)
            people.append(Person(None, one.box, scale))
    return people


def _scale(face: Face, box: Rect | None, rules: CompositionRules) -> float:
    """Scale of a person with a face; heads of children are larger, so a whole body goes first."""
    height = face.box[3] - face.box[1]
    if box is not None and box[3] < _CUT and box[3] - box[1] >= rules.whole_faces * height:
        return min(box[3] - box[1], 1.4 * rules.face_to_body * height)
    return rules.face_to_body * height


def _holder(face: Face, boxes: Sequence[FoundObject]) -> FoundObject | None:
    """The person box that a face belongs to: of those around it the smallest."""
    x, y = 0.5 * (face.box[0] + face.box[2]), 0.5 * (face.box[1] + face.box[3])
    best, least = None, 2.0
    for one in boxes:
        x0, y0, x1, y1 = one.box
        if x0 <= x <= x1 and y0 <= y <= y0 + _HEAD_ZONE * (y1 - y0):
            area = (x1 - x0) * (y1 - y0)
            if area < least:
                best, least = one, area
    return best


def _box_of(person: Person) -> Rect | None:
    if person.box is not None:
        return person.box
    return person.face.box if person.face is not None else None


def _least_score(box: Rect, people: Sequence[Person], limits: PeopleRules) -> float:
    """From which score a person box without a face is believed."""
    if area_of(box) >= limits.everywhere:
        return limits.lone_face_score
    if people:
        return limits.further_score
    return limits.small_score if box[3] - box[1] < _SMALL else limits.person_score


def _doubtful(face: Face, limits: PeopleRules) -> bool:
    """Whether a face without a person box may be none; a large one leaves no room for a box."""
    return face.score < limits.lone_face_score and face.box[3] - face.box[1] < _LARGE_FACE


def _centered_in(face: Face, box: Rect) -> bool:
    x, y = 0.5 * (face.box[0] + face.box[2]), 0.5 * (face.box[1] + face.box[3])
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _holds_a_face(box: Rect, people: Sequence[Person]) -> bool:
    """Whether a box shows no more than a face that has been counted and what is around it."""
    for person in people:
        if person.face is not None and person.box is None and _centered_in(person.face, box):
            return True
    return False


def _box_scale(
    box: Rect, poses: Sequence[FloatArray], aspect: float, rules: CompositionRules
) -> float:
    height = min(box[3], 1.0) - max(box[1], 0.0)
    torso = _torso_in(box, poses, rules.joint_score)
    if torso > 0.0:
        return max(rules.torso_to_body * torso, height)
    if box[3] < _CUT:
        return height
    # Cut off below: the width of the shoulders tells how much is missing.
    return max(rules.box_aspect * aspect * (box[2] - box[0]), height)


def _torso_in(box: Rect, poses: Sequence[FloatArray], least: float) -> float:
    """Height of the torso of the pose that lies in a box; 0 where none shows it."""
    for pose in poses:
        joints = pose.reshape(17, 3)
        ends = joints[[_LEFT_SHOULDER, _RIGHT_SHOULDER, _LEFT_HIP, _RIGHT_HIP]]
        x, y = float(ends[:2, 0].mean()), float(ends[:2, 1].mean())
        inside = box[0] <= x <= box[2] and box[1] <= y <= box[3]
        if inside and float(ends[:, 2].min()) >= least:
            return abs(float(ends[2:, 1].mean()) - y)
    return 0.0


def _covered(box: Rect, other: Rect) -> float:
    """Which share of a box another one covers."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return width * height / area if width > 0.0 and height > 0.0 and area > 0.0 else 0.0
