const SIGNS = { dissolve: "×", fade: "◢", wipe: "›" };
const SERIES = ["brightness", "sharpness", "motion"];
const HINT = "Point at the strip, or use the arrow keys on it, to read a shot. " +
  "Numbers mark the variants.";
const STEPS = {
  ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1,
  PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity,
};

function readShots(packed, end) {
  let hundredths = 0;
  const shots = packed.steps ? packed.steps.split(",").map((step) => {
    hundredths += parseInt(step, 36);
    return { start: hundredths / 100, transition: "cut", length: 0, content: "picture" };
  }) : [];
  for (const [number, transition, length] of packed.transitions) {
    Object.assign(shots[number], { transition, length });
  }
  for (const [number, content] of packed.contents) shots[number].content = content;
  for (const [number, repeat] of packed.repeats) shots[number].repeat = repeat;
  const scenes = new Map(packed.scenes);
  let scene = 0;
  shots.forEach((shot, number) => {
    scene = scenes.get(number) ?? scene;
    shot.scene = scene;
    shot.end = number + 1 < shots.length ? Math.max(shots[number + 1].start, shot.start) : end;
  });
  return shots;
}

/* A film's shots as a strip, its signals below, its variants above; all on one scale of time. */
class Timeline {
  constructor(title) {
    this.title = title;
    this.end = title.end || 1;
    this.shots = readShots(title.shots, title.end);
    this.current = 0;
    const signals = title.signals;
    this.series = signals ? SERIES.map((name) => unpack(signals[name])) : null;
    this.colors = signals && signals.colors ? unpack(signals.colors) : null;
    this.points = signals ? this.series[0].length : 0;

    this.picks = make("div", { class: "picks" });
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.cursor = make("div", { class: "at", hidden: true });
    this.said = make("output", { "aria-live": "off" });
    this.track = make("div", {
      class: "track", role: "slider", tabindex: "0", "aria-label": "Shots of the film",
      "aria-valuemin": 1, "aria-valuemax": this.shots.length,
    }, this.canvas, this.scale(), this.plots(), this.cursor);
    const point = (event) => this.point(event);
    this.track.addEventListener("pointermove", point);
    this.track.addEventListener("pointerdown", point);
    this.track.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") this.rest();
    });
    this.track.addEventListener("keydown", (event) => this.step(event));
    this.rest();
    this.element = make("section", { class: "film", "aria-label": "Timeline" },
      this.said, this.picks, this.track);

    this.repaint = () => this.paint();
    this.watcher = new ResizeObserver(this.repaint);
    this.watcher.observe(this.canvas);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", this.repaint);
  }

  close() {
    this.watcher.disconnect();
    this.scheme.removeEventListener("change", this.repaint);
  }

  scale() {
    const digits = this.end < 20 ? 1 : 0;
    return make("div", { class: "scale", "aria-hidden": "true" },
      [0, 0.25, 0.5, 0.75, 1].map((part) => make("span", {}, clock(part * this.end, digits))));
  }

  plots() {
    if (!this.series) return [];
    const ranges = ["L* 0–100", "0–1", `0–${this.title.signals.topMotion} px a frame`];
    const last = Math.max(this.points - 1, 1);
    return ["Brightness", "Sharpness", "Motion"].map((name, row) => {
      const line = [...this.series[row]].map((value, at) => `${at},${(100 - value / 2.55).toFixed(1)}`);
      return make("div", { class: "plot" },
        make("div", {}, make("span", {}, name), make("span", {}, ranges[row])),
        make("svg", {
          viewBox: `0 -4 ${last} 104`, preserveAspectRatio: "none",
          role: "img", "aria-label": `${name} over the film`,
        },
        make("path", { d: `M0,100L${line.join("L")}L${last},100Z` }),
        make("polyline", { points: line.join(" ") })));
    });
  }

  /* ---- what is said ---- */

  rest() {
    this.cursor.hidden = true;
    const gradual = Object.entries(SIGNS).map(([kind, sign]) => {
      const count = this.shots.filter((shot) => shot.transition === kind).length;
      return count ? `, ${plural(count, kind)} ${sign}` : "";
    });
    this.said.replaceChildren(make("b", {}, plural(this.shots.length, "shot")), ...gradual,
      make("br", {}), make("span", {}, HINT));
  }

  tell(seconds, number = this.shotAt(seconds)) {
    if (!this.shots.length) return;
    this.current = number;
    const head = `Shot ${number + 1} of ${this.shots.length}`;
    const parts = this.describe(number);
    this.said.replaceChildren(make("b", {}, head), ` · ${parts.join(" · ")}`);
    if (this.series) {
      const [light, sharp, motion] = this.series.map((one) => one[this.pointAt(seconds)] / 255);
      const moved = motion * this.title.signals.topMotion;
      this.said.append(make("br", {}), make("span", {}, `At ${clock(seconds)}: brightness ` +
        `${(100 * light).toFixed(0)}, sharpness ${sharp.toFixed(2)}, motion ${moved.toFixed(1)}`));
    }
    this.cursor.hidden = false;
    this.cursor.style.left = share(seconds / this.end);
    this.track.setAttribute("aria-valuenow", number + 1);
    this.track.setAttribute("aria-valuetext", `${head}, ${parts.join(", ")}`);
  }

  describe(number) {
    const shot = this.shots[number];
    const own = this.title.variants.filter((variant) => variant.shot === number);
    return [
      `${clock(shot.start)} – ${clock(shot.end)}`,
      `${(shot.end - shot.start).toFixed(1)} s`,
      `scene ${shot.scene + 1}`,
      shot.transition in SIGNS && `begins with a ${shot.transition} of ${shot.length.toFixed(1)} s`,
      shot.content !== "picture" && shot.content.replace("-", " "),
      shot.repeat !== undefined && `shows shot ${shot.repeat + 1} again`,
      own.length > 0 && `variant ${own.map((variant) => variant.rank).join(", ")}`,
    ].filter(Boolean);
  }

  shotAt(seconds) {
    let low = 0;
    let high = this.shots.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.shots[middle].start <= seconds) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  pointAt(seconds) {
    return clamp(Math.round((seconds / this.end) * (this.points - 1)), 0, this.points - 1);
  }

  point(event) {
    const box = this.track.getBoundingClientRect();
    this.tell(clamp((event.clientX - box.left) / box.width, 0, 1) * this.end);
  }

  step(event) {
    const step = STEPS[event.key];
    if (step === undefined || !this.shots.length) return;
    event.preventDefault();
    const last = this.shots.length - 1;
    const number = this.cursor.hidden ? this.current : clamp(this.current + step, 0, last);
    this.tell((this.shots[number].start + this.shots[number].end) / 2, number);
  }

  /* ---- what is painted ---- */

  paint() {
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    if (!width) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const style = getComputedStyle(document.documentElement);
    this.ink = style.getPropertyValue("--ink");
    this.muted = style.getPropertyValue("--muted");
    this.line = style.getPropertyValue("--line");
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const x = (seconds) => (seconds / this.end) * width;
    this.paintShots(pen, x, height - 20, width / Math.max(this.shots.length, 1) > 5 ? 1 : 0);
    this.paintScenes(pen, x, height - 15);
    this.paintSigns(pen, x, height - 10);
    this.placePicks(x, width);
  }

  paintShots(pen, x, height, gap) {
    this.shots.forEach((shot, number) => {
      const left = x(shot.start);
      const width = Math.max(x(shot.end) - gap - left, 0.5);
      const own = this.colorOf(shot);
      pen.fillStyle = own;
      if (shot.length && number) {
        const before = shot.transition === "fade" ? "#000" : this.colorOf(this.shots[number - 1]);
        const end = Math.max(x(shot.start + shot.length), left + 1);
        const blend = pen.createLinearGradient(left, 0, end, 0);
        blend.addColorStop(0, before);
        blend.addColorStop(1, own);
        pen.fillStyle = blend;
      }
      pen.fillRect(left, 0, width, height);
      if (shot.content !== "picture") this.hatch(pen, left, width, height);
    });
  }

  /* Mean color of the shot's settled part; alternating grays by scene where it is not known. */
  colorOf(shot) {
    if (!this.colors) return shot.scene % 2 ? this.line : this.muted;
    const at = (seconds) => Math.min(this.colors.length / 3 - 1, this.pointAt(seconds) >> 1);
    const first = at(shot.start + shot.length);
    const last = Math.max(first, at(shot.end) - 1);
    const sum = [0, 0, 0];
    for (let spot = 3 * first; spot < 3 * last + 3; spot++) sum[spot % 3] += this.colors[spot];
    return `rgb(${sum.map((value) => Math.round(value / (last - first + 1))).join()})`;
  }

  hatch(pen, left, width, height) {
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, width, height);
    pen.clip();
    pen.strokeStyle = "#808080";
    pen.beginPath();
    for (let slant = left - height; slant < left + width; slant += 7) {
      pen.moveTo(slant, height);
      pen.lineTo(slant + height, 0);
    }
    pen.stroke();
    pen.restore();
  }

  paintScenes(pen, x, top) {
    pen.fillStyle = this.muted;
    let from = 0;
    this.shots.forEach((shot, number) => {
      if (this.shots[number + 1]?.scene === shot.scene) return;
      const left = x(this.shots[from].start);
      pen.fillRect(left, top, Math.max(x(shot.end) - left - 2, 1), 2);
      from = number + 1;
    });
  }

  paintSigns(pen, x, top) {
    pen.strokeStyle = pen.fillStyle = this.ink;
    pen.lineWidth = 1.5;
    for (const shot of this.shots) {
      if (!(shot.transition in SIGNS)) continue;
      const left = x(shot.start + shot.length / 2) - 4;
      const lines = {
        dissolve: [[0, 0, 8, 8], [8, 0, 0, 8]],
        fade: [[0, 8, 8, 8, 8, 0]],
        wipe: [[0, 0, 8, 4, 0, 8]],
      }[shot.transition];
      for (const [startX, startY, ...rest] of lines) {
        pen.beginPath();
        pen.moveTo(left + startX, top + startY);
        for (let at = 0; at < rest.length; at += 2) pen.lineTo(left + rest[at], top + rest[at + 1]);
        if (shot.transition === "fade") pen.fill();
        else pen.stroke();
      }
    }
  }

  /* Numbers above the strip, in rows where they would touch. */
  placePicks(x, width) {
    const edges = [];
    const stems = [];
    const marks = [];
    for (const variant of [...this.title.variants].sort((a, b) => a.time - b.time)) {
      const left = clamp(x(variant.time), 12, width - 12);
      let row = edges.findIndex((edge) => left - edge >= 27);
      if (row < 0) row = edges.length;
      edges[row] = left;
      stems.push(make("i", { style: { left: `${x(variant.time)}px`, height: `${28 * row + 6}px` } }));
      marks.push(make("button", {
        type: "button",
        "aria-label": `Variant ${variant.rank} at ${clock(variant.time)}`,
        style: { left: `${left}px`, bottom: `${28 * row + 4}px` },
        onmouseenter: () => this.tell(variant.time),
        onmouseleave: () => this.rest(),
        onfocus: () => this.tell(variant.time),
        onclick: () => showVariant(variant.rank),
      }, String(variant.rank)));
    }
    this.picks.style.height = `${28 * edges.length + 4}px`;
    this.picks.replaceChildren(...stems, ...marks);
    if (this.shown) this.dim(this.shown);
  }

  /* Fades the numbers of variants that the filters leave out. */
  dim(shown) {
    this.shown = shown;
    for (const mark of this.picks.querySelectorAll("button")) {
      mark.classList.toggle("out", !shown.has(Number(mark.textContent)));
    }
  }
}
