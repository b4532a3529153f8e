// Draws the series of [data-chart], in the colours of the theme in force; again on a change of theme or size.
// {"x":[unix seconds], "series":[{"label":"Out","y":[…]}], "bars":true, "min":0, "unit":"€"}
import uPlot from "uplot";

const colour = name => {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const c = getComputedStyle(probe).color;
  probe.remove();
  return c;
};
const drawn = new Map();

function draw(el) {
  drawn.get(el)?.destroy();
  const { x, series, bars, min = 0, unit = "" } = JSON.parse(el.dataset.chart);
  if (!x.length || !el.clientWidth) return;
  const muted = colour("--muted"), line = colour("--line");
  const lang = document.documentElement.lang.replace(/^en$/, "en-GB") || "en-GB"; // 24 hours, day before month
  const step = x.length > 1 ? x[1] - x[0] : 86400;
  const date = t => new Date(t * 1000).toLocaleString(lang, step > 86400 * 20 ? { month: "short", timeZone: "UTC" } : step >= 86400 ? { day: "numeric", month: "short", timeZone: "UTC" } : { hour: "2-digit", minute: "2-digit" });
  const axis = { font: `11px ${getComputedStyle(document.body).fontFamily}`, stroke: muted, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  const value = v => (unit === "€" || unit === "$" || unit === "£" ? unit : "") + v.toLocaleString(lang);
  const plot = new uPlot(
    {
      width: el.clientWidth,
      height: el.clientHeight,
      padding: [6, 16, 0, 0],
      legend: { show: false },
      cursor: { y: false },
      scales: { x: { range: (u, a, b) => (bars ? [a - step * 0.6, b + step * 0.6] : [a, b]) }, y: { range: (u, a, b) => [min, Math.max(b * 1.12, min + 1)] } },
      axes: [
        { ...axis, grid: { show: false }, size: 26, gap: 8, space: 70, values: (u, v) => v.map(date) },
        { ...axis, size: unit ? 56 : 36, gap: 6, space: 34, values: (u, v) => v.map(value) },
      ],
      series: [
        {},
        ...series.map((s, i) => {
          const c = colour(`--chart-${(i % 6) + 1}`);
          return bars
            ? { label: s.label, fill: c, stroke: c, paths: uPlot.paths.bars({ size: [0.62, 18] }), points: { show: false } }
            : { label: s.label, stroke: c, width: 1.5, fill: i ? undefined : c.replace(")", " / 0.1)"), points: { show: false } };
        }),
      ],
    },
    [x, ...series.map(s => s.y)],
    el,
  );
  drawn.set(el, plot);
}

const redraw = () => document.querySelectorAll("[data-chart]").forEach(draw);
redraw();
let timer;
addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(redraw, 120); });
document.addEventListener("bursar:theme", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
