// What the programs of all pages have in common: elements, out of which text from a corpus cannot break.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

// Text goes through textContent and attributes only; a property on... listens, one that is null is left out.
function make(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "text") node.textContent = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

function draw(name, attributes = {}, text = null) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== null) node.textContent = text;
  return node;
}

// A heading, and what the reader should know of what stands below it.
const titled = (text, hint) => [make("h2", { text }), make("p", { class: "hint", text: hint })];

// What a reader would not see, by its code point and its name. Joiners are letters' own where a script needs them.
const UNSEEN = new Map([[0xad, "soft hyphen"], [0x34f, "combining grapheme joiner"], [0x61c, "Arabic letter mark"],
  [0x115f, "Hangul filler"], [0x180e, "Mongolian vowel separator"], [0x200b, "zero-width space"],
  [0x200c, "zero-width non-joiner"], [0x200d, "zero-width joiner"], [0x200e, "left-to-right mark"],
  [0x200f, "right-to-left mark"], [0x2028, "line separator"], [0x2029, "paragraph separator"],
  [0x202a, "left-to-right embedding"], [0x202b, "right-to-left embedding"], [0x202c, "end of direction"],
  [0x202d, "left-to-right override"], [0x202e, "right-to-left override"], [0x2060, "word joiner"],
  [0x2066, "left-to-right isolate"], [0x2067, "right-to-left isolate"], [0x2068, "first strong isolate"],
  [0x2069, "end of isolate"], [0x3164, "Hangul filler"], [0xfeff, "byte order mark"], [0xfffc, "object replacement"]]);
const JOINED = /[\p{sc=Arab}\p{sc=Beng}\p{sc=Deva}\p{sc=Gujr}\p{sc=Guru}\p{sc=Khmr}\p{sc=Knda}\p{sc=Mlym}\p{sc=Mong}\p{sc=Mymr}\p{sc=Orya}\p{sc=Sinh}\p{sc=Syrc}\p{sc=Taml}\p{sc=Telu}\p{Emoji_Presentation}\ufe0f]/u;
const HIDDEN = new RegExp(`[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f${[...UNSEEN.keys()].map((code) => `\\u{${code.toString(16)}}`).join("")}]`, "gu");

// Text as nodes, in which what cannot be seen has its name beside it.
function shown(text) {
  const nodes = [];
  let start = 0;
  for (const { 0: hidden, index } of text.matchAll(HIDDEN)) {
    const code = hidden.codePointAt(0);
    const before = [...text.slice(Math.max(0, index - 2), index)].pop() ?? "";
    if ((code === 0x200c || code === 0x200d) && JOINED.test(before)) continue;
    const name = UNSEEN.get(code) ?? "control character";
    const point = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
    nodes.push(text.slice(start, index), make("span", { class: "unseen", title: `${point}, ${name}`, text: name }));
    start = index + hidden.length;
  }
  return [...nodes, text.slice(start)].filter((node) => node !== "");
}

// The same as text alone, for drawings.
const spelt = (text) => shown(text).map((node) => (typeof node === "string" ? node : `[${node.textContent}]`)).join("");

// A node that is chosen by the mouse or by the keyboard.
function choosable(node, act, name = null) {
  node.setAttribute("tabindex", "0");
  node.setAttribute("role", "button");
  if (name !== null) node.setAttribute("aria-label", name);
  node.addEventListener("click", act);
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    act();
  });
  return node;
}

// A box that scrolls sideways where it is too narrow, by the keyboard too.
const scrolling = (...children) => make("div", { class: "wide", tabindex: "0" }, ...children);
