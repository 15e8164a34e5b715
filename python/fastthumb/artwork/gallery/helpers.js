"use strict";

const byId = (id) => document.getElementById(id);
const share = (value) => `${(100 * value).toFixed(2)}%`;
const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const unpack = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/* Seconds as 0:42.3 or 1:02:03.4. */
function clock(seconds, digits = 1) {
  const unit = 10 ** digits;
  const ticks = Math.round(Math.max(seconds, 0) * unit);
  const whole = Math.floor(ticks / unit);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const text = hours
    ? `${hours}:${two(minutes)}:${two(whole % 60)}`
    : `${minutes}:${two(whole % 60)}`;
  return digits ? `${text}.${String(ticks % unit).padStart(digits, "0")}` : text;
}

/* An element with attributes (on…: listeners) and children; text is never read as HTML. */
const DRAWN = ["svg", "path", "polyline"];
function make(name, attributes, ...children) {
  const element = DRAWN.includes(name)
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") {
      for (const [property, setting] of Object.entries(value)) {
        element.style.setProperty(property, setting);
      }
    } else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

/* Texts or links in a row, each kept on one line together with the dot behind it. */
function dotted(items) {
  return items.flatMap((item, at) =>
    at + 1 < items.length ? [make("span", {}, item, " ·"), " "] : [make("span", {}, item)]);
}
