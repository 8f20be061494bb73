// Decisions, told as rows of the timeline: what crosses the wire, and what either side makes of it. Pure.
//
// A row: {side, kind, text, gen, tone}. side: "client", "server" or "wire"; kind: "up", "down" or "note", where
// "up" and "down" are arrows; gen: the generation that it carries; tone: "plain", "good", "fence" or "bad"; events have the positions of the first and the last, too.

const LIFE = 2 ** 20;
const row = (side, kind, text, gen = "", tone = "plain") => ({ side, kind, text, gen, tone });

/** An attempt or a key as people read it: the life, without its chance, and the count. */
export const pair = ([incarnation, count]) => `${Math.floor(incarnation / LIFE)}.${count}`;

const list = (items) => (items.length < 4 ? items.join(", ") : `${items[0]} to ${items[items.length - 1]}`);
/** Events by their positions. */
export const events = (first, last) => (first === last ? `event ${first}` : `events ${first} to ${last}`);
const seconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
const short = (cid) => cid.slice(0, 8);

/** Verdicts as [key, what was said of it], in words. */
function grouped(verdicts) {
  const kinds = new Map();
  for (const [key, said] of verdicts) kinds.set(said, [...(kinds.get(said) ?? []), pair(key)]);
  return [...kinds].map(([said, keys]) => `${said} ${list(keys)}`).join("; ");
}

// -- the client's side ---------------------------------------------------------------------------------------

const HEARD = {
  Welcomed: ({ attempt }) => row("client", "down", "welcome", pair(attempt), "good"),
  EventArrived: (i) => arrived(i),
  GapArrived: ({ attempt, position }) => row("client", "down", `gap, snapshot up to ${position}`, pair(attempt), "bad"),
  EndArrived: ({ attempt, outcome }) => row("client", "down", `end: ${outcome}`, pair(attempt)),
  TakenOver: ({ attempt }) => row("client", "down", "end: taken over", pair(attempt), "bad"),
  StreamLost: ({ attempt, status }) => row("client", "note", `stream lost${status > 200 ? `: ${status}` : ""}`, pair(attempt), "bad"),
  PostReplied: (i) => replied(i),
  WatchReplied: ({ attempt, status }) => row("client", "down", `answer ${status}`, pair(attempt)),
};

function arrived({ attempt, position, count = 1 }) {
  const last = position + count - 1;
  return { ...row("client", "down", events(position, last), pair(attempt)), position, last };
}

function replied({ status, verdicts }) {
  if (verdicts.length) return row("client", "down", `receipts: ${grouped(verdicts)}`, "", "good");
  return row("client", "note", status ? `send answered with ${status}` : "send without an answer", "", "bad");
}

const ASKED = {
  OpenStream: ({ attempt, cursors }) => row("client", "up", `GET stream${from(cursors)}`, pair(attempt)),
  Post: ({ keys, attempt }) => row("client", "up", `POST send ${list(keys.map(pair))}`, pair(attempt)),
  SayGoodbye: ({ attempt }) => row("client", "up", "POST close", pair(attempt)),
  SaySuspended: ({ attempt }) => row("client", "up", "POST suspend", pair(attempt)),
  Tell: ({ attempt, cursor }) => row("client", "up", cursor === null ? "POST unwatch" : "POST watch", pair(attempt)),
  StartTimer: (effect) => row("client", "note", `${WAITS[effect.due.type]} in ${seconds(effect.seconds)}`),
  Renamed: ({ cid }) => row("client", "note", `goes on as ${short(cid)}…`, "", "fence"),
  Settled: ({ key, outcome, why }) =>
    outcome === "delivered" ? null : row("client", "note", `send ${pair(key)} ${outcome}: ${why}`, "", "bad"),
  Refused: ({ why }) => row("client", "note", `changes nothing: ${why}`, "", "fence"),
};
const WAITS = { ReconnectDue: "asks again", RetryDue: "repeats" };
const from = ([[, [epoch, position]]]) => (epoch === null ? " from the start" : ` from ${position + 1}`);

/** Rows of one decision of a client. */
export function ofClient(input, effects) {
  const told = effects.map((effect) => ASKED[effect.type]?.(effect));
  return [HEARD[input.type]?.(input), ...told].filter(Boolean);
}

// -- the server's side ---------------------------------------------------------------------------------------

const TAKEN = {
  StreamClosed: ({ generation }) => row("server", "note", "sees the stream closed", pair(generation)),
  StreamStalled: ({ generation }) => row("server", "note", "nobody reads the stream", pair(generation), "bad"),
  GraceElapsed: ({ generation }) => row("server", "note", "grace is over", pair(generation), "bad"),
  CloseRequested: ({ attempt }) => row("server", "note", "the client is done", pair(attempt)),
  SuspendRequested: ({ attempt }) => row("server", "note", "the client will be away", pair(attempt)),
};
const DONE = {
  Attach: ({ generation, resumed }) =>
    row("server", "note", resumed ? "knows it: resumed" : "a new connection", pair(generation), resumed ? "good" : "plain"),
  CutStream: ({ generation, reason }) => row("server", "note", `ends the old stream: ${reason}`, pair(generation), "fence"),
  StartGrace: (effect) => row("server", "note", `waits ${seconds(effect.seconds)} for it`, pair(effect.due.generation)),
  CancelGrace: ({ due }) => row("server", "note", "waits no longer: it is back", pair(due.generation), "good"),
  Answer: ({ verdicts }) => row("server", "note", grouped(verdicts), "", verdicts.some(([, said]) => said === "duplicate") ? "fence" : "plain"),
  Reject: ({ status, problem }) => row("server", "note", `answers ${status} ${problem}`, "", "bad"),
  Detached: () => row("server", "note", "nobody drives the session now"),
  Refused: ({ why }) => row("server", "note", `changes nothing: ${why}`, "", "fence"),
};

/** Rows of one decision of the server, as its trace has it. */
export function ofServer({ input, effects }) {
  const told = effects.map((effect) => DONE[effect.type]?.(effect));
  return [TAKEN[input.type]?.(input), ...told].filter(Boolean);
}

// -- the assistant's answer ----------------------------------------------------------------------------------

const ANSWERS = {
  OpenAttempt: ({ attempt }) => row("server", "note", "assistant: asks its model", String(attempt)),
  Discard: () => row("server", "note", "assistant: forgets the start that came before the refusal", "", "fence"),
  RejectToken: () => row("server", "note", "assistant: 401, the token is dead", "", "bad"),
  SurfaceError: () => row("server", "note", "assistant: the error comes through", "", "bad"),
  FinishCall: () => row("server", "note", "assistant: the answer is whole", "", "good"),
  RefreshToken: () => row("server", "note", "assistant: refreshes the token"),
  UseToken: () => row("server", "note", "assistant: has another token", "", "good"),
  GiveUpToken: () => row("server", "note", "assistant: there is no other token", "", "bad"),
};

/** Rows of one decision about an answer, or about its credential. */
export const ofAnswer = ({ effects }) => effects.map((effect) => ANSWERS[effect.type]?.(effect)).filter(Boolean);

// -- the network ---------------------------------------------------------------------------------------------

const STRUCK = {
  cut: "the stream is cut",
  "response lost": "the response is lost",
  held: "the request is held",
  "let on": "the request goes on",
  "close delayed": "the close is held",
  "server told": "only now the close gets through",
  "server unreachable": "the server cannot be reached",
};

/** The row of something that a proxy did. */
export const ofFault = ({ what, where }) => row("wire", "note", `${STRUCK[what] ?? what} (${where})`, "", "bad");
