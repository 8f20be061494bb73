// HTTP as a browser has it: asks for streams, posts bodies, says what came of it. Decides nothing.
//
// Redirects are not followed: they would take the credential elsewhere.
import { StreamError, UsageError } from "./errors.js";
import { Parser } from "./sse.js";
import { retryAfter } from "./wire.js";

const REDIRECT = 302;
const PROTOCOL_EVENTS = ["message", "welcome", "gap", "handler-failed", "end"];

/** Whether this browser gives a response's body as it comes. */
export const canStream = () => typeof Response === "function" && "body" in Response.prototype;

export class Transport {
  constructor(base, access, limits, { fetch, eventSource } = {}) {
    Object.assign(this, { base, access, limits });
    this.fetch = fetch ?? ((...args) => globalThis.fetch(...args));
    this.eventSource = eventSource ?? !canStream();
    if (this.eventSource && access.handle !== null)
      throw new UsageError("this browser cannot send a credential with a stream", { hint: "use a cookie" });
  }

  /** Read one stream; `take(item)` gives the seconds of silence that it may keep. Resolves or rejects at its end. */
  stream(params, cursor, token, signal, take, room) {
    const query = new URLSearchParams(params);
    if (this.eventSource) return this.#source(query, cursor, signal, take);
    return this.#fetched(`${this.base}/events?${query}`, cursor, token, signal, take, room);
  }

  async #fetched(url, cursor, token, signal, take, room) {
    const silence = new Silence(this.limits);
    const stop = () => silence.stop(signal.reason);
    signal.addEventListener("abort", stop);
    try {
      const headers = await this.#headers({ accept: "text/event-stream" }, token);
      if (cursor) headers["last-event-id"] = cursor;
      silence.allow(this.limits.heartbeat_s);
      const asked = { headers, cache: "no-store", redirect: "manual", signal: silence.signal };
      const response = await this.fetch(url, asked);
      await this.#check(response);
      const reader = response.body.getReader();
      const parser = new Parser(this.limits.event_characters_max);
      const decoder = new TextDecoder();
      for (let heartbeat_s = this.limits.heartbeat_s; ; await room()) {
        silence.allow(heartbeat_s);
        const { done, value } = await reader.read();
        silence.wait();
        if (done) return new StreamError("the server ended the stream", { status: 200, readable: true });
        for (const item of parser.feed(decoder.decode(value, { stream: true }))) heartbeat_s = take(item) ?? heartbeat_s;
      }
    } catch (error) {
      throw silence.signal.aborted ? silence.signal.reason : error;
    } finally {
      signal.removeEventListener("abort", stop);
      silence.stop(new Error("read no further"));
    }
  }

  async #check(response) {
    const status = response.type === "opaqueredirect" ? REDIRECT : response.status;
    if (status !== 200) {
      const hint = await problemOf(response);
      const retry_after_s = retryAfter(response.headers.get("retry-after"));
      const message = `${this.base} answered the request for a stream with ${status}`;
      throw new StreamError(message, { status, hint, retry_after_s, readable: true });
    }
    const kind = (response.headers.get("content-type") ?? "").split(";")[0].trim().toLowerCase();
    if (kind !== "text/event-stream")
      throw new StreamError(`${this.base} answered with ${kind || "no content type"} instead of an event stream`, {
        status: 200, readable: false, hint: "is this the address of a hub?",
      });
  }

  /** The browser's own EventSource: it tells neither status nor comments, and is not let ask again by itself. */
  #source(query, cursor, signal, take) {
    if (cursor) query.set("cursor", cursor);
    return new Promise((resolve, reject) => {
      const source = new EventSource(`${this.base}/events?${query}`);
      const end = (settle, value) => {
        source.close();
        settle(value);
      };
      signal.addEventListener("abort", () => end(reject, signal.reason), { once: true });
      source.onerror = () => end(resolve, new StreamError("the stream broke", { readable: true }));
      for (const name of PROTOCOL_EVENTS)
        source.addEventListener(name, ({ type, data, lastEventId }) => {
          try {
            take({ event: type, data, id: lastEventId });
          } catch (error) {
            end(reject, error);
          }
        });
    });
  }

  /** Post JSON; every end of it is a reply, status 0 where there was no answer. */
  async post(path, body, seconds, token, keepalive = false) {
    try {
      const headers = await this.#headers({ "content-type": "application/json" }, token);
      const signal = AbortSignal.timeout(seconds * 1000);
      const asked = { method: "POST", headers, body, signal, keepalive, cache: "no-store", redirect: "manual" };
      const response = await this.fetch(`${this.base}${path}`, asked);
      const status = response.type === "opaqueredirect" ? REDIRECT : response.status;
      const retry_after_s = retryAfter(response.headers.get("retry-after"));
      if (!response.ok) return { status, sent: true, retry_after_s, detail: await problemOf(response) };
      return { status, sent: true, retry_after_s, detail: "", body: await response.text() };
    } catch (error) {
      return { status: 0, sent: !error.unsent, retry_after_s: null, detail: String(error.message ?? error) };
    }
  }

  async #headers(headers, token) {
    const text = await this.access.text(token);
    return text === null ? headers : { ...headers, authorization: `Bearer ${text}` };
  }
}

/** Aborts what has been silent for longer than a living server is. */
class Silence {
  #controller = new AbortController();
  #timer = 0;

  constructor({ silent_intervals }) {
    this.intervals = silent_intervals;
  }

  get signal() {
    return this.#controller.signal;
  }

  allow(heartbeat_s) {
    this.wait();
    const seconds = heartbeat_s * this.intervals;
    const reason = new StreamError(`nothing was heard for ${seconds} s`, { readable: true });
    this.#timer = setTimeout(() => this.#controller.abort(reason), seconds * 1000);
  }

  /** What is not read is not missed. */
  wait() {
    clearTimeout(this.#timer);
  }

  stop(reason) {
    this.wait();
    this.#controller.abort(reason);
  }
}

async function problemOf(response) {
  if (!(response.headers.get("content-type") ?? "").startsWith("application/problem+json")) return "";
  const problem = await response.json().catch(() => ({}));
  return String(problem?.detail ?? problem?.title ?? "");
}

/** The client's credential in whatever form; the rules see handles, never texts. */
export class Access {
  #texts = new Map();

  constructor(credential) {
    const kind = credential === null || credential === undefined ? "none" : typeof credential;
    if (!["none", "string", "function"].includes(kind))
      throw new UsageError(`${kind} is no credential`, { hint: "give a token, or a function that returns one" });
    this.refreshes = kind === "function";
    this.fetch = this.refreshes ? credential : () => credential ?? null;
    this.handle = kind === "none" ? null : 1;
  }

  /** The token that a handle stands for; asked for now, if it was not, or if that failed. */
  async text(handle) {
    if (handle === null) return null;
    const texts = this.#texts;
    if (!texts.has(handle)) {
      const asked = this.#asked();
      asked.catch(() => texts.delete(handle));
      texts.set(handle, asked);
    }
    return texts.get(handle);
  }

  /** Asks the application's function: soon, as we are asked within a decision, where nothing else can be decided. */
  async #asked() {
    try {
      return await Promise.resolve().then(this.fetch);
    } catch (error) {
      const said = { readable: true, unsent: true };
      throw new StreamError(`the credential function failed: ${error}`, said);
    }
  }

  /** The handle of another than this one; null: there is none. */
  async other(handle) {
    if (!this.refreshes) return null;
    const [old, text] = await Promise.all([this.text(handle), this.#asked()].map((one) => one.catch(() => null)));
    if (text === null || text === old) return null;
    this.handle += 1;
    this.#texts = new Map([[handle, old], [this.handle, text]].map(([key, one]) => [key, Promise.resolve(one)]));
    return this.handle;
  }
}
