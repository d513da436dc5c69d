// The table of endpoints. Rows are updated in place, so that focus and selections survive.

import { byId, element, setText, shape } from "./dom.js";
import { DASH, count, durations, engineText, plural, range, rate, shortModel } from "./format.js";

const FILTERED_FROM = 8;
const MOST_PIPS = 12;
const BAR = { width: 96, height: 8 };

const LABELS = ["", "State", "Band, tokens/s", "Chunks in use", "Tokens/s now", "In flight", "Queue", "Latency", "Refused", "Engine"];

export class Fleet {
  constructor(onSelect) {
    this.body = byId("rows");
    this.rows = new Map();
    this.onSelect = onSelect;
    this.body.addEventListener("keydown", (event) => this.#move(event));
    byId("filter").addEventListener("input", () => this.#filter());
  }

  show(endpoints, selected) {
    const names = new Set(endpoints.map((one) => one.name));
    for (const [name, row] of this.rows) {
      if (!names.has(name)) {
        row.line.remove();
        this.rows.delete(name);
      }
    }
    endpoints.forEach((endpoint, place) => {
      let row = this.rows.get(endpoint.name);
      if (!row) this.rows.set(endpoint.name, (row = new Row(endpoint.name, this.onSelect)));
      if (this.body.children[place] !== row.line) this.body.insertBefore(row.line, this.body.children[place] ?? null);
      row.show(endpoint, endpoint.name === selected);
    });
    setText(byId("count"), endpoints.length ? String(endpoints.length) : "");
    byId("filter").hidden = endpoints.length < FILTERED_FROM;
    this.#filter();
    byId("empty").hidden = endpoints.length > 0;
    byId("rows").parentElement.hidden = endpoints.length === 0;
  }

  #filter() {
    const wanted = byId("filter").hidden ? "" : byId("filter").value.trim().toLowerCase();
    for (const { line } of this.rows.values()) line.hidden = !line.textContent.toLowerCase().includes(wanted);
  }

  #move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const line = event.target.closest("tr");
    if (!step || !line) return;
    const lines = [...this.body.children].filter((one) => !one.hidden);
    event.preventDefault();
    lines[lines.indexOf(line) + step]?.querySelector("button").focus();
  }
}

class Row {
  constructor(name, onSelect) {
    this.button = element("button", { type: "button", class: "name" }, name);
    this.models = element("span", { class: "models" });
    this.cells = LABELS.map((label) => element("td", label ? { "data-label": label } : {}));
    const head = element("th", { scope: "row" }, this.button, this.models);
    this.line = element("tr", {}, head, ...this.cells.slice(1));
    // The keyboard makes clicks without a count: it goes on in the details, which may be far below.
    this.line.addEventListener("click", (event) => onSelect(name, event.detail === 0));
    this.bar = new Bar();
    this.live = element("span", { class: "figure" });
    this.cells[4].append(this.live, this.bar.drawing);
    this.pips = element("span", { class: "pips", "aria-hidden": "true" });
    this.chunks = element("span", { class: "whole" });
    this.soon = element("span", { class: "note" });
    this.cells[3].append(this.pips, this.chunks, this.soon);
    this.band = element("span", { class: "figure" });
    this.bandNote = element("span", { class: "note" });
    this.cells[2].append(this.band, this.bandNote);
  }

  show(endpoint, isSelected) {
    const minute = endpoint.last_minute;
    this.line.classList.toggle("selected", isSelected);
    this.button.setAttribute("aria-pressed", String(isSelected));
    setText(this.models, modelsText(endpoint.served_entities));
    const [kind, word] = state(endpoint);
    this.cells[1].className = `state ${kind}`;
    setText(this.cells[1], word);
    setText(this.band, range(endpoint.floor, endpoint.ceiling));
    setText(this.bandNote, bandNote(endpoint));
    this.#showChunks(endpoint);
    setText(this.live, rate(endpoint.tokens_per_second));
    this.bar.show(endpoint.tokens_per_second, endpoint.floor, endpoint.ceiling);
    setText(this.cells[5], endpoint.in_flight === null ? DASH : `${count(endpoint.in_flight)} of ${count(endpoint.in_flight_max)}`);
    setText(this.cells[6], count(endpoint.queue));
    this.cells[6].classList.toggle("warn", endpoint.queue > 0);
    const { p50, p95 } = minute.latency_ms;
    setText(this.cells[7], p50 === null ? DASH : durations(p50, p95));
    const refused = minute.refused + minute.failed;
    setText(this.cells[8], refused ? count(refused) : "0");
    this.cells[8].classList.toggle("bad", refused > 0);
    const states = endpoint.served_entities.map((one) => one.engine.state);
    this.cells[9].className = states.includes("failed") ? "bad" : states.every((one) => one === "ready") ? "" : "busy";
    setText(this.cells[9], [...new Set(endpoint.served_entities.map((one) => engineText(one.engine)))].join("; ") || DASH);
  }

  #showChunks(endpoint) {
    const { chunks, chunks_max: most, chunks_starting: starting, starts_in_seconds: seconds } = endpoint;
    const isPipped = chunks !== null && most > 1 && most <= MOST_PIPS;
    const wanted = isPipped ? [...Array(Math.max(most, chunks)).keys()].map((at) => (at < chunks ? "on" : at < chunks + starting ? "soon" : "off")) : [];
    if (this.pips.dataset.shown !== wanted.join()) {
      this.pips.dataset.shown = wanted.join();
      this.pips.replaceChildren(...wanted.map((kind) => element("i", { class: kind })));
    }
    setText(this.chunks, chunks === null ? DASH : `${count(chunks)} of ${count(most)}`);
    setText(this.soon, starting ? `${starting} more in ${Math.ceil(seconds)} s` : "");
  }
}

/** Where the live tokens/s are between nothing, the floor and the ceiling. */
class Bar {
  constructor() {
    this.used = shape("rect", { class: "used", height: BAR.height, rx: 1.5 });
    this.floor = shape("rect", { class: "floor", height: BAR.height });
    this.mark = shape("path", { class: "mark" });
    this.drawing = shape(
      "svg",
      { class: "bar", viewBox: `0 0 ${BAR.width} ${BAR.height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      shape("rect", { class: "all", width: BAR.width, height: BAR.height, rx: 1.5 }),
      this.floor,
      this.used,
      this.mark,
    );
  }

  show(now, floor, ceiling) {
    this.drawing.toggleAttribute("hidden", !ceiling);
    if (!ceiling) return;
    const scaled = (value) => (BAR.width * Math.min(1, value / ceiling)).toFixed(1);
    this.floor.setAttribute("width", scaled(floor));
    this.used.setAttribute("width", scaled(now));
    this.used.classList.toggle("over", now > floor);
    this.mark.setAttribute("d", floor > 0 && floor < ceiling ? `M${scaled(floor)} 0V${BAR.height}` : "");
  }
}

export function state(endpoint) {
  const { ready, config_update: update } = endpoint.state;
  if (update === "UPDATE_FAILED") return ["bad", ready === "READY" ? "Ready, update failed" : "Failed"];
  if (update === "IN_PROGRESS") return ["busy", ready === "READY" ? "Ready, updating" : "Starting"];
  return ready === "READY" ? ["good", "Ready"] : ["busy", "Not ready"];
}

function modelsText(entities) {
  const models = [...new Set(entities.map(modelText))].join(", ");
  return entities.length > 1 ? `${entities.length} entities: ${models}` : models;
}

function modelText(entity) {
  if (!entity.entity_name) return entity.name;
  return shortModel(entity.entity_name) + (entity.entity_version ? ` v${entity.entity_version}` : "");
}

function bandNote(endpoint) {
  const units = endpoint.served_entities.reduce((sum, one) => sum + (one.model_units ?? 0), 0);
  if (units) return plural(units, "model unit");
  if (endpoint.chunks_max !== null) return endpoint.chunks_min === endpoint.chunks_max ? plural(endpoint.chunks_max, "chunk") : `${endpoint.chunks_min} to ${plural(endpoint.chunks_max, "chunk")}`;
  return "";
}
