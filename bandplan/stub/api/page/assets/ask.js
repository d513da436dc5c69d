// Ask the selected endpoint: a conversation, a text to continue, or texts to embed.

import { byId, element, setText } from "./dom.js";
import { count, duration, rate } from "./format.js";
import { NoSession, call } from "./session.js";
import { events } from "./stream.js";

const KINDS = {
  "llm/v1/chat": { title: "Chat", label: "Message", send: "Send" },
  "llm/v1/completions": { title: "Complete a text", label: "Text to continue", send: "Complete" },
  "llm/v1/embeddings": { title: "Embed texts", label: "Texts, one per line", send: "Embed" },
};
const SHOWN_NUMBERS = 6;
const NEAR_END = 24;

export class Ask {
  constructor(onNoSession) {
    this.onNoSession = onNoSession;
    this.logs = new Map();
    this.form = byId("question");
    this.text = byId("text");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.text.addEventListener("keydown", (event) => {
      const isSend = event.key === "Enter" && !event.isComposing && (event.ctrlKey || event.metaKey || (!event.shiftKey && this.task === "llm/v1/chat"));
      if (!isSend) return;
      event.preventDefault();
      this.#send();
    });
    byId("ask").addEventListener("keydown", (event) => event.key === "Escape" && this.#stop());
    byId("stop").addEventListener("click", () => this.#stop());
    byId("clear").addEventListener("click", () => this.#clear());
  }

  show(endpoint) {
    if (endpoint.name === this.name && endpoint.task === this.task) {
      this.asked?.wait(waitingText(endpoint));
      return;
    }
    this.#stop();
    this.name = endpoint.name;
    this.task = endpoint.task;
    const kind = KINDS[endpoint.task];
    this.form.hidden = byId("log").hidden = !kind;
    byId("no-ask").hidden = Boolean(kind);
    setText(byId("ask-title"), kind?.title ?? "Ask");
    setText(byId("no-ask"), kind ? "" : "The task of this endpoint is not one that the page can ask; use a client.");
    if (!kind) return;
    setText(byId("text-label"), kind.label);
    setText(byId("send"), kind.send);
    setText(byId("hint"), endpoint.task === "llm/v1/chat" ? "Enter sends, Shift+Enter begins a line, Esc stops an answer." : "Ctrl+Enter sends.");
    byId("options").hidden = endpoint.task === "llm/v1/embeddings";
    this.#log.show();
  }

  get #log() {
    if (!this.logs.has(this.name)) this.logs.set(this.name, new Log());
    return this.logs.get(this.name);
  }

  async #send() {
    const asked = this.text.value.trim();
    if (!asked || this.abort) return;
    const [log, task] = [this.#log, this.task];
    const body = this.#body(task, log, asked);
    this.abort = new AbortController();
    byId("send").disabled = true;
    byId("stop").disabled = false;
    this.text.value = "";
    log.add("user", asked);
    const answer = (this.asked = log.add("assistant", ""));
    const began = performance.now();
    try {
      const received = await call(`/serving-endpoints/${encodeURIComponent(this.name)}/invocations`, { method: "POST", body, signal: this.abort.signal });
      if (task === "llm/v1/embeddings") showVectors(answer, body.input, await received.json(), began);
      else await receive(answer, received, began);
      if (task === "llm/v1/chat") log.messages.push({ role: "user", content: asked }, { role: "assistant", content: answer.text });
    } catch (error) {
      if (error instanceof NoSession) this.onNoSession(error.message);
      answer.end(error.name === "AbortError" ? "stopped" : error.status ? `${error.status} ${error.code}: ${error.message}` : `The answer broke off: ${error.message}`, error.name === "AbortError" ? "" : "bad");
    } finally {
      this.abort = this.asked = null;
      byId("send").disabled = false;
      byId("stop").disabled = true;
    }
  }

  #body(task, log, asked) {
    if (task === "llm/v1/embeddings") return { input: asked.split("\n").map((text) => text.trim()).filter(Boolean) };
    const body = { stream: true, stream_options: { include_usage: true } };
    const [most, temperature] = [byId("max-tokens").valueAsNumber, byId("temperature").valueAsNumber];
    if (most > 0) body.max_tokens = most;
    if (temperature >= 0) body.temperature = temperature;
    if (byId("exactly").checked) body.ignore_eos = true;
    if (task === "llm/v1/completions") return { ...body, prompt: asked };
    return { ...body, messages: [...log.messages, { role: "user", content: asked }] };
  }

  #stop() {
    this.abort?.abort();
  }

  #clear() {
    this.#stop();
    this.logs.delete(this.name);
    this.#log.show();
    this.text.focus();
  }
}

/** What was asked of one endpoint and answered. `messages`: the conversation that the next message continues. */
class Log {
  constructor() {
    this.messages = [];
    this.entries = [];
  }

  show() {
    byId("log").replaceChildren(...this.entries.map((entry) => entry.line));
    byId("log").scrollTop = byId("log").scrollHeight;
  }

  add(role, text) {
    const entry = new Entry(role, text);
    this.entries.push(entry);
    byId("log").append(entry.line);
    entry.follow(true);
    return entry;
  }
}

class Entry {
  constructor(role, text) {
    this.text = text;
    this.words = element("p", { class: "words" }, text);
    this.note = element("p", { class: "note" });
    this.line = element("div", { class: `entry ${role}` }, this.words, this.note);
    this.note.hidden = true;
  }

  /** Say what an answer waits for that has not begun. */
  wait(text) {
    if (!this.text) this.end(text);
  }

  grow(text) {
    const isAtEnd = this.#isAtEnd();
    this.note.hidden = true;
    this.text += text;
    this.words.append(text);
    this.follow(isAtEnd);
  }

  end(note, look = "") {
    const isAtEnd = this.#isAtEnd();
    this.note.hidden = !note;
    this.note.className = `note ${look}`;
    setText(this.note, note);
    this.follow(isAtEnd);
  }

  /** Keep the end in sight, unless somebody has scrolled up to read. */
  follow(isAtEnd) {
    if (isAtEnd) byId("log").scrollTop = byId("log").scrollHeight;
  }

  #isAtEnd() {
    const log = byId("log");
    return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
  }
}

/** Why an answer has not begun: others come first, or a chunk has to start. */
function waitingText({ queue, chunks_starting: starting, starts_in_seconds: seconds }) {
  if (!queue) return "";
  return `waiting, ${count(queue)} in the queue${starting ? `; the next chunk is ready in ${Math.ceil(seconds)} s` : ""}`;
}

async function receive(entry, answer, began) {
  let [first, usage, reason] = [null, null, ""];
  for await (const event of events(answer)) {
    if (event.error_code) throw Object.assign(new Error(event.message), { status: 500, code: event.error_code });
    const choice = event.choices?.[0];
    const text = choice?.delta?.content ?? choice?.text ?? "";
    if (text) {
      first ??= performance.now();
      entry.grow(text);
    }
    reason = choice?.finish_reason ?? reason;
    usage = event.usage ?? usage;
  }
  const ended = performance.now();
  const tokens = usage?.completion_tokens;
  const parts = [`first token after ${duration((first ?? ended) - began)}`];
  if (tokens) parts.push(`${count(tokens)} tokens`);
  if (tokens > 1 && ended > first) parts.push(`${rate(((tokens - 1) * 1000) / (ended - first))} tokens/s`);
  if (reason === "length") parts.push("ended at the limit");
  const server = answer.headers.get("served-model-name");
  if (server) parts.push(server);
  entry.end(parts.join(" · "));
}

function showVectors(entry, texts, answer, began) {
  const vectors = answer.data.map((one) => one.embedding);
  const lines = vectors.map((vector, at) => {
    const start = vector.slice(0, SHOWN_NUMBERS).map((value) => value.toFixed(4)).join(", ");
    const like = at ? `; cosine to the first: ${cosine(vectors[0], vector).toFixed(3)}` : "";
    return `${texts[at]}\n  [${start}, …] length ${Math.hypot(...vector).toFixed(3)}${like}`;
  });
  entry.grow(lines.join("\n"));
  entry.line.classList.add("plain");
  entry.end([`${count(vectors.length)} × ${count(vectors[0]?.length)}`, `${count(answer.usage?.total_tokens)} tokens`, duration(performance.now() - began)].join(" · "));
}

function cosine(a, b) {
  const dot = a.reduce((sum, value, at) => sum + value * b[at], 0);
  return dot / (Math.hypot(...a) * Math.hypot(...b) || 1);
}
