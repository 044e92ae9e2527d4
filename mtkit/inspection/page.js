// Draws the looks that the page holds as JSON.
const PARTS = { cross: "decoder looks at source", encoder: "source at itself", decoder: "translation at itself" };

const fixed = (value, digits) => (value === null ? "nan" : value.toFixed(digits));
const chance = (logProb) => (logProb === null ? 0 : Math.exp(logProb));
const percent = (logProb) => (logProb === null ? "nan" : (100 * Math.exp(logProb)).toFixed(1) + " %");
const doubt = (logProb) => `background: rgba(var(--doubt), ${(0.75 * (1 - chance(logProb))).toFixed(3)})`;
function shorter(text, n) {
  const letters = [...spelt(text)];
  return letters.length > n ? letters.slice(0, n - 1).join("") + "…" : letters.join("");
}
const isSpecial = (token) => /^<.+>$/.test(token);

// dir="auto" does not look into what is isolated, as each word and piece here is.
function directionOf(text) {
  const letter = text.match(/\p{L}/u);
  return letter && /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/.test(letter[0]) ? "rtl" : "ltr";
}

// ---- pieces and what might have stood in their place

function pieces(look) {
  const box = make("div", { class: "pieces", dir: directionOf(look.shown.text), lang: look.tgt_lang });
  for (const position of look.shown.positions) {
    const others = make("ol");
    for (const guess of position.alternatives) {
      const chosen = guess.token === position.token ? "chosen" : "";
      others.append(make("li", { class: chosen, title: `log-probability ${fixed(guess.log_prob, 4)}` },
        make("bdi", {}, ...shown(guess.token)), make("span", { text: percent(guess.log_prob) })));
    }
    const hint = `log-probability ${fixed(position.log_prob, 4)}, rank ${position.rank}, entropy ${fixed(position.entropy, 3)} nats`;
    box.append(make("div", { class: "piece", dir: "ltr", title: hint },
      make("bdi", { class: "token", style: doubt(position.log_prob) }, ...shown(position.token)),
      make("span", { class: "chance", text: `${percent(position.log_prob)} · rank ${position.rank}` }), others));
  }
  return box;
}

function ranking(look) {
  const table = make("table", { class: "best" }, make("tr", {},
    ...["", "score", "log-probability", "pieces", "translation"].map((text) => make("th", { text }))));
  const row = (name, candidate) => {
    const line = make("td", { dir: "auto", lang: look.tgt_lang });
    for (const p of candidate.positions) {
      line.append(make(isSpecial(p.token) ? "bdi" : "span", { class: "token", style: doubt(p.log_prob), title: percent(p.log_prob) },
      ...shown(p.token.replaceAll("\u2581", " "))));
    }
    if (!candidate.finished) line.append(make("em", { text: " (cut off)" }));
    table.append(make("tr", {}, make("td", { text: name }), make("td", { class: "n", text: fixed(candidate.score, 4) }),
      make("td", { class: "n", text: fixed(candidate.log_prob, 4) }),
      make("td", { class: "n", text: candidate.positions.length }), line));
  };
  if (look.forced) row("given", look.shown);
  look.n_best.forEach((candidate, i) => row(String(i + 1), candidate));
  return scrolling(table);
}

// ---- word alignment

function alignment(look) {
  const box = make("div", { class: "joined" });
  const sides = [[look.src_words, look.src_lang], [look.tgt_words, look.tgt_lang]].map(([found, lang], side) =>
    make("div", { class: "row", dir: directionOf(found.map((word) => word.text).join(" ")), lang }, ...found.map((word, i) =>
      make("bdi", { class: "word", tabindex: "0", onmouseenter: () => light(side, i), onmouseleave: () => light(-1, 0),
        onfocus: () => light(side, i), onblur: () => light(-1, 0) }, ...shown(word.text)))));
  const svg = draw("svg");
  box.append(svg, ...sides);
  const arcs = look.alignment.map((link) => ({ link, path: svg.appendChild(draw("path", { class: "arc" })) }));
  function light(side, i) {
    box.querySelectorAll(".lit").forEach((node) => node.classList.remove("lit"));
    for (const { link, path } of arcs) {
      if (side < 0 || link[side] !== i) continue;
      path.classList.add("lit");
      link.forEach((word, at) => sides[at].children[word].classList.add("lit"));
    }
  }
  function place() {
    const frame = box.getBoundingClientRect();
    svg.setAttribute("width", frame.width);
    svg.setAttribute("height", frame.height);
    for (const { link, path } of arcs) {
      const [a, b] = link.map((word, at) => sides[at].children[word].getBoundingClientRect());
      const [x1, x2] = [a, b].map((r) => r.left + r.width / 2 - frame.left);
      const [y1, y2] = [a.bottom - frame.top, b.top - frame.top];
      const middle = (y1 + y2) / 2;
      path.setAttribute("d", `M${x1},${y1} C${x1},${middle} ${x2},${middle} ${x2},${y2}`);
    }
  }
  box.place = place; // before printing nobody waits for the observer
  new ResizeObserver(place).observe(box);
  return scrolling(box);
}

// ---- attention

// Groups of pieces: [label, first, end]. Queries of the decoder have read a token and predict the next.
function groupsOf(look, axis, byWord) {
  const labels = { source: look.src_tokens, read: look.tgt_read, predicted: look.shown.positions.map((p) => p.token) }[axis];
  if (!byWord) return labels.map((label, i) => [label, i, i + 1]);
  const shift = axis === "read" ? 1 : 0;
  const found = axis === "source" ? look.src_words : look.tgt_words;
  const begin = (found.length ? found[0].first : 0) + shift; // tags of languages, the begin of sentence
  const groups = labels.slice(0, begin).map((label, i) => [label, i, i + 1]);
  for (const word of found) {
    const first = word.first + shift;
    if (first < labels.length) groups.push([word.text, first, Math.min(first + word.n_pieces, labels.length)]);
  }
  const end = groups.length ? groups[groups.length - 1][2] : 0;
  for (let i = end; i < labels.length; i++) groups.push([labels[i], i, i + 1]);
  return groups;
}

// Of a word: the sum over its pieces as keys, the mean over its pieces as queries.
function grouped(weights, queries, keys) {
  return queries.map(([, q0, q1]) => keys.map(([, k0, k1]) => {
    let sum = 0;
    for (let q = q0; q < q1; q++) for (let k = k0; k < k1; k++) sum += weights[q][k];
    return sum / (q1 - q0);
  }));
}

const meanOf = (heads) => heads[0].map((row, q) => row.map((_, k) => heads.reduce((sum, head) => sum + head[q][k], 0) / heads.length));
const inked = (weight) => Math.pow(Math.min(Math.max(weight, 0), 1), 0.7);

function thumbnail(weights, title, choose) {
  const canvas = choosable(make("canvas", { title, width: weights[0].length, height: weights.length, style: "image-rendering: pixelated" }), choose, title);
  canvas.paint = () => {
    const context = canvas.getContext("2d");
    const ink = getComputedStyle(document.documentElement).getPropertyValue("--weight");
    context.clearRect(0, 0, canvas.width, canvas.height);
    weights.forEach((row, q) => row.forEach((weight, k) => {
      context.fillStyle = `rgba(${ink}, ${inked(weight)})`;
      context.fillRect(k, q, 1, 1);
    }));
  };
  canvas.paint();
  return canvas;
}

function heatmap(weights, queries, keys, marked, tell) {
  const size = 20, left = 12 + 8 * Math.max(...queries.map(([label]) => [...shorter(label, 16)].length), 2);
  const top = 14 + 6.5 * Math.max(...keys.map(([label]) => [...shorter(label, 16)].length), 2);
  const width = left + keys.length * size + 60, height = top + queries.length * size + 4;
  const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  keys.forEach(([label], k) => svg.append(draw("text", { transform: `translate(${left + k * size + 14},${top - 6}) rotate(-60)` }, shorter(label, 16))));
  queries.forEach(([query], q) => {
    svg.append(draw("text", { x: left - 6, y: top + q * size + 14, "text-anchor": "end" }, shorter(query, 16)));
    keys.forEach(([key], k) => {
      const place = { x: left + k * size, y: top + q * size, width: size, height: size };
      svg.append(draw("rect", { ...place, class: "cell", "fill-opacity": inked(weights[q][k]).toFixed(3) }));
      if (marked(q, k)) svg.append(draw("rect", { x: place.x + 2, y: place.y + 2, width: size - 4, height: size - 4, class: "mark" }));
      const hit = svg.appendChild(draw("rect", { ...place, class: "hit" }));
      const message = `${query} looks at ${key}: ${weights[q][k].toFixed(4)}`;
      hit.append(draw("title", {}, message));
      hit.addEventListener("mouseenter", () => tell(message));
    });
  });
  svg.append(draw("rect", { x: left, y: top, width: keys.length * size, height: queries.length * size, class: "frame" }));
  return svg;
}

// Head 0 is the mean of all; of a single head it is this one.
const nameOf = ({ layer, weights }, head) => `layer ${layer}` + (head ? `, head ${head}` : weights.length > 1 ? ", mean of the heads" : "");

function attention(look) {
  const parts = Object.keys(PARTS).filter((part) => look.attention.some((one) => one.part === part));
  const state = { part: parts[0], layer: look.alignment_layer, head: 0, byWord: true };
  const controls = make("div", { class: "controls" });
  const [grid, map] = [make("table", { class: "thumbnails" }), scrolling()];
  const readout = make("div", { class: "readout" });
  const press = (text, chosen, act) => make("button", { text, "aria-pressed": String(chosen), onclick: () => { act(); show(); } });
  function show() {
    const layers = look.attention.filter((one) => one.part === state.part);
    const layer = layers.find((one) => one.layer === state.layer) || layers[layers.length - 1];
    state.layer = layer.layer;
    state.head = Math.min(state.head, layer.weights.length);
    controls.replaceChildren(
      ...parts.map((part) => press(PARTS[part], part === state.part, () => { state.part = part; })),
      press("words", state.byWord, () => { state.byWord = !state.byWord; }));
    grid.replaceChildren(...layers.map((one) => make("tr", {}, make("th", { text: `layer ${one.layer}` }),
      ...(one.weights.length > 1 ? [meanOf(one.weights), ...one.weights] : one.weights).map((weights, head) => make("td", {
        class: one.layer === state.layer && head === state.head ? "chosen" : "" },
      thumbnail(weights, nameOf(one, head), () => {
        state.layer = one.layer;
        state.head = head;
        show();
        grid.querySelector("td.chosen canvas").focus(); // those that were there are gone
      }))))));
    const queries = groupsOf(look, { cross: "predicted", encoder: "source", decoder: "read" }[state.part], state.byWord);
    const keys = groupsOf(look, state.part === "decoder" ? "read" : "source", state.byWord);
    const weights = state.head ? layer.weights[state.head - 1] : meanOf(layer.weights);
    const nTags = look.src_words[0].first;
    const marked = (q, k) => state.part === "cross" && state.byWord && look.alignment.some(([s, t]) => s + nTags === k && t === q);
    const name = nameOf(layer, state.head);
    readout.textContent = name;
    map.replaceChildren(heatmap(grouped(weights, queries, keys), queries, keys, marked, (text) => { readout.textContent = `${name}: ${text}`; }));
  }
  show();
  return [controls, make("div", { class: "attention" }, scrolling(grid), make("div", {}, readout,
    make("div", { class: "scale" }, "0", make("i"), "1"), map))];
}

// ---- the beam

function tree(look) {
  const [wide, high, column, top] = [84, 20, 112, 24];
  const nodes = look.history;
  const width = 10 + column * Math.max(...nodes.map((n) => n.step), 0);
  const height = top + 26 * Math.max(...nodes.map((n) => n.place), 1) + 6;
  const svg = draw("svg", { class: "tree", width, height, viewBox: `0 0 ${width} ${height}` });
  const [best, given] = [new Set(look.n_best[0].path), new Set(look.forced ? look.shown.path : [])];
  const kind = (i) => [nodes[i].fate, best.has(i) ? "best" : "", given.has(i) ? "given" : ""].join(" ");
  const at = (i) => [6 + column * (nodes[i].step - 1), top + 26 * (nodes[i].place - 1)];
  const readout = make("div", { class: "readout", dir: "auto", text: "Choose a node to see what had been written up to it." });
  const drawn = nodes.map((node, i) => {
    if (node.parent !== null) {
      const [[x0, y0], [x1, y1]] = [at(node.parent), at(i)];
      const [a, b] = [y0 + high / 2, y1 + high / 2];
      svg.append(draw("path", { class: kind(i), d: `M${x0 + wide},${a} C${x0 + wide + 14},${a} ${x1 - 14},${b} ${x1},${b}` }));
    }
    const group = draw("g", { class: kind(i), transform: `translate(${at(i).join()})` });
    const before = node.parent === null ? 0 : nodes[node.parent].log_prob;
    group.append(draw("rect", { width: wide, height: high, rx: 4 }),
      draw("text", { x: wide / 2, y: 14, "text-anchor": "middle" }, shorter(look.history_tokens[i], 11)),
      draw("title", {}, `${look.history_tokens[i]}: ${percent(node.log_prob - before)} after what comes before it; log-probability up to here ${fixed(node.log_prob, 4)}; place ${node.place} of step ${node.step}; ${node.fate}`));
    choosable(group, () => choose(i));
    return group;
  });
  for (let step = 1; step <= Math.max(...nodes.map((n) => n.step), 0); step++) {
    svg.append(draw("text", { class: "step", x: 6 + column * (step - 1), y: 14 }, step));
  }
  svg.append(...drawn);
  function choose(i) {
    drawn.forEach((group) => group.classList.remove("lit"));
    const line = [];
    for (let n = i; n !== null; n = nodes[n].parent) {
      drawn[n].classList.add("lit");
      line.unshift(look.history_tokens[n]);
    }
    readout.textContent = `${line.join(" ")}   (${fixed(nodes[i].log_prob, 4)}, ${nodes[i].fate})`;
  }
  const bare = make("button", { text: "pruned ones", "aria-pressed": "true", onclick: () => {
    bare.setAttribute("aria-pressed", String(!svg.classList.toggle("bare")));
  } });
  const key = (name, text) => make("span", { class: "key", style: `border-color: var(--${name})`, text });
  return [make("div", { class: "controls" }, bare, key("best", "best"), key("faint", "lived on"), key("end", "finished"),
    key("line", "pruned"), ...(look.forced ? [key("given", "given")] : [])), readout, scrolling(svg)];
}

// ---- the page

function body(look) {
  return [
    make("ul", { class: "findings" }, ...look.findings.map((text) => make("li", { dir: "auto", text }))),
    ...titled("Pieces", "How probable each piece was after the ones before it, and what else was possible there. The stronger the colour, the less certain."),
    pieces(look),
    ...titled(`${look.n_best.length} best of a beam of ${look.beam_size}`, "Score is the log-probability (nats) divided by the length penalty; higher is better."),
    ranking(look),
    ...titled("Word alignment", `Each word and the source word that it looked at most: ${look.alignment_by}.`),
    alignment(look),
    ...titled("Attention", "Each row is a query and what it looked at; the stronger the colour the more, a row sums to 1. With several heads, the first column of the small maps is their mean. Rows of the decoder's look at the source name the piece that is predicted. Frames mark the word alignment."),
    ...attention(look),
    ...titled("The beam", "Step by step from left to right, the most probable candidates on top; lines lead from what each one continues."),
    ...tree(look),
  ].filter((part) => part.textContent !== "" || part.childNodes.length);
}

for (const script of document.querySelectorAll("script.look")) {
  const look = JSON.parse(script.textContent);
  const sentence = make("details", { class: "sentence" }, make("summary", {},
    make("span", { class: "number", text: look.number }),
    make("span", { class: "source", dir: "auto", lang: look.src_lang }, ...shown(look.source)),
    make("span", { class: "translation", dir: "auto", lang: look.tgt_lang }, ...shown(look.shown.text))));
  const fill = () => { if (sentence.childElementCount === 1) sentence.append(...body(look)); };
  sentence.addEventListener("toggle", fill);
  script.replaceWith(sentence);
  if (!document.querySelector("details[open]")) { sentence.open = true; fill(); }
  window.addEventListener("beforeprint", () => {
    sentence.open = true;
    fill();
    sentence.querySelectorAll(".joined").forEach((box) => box.place());
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  document.querySelectorAll("canvas").forEach((canvas) => canvas.paint());
});
