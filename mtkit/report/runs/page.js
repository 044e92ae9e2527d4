// Draws the comparison of runs that the page holds as JSON.
const found = JSON.parse(document.querySelector("script.comparison").textContent);
const groupOf = new Map(found.runs.filter((run) => run.group).map((run) => [run.path, run.group]));
const colours = coloursOf(found.curves, groupOf);
const digitsOf = (metric) => (["length", "comet"].includes(metric) ? 4 : 2);
const signed = (value, digits) => (value > 0 ? "+" : "") + value.toFixed(digits);
const row = (...cells) => make("tr", {}, ...cells);
const heads = (...names) => row(...names.map((name, i) => make("th", { class: i ? "n" : "", text: name })));

function shownValue(value) {
  if (value === null) return "–";
  if (Array.isArray(value) && value.length && value.every((each) => typeof each === "string" && each.length === 64)) {
    return value.map((each) => each.slice(0, 12)).join(" ");
  }
  if (typeof value === "number" && Number.isInteger(value)) return whole(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

// ---- what differs

function differences(list, withDefault) {
  if (!list.length) return make("p", { class: "quiet", text: "None." });
  const table = make("table", {}, heads("", ...found.groups.map((group) => group.name), ...(withDefault ? ["default"] : [])));
  for (const { what, values, default: usual } of list) {
    table.append(row(cell(what, ""), ...values.map((value) => cell(shownValue(value), "n value")),
      ...(withDefault ? [cell(shownValue(usual), "n quiet")] : [])));
  }
  return scrolling(table);
}

// ---- the course

const COLUMNS = [["tgt_tokens", "target tokens", (v) => whole(Math.round(v))], ["seconds", "seconds", (v) => whole(Math.round(v))],
  ["loss_per_token", "training loss", (v) => v.toFixed(3)], ["valid_loss_per_token", "validation loss", (v) => v.toFixed(3)],
  ["valid_bleu", "BLEU", (v) => v.toFixed(2)], ["valid_chrf", "chrF", (v) => v.toFixed(2)]];

function course() {
  const points = found.course.flatMap((stage) => stage.points);
  const columns = COLUMNS.filter(([key]) => points.some((point) => key in point.values));
  const table = make("table", {}, heads("run", "update", ...columns.map(([, name]) => name)));
  for (const stage of found.course) for (const point of stage.points) {
    table.append(row(cell(point.run, ""), cell(whole(point.update)),
      ...columns.map(([key, , show]) => cell(key in point.values ? show(point.values[key]) : "–"))));
  }
  return scrolling(table);
}

// ---- scores

function scoresOf(set) {
  const names = [...Object.keys(set.runs), ...Object.keys(set.noted)];
  const of = (name) => set.runs[name] ?? set.noted[name];
  const table = make("table", {}, heads("", ...names));
  const metrics = [...new Map(names.flatMap((name) => of(name).map((score) => [score.metric, score]))).values()];
  for (const { metric, name: shown, signature } of metrics) {
    const line = make("tr", { title: signature }, cell(shown, ""));
    for (const name of names) {
      const score = of(name).find((each) => each.metric === metric);
      const test = set.comparisons.find((each) => each.metric === metric && each.system === name);
      const kind = !test?.significant ? "n" : (test.difference > 0) === (score.higher_is_better !== false) ? "n good" : "n bad";
      const interval = score?.confidence ? ` (${score.confidence.low.toFixed(1)}–${score.confidence.high.toFixed(1)})` : "";
      const p = !test ? "" : test.told ? `, p ${test.p_value.toFixed(4)}` : ", too few lines to tell";
      line.append(cell(score ? score.value.toFixed(digitsOf(metric)) + interval + p : "–", kind));
    }
    table.append(line);
  }
  const signatures = metrics.map((each) => make("div", { class: "quiet", text: `${each.name}: ${each.signature}` }));
  return [make("h3", { text: set.name + (set.n_lines === null ? "" : `, ${whole(set.n_lines)} lines`) }), scrolling(table),
    ...set.remarks.map((text) => make("p", { class: "hint", text })),
    make("details", {}, make("summary", { class: "quiet", text: "Signatures" }), ...signatures)];
}

function seedsOf(set) {
  const all = Object.values(set.metrics).flat();
  const compared = all.some((each) => each.against_first);
  const table = make("table", {}, heads("metric", "runs", "n", "mean", "sd", "min", "max", ...(compared ? ["difference", "95 % interval", "p"] : [])));
  for (const scores of Object.values(set.metrics)) scores.forEach((each, i) => {
    const digits = digitsOf(each.metric);
    const line = row(cell(i ? "" : each.name, ""), cell(each.group), cell(each.n_runs), cell(each.mean.toFixed(digits)),
      cell(each.n_runs > 1 ? each.standard_deviation.toFixed(digits) : "–"), cell(each.minimum.toFixed(digits)), cell(each.maximum.toFixed(digits)));
    line.title = each.signature;
    const test = each.against_first;
    if (test) line.append(cell(signed(test.difference, digits), test.significant ? "n" : "n quiet"),
      cell(`${signed(test.low, digits)} to ${signed(test.high, digits)}`), cell(test.p_value.toFixed(4) + (test.significant ? " *" : "")));
    table.append(line);
  });
  return [make("h3", { text: set.name }), scrolling(table)];
}

// ---- the page

document.querySelector("main").append(
  make("p", { class: "hint", text: `mtkit ${found.version}. The first is what the others are compared with.` }),
  scrolling(make("table", {}, heads("", "directory"), ...found.runs.map((run) => row(
    make("td", { style: `color: ${colours.get(run.path) ?? "inherit"}`, text: run.name }), cell(run.path, ""))))),
  ...found.remarks.map((text) => make("p", { class: "hint", text })),
  ...(found.sets.length ? [...titled("Scores", "With 95 % intervals, and p of the paired bootstrap against the first; in colour where p < 0.05."), ...found.sets.flatMap(scoresOf)] : []),
  ...(found.seeds.length ? [...titled("Over seeds", "Mean, standard deviation and extremes; differences against the first by Welch's t-test, * is p < 0.05: larger than seeds explain."), ...found.seeds.flatMap(seedsOf)] : []),
  ...(found.groups.length > 1 ? [
    ...titled("Settings that differ", "Names of directories aside."), differences(found.settings, true),
    ...titled("Data that differ", "Hashes by their beginnings."), differences(found.data, false),
    ...titled("Machine and versions that differ", "As each run noted them."), differences(found.machine, false)] : []),
  ...(found.curves.length ? [...titled("Learning curves", "By update. Validation scores are of greedy translations."), make("div", { class: "beside" }, ...found.curves.map((each) => plot(each, colours)))] : []),
  ...(found.course.length ? [...titled("Course", found.course[0].update === null ? "After the same time." : "At the updates after which all were validated."), course()] : []),
);
document.documentElement.dataset.ready = performance.now().toFixed(0);
