/* Tags as filters. What is chosen stands in the address, so that it survives a reload. */
const KINDS = {
  scene: "Scene", composition: "Framing", people: "People", character: "Who",
  object: "Things", setting: "Setting", color: "Color",
};
const SEVERAL = ["character", "object", "setting"]; // a picture has several: all chosen must hold

const asked = () => new URLSearchParams(location.hash.split("?")[1] ?? "");

function remember(values) {
  const [place] = location.hash.split("?");
  const text = values.toString();
  history.replaceState(null, "", text ? `${place}?${text}` : place);
}

class Filters {
  constructor(title, onchange) {
    this.title = title;
    this.onchange = onchange;
    this.switches = [];
    const values = asked();
    this.chosen = new Set(title.tags.flatMap(([kind, tag], at) =>
      values.getAll(kind).includes(tag) ? [at] : []));
    const count = (at) => title.variants.filter((variant) => variant.tags.includes(at)).length;
    const groups = Object.entries(KINDS).map(([kind, name]) => {
      const chips = title.tags.flatMap(([own, tag, text], at) => own !== kind ? []
        : [this.switchFor(kind, tag, text, make("small", {}, String(count(at))))]);
      return chips.length ? make("div", { role: "group", "aria-label": name },
        make("span", { class: "kind" }, name), chips) : null;
    });
    this.said = make("p", { role: "status" });
    this.clearing = make("button", { type: "button", class: "plain", onclick: () => this.clear() },
      "Show all");
    this.element = make("details", { class: "filters" },
      make("summary", {}, "Filter by what is in the picture"), make("div", {}, groups));
    this.line = make("div", { class: "shown", hidden: true }, this.said, this.clearing);
    this.element.open = this.chosen.size > 0 || matchMedia("(min-width: 920px)").matches;
  }

  /* A button that chooses a tag; its plain text where no picture has the tag. */
  switchFor(kind, tag, text, more = null) {
    const at = this.title.tags.findIndex(([own, other]) => own === kind && other === tag);
    if (at < 0) return make("span", { class: "name" }, text);
    const button = make("button", {
      type: "button", class: "chip", "aria-pressed": "false",
      onclick: () => this.toggle(at),
    }, text, ...(more ? [" ", more] : []));
    this.switches.push([at, button]);
    return button;
  }

  toggle(at) {
    if (!this.chosen.delete(at)) this.chosen.add(at);
    this.changed();
  }

  clear() {
    this.chosen.clear();
    this.changed();
  }

  changed() {
    const values = asked();
    for (const kind of Object.keys(KINDS)) values.delete(kind);
    for (const at of this.chosen) values.append(this.title.tags[at][0], this.title.tags[at][1]);
    remember(values);
    this.update();
  }

  fits(variant, chosen = this.chosen) {
    return Object.keys(KINDS).every((kind) => {
      const own = [...chosen].filter((at) => this.title.tags[at][0] === kind);
      const has = (at) => variant.tags.includes(at);
      return !own.length || (SEVERAL.includes(kind) ? own.every(has) : own.some(has));
    });
  }

  update() {
    const { variants } = this.title;
    const shown = variants.filter((variant) => this.fits(variant));
    for (const [at, button] of this.switches) {
      const pressed = this.chosen.has(at);
      button.setAttribute("aria-pressed", String(pressed));
      const more = new Set(this.chosen).add(at);
      button.disabled = !pressed && !variants.some((variant) => this.fits(variant, more));
    }
    this.line.hidden = this.chosen.size === 0;
    this.said.textContent = this.chosen.size
      ? `${shown.length} of ${plural(variants.length, "variant")}` : "";
    this.onchange(shown);
  }
}
