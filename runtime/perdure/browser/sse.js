// Server-sent events from text, as the WHATWG interprets them; what is parsed depends on no chunk's border.

/** Gives each chunk's items: {event, data, id}, {comment} or {retry_s}. Throws RangeError over the bound. */
export class Parser {
  #line = "";
  #after_cr = false;
  #data = [];
  #event = "";
  #id = "";
  #size = 0;

  constructor(characters_max) {
    this.characters_max = characters_max;
  }

  feed(text) {
    if (this.#after_cr && text) {
      this.#after_cr = false;
      if (text[0] === "\n") text = text.slice(1);
    }
    const items = [];
    const lines = text.split(/\r\n|\n|\r/);
    if (text.endsWith("\r")) this.#after_cr = true;
    lines[0] = this.#line + lines[0];
    this.#line = lines.pop();
    for (const line of lines) {
      const item = this.#take(line);
      if (item) items.push(item);
    }
    this.#bound(this.#line.length);
    return items;
  }

  #bound(more) {
    if (this.#size + more > this.characters_max) throw new RangeError("an event is larger than this client takes");
  }

  #take(line) {
    if (line === "") return this.#block();
    const at = line.indexOf(":");
    if (at === 0) return { comment: line.slice(1) };
    this.#bound(line.length);
    this.#size += line.length;
    const [name, rest] = at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
    return this.#field(name, rest.startsWith(" ") ? rest.slice(1) : rest);
  }

  #field(name, value) {
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^[0-9]+$/.test(value)) return { retry_s: Math.min(Number(value), 2 ** 31 - 1) / 1000 };
    return null;
  }

  #block() {
    const item = this.#data.length
      ? { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id }
      : null;
    this.#data = [];
    this.#event = "";
    this.#size = 0;
    return item;
  }
}
