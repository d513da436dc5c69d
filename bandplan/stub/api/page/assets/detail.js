// The selected endpoint: what it serves, its charts, its refusals.

import { Chart } from "./chart.js";
import { byId, element, setText } from "./dom.js";
import { count, duration, engineText, rate, time } from "./format.js";

/** The request sizes for which the platform states tokens/s (docs/stub.md, Capacity). */
const SHAPES = { bands: "2,048 tokens in and 256 out", model_units: "3,500 tokens in and 300 out" };

const CHARTS = [
  {
    title: "Tokens/s, in and out",
    band: ["floor", "ceiling"],
    series: [
      { key: "tokens_per_second", label: "tokens/s", look: "first", isArea: true },
      { key: "floor", label: "floor", look: "low" },
      { key: "ceiling", label: "ceiling", look: "high" },
    ],
    format: rate,
    least: 10,
  },
  {
    title: "Latency",
    series: [
      { key: "latency_p95_ms", label: "p95", look: "second" },
      { key: "latency_p50_ms", label: "p50", look: "first" },
    ],
    format: duration,
    least: 3,
    unit: (top) => (top < 1000 ? [1, " ms"] : [1000, " s"]),
  },
  {
    title: "Requests",
    series: [
      { key: "queue", label: "in the queue", look: "alarm", isArea: true },
      { key: "in_flight", label: "in flight", look: "first" },
    ],
    format: count,
    least: 3,
  },
];

export class Detail {
  constructor() {
    this.at = null;
    this.charts = CHARTS.map((chart) => new Chart(chart, (at) => this.#point(at)));
    byId("charts").append(...this.charts.map((chart) => chart.figure));
  }

  show(endpoint, history) {
    byId("detail").hidden = false;
    setText(byId("detail-title"), endpoint.name);
    byId("failure").hidden = !endpoint.failure;
    setText(byId("failure"), endpoint.failure ? `The last update failed: ${endpoint.failure}` : "");
    showEntities(endpoint.served_entities);
    setText(byId("use"), useText(endpoint));
    showRefusals(history.refusals);
    this.shown = [withoutCurrent(history), figuresNow(endpoint)];
    this.#draw();
  }

  #point(at) {
    this.at = at;
    this.#draw();
  }

  #draw() {
    if (this.shown) for (const chart of this.charts) chart.show(...this.shown, this.at);
  }
}

/** The history without the figures that grow until the current step is over: they would show a dip at its end. */
function withoutCurrent(history) {
  const steps = { ...history.steps };
  steps.tokens_per_second = steps.tokens_per_second.with(-1, null);
  return { ...history, steps };
}

function figuresNow(endpoint) {
  const { p50, p95 } = endpoint.last_minute.latency_ms;
  return { ...endpoint, latency_p50_ms: p50, latency_p95_ms: p95 };
}

function useText(endpoint) {
  const used = endpoint.last_minute.utilisation_percent;
  if (endpoint.ceiling === null) return "";
  const work = used === null ? "No chunk ran in the last minute." : `Its chunks did ${count(used)}% of the work that they could do in the last minute.`;
  const shape = endpoint.task === "llm/v1/embeddings" ? null : SHAPES[endpoint.served_entities[0]?.sold_as];
  return shape ? `${work} Floor and ceiling hold for requests of ${shape}; others give more tokens/s or fewer.` : work;
}

function showEntities(entities) {
  const lines = entities.map((one) => {
    const model = one.entity_name ? `${one.entity_name}${one.entity_version ? ` v${one.entity_version}` : ""}` : "external model";
    const share = entities.length > 1 ? `, ${one.traffic_percent}% of the traffic` : "";
    const { detail, passed_over: others, remarks } = one.engine;
    const more = [detail, ...others.map(({ engine, reason }) => `not ${engine}: ${reason}`), ...remarks].filter(Boolean);
    return [`${one.name}: ${model}${share}; engine: ${engineText(one.engine)}`, ...more].join("; ");
  });
  const list = byId("entities");
  if (list.dataset.shown === lines.join("\n")) return;
  list.dataset.shown = lines.join("\n");
  list.replaceChildren(...lines.map((line) => element("li", {}, line)));
}

function showRefusals(refusals) {
  byId("no-refusals").hidden = refusals.length > 0;
  const list = byId("refusals");
  const shown = JSON.stringify(refusals);
  if (list.dataset.shown === shown) return;
  list.dataset.shown = shown;
  list.replaceChildren(
    ...refusals.map((one) =>
      element(
        "li",
        {},
        element("span", { class: "status" }, String(one.status)),
        element("span", { class: "times" }, one.count > 1 ? `${time(one.last_ms)}, ${count(one.count)} times` : time(one.last_ms)),
        element("span", { class: "message" }, one.message),
      ),
    ),
  );
}
