// The rows of the story as a list: left what concerns tab A, right tab B, the server between them.
import { events } from "./story.js";

const HALVES = { b: "right", s: "both" };
const ROWS_MAX = 400;
const AT_END_PX = 48;
const SIDES = { client: "", server: "server", wire: "network" };

export class Timeline {
  #list;
  #names;
  #runs = new Map();

  constructor(list, names) {
    this.#list = list;
    this.#names = names;
  }

  /** Put a row where its time is, in the order of the clock that all sides share; t in seconds. */
  add(t, lane, mark, row) {
    const run = this.#runs.get(mark);
    if (run && run.goesOn(row)) return;
    this.#runs.delete(mark);
    const item = this.#make(t, lane, mark, row);
    if (row.position) this.#runs.set(mark, new Run(item, row));
    this.#insert(item, t);
  }

  #make(t, lane, mark, { side, kind, text, gen, tone }) {
    const item = document.createElement("li");
    Object.assign(item.dataset, { t, lane, side, kind, tone, mark, half: HALVES[lane] ?? "left" });
    const half = span("half", "");
    half.append(unseen(this.#from(lane, mark, side, kind)), span("what", text));
    if (gen) half.append(span("gen", gen));
    half.append(span("line", ""));
    item.append(time(t), half);
    return item;
  }

  #from(lane, mark, side, kind) {
    const name = this.#names[mark] ?? "";
    if (kind === "up") return `${name} to the server: `;
    if (kind === "down") return `The server to ${name}: `;
    return `${[SIDES[side], name].filter(Boolean).join(", about ")}: `;
  }

  #insert(item, t) {
    const list = this.#list;
    const follows = list.scrollHeight - list.scrollTop - list.clientHeight < AT_END_PX;
    let before = list.lastElementChild;
    while (before && Number(before.dataset.t) > t) before = before.previousElementSibling;
    if (before) before.after(item);
    else list.prepend(item);
    while (list.childElementCount > ROWS_MAX) list.firstElementChild.remove();
    if (follows) list.scrollTop = list.scrollHeight;
  }
}

/** Events that follow each other on one stream, with nothing between them: one row for all. */
class Run {
  constructor(item, { position, last, gen }) {
    Object.assign(this, { item, gen, first: position, last });
  }

  goesOn({ position, last, gen }) {
    if (position !== this.last + 1 || gen !== this.gen) return false;
    this.last = last;
    this.item.querySelector(".what").textContent = events(this.first, last);
    return true;
  }
}

function span(name, text) {
  const one = document.createElement("span");
  one.className = name;
  one.textContent = text;
  return one;
}

const unseen = (text) => span("unseen", text);

function time(t) {
  const one = document.createElement("time");
  const at = new Date(t * 1000);
  one.dateTime = at.toISOString();
  one.textContent = `${String(at.getMinutes()).padStart(2, "0")}:${(at.getSeconds() + at.getMilliseconds() / 1000).toFixed(2).padStart(5, "0")}`;
  return one;
}
