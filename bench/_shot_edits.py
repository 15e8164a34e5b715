"""Films made of hard cases, to fit the shot detector on: signals and truth, no video file.

compose_film.py makes films as they mostly are. What decides between an edit and something else
is rare in them: flashes and gunfire, exposure that jumps, captions that appear, objects that
pass the lens, whip pans, a shaking camera, jump cuts. Here they are common, in shots of the
test clips and in stills with a moving crop, and every edit is known. Pictures go through the
same core as those of a real film, only without an encoder in between.
"""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Shot = list[Image]
WIDTH, HEIGHT, FPS = 640, 360, 24
LONGEST = 150  # frames of a shot
SHORTEST = 36
_Y, _X = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)


def clips_and_stills(
    data: Path, half: int | None
) -> tuple[list[tuple[str, float, float]], list[Path]]:
    """Spans of clips without an edit, and photographs; of one half of both, by name, or all.

    The halves share no clip, so that what is fitted on one can be tried on the other.
    """

    def mine(name: str) -> bool:
        return half is None or sum(name.split("_")[0].encode()) % 2 == half

    spans = json.loads((data / "tools" / "spans.json").read_text())
    clips = [(clip, a, b) for clip, all_ in sorted(spans.items()) for a, b in all_ if mine(clip)]
    stills = [p for p in sorted((data / "images").rglob("*.jpg")) if mine(p.stem)]
    return clips, stills


def _compose_film(data: Path) -> Any:
    """compose_film.py as a module: its reader of spans is used here too."""
    path = data / "tools" / "compose_film.py"
    spec = importlib.util.spec_from_file_location("compose_film", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scaled(image: Image, gain: float, offset: float | Image | npt.NDArray[np.float32] = 0) -> Image:
    return np.clip(image * np.float32(gain) + offset, 0, 255).astype(np.uint8)


def blend(a: Image, b: Image, share: float) -> Image:
    return np.asarray(cv2.addWeighted(a, 1 - share, b, share, 0), np.uint8)


def light(rng: random.Random) -> npt.NDArray[np.float32]:
    """A patch of light somewhere: float32 (h, w, 1), 0..1."""
    x, y, size = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(60, 300)
    return np.exp(-((_X - x) ** 2 + (_Y - y) ** 2) / (2 * size**2))[..., None].astype(np.float32)


class HardCases:
    """Makes one film frame by frame; `put` takes each frame, `truth` grows with it.

    `violence` is the share of shots with a shaking camera, flickering light or fast motion,
    `slow_moves` of those that glide over a photograph.
    """

    def __init__(
        self,
        data: Path,
        seed: int,
        half: int | None,
        violence: float,
        put: Callable[[Image], None],
        *,
        slow_moves: float = 0.0,
    ) -> None:
        self.rng = random.Random(seed)
        self.data, self.violence, self.put_frame = data, violence, put
        self.slow_moves = slow_moves
        self.clips, self.stills = clips_and_stills(data, half)
        self.read_span = _compose_film(data).read_span
        self.count = 0
        self.truth: dict[str, list[Any]] = {"cuts": [], "graduals": [], "flashes": []}
        self.source: tuple[str, float, float, float] | None = None  # of the latest shot

    # Shots

    def shot(self) -> Shot:
        """A shot of a clip or of a photograph, often altered as a whole."""
        rng = self.rng
        if self.slow_moves and rng.random() < self.slow_moves:
            self.source = None
            return self.slow_move(rng.randint(60, 200))
        if rng.random() < 0.15:
            self.source = None
            return self.photograph(rng.randint(40, 110))
        clip, low, high = rng.choice(self.clips)
        seconds = min(rng.uniform(1.6, LONGEST / FPS), high - low)
        start = rng.uniform(low, high - seconds)
        frames = self.read(clip, start, seconds)
        if len(frames) < SHORTEST:
            return self.shot()
        self.source = clip, low, high, start + seconds
        if rng.random() < 0.1:
            frames = [f for f in frames for _ in range(2)][:LONGEST]  # half the frame rate
        if rng.random() < 0.15:
            gain = rng.uniform(0.15, 0.7)
            frames = [scaled(f, gain) for f in frames]
        if rng.random() < 0.1:
            grays = (f.mean(axis=2, keepdims=True).astype(np.uint8) for f in frames)
            frames = [np.repeat(gray, 3, axis=2) for gray in grays]
        if rng.random() < self.violence:
            frames = rng.choice([self.shaken, self.shaken, self.flickering, self.fast])(frames)
        return frames

    def read(self, clip: str, start: float, seconds: float) -> Shot:
        path = self.data / "videos" / clip
        return list(self.read_span(path, start, seconds, FPS, WIDTH, HEIGHT))

    def later_moment(self) -> Shot | None:
        """Another moment of the clip that the latest shot came from: a jump cut."""
        if self.source is None:
            return None
        clip, low, high, end = self.source
        start = self.rng.uniform(low, max(low, high - 1.6))
        if high - low < 5 or abs(start - end) < 2.5:
            return None
        frames = self.read(clip, start, min(4.0, high - start))
        return frames if len(frames) >= SHORTEST else None

    def photograph(self, count: int) -> Shot:
        """A still, or a camera that moves over it: zoom, pan, whip pan, shake."""
        rng = self.rng
        image = cv2.cvtColor(cv2.imread(str(rng.choice(self.stills))), cv2.COLOR_BGR2RGB)
        scale = rng.uniform(1.3, 2.5) * max(WIDTH / image.shape[1], HEIGHT / image.shape[0])
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        room_x, room_y = image.shape[1] - WIDTH, image.shape[0] - HEIGHT
        x0, y0, x1, y1 = (rng.uniform(0, room) for room in (room_x, room_y, room_x, room_y))
        mode = rng.choice(["still", "zoom", "pan", "pan", "whip", "shake"])
        jitter, frames, last_x = rng.uniform(2, 25), [], x0
        for n in range(count):
            share, zoom = n / max(1, count - 1), 1.0
            x, y = x0, y0
            if mode == "zoom":
                zoom = 1 - 0.35 * share
            elif mode == "pan":
                x, y = x0 + (x1 - x0) * share, y0 + (y1 - y0) * share
            elif mode == "whip":
                x = x0 + (x1 - x0) / (1 + np.exp(-(share - 0.5) * count / 3))
            elif mode == "shake":
                x = float(np.clip(x0 + rng.gauss(0, jitter), 0, room_x))
                y = float(np.clip(y0 + rng.gauss(0, jitter), 0, room_y))
            moved = np.array([[1 / zoom, 0, -x / zoom], [0, 1 / zoom, -y / zoom]], np.float32)
            frame = cv2.warpAffine(image, moved, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
            blur = int(abs(x - last_x) / 2)
            if blur > 3 and mode != "shake":
                frame = cv2.blur(frame, (blur, 1))
            frames.append(np.asarray(frame, np.uint8))
            last_x = x
        return frames

    def slow_move(self, count: int) -> Shot:
        """A zoom or pan over a photograph that begins and ends gently, or not."""
        rng = self.rng
        image = cv2.cvtColor(cv2.imread(str(rng.choice(self.stills))), cv2.COLOR_BGR2RGB)
        scale = rng.uniform(1.2, 2.2) * max(WIDTH / image.shape[1], HEIGHT / image.shape[0])
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        views = []
        for _ in range(2):  # left, top and size of the first and of the last view
            size = rng.uniform(0.6, 1.0) if rng.random() < 0.7 else 1.0
            room_x, room_y = image.shape[1] - WIDTH * size, image.shape[0] - HEIGHT * size
            views.append(np.array([rng.uniform(0, room_x), rng.uniform(0, room_y), size]))
        reach, eased = rng.uniform(0.2, 1), rng.random() < 0.6
        rest = rng.choice([0.0, 0.0, 0.2, 0.35])  # share of the shot that stands at either end
        frames = []
        for n in range(count):
            share = float(np.clip((n / (count - 1) - rest) / (1 - 2 * rest), 0, 1))
            share = reach * (share * share * (3 - 2 * share) if eased else share)
            left, top, size = views[0] * (1 - share) + views[1] * share
            moved = np.array([[1 / size, 0, -left / size], [0, 1 / size, -top / size]], np.float32)
            frames.append(cv2.warpAffine(image, moved, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR))
        return frames

    def shaken(self, frames: Shot) -> Shot:
        rng, strength = self.rng, self.rng.uniform(3, 30)
        margin = 3 * strength + 2
        zoom = 1 + 2 * margin / WIDTH
        x = y = speed_x = speed_y = 0.0
        result = []
        for frame in frames:
            speed_x = 0.6 * speed_x + rng.gauss(0, strength / 2)
            speed_y = 0.6 * speed_y + rng.gauss(0, strength / 2)
            x = float(np.clip(0.85 * x + speed_x, -margin, margin))
            y = float(np.clip(0.85 * y + speed_y, -margin, margin))
            left, top = (zoom - 1) * WIDTH / 2 - x, (zoom - 1) * HEIGHT / 2 - y
            moved = np.array([[zoom, 0, -left], [0, zoom, -top]], np.float32)
            image = cv2.warpAffine(frame, moved, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
            blur = int(np.hypot(speed_x, speed_y) * 0.6)
            if blur > 3:
                image = cv2.blur(image, (blur, 1) if abs(speed_x) > abs(speed_y) else (1, blur))
            result.append(np.asarray(image, np.uint8))
        return self.flickering(result) if rng.random() < 0.3 else result

    def flickering(self, frames: Shot) -> Shot:
        rng, often, where = self.rng, self.rng.uniform(0.05, 0.5), light(self.rng)

        def lit(frame: Image) -> Image:
            if rng.random() >= often:
                return frame
            return scaled(frame, rng.uniform(1, 1.6), rng.uniform(60, 220) * where)

        return [lit(frame) for frame in frames]

    def fast(self, frames: Shot) -> Shot:
        return frames[::3] if len(frames) >= 3 * SHORTEST else self.shaken(frames)

    # What happens inside a shot and is no edit

    def incident(self, frames: Shot, low: int, high: int) -> Shot:
        """The shot, mostly with something confusing in its frames low..high."""
        rng = self.rng
        if high - low < 34 or rng.random() < 0.4:
            return frames
        at = low + rng.randint(8, high - low - 20)
        happen = rng.choice(
            [
                self.flash,
                self.flash,
                self.gunfire,
                self.explosion,
                self.explosion,
                self.exposure,
                self.exposure,
                self.caption,
                self.caption,
                self.passing,
                self.passing,
            ]
        )
        return happen(list(frames), at)

    def flash(self, frames: Shot, at: int) -> Shot:
        level = self.rng.choice([250.0, 255.0, 230.0, 5.0])
        for n in range(at, at + self.rng.randint(1, 4)):
            share = self.rng.uniform(0.6, 1)
            frames[n] = scaled(frames[n], 1 - share, level * share)
        return frames

    def gunfire(self, frames: Shot, at: int) -> Shot:
        for _ in range(self.rng.randint(2, 6)):
            n = at + self.rng.randint(0, 10)
            frames[n] = scaled(frames[n], self.rng.uniform(1.1, 2), 200 * light(self.rng))
        return frames

    def explosion(self, frames: Shot, at: int) -> Shot:
        """Light that comes at once and takes up to a second to go."""
        where, strength = light(self.rng), self.rng.uniform(80, 350)
        base, decay = self.rng.uniform(0, 60), self.rng.uniform(2, 12)
        for n in range(at, min(len(frames), at + 30)):
            share = np.exp(-(n - at) / decay)
            frames[n] = scaled(frames[n], 1, (base + strength * where) * np.float32(share))
        return frames

    def exposure(self, frames: Shot, at: int) -> Shot:
        """A step or a ramp of brightness that stays."""
        rng = self.rng
        gain = rng.choice([rng.uniform(0.4, 0.8), rng.uniform(1.25, 1.9)])
        offset, ticks = rng.uniform(-15, 15), rng.choice([1, rng.randint(5, 18)])
        for n in range(at, len(frames)):
            share = min(1.0, (n - at + 1) / ticks)
            frames[n] = scaled(frames[n], 1 + (gain - 1) * share, offset * share)
        return frames

    def caption(self, frames: Shot, at: int) -> Shot:
        rng, ticks = self.rng, self.rng.choice([1, self.rng.randint(4, 15)])
        where = rng.randint(10, 200), rng.randint(60, 320)
        text = "".join(rng.choice("ABCDEFGH IJKLM nopq") for _ in range(rng.randint(5, 20)))
        size, color, banner = rng.uniform(0.7, 2.5), rng.choice([255, 10]), rng.random() < 0.3
        corner = where[0] + rng.randint(150, 400), where[1] + 20
        for n in range(at, len(frames)):
            shown = frames[n].copy()
            if banner:
                cv2.rectangle(shown, (where[0] - 10, where[1] - 50), corner, (90, 40, 0), -1)
            font = cv2.FONT_HERSHEY_SIMPLEX
            cv2.putText(shown, text, where, font, size, (color,) * 3, int(3 * size))
            frames[n] = blend(frames[n], shown, min(1.0, (n - at + 1) / ticks))
        return frames

    def passing(self, frames: Shot, at: int) -> Shot:
        """Something passes close to the lens."""
        rng, ticks = self.rng, self.rng.randint(5, 18)
        width = int(WIDTH * rng.uniform(0.25, 1.3))
        body = cv2.resize(cv2.imread(str(rng.choice(self.stills))), (width, HEIGHT))
        body = scaled(cv2.GaussianBlur(body, (0, 0), rng.uniform(1, 15)), rng.uniform(0.2, 1))
        leftward = rng.random() < 0.5
        for n in range(ticks):
            x = int(-width + (WIDTH + width) * (n + 1) / (ticks + 1))
            x = WIDTH - x - width if leftward else x
            low, high = max(0, x), min(WIDTH, x + width)
            frame = frames[at + n].copy()
            frame[:, low:high] = body[:, low - x : high - x]
            frames[at + n] = frame
        return frames

    # Edits

    def run(self, frames: int) -> None:
        """Make a film of at least so many frames."""
        rng = self.rng
        shot, start = self.shot(), 0
        while self.count < frames:
            jump = self.later_moment() if rng.random() < 0.12 else None
            following = jump or self.shot()
            edit = rng.choices([self.cut, self.dissolve, self.wipe, self.fade], [42, 25, 17, 16])[0]
            if jump is not None:
                edit = self.cut
            if edit == self.cut and rng.random() < 0.06:
                following = following[: rng.randint(7, 14)]  # a very short shot
            start = edit(shot, start, following)
            shot = following
        self.put(shot[start:])

    def put(self, frames: Shot) -> None:
        for frame in frames:
            self.put_frame(frame)
        self.count += len(frames)

    def cut(self, shot: Shot, start: int, following: Shot) -> int:
        """Cut; sometimes with one or two blended frames, as a changed frame rate leaves them."""
        blended = self.rng.choice([1, 2]) if self.rng.random() < 0.08 else 0
        shot = self.incident(shot, start, len(shot))
        body = max(start, len(shot) - blended)
        self.put(shot[start:body])
        self.truth["cuts"].append(self.count)
        tail = shot[body:]
        for n, frame in enumerate(tail):
            self.put([blend(frame, following[n], (n + 1) / (len(tail) + 1))])
        return len(tail)

    def _overlap(self, shot: Shot, start: int, following: Shot) -> int:
        """How many frames a gradual edit may take: 3 to 46, each length as likely."""
        wanted = round(float(np.exp(self.rng.uniform(np.log(3), np.log(46)))))
        return min(wanted, len(shot) - start - 6, len(following) - 26)

    def _mixed(self, shot: Shot, start: int, following: Shot, kind: str, mix: Any) -> int:
        length = self._overlap(shot, start, following)
        if length < 3:
            return self.cut(shot, start, following)
        body = len(shot) - length
        shot = self.incident(shot, start, body)
        self.put(shot[start:body])
        self.truth["graduals"].append([kind, self.count, self.count + length - 1])
        self.put([mix(shot[body + n], following[n], (n + 1) / (length + 1)) for n in range(length)])
        return length

    def dissolve(self, shot: Shot, start: int, following: Shot) -> int:
        smooth = self.rng.random() < 0.25

        def mix(a: Image, b: Image, share: float) -> Image:
            return blend(a, b, share * share * (3 - 2 * share) if smooth else share)

        return self._mixed(shot, start, following, "dissolve", mix)

    def wipe(self, shot: Shot, start: int, following: Shot) -> int:
        x, y = _X / WIDTH, _Y / HEIGHT
        radius = np.hypot(_X - WIDTH / 2, _Y - HEIGHT / 2) / np.hypot(WIDTH / 2, HEIGHT / 2)
        shapes = [x, 1 - x, x, 1 - x, y, 1 - y, (x + y) / 2, (1 - x + y) / 2]
        shapes += [radius, 1 - radius, abs(x - 0.5) * 2, abs(y - 0.5) * 2]
        shape, soft = self.rng.choice(shapes), self.rng.choice([1e-3, 1e-3, 1e-3, 0.05, 0.15])

        def mix(a: Image, b: Image, share: float) -> Image:
            mask = np.clip((share * (1 + soft) - shape) / soft, 0, 1)[..., None]
            return np.asarray(a * (1 - mask) + b * mask).astype(np.uint8)

        return self._mixed(shot, start, following, "wipe", mix)

    def fade(self, shot: Shot, start: int, following: Shot) -> int:
        """Through black or white, with or without a hold; sometimes only one half of it."""
        rng, level = self.rng, self.rng.choice([0.0, 0.0, 0.0, 10.0, 255.0])
        out = min(rng.randint(3, 30), len(shot) - start - 6)
        back = min(rng.randint(3, 30), len(following) - 26)
        hold = rng.choice([0, 0, 0, 1, 2, 5, rng.randint(8, 30)])
        if out < 3 or back < 3:
            return self.cut(shot, start, following)
        body = len(shot) - out
        shot = self.incident(shot, start, body)
        self.put(shot[start:body])
        first = self.count
        for n in range(out):
            share = (n + 1) / (out + (0 if hold else 1))
            self.put([scaled(shot[body + n], 1 - share, level * share)])
        self.put([np.full((HEIGHT, WIDTH, 3), level, np.uint8)] * hold)
        for n in range(back):
            share = (n + (0 if hold else 1)) / (back + 1)
            self.put([scaled(following[n], share, level * (1 - share))])
        self.truth["graduals"].append(["fade", first, self.count - 1])
        return back
