// One tab's side of the talk: a bubble for each thing said, and under one's own what becomes of it.

const BUBBLES_MAX = 300;

export class Talk {
  #box;
  #client;
  #answers = new Map();

  /** In this box; `client` is the letter of who it is that sees it. */
  constructor(box, client) {
    this.#box = box;
    this.#client = client;
  }

  /** What this tab says itself. */
  own(text) {
    return this.#bubble(text, this.#client, "own", "");
  }

  /** What somebody said: another tab, or this one in an earlier life. */
  said(text, who) {
    return who === this.#client ? this.own(text) : this.#bubble(text, who, "other", who.toUpperCase());
  }

  /** Another word of the assistant's answer of this number. */
  word(number, text) {
    if (!this.#answers.has(number)) this.#answers.set(number, this.#bubble("", "assistant", "other", "assistant"));
    this.#answers.get(number).querySelector(".text").textContent += `${text} `;
    this.#follow();
  }

  /** Something about the talk itself. */
  notice(text) {
    this.#bubble(text, "server", "notice", "");
  }

  /** What has become of something said; what was handled stays so, whenever the receipt comes. */
  becomes(bubble, state, text) {
    if (bubble.dataset.state === "handled") return;
    bubble.dataset.state = state;
    bubble.querySelector("small").textContent = text;
    this.#follow();
  }

  #bubble(text, who, kind, by) {
    const item = document.createElement("li");
    item.className = kind;
    item.dataset.who = who;
    item.append(part("span", "by", by), part("span", "text", text), part("small", "", ""));
    const list = this.#box.firstElementChild;
    list.append(item);
    while (list.childElementCount > BUBBLES_MAX) list.firstElementChild.remove();
    this.#follow();
    return item;
  }

  #follow() {
    this.#box.scrollTop = this.#box.scrollHeight;
  }
}

function part(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}
