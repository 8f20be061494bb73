// Who a client is: an id that a tab makes once and keeps while it lives, and the incarnation of this life.
import { connectionId, newId } from "./wire.js";

const CHANCE = 2 ** 20;
const LAST = 2 ** 53 - 2 * CHANCE;

/** A later life's number: the count of lives, then chance, so that two copies of a tab make no equal keys. */
function nextIncarnation(latest) {
  const [random] = crypto.getRandomValues(new Uint32Array(1));
  return (Math.floor(latest / CHANCE) + 1) * CHANCE + (random % CHANCE);
}

/** Keeps the identity in the tab's sessionStorage; where that fails, in memory, and `kept` is false. */
export class TabIdentity {
  kept = true;
  #latest = null;

  constructor(name = "perdure", storage = () => globalThis.sessionStorage) {
    this.name = name;
    this.storage = storage;
  }

  /** Begin another life: {cid, incarnation}, written down before it is used. */
  start() {
    const { cid, incarnation } = this.#latest ?? this.#read() ?? { cid: newId(), incarnation: 0 };
    return this.#keep({ cid, incarnation: nextIncarnation(incarnation) });
  }

  /** Go by another id of our own from now on; one that the server made is none to come back with. */
  renamed(cid, why) {
    if (why === "taken over") this.#keep({ cid, incarnation: this.#latest.incarnation });
  }

  #read() {
    return this.#trying(() => {
      const { cid, incarnation } = JSON.parse(this.storage().getItem(this.name) ?? "{}");
      const known = connectionId(cid);
      return known && Number.isSafeInteger(incarnation) && incarnation > 0 && incarnation < LAST
        ? { cid: known, incarnation }
        : null;
    });
  }

  #keep(identity) {
    this.#latest = identity;
    this.#trying(() => this.storage().setItem(this.name, JSON.stringify(identity)));
    return identity;
  }

  #trying(work) {
    try {
      return work();
    } catch (error) {
      if (this.kept) console.warn(`perdure: this tab keeps no id (${error}), so a reload comes back under another`);
      this.kept = false;
      return null;
    }
  }
}
