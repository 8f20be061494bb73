// Replays recorded decisions: node replay.mjs FOLDER FILE.jsonl.gz; exits 1 if rules.js decides any otherwise.
import { createReadStream } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2);
const from = (name) => import(pathToFileURL(`${folder}/${name}`));
const { rules } = await from("rules.js");
const { rules: table } = await from("tables.js");

const isFamily = ([, kind]) => kind !== "one";
const toMap = (items) => new Map(items.map(([key, part]) => [JSON.stringify(key), part]));
const parsed = (specs, parts) => parts.map((part, at) => (isFamily(specs[at]) ? toMap(part) : part));
const unMap = (part) => (part instanceof Map ? [...part].map(([key, one]) => [JSON.parse(key), one]) : part);
const told = ([parts, effects]) => [parts.map(unMap), effects];

function frozen(value) {
  if (value !== null && typeof value === "object") {
    for (const one of value instanceof Map ? value.values() : Object.values(value)) frozen(one);
    if (!(value instanceof Map)) Object.freeze(value);
  }
  return value;
}

const counts = {};
let wrong = 0;
for await (const line of createInterface({ input: createReadStream(file).pipe(createGunzip()) })) {
  const [input, i, parts, expected] = JSON.parse(line);
  const [name, writes, reads] = table[input];
  const given = parsed([...writes, ...reads], parts);
  const before = JSON.stringify(given.map(unMap));
  const decided = told(rules[name](frozen(i), ...given.map(frozen)));
  const changed = JSON.stringify(given.map(unMap)) !== before;
  counts[name] = (counts[name] ?? 0) + 1;
  if (!isDeepStrictEqual(decided, expected) || changed) {
    wrong += 1;
    if (wrong <= 3) console.error(JSON.stringify({ name, changed, i, parts, expected, decided }));
  }
}
console.log(JSON.stringify({ wrong, counts }));
process.exit(wrong ? 1 : 0);
