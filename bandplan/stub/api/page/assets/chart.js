// A small chart of the last ten minutes as SVG: lines, an area, and the band behind them.

import { element, setText, shape } from "./dom.js";
import { time } from "./format.js";

const HEIGHT = 148;
const EDGE = { left: 46, right: 8, top: 8, bottom: 20 };
const LEAST_WIDTH = 160;

/**
 * `series`: what to draw, as {key, label, look, isArea}; a value of null is a gap. `band`: the keys of two series
 * between which the chart is shaded. `format` is how a value is written, `least` the least top of the scale, `unit`
 * the [factor, suffix] of its ticks for a top.
 */
export class Chart {
  constructor({ title, series, band, format, least, unit = () => [1, ""] }, onPoint) {
    Object.assign(this, { title, series, band, format, least, unit, onPoint, width: 0 });
    this.legend = element("dl", { class: "legend" });
    this.values = series.map(({ label, look }) => {
      const value = element("dd", {});
      this.legend.append(element("div", { class: look }, element("dt", {}, label), value));
      return value;
    });
    this.when = element("span", { class: "when" });
    this.drawing = shape("svg", { height: HEIGHT, role: "img" });
    this.plot = element("div", { class: "plot", tabindex: "0", role: "group", "aria-label": `${title}: arrow keys move along the time` }, this.drawing);
    this.figure = element("figure", { class: "chart" }, element("figcaption", {}, element("h3", {}, title), this.when), this.legend, this.plot);
    this.plot.addEventListener("pointermove", (event) => this.#point(event));
    this.plot.addEventListener("pointerleave", () => this.onPoint(null));
    this.plot.addEventListener("keydown", (event) => this.#step(event));
    this.plot.addEventListener("blur", () => this.onPoint(null));
    new ResizeObserver(() => this.#resize()).observe(this.plot);
  }

  /** `now` has the figures of this moment, by key. `at` is the step pointed at, null for none. */
  show(history, now, at) {
    this.shown = [history, now, at];
    this.at = at;
    const { steps } = history;
    this.count = steps.floor.length;
    this.series.forEach(({ key }, place) => setText(this.values[place], this.format(at === null ? now[key] : steps[key][at])));
    setText(this.when, at === null ? "now" : time(history.first_step_ms + at * history.step_seconds * 1000));
    this.drawing.setAttribute("aria-label", this.#words(now));
    if (this.width) this.#draw(steps, at);
  }

  #words(now) {
    return `${this.title}, last ten minutes; now ${this.series.map(({ key, label }) => `${label} ${this.format(now[key])}`).join(", ")}`;
  }

  #resize() {
    const width = Math.max(LEAST_WIDTH, Math.floor(this.plot.clientWidth));
    if (width === this.width) return;
    this.width = width;
    this.drawing.setAttribute("width", width);
    if (this.shown) this.show(...this.shown);
  }

  #draw(steps, at) {
    const values = this.series.flatMap(({ key }) => steps[key]).filter((value) => value !== null);
    const ticks = scale(Math.max(this.least, ...values));
    const top = ticks.at(-1);
    const bottom = HEIGHT - EDGE.bottom;
    const inner = this.width - EDGE.left - EDGE.right;
    const x = (place) => EDGE.left + (inner * (place + 0.5)) / this.count;
    const y = (value) => bottom - ((bottom - EDGE.top) * value) / top;
    const [factor, suffix] = this.unit(top);
    const parts = [];
    for (const tick of ticks) {
      parts.push(shape("path", { class: "grid", d: `M${EDGE.left} ${y(tick).toFixed(1)}H${this.width - EDGE.right}` }));
      parts.push(shape("text", { class: "tick", x: EDGE.left - 6, y: y(tick) + 3.5, "text-anchor": "end" }, tick ? `${(tick / factor).toLocaleString("en-US")}${suffix}` : "0"));
    }
    for (const [minutes, anchor] of [[10, "start"], [5, "middle"], [0, "end"]]) {
      const place = EDGE.left + inner * (1 - minutes / 10);
      parts.push(shape("text", { class: "tick", x: place, y: HEIGHT - 5, "text-anchor": anchor }, minutes ? `${minutes} min ago` : "now"));
    }
    if (this.band) parts.push(shape("path", { class: "band", d: area(steps[this.band[0]], steps[this.band[1]], x, y) }));
    for (const { key, look, isArea } of this.series) {
      const known = runs(steps[key]);
      if (isArea) for (const run of known) parts.push(shape("path", { class: `fill ${look}`, d: `${line(run, x, y)}V${bottom}H${x(run[0][0]).toFixed(1)}Z` }));
      parts.push(shape("path", { class: `line ${look}`, d: known.filter((run) => run.length > 1).map((run) => line(run, x, y)).join("") }));
      for (const [[place, value]] of known.filter((run) => run.length === 1)) parts.push(shape("circle", { class: `dot ${look}`, cx: x(place), cy: y(value), r: 2 }));
      if (at !== null && steps[key][at] !== null) parts.push(shape("circle", { class: `dot ${look}`, cx: x(at), cy: y(steps[key][at]), r: 3 }));
    }
    if (at !== null) parts.push(shape("path", { class: "cross", d: `M${x(at).toFixed(1)} ${EDGE.top}V${bottom}` }));
    this.drawing.replaceChildren(...parts);
  }

  #point(event) {
    const inner = this.width - EDGE.left - EDGE.right;
    const place = Math.floor(((event.clientX - this.plot.getBoundingClientRect().left - EDGE.left) / inner) * this.count);
    this.onPoint(place >= 0 && place < this.count ? place : null);
  }

  #step(event) {
    const place = { ArrowLeft: -1, ArrowRight: 1, PageUp: -12, PageDown: 12 }[event.key];
    if (event.key === "Escape") this.onPoint(null);
    if (!place || !this.count) return;
    event.preventDefault();
    this.onPoint(Math.min(this.count - 1, Math.max(0, (this.at ?? this.count) + place)));
  }
}

/** Round values from 0 to at least `most`, in two to four steps. */
function scale(most) {
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 3, 5, 10].map((factor) => factor * power).find((value) => value * 4 >= most * 0.999);
  return [...Array(Math.ceil((most * 0.999) / step) + 1).keys()].map((times) => times * step);
}

/** The runs of known values, each as [place, value]. */
function runs(values) {
  const found = [];
  let run = null;
  values.forEach((value, place) => {
    if (value === null) run = null;
    else if (run) run.push([place, value]);
    else found.push((run = [[place, value]]));
  });
  return found;
}

const line = (run, x, y) => run.map(([place, value], at) => `${at ? "L" : "M"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`).join("");

function area(low, high, x, y) {
  return runs(high)
    .map((run) => `${line(run, x, y)}${line(run.map(([place]) => [place, low[place]]).reverse(), x, y).replace("M", "L")}Z`)
    .join("");
}
