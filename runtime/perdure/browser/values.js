// Plain values: what the core calls parts, inputs and effects, with the core's own names and defaults.
import { values } from "./tables.js";

const make = (type, fields) => (given = {}) => {
  const value = { type };
  for (const [name, ...otherwise] of fields) {
    if (name in given) value[name] = given[name];
    else if (otherwise.length) value[name] = otherwise[0];
    else throw new TypeError(`${type} needs ${name}`);
  }
  return value;
};

/** One function for each type: V.Link({phase: "open"}) has the other fields' defaults. */
export const V = Object.fromEntries(Object.entries(values).map(([type, fields]) => [type, make(type, fields)]));

/** A part's key as the text that a Map can find it by, and back. */
export const textOf = JSON.stringify;
export const keyOf = JSON.parse;

/** Whether two values made of JSON are equal. */
export const same = (a, b) => a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));

/** Before the first event of whatever log there is. A cursor is [epoch, position]. */
export const START = [null, 0];
