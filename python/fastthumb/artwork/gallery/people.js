/* Who is in a title: a row for each character; its name shows only the pictures with it. */
const ROWS = 8;

function drawPeople(title, filters) {
  if (!title.people.length) return null;
  const most = Math.max(...title.people.map((person) => person.seconds), 0.1);
  const rows = title.people.map((person) => drawPerson(title, person, most, filters));
  return make("section", { class: "cast", "aria-label": "People" },
    make("h2", {}, title.people.length === 1 ? "1 person" : `${title.people.length} people`),
    make("ul", { class: "people" }, rows.slice(0, ROWS)),
    rows.length > ROWS ? make("details", {}, make("summary", {}, `${rows.length - ROWS} more`),
      make("ul", { class: "people" }, rows.slice(ROWS))) : null);
}

function drawPerson(title, person, most, filters) {
  const shots = plural(person.shots, "shot");
  const others = person.with.map(([name, seconds]) => `${name} ${clock(seconds, 0)}`);
  if (person.more) others.push(`${person.more} more`);
  return make("li", { class: "person" },
    make("span", { class: "faces" }, person.faces.length ? person.faces.map(([file, seconds]) =>
      make("img", {
        src: title.folder + file, alt: `${person.name} at ${clock(seconds)}`,
        width: 60, height: 60, loading: "lazy", decoding: "async",
      })) : make("span", { class: "faceless" })),
    make("span", { class: "who" }, filters.switchFor("character", person.name, person.name),
      make("small", {}, person.role)),
    make("span", { class: "screen" },
      make("span", { class: "bar", style: { "--share": share(person.seconds / most) } }),
      make("span", {}, make("b", {}, clock(person.seconds, 0)), " on screen, ",
        `${(100 * person.share).toFixed(0)} %, ${shots}`)),
    make("span", { class: "with" }, others.length ? `with ${others.join(", ")}` : ""));
}

/* Faces and things of a picture, drawn over it while boxes are asked for. */
function drawBoxes(variant) {
  return variant.boxes.map(([left, top, wide, high, name, , face]) => make("span", {
    class: ["box", face && "face", top < 0.07 && "low", left + wide > 0.8 && left > 0.5 && "right"]
      .filter(Boolean).join(" "),
    "aria-hidden": "true",
    style: { left: share(left), top: share(top), width: share(wide), height: share(high) },
  }, make("span", {}, name)));
}
