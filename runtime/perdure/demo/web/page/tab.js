// One tab: a client of its own, its side of the talk, and the buttons that break what is between.
import { connect, TabIdentity } from "./perdure/perdure.js";
import { pair } from "./story.js";
import { Talk } from "./talk.js";

const SETTINGS = { reconnect_first_s: 0.6, reconnect_cap_s: 3, retry_first_s: 1, retry_cap_s: 4, retries_max: 6 };
const LIMITS = { heartbeat_s: 6, post_s: 10 };
const HINTS = {
  cut: "The stream is cut: the client asks again and misses nothing.",
  "lose-response": "The next send’s answer gets lost: it is repeated under the same key, and handled once.",
  "delay-close": "The stream is cut here at once; the server sees it only when the next one is up, and is not confused.",
  "take-over": "A copied tab comes under the same id: it has the id now, and this tab goes on under another.",
  expire: "Away for longer than the server waits: it forgets the connection, and the session goes on all the same.",
};
const ARMS = { "lose-response": "LoseResponse", cut: "CutStream" };
const STATES = { connecting: "connecting", awaiting: "connected", reconnecting: "reconnecting", terminal: "over" };
const ITEM = { queued: "queued", sending: "sending", retrying: "to be repeated", delivered: "delivered", dropped: "not delivered" };

export class Tab {
  #talk;
  #own = new Map();
  #unbound = [];
  #bubbles = new Map();
  #tab = Math.random().toString(36).slice(2, 8);
  #count = 0;
  #copy = null;

  /** `told`: decided(mark, input, effects), struck(client, fault), status(client, status), left(mark), changed(). */
  constructor(section, { client, name, hubs, session }, account, told) {
    Object.assign(this, { section, client, name, hubs, account, told, sessionName: session });
    this.#furnish();
    this.#wire();
    this.identity = new TabIdentity(`perdure-demo-${client}`);
    this.session = this.#connect(this.hubs[client], this.identity, client, (status) => this.#show(status));
    this.#listen();
  }

  #connect(hub, identity, mark, onStatus = null) {
    const trace = (input, effects) => this.#decided(mark, input, effects);
    return connect(hub, { session: this.sessionName, identity, settings: SETTINGS, limits: LIMITS, trace, onStatus });
  }

  #furnish() {
    const { section, client, name } = this;
    section.append(document.getElementById("tab").content.cloneNode(true));
    Object.assign(section, { id: `tab-${client}` }).dataset.client = client;
    section.setAttribute("aria-labelledby", `name-${client}`);
    section.querySelector("h2").id = `name-${client}`;
    Object.assign(this.#part(".mark"), { textContent: client.toUpperCase() }).dataset.mark = client;
    this.#part(".name").textContent = name;
    this.#part("input").setAttribute("aria-label", `What ${name} says`);
    this.#part(".talk").setAttribute("aria-label", `What ${name} sees`);
    this.#talk = new Talk(this.#part(".talk"), client);
  }

  #part(selector) {
    return this.section.querySelector(selector);
  }

  #wire() {
    this.#part("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#sayField(false);
    });
    this.#part(".ask").addEventListener("click", () => this.#sayField(true));
    for (const button of this.section.querySelectorAll("[data-fault]"))
      button.addEventListener("click", () => this.#press(button.dataset.fault));
  }

  #sayField(ask) {
    const field = this.#part("input");
    const text = field.value.trim();
    field.value = "";
    if (text) this.say(text, ask);
    else field.focus();
  }

  #press(fault) {
    this.hint(HINTS[fault]);
    if (fault !== "take-over") this.told.struck(this.client, fault);
    else if (this.#copy) this.#dropCopy();
    else this.#takeOver();
  }

  hint(text) {
    this.#part(".hint").textContent = text;
  }

  /** What the network has still to do to this tab. */
  armed(faults) {
    for (const [name, fault] of Object.entries(ARMS))
      this.#part(`[data-fault="${name}"]`).setAttribute("aria-pressed", faults.includes(fault));
  }

  /** Say something to all, or ask the assistant. */
  say(text, ask = false) {
    const number = ++this.#count;
    const bubble = this.#talk.own(text);
    this.#own.set(number, bubble);
    this.#unbound.push(bubble);
    this.account.sent += 1;
    const settled = (outcome, why = "") => {
      this.account.settled(number, outcome);
      this.#talk.becomes(bubble, outcome, why ? `${outcome}: ${why}` : outcome);
      this.told.changed();
    };
    this.session.send({ tab: this.#tab, number, who: this.client, text, ask }).then(
      () => settled("delivered"),
      (error) => settled(error.name === "SendUncertain" ? "uncertain" : "failed", error.why ?? error.message),
    );
  }

  // -- what the client tells

  #decided(mark, input, effects) {
    if (mark === this.client) {
      this.account.decided(input, effects);
      if (input.type === "SendRequested") this.#bind(pair(input.key));
      for (const effect of effects) if (effect.type === "Moved" && effect.machine === "SendItem") this.#item(effect);
    }
    this.told.decided(mark, input, effects);
  }

  #bind(key) {
    this.#bubbles.set(key, this.#unbound.shift());
    this.#talk.becomes(this.#bubbles.get(key), "queued", ITEM.queued);
  }

  #item({ instance, target }) {
    this.#talk.becomes(this.#bubbles.get(pair(instance[1])), target, ITEM[target]);
  }

  #show(status) {
    const { state, attempt, failures, nextTryS, pending, delayed, identity, connectionId } = status;
    const pill = this.#part(".state");
    pill.dataset.state = state;
    pill.textContent = STATES[state] + (nextTryS === null ? "" : `, again in ${nextTryS.toFixed(1)} s`);
    const more = [`stream ${attempt}`, failures ? `${failures} failed` : "", pending ? `${pending} open` : "", delayed ? "delayed" : ""];
    const renewed = identity === "renewed" ? "another id since it was taken over" : "";
    this.#part(".identity").textContent = [`${connectionId.slice(0, 12)}…`, ...more, renewed].filter(Boolean).join(" · ");
    this.told.status(this.client, status);
  }

  // -- what the session brings

  async #listen() {
    try {
      for await (const event of this.session) this.#handed(event);
    } catch (error) {
      this.hint(`This tab’s session is over: ${error.message}`);
    }
  }

  #handed(event) {
    this.account.handed(event, this.#tab);
    const { type, data } = event;
    if (type === "gap") this.#talk.notice("Some of the talk is gone.");
    else if (type === "handler-failed") this.#talk.notice("The server could not handle a send.");
    else if (data.kind === "answer") this.#talk.word(data.number, data.text);
    else this.#said(data);
    this.told.changed();
  }

  #said({ tab, number, who, text }) {
    const own = tab === this.#tab ? this.#own.get(number) : null;
    this.#talk.becomes(own ?? this.#talk.said(text, who), "handled", own ? "handled" : "");
  }

  // -- a copied tab

  #takeOver() {
    const kept = sessionStorage.getItem(this.identity.name);
    const storage = { getItem: () => kept, setItem: () => undefined };
    const identity = new TabIdentity(this.identity.name, () => storage);
    this.#copy = this.#connect(this.hubs.copy, identity, `${this.client}2`);
    this.#sayCopy(`A copy of this tab is ${this.#copy.connectionId.slice(0, 12)}… now.`, "Close the copy");
  }

  #dropCopy() {
    this.#copy.leave();
    this.#copy = null;
    this.told.left(`${this.client}2`);
    this.#sayCopy("", "Take over");
    this.hint("The copy said goodbye: the server waits for it no longer.");
  }

  #sayCopy(text, button) {
    Object.assign(this.#part(".copy"), { textContent: text, hidden: !text });
    this.#part('[data-fault="take-over"]').textContent = button;
  }
}
