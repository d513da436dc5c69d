// The page: asks the workspace every second while somebody looks, and shows what it says.

import { Ask } from "./ask.js";
import { Detail } from "./detail.js";
import { byId, setProse, setText } from "./dom.js";
import { Fleet } from "./fleet.js";
import { time } from "./format.js";
import { NoSession, Refused, followLink, onNewSession, read } from "./session.js";
import { offer } from "./theme.js";

const PAUSE_MS = 1000;
const IN_SIGHT = 200; // pixels of the details that count as seeing them
const SHARE = 10; // of the time, at most a tenth is spent on asking: a large fleet is asked less often

const fleet = new Fleet(select);
const detail = new Detail();
const ask = new Ask((why) => lock(why));

let selected = null;
let last = null;
let isLocked = false;

async function refresh() {
  const overview = await read("/stub/endpoints");
  if (!overview.endpoints.some((one) => one.name === selected)) selected = overview.endpoints[0]?.name ?? null;
  last = overview;
  showAbout(overview);
  fleet.show(overview.endpoints, selected);
  byId("main").hidden = false;
  await showDetail(overview);
}

async function showDetail(overview) {
  const endpoint = overview.endpoints.find((one) => one.name === selected);
  if (!endpoint) {
    byId("detail").hidden = true;
    return;
  }
  const past = await read(`/stub/endpoints/${encodeURIComponent(endpoint.name)}/history`);
  if (endpoint.name !== selected) return;
  detail.show(endpoint, past);
  ask.show(endpoint);
}

function showAbout(overview) {
  const facts = [location.host];
  facts.push(overview.clock_stopped ? `clock stopped at ${time(overview.now_ms)}` : `clock ${time(overview.now_ms)}`);
  if (overview.capacity === "unlimited") facts.push("capacity unlimited");
  if (overview.scenario) facts.push(`scenario ${overview.scenario}`);
  setText(byId("about"), facts.join(" · "));
}

async function select(name, isByKeyboard) {
  if (name !== selected) {
    selected = name;
    history.replaceState(null, "", `#${name}`);
    fleet.show(last.endpoints, selected);
    await showDetail(last).catch(() => wake());
  }
  const title = byId("detail-title");
  if (isByKeyboard) title.focus({ preventScroll: true });
  if (title.getBoundingClientRect().top > innerHeight - IN_SIGHT) title.scrollIntoView();
}

function notice(text, look = "") {
  byId("notice").hidden = !text;
  byId("notice").className = `notice ${look}`;
  setProse(byId("notice"), text);
}

function lock(why) {
  isLocked = true;
  byId("main").hidden = true;
  setText(byId("about"), location.host);
  notice(why || "This page has no session with the workspace. Run `bandplan stub open` and follow the link that it prints.", "locked");
}

let wake = () => {};
const pause = (milliseconds) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });

async function run() {
  offer(byId("theme"));
  onNewSession(() => location.reload());
  document.addEventListener("visibilitychange", () => document.hidden || wake());
  try {
    await followLink();
  } catch (error) {
    return lock(error.message);
  }
  selected = location.hash.slice(1) || null;
  let failing = null;
  while (!isLocked) {
    const began = performance.now();
    try {
      if (!document.hidden) await refresh();
      failing = null;
      if (!isLocked) notice("");
      document.body.classList.remove("stale");
    } catch (error) {
      if (error instanceof NoSession) return lock("");
      if (error instanceof Refused && error.status === 404) continue; // deleted since the list was read
      failing ??= Date.now();
      document.body.classList.add("stale");
      notice(`The workspace has not answered since ${time(failing)}; trying again. If it was stopped, \`bandplan stub start\` starts it.`, "bad");
    }
    await pause(Math.max(PAUSE_MS, SHARE * (performance.now() - began)));
  }
}

run();
