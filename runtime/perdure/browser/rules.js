// The client's rules: (input, parts) -> [parts, effects]. Pure. The Python core's names, tables and decisions,
// which it is held to by everything that the model checker asks the core on the client's side.
//
// A family of parts is a Map from the key's text (see values.js) to the part; nothing that is given is changed.
import { tables } from "./tables.js";
import { START, V, keyOf, same, textOf } from "./values.js";

// -- what both charts share ------------------------------------------------------------------------------

function step(machine, state, event, facts) {
  const table = tables[machine];
  if (!table.states.includes(state) || !table.events.includes(event))
    throw new RangeError(`${machine} has no state ${state} or no event ${event}`);
  for (const [guards, target, actions] of table.rows[`${state} ${event}`] ?? [])
    if (guards.every(([guard, wanted]) => fact(machine, facts, guard) === wanted)) return { target, actions };
  return null;
}

function fact(machine, facts, guard) {
  if (typeof facts[guard] !== "boolean") throw new RangeError(`${machine} depends on ${guard}, which is not given`);
  return facts[guard];
}

const moved = (machine, instance, source, event, row) =>
  V.Moved({ machine, instance, event, source, target: row.target });
const refuse = (why, ...parts) => [parts, [V.Refused({ why })]];
const next = (input) => V.Next({ input });
const sessionsOf = (outboxes) => [...outboxes.keys()].map((text) => keyOf(text)[0]);
const without = (list, one) => list.filter((other) => other !== one);

function classify(status) {
  if (status >= 200 && status < 300) return "taken";
  if ([0, 408, 425, 429].includes(status) || status >= 500) return "passing";
  return { 409: "unknown", 401: "denied" }[status] ?? "final";
}

const unsure = (status, sent) => (status === 0 ? sent : status !== 425 && status !== 429);
const doubled = (times, first_s, cap_s) => Math.min(cap_s, first_s * 2 ** Math.min(times - 1, 30));
const backoff_s = (failures, first_s, cap_s, chance, asked_s) =>
  Math.max(chance * doubled(failures, first_s, cap_s), asked_s ?? 0);
const spaced_s = (tries, first_s, cap_s, chance, asked_s) =>
  Math.max(doubled(tries, first_s, cap_s) * (1 + chance / 4), asked_s ?? 0);

// -- the client's credential -----------------------------------------------------------------------------

function asking(access, effects) {
  if (!access.asked) effects.push(V.AskCredential({ token: access.token }));
  return { ...access, asked: true };
}

const renewable = (access, token, settings) => ({
  replaced: !same(token, access.token),
  renewable: access.asked || (settings.refreshes && !access.unproven),
});
const proven = (access, token) => (same(token, access.token) ? { ...access, unproven: false } : access);

// -- the ClientSession chart's desk: its actions are the methods of the same names -------------------------

class Desk {
  constructor(state, link, given = {}) {
    const nothing = { settings: V.ClientSettings(), watching: V.Watching(), access: V.Access(), chance: 1 };
    Object.assign(this, { ...nothing, over: ["", "", []], cursors: new Map(), outboxes: new Map(), ...given });
    this.state = state;
    this.link = link;
    this.effects = [];
  }

  step(event, { outcome = "failed", stale = "", ...facts } = {}) {
    const spent = this.link.failures >= this.settings.attempts_max;
    const row = step("ClientSession", this.state.state, event, { spent, ...facts });
    if (row === null) {
      this.effects.push(V.Refused({ why: stale }));
      return false;
    }
    this.effects.push(moved("ClientSession", "", this.state.state, event, row));
    const over = tables.ClientSession.final.includes(row.target);
    this.state = V.ClientState({ state: row.target, outcome: over ? outcome : null });
    for (const action of row.actions) this[action]();
    if (over) this.effects.push(...this.watching.sessions.map((session) => V.SessionOver({ session, outcome })));
    return true;
  }

  decided(...parts) {
    return [parts, this.effects];
  }

  open_stream() {
    const [incarnation, count] = this.link.attempt;
    const { cid } = this.me, { token } = this.access;
    this.link = { ...this.link, attempt: [incarnation, count + 1], phase: "open", token };
    const { sessions } = this.watching;
    this.watching = V.Watching({ sessions, told: sessions });
    const cursors = sessions.map((session) => [session, this.cursors.get(textOf([session]))]);
    this.effects.push(V.OpenStream({ attempt: this.link.attempt, cid, token, cursors }));
  }

  end_stream() {
    const { attempt, phase } = this.link;
    if (phase === "open") this.effects.push(V.EndStream({ attempt }));
    else if (phase === "timer") this.effects.push(V.CancelTimer({ due: V.ReconnectDue({ attempt }) }));
    this.link = { ...this.link, phase: "over" };
  }

  schedule() {
    const s = this.settings;
    this.link = { ...this.link, phase: "timer", failures: this.link.failures + 1 };
    const { failures, attempt } = this.link;
    const seconds = backoff_s(failures, s.reconnect_first_s, s.reconnect_cap_s, this.chance, this.asked_s);
    this.effects.push(V.StartTimer({ due: V.ReconnectDue({ attempt }), seconds }));
  }

  say_goodbye() {
    this.effects.push(V.SayGoodbye({ attempt: this.link.attempt, cid: this.me.cid }));
  }

  say_suspended() {
    this.effects.push(V.SaySuspended({ attempt: this.link.attempt, cid: this.me.cid }));
  }

  rest() {
    this.link = { ...this.link, phase: "resume" };
  }

  ask_credential() {
    this.link = { ...this.link, phase: "credential" };
    this.access = asking(this.access, this.effects);
  }

  renew() {
    this.me = V.Me({ cid: this.fresh });
    this.effects.push(V.Renamed({ cid: this.fresh, why: "taken over" }));
  }

  drop_session() {
    const [session, outcome, verdicts] = this.over;
    const { sessions, told } = this.watching;
    this.watching = { ...this.watching, sessions: without(sessions, session), told: without(told, session) };
    this.effects.push(V.SessionOver({ session, outcome }));
    if (this.outboxes.has(textOf([session]))) this.effects.push(next(V.Abandon({ session, verdicts })));
  }

  flush() {
    this.effects.push(...sessionsOf(this.outboxes).map((session) => next(V.Flush({ session }))));
  }

  abandon() {
    this.link = { ...this.link, phase: "over" };
    const [ended, , verdicts] = this.over;
    const receipts = (session) => (session === ended ? verdicts : []);
    const each = (session) => next(V.Abandon({ session, verdicts: receipts(session) }));
    this.effects.push(...sessionsOf(this.outboxes).map(each));
  }
}

// -- one session's sends: the SendItem chart's actions are the methods of the same names --------------------

class Queue {
  constructor(session, outbox, before, around, { chance = 1, asked_s = null, effects = [] } = {}) {
    Object.assign(this, { session, outbox, before, around, chance, asked_s, effects });
    this.items = new Map(before);
    this.stepped = false;
  }

  step(key, event, why = "", { doubt = false, ...facts } = {}) {
    const item = this.items.get(key);
    const spent = item.tries > this.around.settings.retries_max;
    const row = step("SendItem", item.state, event, { spent, orphaned: false, ...facts });
    if (row === null) return;
    this.stepped = true;
    this.items.set(key, { ...item, state: row.target, doubt: item.doubt || doubt });
    this.effects.push(moved("SendItem", keyOf(key), item.state, event, row));
    for (const action of row.actions) this[action](key, why);
  }

  transmit(key) {
    const item = this.items.get(key);
    this.items.set(key, { ...item, tries: item.tries + 1, post: this.outbox.post, denied: false });
  }

  forgive(key) {
    const item = this.items.get(key);
    this.items.set(key, { ...item, tries: item.tries - 1, denied: true });
  }

  report(key, why) {
    const item = this.items.get(key);
    this.items.delete(key);
    const delivered = item.state === "delivered";
    const outcome = delivered ? "delivered" : item.doubt ? "uncertain" : "failed";
    this.effects.push(
      V.Settled({ session: this.session, key: keyOf(key)[1], outcome, why: delivered ? "" : why }),
    );
  }

  retrying() {
    return [...this.items].filter(([, item]) => item.state === "retrying");
  }

  due(post) {
    const waiting = this.retrying().filter(([, item]) => item.post === post);
    for (const [key] of waiting) this.step(key, "due");
    return waiting.length > 0;
  }

  timer() {
    return V.RetryDue({ session: this.session, post: this.outbox.post });
  }

  cancel() {
    if (this.retrying().length) this.effects.push(V.CancelTimer({ due: this.timer() }));
  }

  wait() {
    const [oldest] = this.retrying();
    if (!oldest) return;
    const s = this.around.settings;
    const seconds = spaced_s(oldest[1].tries, s.retry_first_s, s.retry_cap_s, this.chance, this.asked_s);
    this.outbox = { ...this.outbox, asked: this.asked_s !== null };
    this.effects.push(V.StartTimer({ due: this.timer(), seconds }));
  }

  pump() {
    if (this.around.state.state !== "awaiting" || this.around.access.asked) return;
    this.settle_doubts();
    for (const item of this.items.values()) if (item.state !== "queued") return;
    const keys = this.batch();
    if (keys.length) this.post(keys);
  }

  batch() {
    const s = this.around.settings;
    const keys = [];
    let bytes = 0;
    for (const [key, item] of this.items) {
      bytes += item.size;
      if (keys.length && (keys.length === s.batch_max || bytes > s.batch_bytes_max)) break;
      keys.push(key);
    }
    return keys;
  }

  post(keys) {
    const { attempt, epoch } = this.around.link;
    this.outbox = V.Outbox({ post: this.outbox.post + 1, epoch });
    for (const key of keys) this.step(key, "post");
    const { session, outbox: { post } } = this;
    const { me: { cid }, access: { token } } = this.around;
    this.effects.push(
      V.Post({ session, post, attempt, cid, token, epoch, keys: keys.map((key) => keyOf(key)[1]) }),
    );
  }

  settle_doubts() {
    if (same(this.outbox.epoch, this.around.link.epoch)) return;
    const waited = this.retrying().length > 0;
    for (const [key, item] of [...this.items])
      this.step(key, "doubted", "the server has lost its receipts", { orphaned: item.doubt });
    if (waited && !this.retrying().length) this.effects.push(V.CancelTimer({ due: this.timer() }));
  }

  done() {
    if (this.stepped) {
      const shown = view(this.items);
      if (!same(shown, view(this.before))) this.effects.push(V.Shown({ session: this.session, ...shown }));
    }
    return [[this.outbox, this.items], this.effects];
  }
}

function view(items) {
  const all = [...items.values()];
  return {
    running: all.some((item) => item.state === "sending"),
    delayed: all.some((item) => item.tries > (item.state === "sending" ? 1 : 0)),
  };
}

// -- what the server is told of the sessions that are watched ------------------------------------------------

function tell(watching, link, me, session, cursor, effects) {
  const serial = watching.serial + 1;
  effects.push(V.Tell({ attempt: link.attempt, cid: me.cid, serial, session, cursor }));
  const others = without(watching.told, session);
  const words = [...watching.words.filter(([one]) => one !== session), [session, serial]];
  return { ...watching, told: cursor === null ? others : [...others, session], serial, words };
}

function tell_all(watching, link, me, cursors, effects) {
  const { sessions, told } = watching;
  const changed = [...sessions, ...told].filter((one) => told.includes(one) !== sessions.includes(one));
  return changed.reduce((so_far, session) => {
    const cursor = sessions.includes(session) ? cursors.get(textOf([session])) : null;
    return tell(so_far, link, me, session, cursor, effects);
  }, watching);
}

// -- the rules -----------------------------------------------------------------------------------------------

const is_current = (link, attempt) => link.phase === "open" && same(link.attempt, attempt);
const STREAM_EVENTS = { taken: "lost", passing: "lost", unknown: "outbid", denied: "denied", final: "refused" };
const outcome_of = (status) => ({ 401: "expired", 410: "expired", 409: "taken over" })[status] ?? "failed";
const wanted = (state, link, watching, i) =>
  is_current(link, i.attempt) && state.state === "awaiting" && watching.sessions.includes(i.session);

const ACCEPTED = ["accepted", "duplicate"];
const DONE = "the client is done with all its sessions";

function item_event(i, kind, verdict) {
  if (kind === "taken" && verdict !== undefined)
    return [ACCEPTED.includes(verdict) ? "accepted" : "refused", verdict, false];
  if (kind === "unknown") return ["unknown", "the server has forgotten this connection", true];
  if (kind === "denied") return ["denied", "the credential was refused", false];
  if (kind === "final") return ["refused", `status ${i.status}`, false];
  return ["failed", i.status ? `status ${i.status}` : "no answer", unsure(i.status, i.sent)];
}

/** One rule for each input, under the core's name; what it is called with, tables.js says. */
export const rules = {
  on_started(i) {
    const me = V.Me({ cid: i.kept ?? i.fresh });
    const sessions = i.cursors.map(([session]) => session);
    const unsent = i.unsent.map(([session, key, epoch, size]) => [
      textOf([session, key]), V.Item({ state: "queued", doubt: epoch !== null, size }),
    ]);
    const outboxes = i.unsent.map(([session, , epoch]) => [textOf([session]), V.Outbox({ epoch })]).reverse();
    const parts = [
      V.ClientState({ state: "connecting" }), V.Link({ attempt: i.attempt, phase: "open", token: i.token }), me,
      V.Access({ token: i.token }), V.Watching({ sessions, told: sessions }),
      new Map(i.cursors.map(([session, cursor]) => [textOf([session]), cursor])), new Map(outboxes), new Map(unsent),
    ];
    const { attempt, token, cursors } = i;
    return [parts, [V.OpenStream({ attempt, cid: me.cid, token, cursors })]];
  },

  on_welcomed(i, state, link, me, access, watching, outboxes, cursors) {
    const desk = new Desk(state, link, { access, outboxes });
    if (!desk.step("welcomed", { current: is_current(link, i.attempt), stale: "no welcome that we wait for" }))
      return desk.decided(state, link, me, access, watching);
    if (!same(i.cid, me.cid)) {
      me = V.Me({ cid: i.cid, of_server: true });
      desk.effects.push(V.Renamed({ cid: i.cid, why: "server" }));
    }
    watching = tell_all(watching, desk.link, me, cursors, desk.effects);
    return desk.decided(desk.state, { ...desk.link, epoch: i.epoch }, me, proven(access, link.token), watching);
  },

  on_heard(i, link) {
    if (!is_current(link, i.attempt)) return refuse("a heartbeat on a stream that is no longer ours", link);
    return [[{ ...link, failures: 0 }], []];
  },

  on_stream_lost(i, state, link, me, access, watching, settings, outboxes, cursors) {
    const event = i.readable ? STREAM_EVENTS[classify(i.status)] : "refused";
    const { chance, retry_after_s: asked_s, fresh } = i;
    const desk = new Desk(state, link, {
      settings, me, access, watching, cursors, outboxes, chance, asked_s, fresh,
    });
    desk.step(event, {
      ...renewable(access, i.token, settings),
      renews: settings.renews,
      current: is_current(link, i.attempt),
      outcome: outcome_of(i.status),
      stale: "the end of a stream no longer ours",
    });
    return desk.decided(desk.state, desk.link, desk.me, desk.access, desk.watching);
  },

  on_reconnect_due(i, state, link, watching, me, access, cursors) {
    const desk = new Desk(state, link, { me, access, watching, cursors });
    const current = link.phase === "timer" && same(link.attempt, i.attempt);
    desk.step("due", { current, stale: "a reconnect timer of an earlier attempt" });
    return desk.decided(desk.state, desk.link, desk.watching);
  },

  on_desynced(i, state, link, me, settings, watching, outboxes) {
    const desk = new Desk(state, link, { settings, me, watching, outboxes, chance: i.chance });
    desk.step("desync", { current: is_current(link, i.attempt), stale: "a stream no longer ours" });
    return desk.decided(desk.state, desk.link);
  },

  on_taken_over(i, state, link, me, settings, watching, outboxes) {
    const desk = new Desk(state, link, { settings, me, watching, outboxes, chance: i.chance, fresh: i.fresh });
    desk.step("usurped", {
      current: is_current(link, i.attempt),
      renews: settings.renews,
      outcome: "taken over",
      stale: "the taking over of a stream no longer ours",
    });
    return desk.decided(desk.state, desk.link, desk.me);
  },

  on_end_arrived(i, state, link, watching, me, outboxes) {
    const over = [i.session, i.outcome, i.verdicts];
    const desk = new Desk(state, link, { me, watching, outboxes, over });
    desk.step("ended", {
      current: is_current(link, i.attempt) && watching.sessions.includes(i.session),
      last: same(watching.sessions, [i.session]),
      outcome: i.outcome,
      stale: "an end on a stream or of a session no longer ours",
    });
    return desk.decided(desk.state, desk.link, desk.watching);
  },

  on_left(_i, state, link, watching, me, outboxes) {
    const desk = new Desk(state, link, { me, watching, outboxes });
    desk.step("closed", { outcome: "closed", stale: "left a session that was over" });
    return desk.decided(desk.state, desk.link);
  },

  on_suspended(_i, state, link, me) {
    if (link.phase === "resume") return refuse("suspended twice", state, link);
    const desk = new Desk(state, link, { me });
    desk.step("suspend", { stale: "suspended a session that was over" });
    return desk.decided(desk.state, desk.link);
  },

  on_resumed(_i, state, link, watching, me, access, cursors) {
    const desk = new Desk(state, link, { me, access, watching, cursors });
    desk.step("resume", { resting: link.phase === "resume", stale: "resumed what was not suspended" });
    return desk.decided(desk.state, desk.link, desk.watching);
  },

  on_event_arrived(i, link, cursor, state, watching) {
    if (!wanted(state, link, watching, i))
      return refuse("an event of a stream or a session that is no longer ours", link, cursor);
    const [epoch, position] = cursor;
    const same_log = same(i.epoch, epoch);
    const last = i.position + i.count - 1;
    if (same_log && last <= position) return refuse("an event that was handed over before", link, cursor);
    const following = position + 1;
    if (i.position <= following && following <= last && (same_log || same(cursor, START))) {
      const deliver = V.Deliver({ session: i.session, epoch: i.epoch, position: following, count: last - position });
      return [[{ ...link, failures: 0 }, [i.epoch, last]], [deliver]];
    }
    return [[link, cursor], [next(V.Desynced({ attempt: i.attempt, chance: i.chance }))]];
  },

  on_gap_arrived(i, cursor, state, link, watching) {
    if (!wanted(state, link, watching, i))
      return refuse("a gap on a stream or of a session that is no longer ours", cursor);
    const gap = V.DeliverGap({ session: i.session, epoch: i.epoch, position: i.position });
    return [[[i.epoch, i.position]], [gap]];
  },

  on_credential_given(i, state, link, access, watching, me, cursors, outboxes) {
    if (same(i.token, access.token))
      return refuse("the credential that is in use already", state, link, access, watching);
    const given = V.Access({ token: i.token, unproven: access.asked });
    const desk = new Desk(state, link, { me, access: given, watching, cursors });
    desk.step("credited", { waiting: link.phase === "credential", stale: "no stream waits for a credential" });
    for (const session of sessionsOf(outboxes)) desk.effects.push(next(V.Flush({ session, new_stream: false })));
    return desk.decided(desk.state, desk.link, desk.access, desk.watching);
  },

  on_credential_refused(i, state, link, access, watching, outboxes) {
    if (!same(i.token, access.token) || !access.asked)
      return refuse("word of a credential that is not in use", state, link, access);
    const desk = new Desk(state, link, { watching, outboxes });
    const waiting = link.phase === "credential";
    desk.step("discredited", { waiting, outcome: "expired", stale: "no stream waits for a credential" });
    for (const session of sessionsOf(outboxes)) desk.effects.push(next(V.Bar({ session })));
    return desk.decided(desk.state, desk.link, V.Access({ token: access.token, unproven: true }));
  },

  on_send_requested(i, outbox, items, state, link, me, access, settings) {
    const { session, key } = i;
    const no = (why) => [[outbox, items], [V.Settled({ session, key, outcome: "failed", why })]];
    if (state.state === "terminal") return no("the session is over");
    if (items.size >= settings.queue_max) return no("the queue is full");
    const queue = new Queue(session, outbox ?? V.Outbox(), items, { state, link, me, access, settings });
    queue.items.set(textOf([session, key]), V.Item({ state: "queued", size: i.size }));
    queue.pump();
    return queue.done();
  },

  on_post_replied(i, outbox, items, link, access, state, me, settings) {
    const mine = [...items].filter(([, item]) => item.state === "sending" && item.post === i.post);
    const kind = classify(i.status);
    const known = kind === "taken" && access.unproven ? proven(access, i.token) : access;
    if (!mine.length && known !== access) return [[outbox, items, link, known], []];
    if (!mine.length) return refuse("the end of a POST whose sends are settled", outbox, items, link, access);
    const effects = [];
    const facts = renewable(access, i.token, settings);
    if (kind === "denied" && facts.renewable && !facts.replaced) access = asking(access, effects);
    else if (kind === "taken") [link, access] = [{ ...link, failures: 0 }, known];
    const around = { state, link, me, access, settings };
    const queue = new Queue(i.session, outbox, items, around, { chance: i.chance, asked_s: i.retry_after_s, effects });
    const same_epoch = same(outbox.epoch, link.epoch);
    const verdicts = new Map(i.verdicts.map(([key, verdict]) => [textOf(key), verdict]));
    for (const [key, item] of mine) {
      const [event, why, doubt] = item_event(i, kind, verdicts.get(textOf(keyOf(key)[1])));
      const orphaned = (item.doubt || doubt) && !same_epoch;
      queue.step(key, event, why, { orphaned, doubt, renewable: facts.renewable || facts.replaced });
    }
    queue.wait();
    if (kind === "unknown" && same_epoch && state.state === "awaiting")
      queue.effects.push(next(V.Desynced({ attempt: link.attempt, chance: i.chance })));
    else queue.pump();
    const [parts] = queue.done();
    return [[...parts, link, access], effects];
  },

  on_retry_due(i, outbox, items, state, link, me, access, settings) {
    const queue = new Queue(i.session, outbox, items, { state, link, me, access, settings });
    if (!queue.due(i.post)) return refuse("a retry timer of an earlier POST", outbox, items);
    queue.pump();
    return queue.done();
  },

  on_flush(i, outbox, items, state, link, me, access, settings) {
    const queue = new Queue(i.session, outbox, items, { state, link, me, access, settings });
    if (i.new_stream && !queue.outbox.asked) {
      queue.cancel();
      queue.due(queue.outbox.post);
    }
    queue.pump();
    return queue.done();
  },

  on_bar(i, outbox, items, state, link, me, access, settings) {
    const queue = new Queue(i.session, outbox, items, { state, link, me, access, settings });
    for (const [key, item] of items) if (item.denied) queue.step(key, "barred", "the credential was refused");
    queue.pump();
    return queue.done();
  },

  on_abandon(i, outbox, items, state, link, me, access, settings) {
    const queue = new Queue(i.session, outbox, items, { state, link, me, access, settings });
    queue.cancel();
    const verdicts = new Map(i.verdicts.map(([key, verdict]) => [textOf(key), verdict]));
    for (const [key, item] of items) {
      const verdict = verdicts.get(textOf(keyOf(key)[1]));
      const doubt = item.state === "sending" && verdict === undefined;
      queue.step(key, "abandon", "the session is over", { doubt, taken: ACCEPTED.includes(verdict) });
    }
    return queue.done();
  },

  on_watch_asked(i, watching, cursor, state, link, me) {
    if (state.state === "terminal") return refuse(DONE, watching, cursor);
    if (watching.sessions.includes(i.session)) return refuse("it is watched already", watching, cursor);
    cursor ??= START;
    watching = { ...watching, sessions: [...watching.sessions, i.session] };
    const effects = [];
    if (state.state === "awaiting") watching = tell(watching, link, me, i.session, cursor, effects);
    return [[watching, cursor], effects];
  },

  on_unwatch_asked(i, watching, state, link, me) {
    if (state.state === "terminal") return refuse(DONE, watching);
    if (!watching.sessions.includes(i.session)) return refuse("it is not watched", watching);
    watching = { ...watching, sessions: without(watching.sessions, i.session) };
    const effects = [V.SessionOver({ session: i.session, outcome: "unwatched" })];
    if (state.state === "awaiting") watching = tell(watching, link, me, i.session, null, effects);
    return [[watching], effects];
  },

  on_farewell_replied(i, link) {
    const after = { suspend: "resume", close: "over" }[i.word];
    if (!same(i.attempt, link.attempt) || link.phase !== after)
      return refuse("the reply to a farewell from before the return");
    return [[], classify(i.status) === "taken" ? [] : [V.NotTaken({ word: i.word, status: i.status })]];
  },

  on_watch_replied(i, watching, link) {
    const stale = !watching.words.some((word) => same(word, [i.session, i.serial]));
    if (!is_current(link, i.attempt) || stale)
      return refuse("the reply to what an earlier stream was told, or to a word that is overtaken", watching);
    const kind = classify(i.status);
    if (kind === "taken") return [[watching], []];
    if (kind !== "final" || !watching.sessions.includes(i.session))
      return [[watching], [next(V.Desynced({ attempt: i.attempt, chance: i.chance }))]];
    const sessions = without(watching.sessions, i.session);
    return [[{ ...watching, sessions }], [V.NotWatched({ session: i.session, status: i.status })]];
  },
};
