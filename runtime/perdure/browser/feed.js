// The one way to a decision: finds the rule of an input and the parts that it sees, and keeps what it decides.
import { rules } from "./rules.js";
import { rules as sees } from "./tables.js";
import { keyOf, textOf } from "./values.js";

export class Feed {
  #families = new Map();
  #queue = [];
  #following = [];
  #busy = false;

  /** `perform(effect, cargo)` performs one effect at once, and must not throw. `trace(input, effects)`. */
  constructor(settings, perform, trace) {
    this.perform = perform;
    this.trace = trace;
    this.family("client settings").set("[]", settings);
  }

  family(name) {
    if (!this.#families.has(name)) this.#families.set(name, new Map());
    return this.#families.get(name);
  }

  part(name, ...key) {
    return this.family(name).get(textOf(key)) ?? null;
  }

  /** Decide and perform, then what was fed meanwhile. */
  feed(i, cargo = null) {
    this.#queue.push([i, cargo]);
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#queue.length) this.#decide(...this.#queue.shift());
    } finally {
      this.#busy = false;
    }
  }

  /** For the performer: feed this after the effects of this decision, and before any other. */
  follow(i) {
    this.#following.push([i, null]);
  }

  #decide(i, cargo) {
    const [name, changes, reads] = sees[i.type];
    const seen = [...changes, ...reads].map((spec) => this.#gather(i, spec));
    const [parts, effects] = rules[name](i, ...seen);
    changes.forEach((spec, at) => this.#store(i, spec, seen[at], parts[at]));
    this.trace?.(i, effects);
    for (const effect of effects) this.perform(effect, cargo);
    this.#queue.unshift(...this.#following.splice(0));
  }

  #gather(i, [name, kind, by, more]) {
    const family = this.family(name);
    if (kind === "one") return family.get(textOf(by.map((field) => i[field]))) ?? null;
    if (kind === "each") return new Map(i[more].map((one) => [textOf([one]), family.get(textOf([one])) ?? null]));
    const matches = (key) => by.every((field, at) => key[more[at]] === i[field]);
    return new Map([...family].filter(([key]) => matches(keyOf(key))));
  }

  #store(i, [name, kind, by], before, after) {
    const family = this.family(name);
    const put = (key, part) => (part === null || part === undefined ? family.delete(key) : family.set(key, part));
    if (kind === "one") return put(textOf(by.map((field) => i[field])), after);
    if (kind === "every") for (const key of before.keys()) if (!after.has(key)) family.delete(key);
    for (const [key, part] of after) put(key, part);
    return undefined;
  }
}
