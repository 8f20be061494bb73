// What goes over the wire as text: ids, attempts, keys, cursors. See PROTOCOL.md.
import { UsageError } from "./errors.js";

const CONNECTION_ID = /^cid-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ENTRY = /^([^:,]+):([A-Za-z0-9_-]{1,64}):([0-9]{1,15})$/;

/** The id in the one case in which it is stored, or null. */
export const connectionId = (text) =>
  typeof text === "string" && CONNECTION_ID.test(text) ? text.toLowerCase() : null;

/** An id that nobody has; crypto.randomUUID is missing on pages that are not secure. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const version = `4${hex.slice(13, 16)}`, variant = `${"89ab"[bytes[8] & 3]}${hex.slice(17, 20)}`;
  return `cid-${hex.slice(0, 8)}-${hex.slice(8, 12)}-${version}-${variant}-${hex.slice(20)}`;
}

/** An attempt or a key. */
export const pairText = ([incarnation, count]) => `${incarnation}.${count}`;

const quoted = (name) =>
  encodeURIComponent(name).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

/** The cursor token; what stands before its first event has no entry. */
export const cursorText = (cursors) =>
  cursors
    .filter(([, [epoch]]) => epoch !== null)
    .map(([session, [epoch, position]]) => `${quoted(session)}:${epoch}:${position}`)
    .join(",");

/** The entry of the session that an event belongs to, the first of its id: [session, [epoch, position]]. */
export function ownCursor(id, sessions) {
  const found = ENTRY.exec(id.split(",")[0]);
  const session = found && decodeURIComponent(found[1]);
  if (!found || !sessions.has(session)) throw new Error(`the id ${id.slice(0, 80)} names no session that was asked for`);
  return [session, [found[2], Number(found[3])]];
}

/** The name, if a session may be called so. */
export function sessionName(name) {
  const characters = typeof name === "string" ? [...name].length : 0;
  if (characters > 0 && characters <= 200 && !/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(name)) return name;
  throw new UsageError(`${String(name).slice(0, 60)} is no session name`, { hint: "give 1 to 200 printable characters" });
}

/** Retry-After in seconds from now, of either form; null where there is none. */
export function retryAfter(text) {
  if (!text) return null;
  const seconds = /^[0-9]+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 86_400) : null;
}
