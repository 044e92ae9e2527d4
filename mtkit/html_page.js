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
