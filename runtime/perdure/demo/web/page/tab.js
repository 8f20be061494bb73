// One tab: a client of its own, its side of the talk, and the buttons that break what is between.
import { connect, TabIdentity } from "./perdure/perdure.js";
import { pair } from "./story.js";

const SETTINGS = { reconnect_first_s: 0.6, reconnect_cap_s: 3, retry_first_s: 1, retry_cap_s: 4, retries_max: 6 };
const LIMITS = { heartbeat_s: 6, post_s: 10 };
const HINTS = {
  cut: "The stream is cut: the client asks again and misses nothing.",
  "lose-response": "The next send’s answer gets lost: it is repeated under the same key, and handled once.",
  "delay-close": "The stream is cut here at once; the server sees it only when the next one is up, and is not confused.",
  "take-over": "A copied tab comes under the same id: it has the id now, and this tab goes on under another.",
  expire: "Away for longer than the server waits: it forgets the connection, and the session goes on all the same.",
};
const ARMED_BY = { LoseResponse: "lose-response", CutStream: "cut" };
const STATES = { connecting: "connecting", awaiting: "connected", reconnecting: "reconnecting", terminal: "over" };
const BUBBLES_MAX = 300;
const ITEM = { queued: "queued", sending: "sending", retrying: "to be repeated", delivered: "delivered", dropped: "not delivered" };

export class Tab {
  #talk;
  #own = new Map();
  #unbound = [];
  #bubbles = new Map();
  #answers = new Map();
  #tab = Math.random().toString(36).slice(2, 8);
  #count = 0;
  #copy = null;

  /** `told`: decided(mark, input, effects), struck(client, fault), status(client, status), changed(). */
  constructor(section, { client, name, hubs, session }, account, told) {
    Object.assign(this, { section, client, name, hubs, account, told, sessionName: session });
    section.append(document.getElementById("tab").content.cloneNode(true));
    Object.assign(section, { id: `tab-${client}` }).dataset.client = client;
    section.setAttribute("aria-labelledby", `name-${client}`);
    section.querySelector("h2").id = `name-${client}`;
    const mark = section.querySelector("h2 .mark");
    mark.dataset.mark = client;
    mark.textContent = client.toUpperCase();
    section.querySelector(".name").textContent = name;
    this.#talk = section.querySelector(".talk");
    this.#talk.setAttribute("aria-label", `What ${name} sees`);
    this.#wire();
    this.identity = new TabIdentity(`perdure-demo-${client}`);
    this.session = this.#connect(this.hubs[client], this.identity, client, (status) => this.#show(status));
    this.#listen(this.session);
  }

  #connect(hub, identity, mark, onStatus = null) {
    const trace = (input, effects) => this.#decided(mark, input, effects);
    return connect(hub, { session: this.sessionName, identity, settings: SETTINGS, limits: LIMITS, trace, onStatus });
  }

  #wire() {
    const form = this.section.querySelector("form");
    const field = form.elements.text;
    field.setAttribute("aria-label", `What ${this.name} says`);
    const say = (ask) => {
      if (!field.value.trim()) return field.focus();
      this.say(field.value.trim(), ask);
      field.value = "";
      return undefined;
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      say(false);
    });
    form.querySelector(".ask").addEventListener("click", () => say(true));
    for (const button of this.section.querySelectorAll("[data-fault]"))
      button.addEventListener("click", () => this.#press(button.dataset.fault));
  }

  #press(fault) {
    this.hint(HINTS[fault]);
    if (fault === "take-over") this.#takeOver();
    else this.told.struck(this.client, fault);
  }

  hint(text) {
    this.section.querySelector(".hint").textContent = text;
  }

  /** What the network has still to do to this tab. */
  armed(faults) {
    const armed = faults.map((fault) => ARMED_BY[fault]);
    for (const button of this.section.querySelectorAll("[data-fault]"))
      button.setAttribute("aria-pressed", armed.includes(button.dataset.fault));
  }

  /** Say something to all, or ask the assistant. */
  say(text, ask = false) {
    const number = ++this.#count;
    const bubble = this.#bubble(text, this.client, "own");
    this.#own.set(number, bubble);
    this.#unbound.push(bubble);
    this.account.sent += 1;
    const settled = (outcome, why = "") => {
      this.account.settled(number, outcome);
      bubble.dataset.state = outcome;
      if (why) note(bubble, `${outcome}: ${why}`);
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
      if (input.type === "SendRequested") this.#bind(pair(input.key), this.#unbound.shift());
      for (const effect of effects) if (effect.type === "Moved" && effect.machine === "SendItem") this.#item(effect);
    }
    this.told.decided(mark, input, effects);
  }

  #bind(key, bubble) {
    this.#bubbles.set(key, bubble);
    bubble.dataset.state = "queued";
    note(bubble, ITEM.queued);
    this.#follow();
  }

  #item({ instance, target }) {
    const bubble = this.#bubbles.get(pair(instance[1]));
    if (!bubble || bubble.dataset.state === "handled") return;
    bubble.dataset.state = target;
    note(bubble, ITEM[target]);
  }

  #show(status) {
    const { state, attempt, failures, nextTryS, pending, delayed, identity, connectionId } = status;
    const pill = this.section.querySelector(".state");
    pill.dataset.state = state;
    pill.textContent = STATES[state] + (nextTryS === null ? "" : `, again in ${nextTryS.toFixed(1)} s`);
    const more = [`stream ${attempt}`, failures ? `${failures} failed` : "", pending ? `${pending} open` : "", delayed ? "delayed" : ""];
    const renewed = identity === "renewed" ? ["another id since it was taken over"] : [];
    this.section.querySelector(".identity").textContent = [`${connectionId.slice(0, 12)}…`, ...more, ...renewed].filter(Boolean).join(" · ");
    this.told.status(this.client, status);
  }

  // -- what the session brings

  async #listen(session) {
    try {
      for await (const event of session) this.#handed(event);
    } catch (error) {
      this.hint(`This tab’s session is over: ${error.message}`);
    }
  }

  #handed(event) {
    this.account.handed(event, this.#tab);
    const { type, data } = event;
    if (type === "gap") this.#bubble("Some of the talk is gone.", "server", "notice");
    else if (type === "handler-failed") this.#bubble("The server could not handle a send.", "server", "notice");
    else if (data.kind === "answer") this.#word(data);
    else this.#said(data);
    this.told.changed();
  }

  #said({ tab, number, who, text }) {
    const own = tab === this.#tab ? this.#own.get(number) : null;
    const bubble = own ?? this.#bubble(text, who, who === this.client ? "own" : "other");
    bubble.dataset.state = "handled";
    note(bubble, own ? "handled" : "");
  }

  #word({ number, text }) {
    const bubble = this.#answers.get(number) ?? this.#bubble("", "assistant", "other");
    this.#answers.set(number, bubble);
    bubble.querySelector(".text").textContent += `${text} `;
    this.#follow();
  }

  #bubble(text, who, kind) {
    const item = document.createElement("li");
    item.className = kind;
    item.dataset.who = who;
    const said = document.createElement("span");
    said.className = "text";
    said.textContent = text;
    const by = document.createElement("span");
    by.className = "by";
    by.textContent = kind === "other" ? (who.length === 1 ? who.toUpperCase() : who) : "";
    const becomes = document.createElement("small");
    item.append(by, said, becomes);
    const list = this.#talk.firstElementChild;
    list.append(item);
    while (list.childElementCount > BUBBLES_MAX) list.firstElementChild.remove();
    this.#follow();
    return item;
  }

  #follow() {
    this.#talk.scrollTop = this.#talk.scrollHeight;
  }

  // -- a copied tab

  #takeOver() {
    if (this.#copy) return this.#dropCopy();
    const kept = sessionStorage.getItem(this.identity.name);
    const mark = `${this.client}2`;
    const storage = { getItem: () => kept, setItem: () => undefined };
    this.#copy = this.#connect(this.hubs.copy, new TabIdentity(this.identity.name, () => storage), mark);
    this.#sayCopy(`A copy of this tab is ${this.#copy.connectionId.slice(0, 12)}… now.`, "Close the copy");
    return undefined;
  }

  #dropCopy() {
    this.#copy.leave();
    this.#copy = null;
    this.told.left(`${this.client}2`);
    this.#sayCopy("", "Take over");
    this.hint("The copy said goodbye: the server waits for it no longer.");
  }

  #sayCopy(text, button) {
    const told = this.section.querySelector(".copy");
    told.textContent = text;
    told.hidden = !text;
    this.section.querySelector('[data-fault="take-over"]').textContent = button;
  }
}

function note(bubble, text) {
  bubble.querySelector("small").textContent = text;
}
