// Figures for people. An unknown figure is a dash.

export const DASH = "–";

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });

const isKnown = (value) => value !== null && value !== undefined;

export const count = (value) => (isKnown(value) ? whole.format(value) : DASH);

export const rate = (value) => (!isKnown(value) ? DASH : value > 0 && value < 10 ? tenths.format(value) : whole.format(value));

export function duration(milliseconds) {
  if (!isKnown(milliseconds)) return DASH;
  if (milliseconds < 1) return "<1 ms";
  if (milliseconds < 1000) return `${whole.format(milliseconds)} ms`;
  if (milliseconds < 100_000) return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
  return `${whole.format(milliseconds / 1000)} s`;
}

/** Two durations, with the unit once if it is the same. */
export function durations(low, high) {
  const [one, other] = [duration(low), duration(high)];
  const unit = one.slice(one.lastIndexOf(" "));
  return other.endsWith(unit) && one !== DASH ? `${one.slice(0, -unit.length)} / ${other}` : `${one} / ${other}`;
}

export const range = (low, high) => (!isKnown(low) ? DASH : low === high ? count(low) : `${count(low)} to ${count(high)}`);

export const time = (milliseconds) => new Date(milliseconds).toLocaleTimeString("en-GB");

export function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** The last part of a model's three-level name, which is what tells models apart. */
export const shortModel = (name) => name.split(".").at(-1);

/** Which engine answers with which weights, and what it is doing unless it is ready. */
export function engineText({ kind, weights, state }) {
  if (!kind) return state;
  return `${kind}${weights ? `, ${weights}` : ""}${state === "ready" ? "" : ` (${state})`}`;
}
