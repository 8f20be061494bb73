// What one tab counts, from its client's decisions and from what it was handed. Counts; decides nothing.

export const COUNTS = [
  ["sent", "sends"],
  ["delivered", "delivered"],
  ["failed", "failed"],
  ["uncertain", "uncertain"],
  ["retries", "retries"],
  ["suppressed", "duplicates suppressed"],
  ["reconnects", "streams opened again"],
  ["resumes", "resumed by the server"],
  ["gaps", "gaps"],
  ["events", "events handed over"],
  ["lost", "lost"],
  ["doubled", "doubled"],
  ["wrong", "told wrongly"],
];
export const MUST_BE_0 = ["lost", "doubled", "wrong"];

export class Account {
  sent = 0;
  retries = 0;
  reconnects = 0;
  resumes = 0;
  gaps = 0;
  suppressed = 0;
  events = 0;
  #outcomes = new Map();
  #echoed = new Map();
  #latest = 0;
  #streams = 0;
  #next = 1;
  #holes = 0;
  #repeats = 0;

  /** A decision of the client. */
  decided(_input, effects) {
    for (const effect of effects) {
      if (effect.type === "OpenStream") this.reconnects = this.#streams++;
      if (effect.type === "Moved" && effect.target === "retrying") this.retries += 1;
    }
  }

  /** A decision of the server about this tab's connection. */
  served({ effects }) {
    for (const effect of effects) {
      if (effect.type === "Attach" && effect.resumed) this.resumes += 1;
      if (effect.type === "Answer") this.suppressed += effect.verdicts.filter(([, said]) => said === "duplicate").length;
    }
  }

  /** What became of this tab's send of this number: delivered, failed or uncertain. */
  settled(number, outcome) {
    this.#outcomes.set(number, outcome);
  }

  /** What the session handed over: each position once, in order, unless a gap was told. */
  handed({ type, position, data }, tab) {
    if (type === "gap") {
      this.gaps += 1;
      this.#next = position + 1;
      return;
    }
    this.events += 1;
    this.#holes += Math.max(position - this.#next, 0);
    this.#repeats += position < this.#next;
    this.#next = Math.max(this.#next, position + 1);
    if (data?.kind === "said" && data.tab === tab) {
      this.#echoed.set(data.number, (this.#echoed.get(data.number) ?? 0) + 1);
      this.#latest = Math.max(this.#latest, data.number);
    }
  }

  #with(outcome) {
    return [...this.#outcomes].filter(([, one]) => one === outcome).map(([number]) => number);
  }

  get delivered() {
    return this.#with("delivered").length;
  }

  get failed() {
    return this.#with("failed").length;
  }

  get uncertain() {
    return this.#with("uncertain").length;
  }

  /** Holes between events; and sends that were told delivered, of which a later one has come back and they not. */
  get lost() {
    return this.#holes + this.#with("delivered").filter((number) => number < this.#latest && !this.#echoed.has(number)).length;
  }

  get doubled() {
    return this.#repeats + [...this.#echoed.values()].reduce((sum, times) => sum + times - 1, 0);
  }

  /** Sends that were told failed, and were handled all the same. */
  get wrong() {
    return this.#with("failed").filter((number) => this.#echoed.has(number)).length;
  }
}
