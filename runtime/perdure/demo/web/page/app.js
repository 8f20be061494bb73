// Puts the page together: two tabs, the charts, the timeline, the accounts, and the server's board.
import { Account, COUNTS, MUST_BE_0 } from "./accounts.js";
import { loadCharts } from "./charts.js";
import { ofAnswer, ofClient, ofFault, ofServer } from "./story.js";
import { Tab } from "./tab.js";
import { Timeline } from "./timeline.js";

const NAMES = { a: "Tab A", b: "Tab B", c: "Tab C", a2: "Copy of A", b2: "Copy of B", c2: "Copy of C", server: "Assistant" };
const BADGES = { a: "A", b: "B", c: "C", a2: "A′", b2: "B′", c2: "C′", server: "server" };
const TALK_EVERY_MS = 1400;
const $ = (id) => document.getElementById(id);
const one = new URLSearchParams(location.search).has("one");
const clients = one ? ["c"] : ["a", "b"];

const load = async (name) => (await fetch(name)).json();
const config = await load("config.json");
const charts = await loadCharts(BADGES);
const timeline = new Timeline($("timeline"), NAMES);
const accounts = Object.fromEntries(clients.map((client) => [client, new Account()]));
const marks = new Map();
const gone = new Set();
const tabs = {};
document.body.dataset.tabs = clients.length;

// -- what the tabs tell ----------------------------------------------------------------------------------------

/** A clock of milliseconds: what was sent is put at their beginning, what came at their end, so that causes stand first. */
const now = (came) => Date.now() / 1000 + (came ? 0.001 : 0);

const told = {
  decided(mark, input, effects) {
    for (const effect of effects) {
      if (effect.type === "OpenStream") marks.set(effect.cid, mark);
      if (effect.type === "Moved" && !gone.has(mark)) charts[effect.machine].move(mark, effect);
    }
    if (input.type === "Started") gone.delete(mark);
    if (input.type === "Started") charts.ClientSession.stand(mark, charts.ClientSession.initial);
    if (input.type === "SendRequested") charts.SendItem.stand(mark, charts.SendItem.initial);
    for (const row of ofClient(input, effects)) timeline.add(now(row.kind === "down"), mark[0], mark, row);
    changed();
  },
  status(client, { state }) {
    news(`status ${client}`, `${NAMES[client]} is ${state === "awaiting" ? "connected" : state}.`);
  },
  struck: (client, fault) => strike(client, fault),
  left(mark) {
    gone.add(mark);
    for (const name of ["ClientSession", "ServerConnection", "SendItem"]) charts[name].leave(mark);
  },
  changed: () => changed(),
};

async function strike(client, fault) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch("strike", { method: "POST", headers, body: JSON.stringify({ client, fault }) });
  trouble(answer.ok ? "" : `The server would not do that: ${(await answer.json()).detail}`);
}

// -- what the server's board tells ------------------------------------------------------------------------------

const heard = {
  trace: ({ t, record }) => ({ server: served, response: answered, credential: answered })[record.side](t, record),
  fault(notice) {
    if (!clients.includes(notice.client)) return;
    const row = ofFault(notice);
    timeline.add(notice.t, notice.client, notice.client, row);
    news(`fault ${notice.client} ${notice.t}`, `${NAMES[notice.client]}: ${row.text}`);
  },
  armed: ({ client, faults }) => tabs[client]?.armed(faults),
  account({ handled, doubled, published }) {
    $("server-account").textContent = `Server: ${handled} handled, ${doubled} twice, ${published} published.`;
  },
};

function served(t, record) {
  const mark = marks.get(record.input.cid);
  if (mark === undefined) return;
  for (const effect of gone.has(mark) ? [] : record.effects) {
    if (effect.type === "Attach") charts.ServerConnection.stand(mark, charts.ServerConnection.initial);
    if (effect.type === "Moved") charts.ServerConnection.move(mark, effect);
  }
  accounts[mark]?.served(record);
  for (const row of ofServer(record)) timeline.add(t, mark[0], mark, row);
  changed();
}

function answered(t, record) {
  if (record.input.type === "CallStarted") charts.ResponseStream.stand("server", charts.ResponseStream.initial);
  for (const effect of record.effects) if (effect.machine === "ResponseStream") charts.ResponseStream.move("server", effect);
  for (const row of ofAnswer(record)) timeline.add(t, "s", "server", row);
}

function watchBoard() {
  const board = new EventSource("board");
  board.onmessage = ({ data }) => {
    const notice = JSON.parse(data);
    heard[notice.kind](notice);
  };
  board.onopen = async () => {
    trouble("");
    // A server that comes again has other proxies.
    if (JSON.stringify(await load("config.json")) !== JSON.stringify(config)) location.reload();
  };
  board.onerror = () => trouble("The demo’s server is not there: start it again with perdure demo --web.");
}

function trouble(text) {
  $("trouble").textContent = text;
  $("trouble").hidden = !text;
}

// -- what is said of it all --------------------------------------------------------------------------------------

let said = "";

/** Tell those who do not see the page, each thing once. */
function news(key, text) {
  if (said === key + text) return;
  said = key + text;
  $("news").textContent = text;
}

const cells = new Map();

function badge(mark) {
  const shown = document.createElement("span");
  Object.assign(shown, { className: "mark", textContent: BADGES[mark] }).dataset.mark = mark;
  return shown;
}

/** The tabs' letters above their columns, and at the ends of the wire with the server between them. */
function makeHeads() {
  const server = document.querySelector(".ends .server");
  clients.forEach((client, place) => {
    const head = document.createElement("th");
    head.scope = "col";
    head.append(badge(client));
    $("counted").append(head);
    server[place ? "after" : "before"](badge(client));
  });
}

function makeCounts() {
  for (const [key, name] of COUNTS) {
    const line = $("counts").insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    line.append(head);
    line.dataset.must = MUST_BE_0.includes(key);
    for (const client of clients) cells.set(`${client} ${key}`, line.insertCell());
  }
}

let due = false;

/** Show the accounts, once for all that changes in one turn. */
function changed() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    for (const client of clients)
      for (const [key] of COUNTS) cells.get(`${client} ${key}`).textContent = accounts[client][key];
    const sums = MUST_BE_0.map((key) => [key, clients.reduce((sum, client) => sum + accounts[client][key], 0)]);
    for (const [key, sum] of sums) {
      $(key).textContent = sum;
      cells.get(`${clients[0]} ${key}`).parentElement.dataset.good = sum === 0;
    }
    $("verdict").dataset.good = sums.every(([, sum]) => sum === 0);
  });
}

// -- begin ---------------------------------------------------------------------------------------------------------

let talking = 0;
let count = 0;

$("talk").addEventListener("change", ({ target }) => {
  clearInterval(talking);
  if (target.checked) talking = setInterval(() => tabs[clients[count % clients.length]].say(`This is number ${++count}.`), TALK_EVERY_MS);
});
$("expire-token").addEventListener("click", () => strike(clients[0], "expire-token"));

makeHeads();
makeCounts();
clients.forEach((client, place) => {
  const about = { client, name: NAMES[client], hubs: config.hubs, session: config.session };
  tabs[client] = new Tab(document.querySelectorAll(".tab")[place], about, accounts[client], told);
});
watchBoard();
changed();
document.body.dataset.ready = "true";
