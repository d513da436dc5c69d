// The session of this page: a cookie that no script reads, and a key that no other page has. A request needs both.

const KEY = "bandplan-page-key";
const HEADER = "X-Bandplan-Page";

export class NoSession extends Error {}
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Follow the one-time link in the address, if there is one; it may name an endpoint to select. Throws NoSession if it is not valid any more. */
export async function followLink() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const code = wanted.get("open");
  if (!code) return;
  const endpoint = wanted.get("endpoint");
  history.replaceState(null, "", location.pathname + (endpoint ? `#${endpoint}` : ""));
  const answer = await fetch("/stub/page/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ code }),
  });
  const body = await answer.json();
  // A tab that has a session needs no link: one that was used before does no harm there.
  if (answer.ok) localStorage.setItem(KEY, body.key);
  else if (!localStorage.getItem(KEY)) throw new NoSession(body.message);
}

/** Reload this tab when another one begins a session. */
export function onNewSession(callback) {
  addEventListener("storage", (event) => event.key === KEY && event.newValue && callback());
}

/** Send a request of the page; return an answer that is not an error. Throws NoSession and Refused. */
export async function call(path, { method = "GET", body, signal } = {}) {
  const headers = { [HEADER]: localStorage.getItem(KEY) ?? "" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  if (answer.ok) return answer;
  const refusal = await answer.json().catch(() => ({}));
  if (answer.status === 401) throw new NoSession("");
  throw new Refused(answer.status, refusal.error_code ?? "", refusal.message ?? "");
}

export const read = async (path) => (await call(path)).json();
