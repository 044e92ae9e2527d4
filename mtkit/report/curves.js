// Learning curves of runs, and what else the pages of reports and of comparisons have in common.
const SIDES = ["first", "second"];
const whole = (n) => n.toLocaleString("en-GB");
const cell = (text, kind = "n") => make("td", { class: kind, text });

// A colour for each path that curves are of: those of the two sides first, then as far apart as can be. Where groups
// are named, by path, all paths of a group have one.
function coloursOf(plots, groups = new Map()) {
  const paths = [...new Set(plots.flatMap((each) => each.curves.map((curve) => curve.path)))];
  const names = [...new Set(paths.map((path) => groups.get(path) ?? path))];
  const colour = (i) => (i < 2 ? `var(--${SIDES[i]})` : `hsl(${(137 * i) % 360} 65% var(--curve))`);
  return new Map(paths.map((path) => [path, colour(names.indexOf(groups.get(path) ?? path))]));
}

// All runs that made one measurement, over the updates; a run has one colour in all plots.
function plot({ name, curves }, colours) {
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
    const stroke = colours.get(curve.path);
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
  const keys = curves.map((curve) => make("div", { style: `color: ${colours.get(curve.path)}`,
    title: curve.path, text: `${curve.run}: last ${curve.points[curve.points.length - 1][1].toFixed(3)}` }));
  return make("div", {}, make("h3", { text: name }), svg, ...keys);
}
