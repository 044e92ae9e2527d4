// Draws the report that the page holds as JSON.
const PAGE_SIZE = 50;
const MAX_CELLS = 250000; // of the table that finds differences: two sentences of 500 words
const SIDES = ["first", "second"];

const report = JSON.parse(document.querySelector("script.report").textContent);
const sentences = JSON.parse(document.querySelector("script.sentences").textContent);
const systems = report.systems.map((system) => system.name);
const two = systems.length === 2;
const [srcLang, tgtLang] = report.language_pair ?? [null, null];

const whole = (n) => n.toLocaleString("en-GB");
const signed = (value, digits = 1) => (value > 0 ? "+" : "") + value.toFixed(digits);
const cell = (text, kind = "n") => make("td", { class: kind, text });
const sideHeads = report.systems.map(({ name, hyp }, side) => ({ name, hyp, side })); // where a system heads a column
const heads = (...columns) => make("tr", {}, ...columns.map((column, i) => (column.side === undefined
  ? make("th", { class: i ? "n" : "", text: column })
  : make("th", { class: `n ${SIDES[column.side]}`, title: column.hyp, text: column.name }))));
const tone = (value, clear) => (!clear ? "n quiet" : value > 0 ? "n good" : "n bad");

// ---- numbers

function scores() {
  const named = two ? [...sideHeads, "difference", "p"] : [...sideHeads, "95 % interval"];
  const table = make("table", { class: "scores" }, heads("", ...named));
  report.systems[0].scores.forEach((score, i) => {
    const values = report.systems.map((system) => system.scores[i]);
    const digits = ["length", "comet"].includes(score.metric) ? 4 : 2;
    const valueOf = (s) => s.value.toFixed(digits) + (two && s.interval ? ` (${s.interval.map((v) => v.toFixed(1)).join("–")})` : "");
    const row = make("tr", { title: score.signature }, cell(score.name + (score.higher_is_better === false ? " (lower is better)" : ""), ""),
      ...values.map((s) => cell(valueOf(s))));
    if (two) {
      const found = report.comparisons.find((each) => each.metric === score.metric);
      const difference = values[1].value - values[0].value;
      const better = score.higher_is_better === false ? -difference : difference;
      row.append(make("td", { class: found?.significant ? (better > 0 ? "n good" : "n bad") : "n quiet", text: signed(difference, digits) }),
        cell(!found ? "" : found.told ? found.p_value.toFixed(4) + (found.significant ? " *" : "") : "too few sentences"));
    } else row.append(cell(score.interval ? score.interval.map((v) => v.toFixed(2)).join(" – ") : ""));
    table.append(row);
  });
  const signatures = report.systems[0].scores.map((score) => make("div", { class: "quiet", text: `${score.name}: ${score.signature}` }));
  return [scrolling(table), make("details", {}, make("summary", { class: "quiet", text: "Signatures" }), ...signatures)];
}

const warnings = () => [...new Set(report.systems.flatMap((system) => system.warnings))].map((text) => make("p", { class: "bad", text }));

const bars = (values, most) => make("td", { class: "bars" }, ...values.map((value, i) =>
  make("span", { class: `bar ${SIDES[i]}`, style: `width: ${(100 * value / most).toFixed(2)}%` })));

function groups(found, what) {
  const table = make("table", {}, heads(what, "sentences", ...sideHeads, ...(two ? ["difference"] : []), ""));
  const most = Math.max(...found.flatMap((group) => group.means.map((mean) => mean.value)), 1);
  for (const group of found) {
    const row = make("tr", {}, cell(group.name, ""), cell(whole(group.n)),
      ...group.means.map((mean) => cell(mean.value.toFixed(1) + (mean.half_width === null || two ? "" : ` ± ${mean.half_width.toFixed(1)}`))));
    if (group.difference) {
      const { value, half_width: half } = group.difference;
      row.append(cell(signed(value) + (half === null ? "" : ` ± ${half.toFixed(1)}`), tone(value, group.clear)));
    }
    row.append(bars(group.means.map((mean) => mean.value), most));
    table.append(row);
  }
  return scrolling(table);
}

function frequencies() {
  const table = make("table", {}, heads("occurrences", "words", ...sideHeads, ...(two ? ["difference"] : []), ""));
  for (const group of report.frequencies) {
    const row = make("tr", {}, cell(group.name, ""), cell(whole(group.n)), ...group.accuracies.map((value) => cell(value.toFixed(1) + " %")));
    if (two) row.append(cell(signed(group.accuracies[1] - group.accuracies[0])));
    row.append(bars(group.accuracies, 100));
    table.append(row);
  }
  return scrolling(table);
}

function ngrams(found, name, side) {
  const kinds = []; // each has its own rows
  for (const [key, caption] of [["over", "Too often"], ["under", "Too rarely"]]) {
    const tables = found[key].map((list, i) => {
      const table = make("table", {}, heads(`${i + 1}-grams`, "output", "reference"));
      for (const ngram of list) {
        table.append(make("tr", {}, make("td", { dir: "auto", lang: tgtLang }, ...shown(ngram.text)), cell(whole(ngram.n_hyp)), cell(whole(ngram.n_ref))));
      }
      return table;
    });
    kinds.push(make("h3", { text: caption }), make("div", { class: "beside wide ngrams" }, ...tables));
  }
  const marks = make("p", { class: "hint", text: "Punctuation marks that differ most, output and reference: " + (found.marks.length ? "" : "none") });
  for (const mark of found.marks) marks.append(make("bdi", { class: "count" }, ...shown(mark.text)), `\u00a0${whole(mark.n_hyp)}\u00a0and\u00a0${whole(mark.n_ref)} `);
  return make("details", side ? {} : { open: "" }, make("summary", { class: SIDES[side], title: report.systems[side].hyp, text: name }), ...kinds, marks);
}

function faults() {
  const table = make("table", {}, heads("", ...sideHeads));
  report.faults.forEach((fault) => {
    table.append(make("tr", {}, cell(fault.name, ""), ...fault.lines.map((lines, side) => make("td", { class: "n" },
      make("button", { class: "plain", text: whole(lines.length), title: "show them", onclick: () => {
        view.fault.value = `${side} ${fault.name}`;
        view.text.value = "";
        refresh();
        document.querySelector("#sentences").scrollIntoView();
      } }))), cell(fault.rule, "quiet")));
  });
  return scrolling(table);
}

// ---- learning curves

// A run has one colour in all plots, whichever of them it is in.
const runs = [...new Set(report.curves.flatMap((each) => each.curves.map((curve) => curve.path)))];
function colourOf({ path }) {
  const i = runs.indexOf(path);
  return i < 2 ? `var(--${SIDES[i]})` : `hsl(${(137 * i) % 360} 65% var(--curve))`;
}

function plot({ name, curves }) {
  const [width, height, left, bottom] = [440, 200, 48, 22];
  const points = curves.flatMap((curve) => curve.points);
  const range = (values) => [Math.min(...values), Math.max(...values)];
  const [[x0, x1], [y0, y1]] = [range(points.map((p) => p[0])), range(points.map((p) => p[1]))];
  const x = (value) => left + (width - left - 8) * (x1 > x0 ? (value - x0) / (x1 - x0) : 0.5);
  const y = (value) => 8 + (height - bottom - 8) * (y1 > y0 ? (y1 - value) / (y1 - y0) : 0.5);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
  svg.append(draw("title", {}, name), draw("path", { class: "axis", d: `M${left},8 V${height - bottom} H${width - 8}` }));
  for (const value of y1 > y0 ? [y0, (y0 + y1) / 2, y1] : [y0]) svg.append(draw("text", { x: left - 4, y: y(value) + 4, "text-anchor": "end" }, value.toPrecision(3)));
  for (const value of x1 > x0 ? [x0, x1] : [x0]) svg.append(draw("text", { x: x(value), y: height - 6, "text-anchor": value === x1 ? "end" : "start" }, whole(value)));
  curves.forEach((curve) => {
    const stroke = colourOf(curve);
    const line = draw("path", { stroke, d: "M" + curve.points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" L") });
    line.append(draw("title", {}, curve.path));
    svg.append(line);
    for (const [update, reason] of curve.rollbacks.filter(([update]) => update >= x0 && update <= x1)) {
      const mark = draw("path", { stroke, "stroke-dasharray": "3 3", d: `M${x(update).toFixed(1)},8 V${height - bottom}` });
      mark.append(draw("title", {}, `${curve.run} went back to update ${update}: ${reason}`));
      svg.append(mark);
    }
    if (curve.points.length === 1) svg.append(draw("circle", { cx: x(curve.points[0][0]), cy: y(curve.points[0][1]), r: 3, fill: stroke }));
  });
  const keys = curves.map((curve) => make("div", { style: `color: ${colourOf(curve)}`,
    title: curve.path, text: `${curve.run}: last ${curve.points[curve.points.length - 1][1].toFixed(3)}` }));
  return make("div", {}, make("h3", { text: name }), svg, ...keys);
}

// ---- runs that started from a model

function tuning({ run, base, sets }) {
  const head = make("tr", {}, ...["", "Metric", "Before", "After", "Difference", "95 % interval"].map((text) => make("th", { text })));
  const table = make("table", {}, make("thead", {}, head), make("tbody"));
  for (const { title, differences } of sets) differences.forEach((each, i) => {
    const numbers = [each.before, each.after].map((value) => value.toFixed(2));
    const signed = [each.after - each.before, each.low, each.high].map((value) => (value < 0 ? "" : "+") + value.toFixed(2));
    table.tBodies[0].append(make("tr", {}, cell(i ? "" : title), cell(each.name), ...numbers.map((text) => cell(text)),
      cell(signed[0]), cell(`${signed[1]} to ${signed[2]}`)));
  });
  return make("div", {}, make("h3", { text: `${run}, from ${base}` }), scrolling(table));
}

// ---- one sentence

const UNSPACED = "\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3005-\\u30ff\\u3400-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{3ffff}";
const PIECE = new RegExp(`\\s+|[${UNSPACED}]|(?:(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}_])+|[^\\s]`, "gu");
const pieces = (text) => text.match(PIECE) ?? [];

// Which pieces of a sentence are not in the longest common subsequence with another.
function differing(mine, theirs) {
  const differs = mine.map((piece) => piece.trim() !== "");
  const [a, b] = [mine, theirs].map((list) => list.map((piece, i) => [piece, i]).filter(([piece]) => piece.trim()));
  if (a.length * b.length > MAX_CELLS) return differs.fill(false);
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) {
    table[i * width + j] = a[i][0] === b[j][0] ? table[(i + 1) * width + j + 1] + 1
      : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
  }
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i][0] === b[j][0]) { differs[a[i][1]] = false; i++; j++; }
    else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) i++;
    else j++;
  }
  // Spaces between two words that differ belong to one mark.
  return differs.map((it, i) => it || (mine[i].trim() === "" && differs[i - 1] === true && differs[i + 1] === true));
}

function marked(text, other) {
  const node = make("span", { class: "text", dir: "auto", lang: tgtLang });
  const found = pieces(text);
  const differs = other === null ? found.map(() => false) : differing(found, pieces(other));
  for (let start = 0; start < found.length;) {
    let end = start + 1;
    while (end < found.length && differs[end] === differs[start]) end++;
    const run = found.slice(start, end).join("");
    node.append(...(differs[start] ? [make("mark", {}, ...shown(run))] : shown(run)));
    start = end;
  }
  return node;
}

const faultsOf = (side, n) => report.kinds.filter((_, bit) => sentences.faults[side][n] & (1 << bit));

function sentence(n, against) {
  const node = make("div", { class: "sentence" });
  const line = (label, kind, text, whole = label) => node.append(make("div", { class: "line" }, make("span", { class: `label ${kind}`, title: whole, text: label }), text));
  const difference = two ? `, difference ${signed(sentences.chrf[1][n] - sentences.chrf[0][n])}` : "";
  const doc = sentences.docs ? `${sentences.docs[n]}, ` : "";
  node.append(make("div", { class: "head", text: `${doc}line ${whole(n + 1)}: chrF ${sentences.chrf.map((c) => c[n].toFixed(1)).join(" and ")}${difference}` }));
  if (sentences.src) line("source", "quiet", make("span", { class: "text", dir: "auto", lang: srcLang }, ...shown(sentences.src[n])));
  sentences.refs.forEach((ref, i) => line(i ? `reference ${i + 1}` : "reference", "quiet", make("span", { class: "text", dir: "auto", lang: tgtLang }, ...shown(ref[n]))));
  systems.forEach((name, side) => {
    const other = against === "none" ? null : against === "reference" ? sentences.refs[0][n] : sentences.hyps[1 - side][n];
    const text = marked(sentences.hyps[side][n], other);
    text.append(...faultsOf(side, n).map((fault) => make("span", { class: "fault", dir: "ltr", lang: "en", text: fault })));
    line(name, SIDES[side], text, report.systems[side].hyp);
  });
  return node;
}

function extremes(key, caption) {
  const lines = report.extremes[key];
  const list = lines.map((n) => sentence(n - 1, two ? "other" : "reference"));
  return [make("h3", { text: lines.length ? caption : `${caption}: none` }), ...list.slice(0, 5),
    ...(list.length > 5 ? [make("details", {}, make("summary", { class: "quiet", text: `${list.length - 5} more` }), ...list.slice(5))] : [])];
}

// ---- all sentences

const view = {};
const state = { shown: [], start: 0 };
let haystack = null; // all text of a sentence in lower case, made when it is first looked for

function textOf(n) {
  haystack ??= sentences.refs[0].map((_, i) => [...sentences.refs, ...sentences.hyps, ...[sentences.src, sentences.docs].filter(Boolean)]
    .map((column) => column[i]).join("\n").toLowerCase());
  return haystack[n];
}

function refresh() {
  const began = performance.now();
  const wanted = view.text.value.toLowerCase();
  const [side, ...fault] = view.fault.value.split(" ");
  const bit = 1 << report.kinds.indexOf(fault.join(" "));
  const of = (i) => sentences.chrf[i];
  const difference = (n) => of(1)[n] - of(0)[n];
  const keys = {
    line: (n) => n, low: (n) => of(0)[n], high: (n) => -of(0)[n], low2: (n) => of(1)[n],
    win: (n) => -difference(n), loss: difference, apart: (n) => -Math.abs(difference(n)),
    long: (n) => -sentences.refs[0][n].length, short: (n) => sentences.refs[0][n].length,
  };
  const found = [];
  for (let n = 0; n < report.n_lines; n++) {
    if (side !== "" && !(sentences.faults[side][n] & bit)) continue;
    if (wanted === "" || textOf(n).includes(wanted)) found.push(n);
  }
  const key = Float64Array.from({ length: report.n_lines }, (_, n) => keys[view.sort.value](n));
  state.shown = found.sort((a, b) => key[a] - key[b] || a - b);
  state.start = 0;
  turn(0);
  view.list.dataset.milliseconds = (performance.now() - began).toFixed(1);
}

function turn(step) {
  const last = Math.max(0, Math.ceil(state.shown.length / PAGE_SIZE) - 1) * PAGE_SIZE;
  state.start = Math.min(Math.max(state.start + step, 0), last);
  const end = Math.min(state.start + PAGE_SIZE, state.shown.length);
  view.list.replaceChildren(...state.shown.slice(state.start, end).map((n) => sentence(n, view.against.value)));
  view.count.textContent = state.shown.length ? `${whole(state.start + 1)} to ${whole(end)} of ${whole(state.shown.length)}` : "none";
  for (const button of view.backward) button.disabled = state.start === 0;
  for (const button of view.forward) button.disabled = end === state.shown.length;
}

function choice(label, options, change) {
  return make("select", { "aria-label": label, onchange: change }, ...options.map(([value, text]) => make("option", { value, text })));
}

function browser() {
  let waiting;
  view.text = make("input", { type: "search", placeholder: "text in any of them", "aria-label": "text", oninput: () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 120);
  } });
  const kinds = report.faults.flatMap((fault) => fault.lines.map((lines, side) => [`${side} ${fault.name}`, `${fault.name}${two ? ` in ${systems[side]}` : ""} (${whole(lines.length)})`]));
  view.fault = choice("kind of error", [["", "with or without errors"], ...kinds], refresh);
  view.sort = choice("order", [["line", "in order"], ...(two
    ? [["win", `${systems[1]} gains most`], ["loss", `${systems[1]} loses most`], ["apart", "furthest apart"], ["low", `worst of ${systems[0]}`], ["low2", `worst of ${systems[1]}`]]
    : [["low", "worst first"], ["high", "best first"]]), ["long", "longest first"], ["short", "shortest first"]], refresh);
  view.against = choice("marks", [["reference", "marked: not in the reference"], ...(two ? [["other", "marked: not in the other"]] : []), ["none", "nothing marked"]], () => turn(0));
  const turner = (text, step) => make("button", { text, onclick: () => turn(step) });
  view.backward = [turner("first", -Infinity), turner("previous", -PAGE_SIZE)];
  view.forward = [turner("next", PAGE_SIZE), turner("last", Infinity)];
  view.count = make("span", { class: "quiet" });
  view.list = make("div", { class: "list" });
  return [make("div", { class: "controls" }, view.text, view.fault, view.sort, view.against, make("span", { class: "turners" }, ...view.backward, ...view.forward, view.count)), view.list];
}

// ---- the page

const meanHint = "Mean chrF of single sentences, from 0 to 100, higher is better; it is not the chrF of the whole."
  + (two ? ` Differences in colour are larger than their 95 % interval, of at least ${report.enough} sentences.` : "");
document.querySelector("main").append(
  make("p", { class: "hint", text: `mtkit ${report.version}, ${whole(report.n_lines)} sentences, against ${report.refs.join(", ")}.`
    + (two ? ` Differences are ${systems[1]} minus ${systems[0]}.` : "") }),
  ...titled("Scores", two ? "With 95 % intervals, and p by paired bootstrap; * is p < 0.05." : "With 95 % intervals by bootstrap."),
  ...warnings(), ...scores(),
  ...(report.curves.length ? [...titled("Learning curves", "By update."), make("div", { class: "beside" }, ...report.curves.map(plot))] : []),
  ...(report.tunings.length ? [...titled("Before and after fine-tuning", "Intervals of the difference by paired bootstrap."), ...report.tunings.map(tuning)] : []),
  ...titled(`By length of the ${report.lengths_of}`, `In words, without punctuation marks. ${meanHint}`), groups(report.lengths, "words"),
  ...titled(`By kind of ${report.lengths_of}`, meanHint), groups(report.types, "kind"),
  ...(report.documents.length ? [...titled("By document", meanHint), make("details", report.documents.length > 12 ? {} : { open: "" },
    make("summary", { class: "quiet", text: `${whole(report.documents.length)} documents` }), groups(report.documents, "document"))] : []),
  ...titled("By frequency of words", `Share of the words of the reference, without punctuation marks, that an output has in the same sentence, by how often a word occurs in ${report.counted_in}.`),
  frequencies(),
  ...titled("Visible errors", "Found by simple rules, so some are not errors. A number leads to its sentences."), faults(),
  ...titled("N-grams", "Sequences of words that an output has more often, or less often, than the reference; none reaches across a punctuation mark."),
  ...report.ngrams.map((found, side) => ngrams(found, systems[side], side)),
  ...titled(two ? "Biggest wins and losses" : "Worst and best", two ? "By chrF of the sentence; what the other does not have is marked." : "By chrF of the sentence; what the reference does not have is marked."),
  ...(two ? [...extremes("wins", `${systems[1]} gains most`), ...extremes("losses", `${systems[1]} loses most`)]
    : [...extremes("worst", "Worst"), ...extremes("best", "Best")]),
  make("h2", { id: "sentences", text: "All sentences" }), ...browser(),
);
refresh();
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((node) => { node.open = true; }));
document.documentElement.dataset.ready = performance.now().toFixed(0);
