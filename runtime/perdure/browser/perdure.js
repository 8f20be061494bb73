// perdure's client for browsers: one session over a stream down and POSTs up, however often either breaks.
//
//   import { connect } from "./perdure.js";
//   const session = connect("/live", { session: "chat-1" });
//   await session.send({ text: "hello" });
//   for await (const event of session) console.log(event.data);
//
// All decisions are rules.js's, which is the Python core's; this file performs.
import { FarewellNotTaken, PerdureError, SendFailed, SendUncertain, SessionExpired, SessionFailed, StreamError, TakenOver, UsageError } from "./errors.js";
import { Feed } from "./feed.js";
import { TabIdentity } from "./identity.js";
import { Access, Transport } from "./transport.js";
import { START, V, textOf } from "./values.js";
import { connectionId, cursorText, newId, ownCursor, pairText, sessionName } from "./wire.js";

export { FarewellNotTaken, PerdureError, SendFailed, SendUncertain, SessionExpired, SessionFailed, StreamError, TakenOver, UsageError };
export { TabIdentity };

const LIMITS = {
  heartbeat_s: 15, silent_intervals: 3, post_s: 30, goodbye_s: 2, event_characters_max: 4 << 20, body_bytes: 1 << 20,
  inbox_max: 1000,
};
const HEAD_BYTES = 4096;
const ENDED = new Error("we ended it");
const WELL = [null, "succeeded", "closed", "unwatched"];
const ERRORS = { expired: SessionExpired, "taken over": TakenOver };
const bytesOf = (text) => new TextEncoder().encode(text).length;

/**
 * Be in a session of the hub at `url` until `leave()`. Sends wait for the first stream; `status` shows how it
 * stands. `credential`: a token, or a function (async or not) that gives one, asked again when it is refused.
 * `identity`: where the tab's id is kept. `settings`: the rules' bounds, by the names of ClientSettings.
 * `trace(input, effects)` is called with each decision; `onStatus(status)` with each new status; `onError(error)`
 * with each error that ends nothing: all of them soon after, in order.
 */
export function connect(url, options = {}) {
  const { session, credential = null, identity = new TabIdentity(), settings = {}, limits = {} } = options;
  const address = new URL(url, globalThis.location?.href);
  if (!/^https?:$/.test(address.protocol) || address.search || address.hash)
    throw new UsageError(`${url} is not the address of a hub`, { hint: "give one like https://host/path" });
  const access = new Access(credential);
  const bounds = { ...LIMITS, ...limits };
  const transport = new Transport(address.href.replace(/\/+$/, ""), access, bounds, options);
  const follows = { refreshes: access.refreshes, batch_bytes_max: bounds.body_bytes - HEAD_BYTES };
  const unknown = Object.keys(settings).find((name) => !(name in V.ClientSettings()));
  if (unknown) throw new UsageError(`there is no setting ${unknown}`);
  const machine = new Machine(transport, access, identity, V.ClientSettings({ ...settings, ...follows }), bounds, options.trace);
  const place = machine.place(sessionName(session));
  place.onStatus = options.onStatus ?? null;
  machine.onError = options.onError ?? null;
  machine.start(place);
  return new Session(machine, place);
}

/** A session as its application sees it: iterate it for its events, in order, once each, across reconnects. */
export class Session {
  #machine;
  #place;

  constructor(machine, place) {
    this.#machine = machine;
    this.#place = place;
    this.name = place.name;
  }

  /** Resolves to {key} once the server has stored it; rejects with SendFailed or SendUncertain. */
  send(data) {
    return this.#machine.send(this.name, data);
  }

  /** Ends where the session ended well, was left or is watched no longer; else throws why. */
  async *[Symbol.asyncIterator]() {
    for (let item = await this.#place.get(); item; item = await this.#place.get()) yield item;
    if (this.error) throw this.error;
  }

  /** Watch another session on the same stream: a Session of its own. */
  watch(name) {
    return new Session(this.#machine, this.#machine.watch(sessionName(name)));
  }

  unwatch() {
    this.#machine.unwatch(this.#place);
  }

  /** No stream and no timer until `resume`. Without this, pages that are frozen or put by do both by themselves. */
  suspend() {
    this.#machine.bidden(V.Suspended());
  }

  resume() {
    this.#machine.bidden(V.Resumed());
  }

  /** Be done with all sessions of this client. */
  leave() {
    this.#machine.feed(V.Left());
  }

  get status() {
    return this.#machine.status(this.#place);
  }

  get connectionId() {
    return this.#machine.me.cid;
  }

  get pending() {
    return this.#machine.pending(this.name);
  }

  get outcome() {
    return this.#place.outcome;
  }

  get error() {
    return this.#place.error;
  }

  /** Called with each new status from now on, instead of any before. */
  set onStatus(callback) {
    this.#place.onStatus = callback;
  }
}

/** Goes along with what the application asks for: why the rules refuse it, if they do. */
class Asked {
  refused = "";
}

/** What is kept of one session for its application. */
class Place {
  outcome = null;
  error = null;
  onStatus = null;
  #items = [];
  #waiting = [];
  #shown = "";

  constructor(name) {
    this.name = name;
  }

  put(item) {
    this.#items.push(item);
    this.#tell();
  }

  /** The next item; null once all are taken and nothing more will come. */
  async get() {
    while (!this.#items.length && this.outcome === null) await this.#change();
    const item = this.#items.shift() ?? null;
    this.#tell();
    return item;
  }

  async room(items_max) {
    while (this.#items.length >= items_max && this.outcome === null) await this.#change();
  }

  end(outcome, cause = null) {
    this.outcome = outcome;
    if (!WELL.includes(outcome)) {
      const { status = 0, hint = "" } = cause ?? {};
      const why = `session ${this.name}: ${outcome}${cause ? `: ${cause.message}` : ""}`;
      this.error = new (ERRORS[outcome] ?? SessionFailed)(why, { status, cause });
      this.error.hint = hint;
    }
    this.#tell();
  }

  show(status) {
    const said = textOf(status);
    if (said === this.#shown) return;
    this.#shown = said;
    calling(this.onStatus, status);
  }

  #change() {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #tell() {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/**
 * Call a function of the application: soon, in order, and never within a decision, so that what it asks for is decided
 * before it goes on. One that fails disturbs nothing, and is heard of.
 */
function calling(callback, ...args) {
  queueMicrotask(() => {
    try {
      callback?.(...args);
    } catch (error) {
      globalThis.reportError?.(error) ?? console.error(error);
    }
  });
}

/** One client: its rules, its stream, its requests, a place for each of its sessions. */
class Machine {
  #places = new Map();
  #shown = new Map();
  #sends = new Map();
  #streams = new Map();
  #timers = new Map();
  #senders = new Set();
  #count = 0;
  #cause = null;
  #next_try_s = null;

  constructor(transport, access, identity, settings, limits, trace) {
    Object.assign(this, { transport, access, identity, settings, limits });
    const told = trace && ((...args) => calling(trace, ...args));
    this.rules = new Feed(settings, (effect, cargo) => this[effect.type]?.(effect, cargo), told);
  }

  // -- for the sessions

  place(name) {
    const place = new Place(name);
    this.#places.set(name, place);
    return place;
  }

  start(place) {
    const { cid, incarnation } = this.identity.start();
    Object.assign(this, { cid, incarnation });
    this.#sender(cid);
    const cursors = [[place.name, START]];
    const started = V.Started({ kept: cid, fresh: newId(), attempt: [incarnation, 1], cursors, token: this.access.handle });
    this.#page = lifecycle(() => this.#away(), () => this.#back());
    this.feed({ ...started, sessions: [place.name] });
  }

  #page = () => undefined;
  #put_by = false;

  /** Suspended or resumed by the application, whose word stands when the page comes back. */
  bidden(i) {
    this.#put_by = false;
    this.feed(i);
  }

  /** The page goes; an application that has suspended the client itself will resume it itself. */
  #away() {
    const asked = new Asked();
    this.feed(V.Suspended(), asked);
    this.#put_by ||= !asked.refused;
  }

  #back() {
    if (this.#put_by) this.feed(V.Resumed());
    this.#put_by = false;
  }

  watch(name) {
    const asked = new Asked();
    this.rules.feed(V.WatchAsked({ session: name }), asked);
    if (asked.refused) throw new UsageError(`session ${name} cannot be watched: ${asked.refused}`);
    const place = this.place(name);
    this.#show();
    return place;
  }

  unwatch(place) {
    if (this.#places.get(place.name) === place) this.feed(V.UnwatchAsked({ session: place.name }));
  }

  async send(session, data) {
    const key = [this.incarnation, this.#count + 1];
    const text = JSON.stringify(data);
    if (text === undefined) throw new UsageError("this data cannot be JSON");
    const item = `{"key":"${pairText(key)}","data":${text}}`;
    const size = bytesOf(item) + 1;
    if (size > this.settings.batch_bytes_max) throw new UsageError(`this data takes ${size} bytes, more than a POST may`);
    this.#count += 1;
    return new Promise((resolve, reject) => {
      this.#sends.set(textOf(key), { item, resolve, reject });
      this.feed(V.SendRequested({ session, key, size }));
    });
  }

  feed(i, cargo) {
    this.rules.feed(i, cargo);
    const { outcome } = this.rules.part("client");
    if (outcome !== null) this.#page();
    this.#show();
  }

  #show() {
    for (const place of this.#places.values()) if (place.onStatus) place.show(this.status(place));
  }

  get me() {
    return this.rules.part("me");
  }

  pending(session) {
    return [...this.rules.family("item").keys()].filter((key) => JSON.parse(key)[0] === session).length;
  }

  status(place) {
    const { cid, of_server } = this.me;
    const { attempt, failures } = this.rules.part("link");
    const own = cid === this.cid ? "kept" : "renewed";
    const { running = false, delayed = false } = this.#shown.get(place.name) ?? {};
    return {
      state: this.rules.part("client").state,
      outcome: place.outcome,
      attempt: attempt[1],
      failures,
      nextTryS: this.#next_try_s,
      pending: this.pending(place.name),
      running,
      delayed,
      connectionId: cid,
      identity: of_server ? "server" : own,
      error: this.#cause && { message: this.#cause.message, status: this.#cause.status },
    };
  }

  // -- effects, each performed by the method of its name; Moved is for the trace

  Refused({ why }, cargo) {
    if (cargo instanceof Asked) cargo.refused = why;
  }

  OpenStream(effect) {
    this.#next_try_s = null;
    this.#follow(effect);
  }

  EndStream({ attempt }) {
    this.#streams.get(textOf(attempt))?.abort(ENDED);
  }

  StartTimer({ due, seconds }) {
    this.CancelTimer({ due });
    if (due.type === "ReconnectDue") this.#next_try_s = seconds;
    const fire = () => {
      this.#timers.delete(textOf(due));
      this.feed(due);
    };
    this.#timers.set(textOf(due), setTimeout(fire, seconds * 1000));
  }

  CancelTimer({ due }) {
    if (due.type === "ReconnectDue") this.#next_try_s = null;
    clearTimeout(this.#timers.get(textOf(due)));
    this.#timers.delete(textOf(due));
  }

  Post(effect) {
    const { session, attempt, cid, epoch, keys } = effect;
    const head = JSON.stringify({ cid, attempt: pairText(attempt), epoch, session });
    const items = keys.map((key) => this.#sends.get(textOf(key)).item);
    this.#post(effect, `${head.slice(0, -1)},"items":[${items}]}`);
  }

  SayGoodbye(effect) {
    this.#say("close", effect);
  }

  SaySuspended(effect) {
    this.#say("suspend", effect);
  }

  NotTaken({ word, status }) {
    const hint = "it goes by its grace time: what this client owned may be given up";
    calling(this.onError, new FarewellNotTaken(`the server may not have taken our ${word}`, { word, status, hint }));
  }

  async Tell({ attempt, cid, serial, session, cursor }) {
    const said = { cid, attempt: pairText(attempt), serial, session };
    if (cursor !== null) said.cursor = cursorText([[session, cursor]]);
    const path = cursor === null ? "/unwatch" : "/watch";
    const reply = await this.transport.post(path, JSON.stringify(said), this.limits.post_s, this.#token);
    const { status } = reply;
    this.feed(V.WatchReplied({ attempt, serial, session, status, chance: Math.random() }), reply);
  }

  async AskCredential({ token }) {
    const other = await this.access.other(token);
    this.feed(other === null ? V.CredentialRefused({ token }) : V.CredentialGiven({ token: other }));
  }

  Next({ input }) {
    this.rules.follow(input);
  }

  Settled({ key, outcome, why }, cargo) {
    const { resolve, reject } = this.#sends.get(textOf(key));
    this.#sends.delete(textOf(key));
    const said = { key: pairText(key), why, status: cargo?.status ?? 0, hint: cargo?.detail ?? "" };
    if (outcome === "delivered") resolve({ key: said.key });
    else reject(new (outcome === "uncertain" ? SendUncertain : SendFailed)(`send ${said.key}: ${why}`, said));
  }

  Deliver({ session, position }, { kind, data }) {
    const mine = kind === "handler-failed" ? { key: data.key, mine: this.#senders.has(data.sender) } : { data };
    this.#places.get(session).put({ type: kind, ...mine, position });
  }

  DeliverGap({ session, position }, snapshot) {
    this.#places.get(session).put({ type: "gap", snapshot, position });
  }

  /** Kept here: the session may be watched later, or again. */
  Shown(effect) {
    this.#shown.set(effect.session, effect);
  }

  Renamed({ cid, why }) {
    console.info(`perdure: the client goes by another id from now on, ${cid}: ${why}`);
    this.#sender(cid);
    this.identity.renamed(cid, why);
  }

  SessionOver({ session, outcome }) {
    this.#places.get(session).end(outcome, this.#cause);
  }

  NotWatched({ session, status }, reply) {
    const message = `the request to watch ${session} was answered with ${status}`;
    this.#places.get(session).end("failed", new StreamError(message, { status, hint: reply.detail }));
  }

  // -- what takes time

  /** One stream, from its request to its end, of which the rules are told once. */
  async #follow({ attempt, cid, token, cursors }) {
    const abort = new AbortController();
    this.#streams.set(textOf(attempt), abort);
    const incoming = new Incoming(attempt, this);
    const params = [["cid", cid], ["attempt", pairText(attempt)], ...cursors.map(([name]) => ["session", name])];
    const take = (item) => (abort.signal.aborted ? null : incoming.take(item));
    const ended = await this.transport
      .stream(params, cursorText(cursors), token, abort.signal, take, () => this.#room())
      .catch((error) => error);
    this.#streams.delete(textOf(attempt));
    if (abort.signal.aborted) return;
    const { status = 0, readable = true, retry_after_s = null } = ended;
    this.#cause = ended instanceof PerdureError ? ended : new StreamError(`the stream broke: ${ended.message ?? ended}`);
    const lost = { attempt, status, token, fresh: newId(), readable, chance: Math.random() };
    this.feed(V.StreamLost({ ...lost, retry_after_s: retry_after_s ?? incoming.retry_s }));
  }

  welcomed() {
    this.#cause = null;
  }

  get sessions() {
    return this.#places;
  }

  async #room() {
    for (const place of [...this.#places.values()]) await place.room(this.limits.inbox_max);
  }

  async #post({ session, post, token }, body) {
    const reply = await this.transport.post("/send", body, this.limits.post_s, token);
    const { status, sent, retry_after_s } = reply;
    const replied = { session, post, status, token, sent, retry_after_s, chance: Math.random() };
    this.feed(V.PostReplied({ ...replied, verdicts: verdictsOf(reply) }), reply);
  }

  /** Said once, and sent even by a page that is about to go. */
  async #say(word, { cid, attempt }) {
    const body = JSON.stringify({ cid, attempt: pairText(attempt) });
    const { status } = await this.transport.post(`/${word}`, body, this.limits.goodbye_s, this.#token, true);
    this.feed(V.FarewellReplied({ word, attempt, status }));
  }

  get #token() {
    return this.rules.part("access").token;
  }

  /** What events call us; on pages that are not secure there is no digest, and no failure is known as ours. */
  async #sender(cid) {
    const digest = await globalThis.crypto.subtle?.digest("SHA-256", new TextEncoder().encode(cid));
    if (digest) this.#senders.add([...new Uint8Array(digest, 0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
  }
}

/** Feeds what one stream brings; the first event must be the welcome. */
class Incoming {
  retry_s = null;
  #heartbeat_s = null;

  constructor(attempt, machine) {
    this.attempt = attempt;
    this.machine = machine;
  }

  /** The seconds between heartbeats, once known. */
  take(item) {
    if ("retry_s" in item) this.retry_s = item.retry_s;
    else if (this.#heartbeat_s === null) {
      if ("event" in item) this.#welcome(item);
    } else if ("comment" in item) this.machine.feed(V.Heard({ attempt: this.attempt }));
    else this.#event(item);
    return this.#heartbeat_s;
  }

  #welcome({ event, data }) {
    const no = (why, hint = "") => new StreamError(why, { status: 200, readable: false, hint });
    const said = event === "welcome" ? parsed(data) : null;
    const cid = connectionId(said?.connection);
    if (!cid || typeof said.epoch !== "string" || !(said.heartbeat_s > 0))
      throw no("an event stream that does not begin with a welcome", "is this the address of a hub?");
    if (said.protocol !== 1) throw no(`the server speaks version ${said.protocol} of the protocol, this client 1`);
    if (said.generation !== pairText(this.attempt)) throw no("the welcome is for another stream", "does a cache stand between?");
    this.#heartbeat_s = said.heartbeat_s;
    this.machine.welcomed();
    this.machine.feed(V.Welcomed({ attempt: this.attempt, cid, epoch: said.epoch }));
  }

  #event({ event, data, id }) {
    const { attempt, machine } = this, chance = Math.random();
    if (event === "message" || event === "handler-failed") {
      const [session, [epoch, position]] = ownCursor(id, machine.sessions);
      machine.feed(V.EventArrived({ attempt, session, epoch, position, chance }), { kind: event, data: JSON.parse(data) });
    } else if (event === "gap") {
      const [session, [epoch, position]] = ownCursor(id, machine.sessions);
      machine.feed(V.GapArrived({ attempt, session, epoch, position }), JSON.parse(data).snapshot ?? null);
    } else if (event === "end") {
      const { outcome, session = null, receipts } = JSON.parse(data);
      const verdicts = verdictsIn(receipts);
      if (session !== null) machine.feed(V.EndArrived({ attempt, session, outcome, verdicts }));
      else if (outcome === "taken over") machine.feed(V.TakenOver({ attempt, fresh: newId(), chance }));
      else throw new StreamError(`the end ${outcome} names no session`);
    }
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The receipts of an answer; none where it has none that can be read. */
function verdictsOf({ body }) {
  return verdictsIn(parsed(body ?? "")?.receipts);
}

function verdictsIn(receipts) {
  if (!Array.isArray(receipts)) return [];
  const pairs = receipts.map((one) => [String(one?.key).split(".").map(Number), one?.verdict]);
  return pairs.filter(([, verdict]) => typeof verdict === "string");
}

/** Suspend while the page is frozen or put by (back-forward cache), and resume after; gives what undoes it. */
function lifecycle(suspend, resume) {
  const page = globalThis.window, tab = globalThis.document;
  if (!page || !tab) return () => undefined;
  const kept = (then) => (event) => event.persisted && then();
  const heard = [[page, "pagehide", kept(suspend)], [page, "pageshow", kept(resume)], [tab, "freeze", suspend], [tab, "resume", resume]];
  for (const [target, name, listener] of heard) target.addEventListener(name, listener);
  return () => heard.forEach(([target, name, listener]) => target.removeEventListener(name, listener));
}
