const index = byId("index");
const cards = [...document.querySelectorAll(".card")];
const hashes = cards.map((card) => card.querySelector("a").hash);
const find = byId("find");
const sort = byId("sort");
let order = cards.map((_, number) => number);

/* Shows the cards that have every word of the search, in the order that is asked for. */
function arrange() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const value = (number) => cards[number].dataset[sort.value];
  const numbers = cards.map((_, number) => number);
  if (sort.value === "name") {
    const collator = new Intl.Collator(undefined, { numeric: true });
    numbers.sort((a, b) => collator.compare(value(a), value(b)));
  } else if (sort.value) {
    numbers.sort((a, b) => value(b) - value(a) || a - b);
  }
  order = numbers.filter((number) =>
    words.every((word) => cards[number].dataset.words.includes(word)));
  const shown = new Set(order);
  const list = document.createDocumentFragment();
  for (const number of numbers) {
    cards[number].hidden = !shown.has(number);
    list.append(cards[number]);
  }
  byId("cards").append(list);
  byId("found").textContent =
    words.length ? `${order.length} of ${plural(cards.length, "title")}` : "";
  byId("nothing").hidden = order.length > 0;
}

if (find) {
  find.form.hidden = false;
  find.form.addEventListener("submit", (event) => event.preventDefault());
  find.addEventListener("input", arrange);
  sort.addEventListener("change", arrange);
}
