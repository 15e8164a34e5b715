const view = byId("title");
const large = byId("large");
const blocks = [...document.querySelectorAll('script[type="application/json"]')];
const plainTitle = document.title;
const BARS = [
  "Brightness", "Contrast", "Sharpness", "Saturation", "Action", "Emotion", "Drama", "Prominence",
];
let timeline = null;
let filters = null;
let boxing = null;
let indexScroll = 0;

/* ---- one variant ---- */

function showVariant(rank) {
  if (byId(`variant-${rank}`).hidden) filters.clear();
  for (const figure of view.querySelectorAll("figure")) figure.classList.remove("found");
  const figure = byId(`variant-${rank}`);
  figure.classList.add("found");
  figure.scrollIntoView({ block: "start" });
  figure.focus({ preventScroll: true });
}

function drawVariant(title, variant, number) {
  return make("figure", { id: `variant-${variant.rank}`, tabindex: "-1" },
    drawFrame(title, variant, number),
    make("figcaption", {},
      make("div", { class: "line" },
        make("span", { class: "rank" }, String(variant.rank)),
        make("span", { class: "kind" }, variant.kind),
        make("span", { class: "time" }, clock(variant.time)),
        make("span", { class: "quality" },
          make("small", {}, "quality "), variant.quality.toFixed(2))),
      make("p", { class: "why" }, variant.why),
      drawTags(title, variant),
      make("dl", { class: "bars" }, variant.bars.map((value, at) => value === null ? null
        : make("div", {}, make("dt", {}, BARS[at]),
          make("dd", { style: { "--share": share(Math.min(value, 1)) } }, value.toFixed(2))))),
      drawPalette(variant), drawCrops(title, variant), drawNumbers(title, variant)));
}

function drawTags(title, variant) {
  const kinds = ["composition", "people", "character", "object", "setting"];
  const words = variant.tags.map((at) => title.tags[at]).filter(([kind]) => kinds.includes(kind))
    .map(([kind, , text]) => (kind === "character" ? text : text.toLowerCase()));
  const text = words.join(", ");
  return text ? make("p", { class: "tags" }, text[0].toUpperCase() + text.slice(1)) : null;
}

/* What a picture shows in words, for those who do not see it. */
function described(title, variant) {
  const tags = variant.tags.map((at) => title.tags[at]);
  const who = tags.flatMap(([kind, , text]) => (kind === "character" ? [text] : []));
  const seen = who.length ? ` with ${who.join(" and ")}` : "";
  return `${variant.kind}${seen} at ${clock(variant.time)}`;
}

function drawFrame(title, variant, number) {
  const [width, height] = variant.size;
  const name = `Variant ${variant.rank} of ${title.name}: ${described(title, variant)}`;
  const outlines = variant.crops.filter((crop) => crop[3].length);
  return make("div", { class: "frame" },
    make("button", {
      type: "button", "aria-label": `Enlarge. ${name}`, onclick: () => enlarge(title, number),
    }, make("img", {
      src: title.folder + variant.file, alt: name, width, height,
      loading: number ? "lazy" : "eager", decoding: "async",
      style: { background: variant.palette.length ? variant.palette[0][0] : "" },
    })),
    drawBoxes(variant),
    outlines.map(([aspect, , , [left, top, wide, high]]) => make("span", {
      class: "outline",
      style: { left: share(left), top: share(top), width: share(wide), height: share(high) },
    }, make("span", {}, aspect))),
    make("span", {
      class: "focal", style: { left: share(variant.focal[0]), top: share(variant.focal[1]) },
    }));
}

function warmthOf(variant) {
  return variant.warmth > 0.15 ? "warm" : variant.warmth < -0.15 ? "cool" : "neutral";
}

const shade = ([color, part]) => `${color} ${Math.round(100 * part)} %`;

function drawPalette(variant) {
  if (!variant.palette.length) return null;
  return make("ul", { class: "palette", "aria-label": `Palette, ${warmthOf(variant)}` },
    variant.palette.map((swatch) => make("li", {
      title: shade(swatch), role: "img", "aria-label": shade(swatch),
      style: { background: swatch[0], flex: `${Math.max(swatch[1], 0.01)} 0 0` },
    })));
}

function drawCrops(title, variant) {
  if (!variant.crops.length) return null;
  return make("ul", { class: "crops" }, variant.crops.map(([aspect, file, [width, height]]) =>
    make("li", {}, make("a", { href: title.folder + file, target: "_blank" },
      make("img", {
        src: title.folder + file, alt: `Crop to ${aspect}`, width, height,
        loading: "lazy", decoding: "async",
      }), aspect))));
}

function drawNumbers(title, variant) {
  const rows = title.scoreNames.flatMap((name, at) =>
    variant.scores[at] === null ? [] : [[name, variant.scores[at].toFixed(3)]]);
  rows.push(
    ["Focal point", variant.focal.map((value) => value.toFixed(2)).join(", ")],
    ["Palette", `${variant.palette.map(shade).join(", ")} (${warmthOf(variant)})`],
    ["Size", variant.size.join(" × ")],
    ...variant.boxes.map(([, , , , label, more, face]) =>
      [face && !label.startsWith("Face") ? `Face of ${label}` : label, more]),
    ...variant.crops.map(([aspect, , size]) => [`Crop to ${aspect}`, size.join(" × ")]));
  return make("details", {}, make("summary", {}, "All numbers"),
    make("table", {}, make("tbody", {}, rows.map(([name, value]) =>
      make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value))))));
}

/* ---- the large picture: built once, so that its buttons keep the focus ---- */

let shown = null;
const picture = make("img", { alt: "" });
const sized = make("div", { class: "sized" });
const about = make("p", { "aria-live": "polite" });
const openFile = make("a", { target: "_blank" }, "Open file");
const closing = make("button", { type: "button", onclick: () => large.close() }, "Close");
large.append(make("div", { class: "stage" }, sized), make("div", { class: "controls" }, about,
  make("button", { type: "button", onclick: () => turn(-1) }, "Previous"),
  make("button", { type: "button", onclick: () => turn(1) }, "Next"), openFile, closing));
large.addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight") turn(1);
  else if (event.key === "ArrowLeft") turn(-1);
});

function enlarge(title, number) {
  const variant = title.variants[number];
  shown = { title, number };
  picture.src = openFile.href = title.folder + variant.file;
  picture.alt = `Variant ${variant.rank}: ${described(title, variant)}`;
  sized.style.setProperty("--ratio", variant.size[0] / variant.size[1]);
  sized.replaceChildren(picture, ...drawBoxes(variant));
  about.textContent = [
    `${variant.rank} of ${title.variants.length}`, described(title, variant), `quality ${variant.quality.toFixed(2)}`,
  ].join(" · ");
  if (large.open) return;
  large.showModal();
  closing.focus();
}

/* To the next picture that the filters leave. */
function turn(step) {
  const { variants } = shown.title;
  let number = shown.number;
  do number = (number + step + variants.length) % variants.length;
  while (number !== shown.number && !filters.fits(variants[number]));
  enlarge(shown.title, number);
}

/* ---- one title ---- */

function drawTitle(number) {
  const title = JSON.parse(blocks[number].textContent);
  const place = order.indexOf(number);
  const link = (at, text) => place < 0 || order[at] === undefined ? null
    : make("a", { class: "step", href: hashes[order[at]] }, text);
  const shape = title.variants.length ? title.variants[0].size[0] / title.variants[0].size[1] : 2;
  const grid = make("div", {
    class: shape < 1.2 ? "variants tall" : "variants",
    style: { "--column": shape < 0.8 ? "250px" : shape < 1.2 ? "320px" : "400px" },
  }, title.variants.map((variant, at) => drawVariant(title, variant, at)));
  filters = new Filters(title, (left) => {
    const ranks = new Set(left.map((variant) => variant.rank));
    title.variants.forEach((variant, at) => {
      grid.children[at].hidden = !ranks.has(variant.rank);
    });
    timeline.dim(ranks);
  });
  boxing = title.variants.some((variant) => variant.boxes.length) ? make("button", {
    type: "button", class: "chip", "aria-pressed": "false", "aria-keyshortcuts": "b",
    onclick: () => showBoxes(boxing.getAttribute("aria-pressed") !== "true"),
  }, "Boxes ", make("kbd", {}, "b")) : null;
  const marking = make("label", {}, make("input", {
    type: "checkbox", onchange: (event) => grid.classList.toggle("marked", event.target.checked),
  }), "Show focal point and crops");
  const heading = make("h1", { tabindex: "-1" }, title.name);
  timeline = new Timeline(title);
  view.replaceChildren(
    make("nav", { class: "way", "aria-label": "Titles" }, make("a", { href: "#" }, "All titles"),
      link(place - 1, "Previous"), link(place + 1, "Next")),
    make("header", {}, heading,
      make("p", { class: "facts" }, dotted(title.facts)),
      make("p", { class: "path" }, title.path),
      make("p", { class: "facts" }, dotted(title.links.map((name) =>
        make("a", { href: title.folder + name }, name)))),
      title.warnings.length ? make("ul", { class: "warnings", "aria-label": "Warnings" },
        title.warnings.map((text) => make("li", {}, text))) : null),
    timeline.element,
    drawPeople(title, filters),
    make("section", { "aria-label": "Variants" },
      make("div", { class: "variants-head" },
        make("h2", {}, plural(title.variants.length, "variant")),
        boxing, title.variants.length ? marking : null),
      title.variants.length > 1 ? filters.element : null, filters.line, grid));
  filters.update();
  if (boxing && asked().has("boxes")) showBoxes(true);
  document.title = `${title.name} – fastthumb`;
  return heading;
}

/* Faces and things over the pictures; in the address, as the filters are. */
function showBoxes(on) {
  boxing.setAttribute("aria-pressed", String(on));
  view.classList.toggle("boxed", on);
  large.classList.toggle("boxed", on);
  const values = asked();
  if (on) values.set("boxes", "1");
  else values.delete("boxes");
  remember(values);
}

function route() {
  const [place] = location.hash.split("?");
  const number = place.startsWith("#/") ? hashes.indexOf(place) : -1;
  if (large.open) large.close();
  if (timeline) timeline.close();
  timeline = filters = boxing = null;
  for (const element of [view, large]) element.classList.remove("boxed");
  if (number < 0) {
    const back = !view.hidden;
    view.hidden = true;
    index.hidden = false;
    view.replaceChildren();
    document.title = plainTitle;
    if (location.hash.length > 1) byId(location.hash.slice(1))?.scrollIntoView();
    else if (back) scrollTo({ top: indexScroll, behavior: "instant" });
    return;
  }
  if (view.hidden) indexScroll = scrollY;
  index.hidden = true;
  view.hidden = false;
  const heading = drawTitle(number);
  scrollTo({ top: 0, behavior: "instant" });
  heading.focus({ preventScroll: true });
}

addEventListener("hashchange", route);
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || view.hidden) return;
  if (event.key === "Escape" && !large.open) location.hash = "";
  else if (event.key.toLowerCase() === "b" && boxing) boxing.click();
});
if (cards.length === 1 && !byId("failed") && !location.hash) location.replace(hashes[0]);
route();
