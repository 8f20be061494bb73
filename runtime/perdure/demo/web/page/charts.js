// The charts, with what stands where. The drawings are written from the charts that run; this only lights them.

const FILES = {
  ClientSession: "client_session.svg",
  ServerConnection: "server_connection.svg",
  SendItem: "send_item.svg",
  ResponseStream: "response_stream.svg",
};
const FLASH_MS = 1400;

/** One drawing: which mark (a tab's letter) stands in which state, and which arrow was taken last. */
class Chart {
  #svg;
  #said;
  #states = new Map();
  #flashes = new Map();
  #names;

  constructor(figure, svg, names) {
    this.#svg = svg;
    this.#names = names;
    this.title = figure.querySelector("h2").textContent;
    svg.setAttribute("role", "img");
    svg.querySelectorAll("title").forEach((title) => title.parentNode.setAttribute("aria-hidden", "true"));
    this.#said = document.createElement("p");
    this.#said.className = "stands";
    figure.append(svg, this.#said);
    this.#show();
  }

  get initial() {
    return this.#svg.dataset.initial;
  }

  /** A mark stands in a state now. */
  stand(mark, state, event = "") {
    this.#states.set(mark, { state, event });
    this.#show();
  }

  /** A mark went along an arrow, or stayed where it is. */
  move(mark, { source, target, event }) {
    this.stand(mark, target, event);
    const way = `[data-source="${CSS.escape(source)}"][data-target="${CSS.escape(target)}"]`;
    const shape = this.#svg.querySelector(source === target ? `[data-state="${CSS.escape(target)}"]` : way);
    shape.dataset.taken = mark;
    clearTimeout(this.#flashes.get(shape));
    this.#flashes.set(shape, setTimeout(() => delete shape.dataset.taken, FLASH_MS));
  }

  leave(mark) {
    this.#states.delete(mark);
    this.#show();
  }

  #show() {
    for (const shape of this.#svg.querySelectorAll("[data-state]")) {
      const here = [...this.#states].filter(([, { state }]) => state === shape.dataset.state).map(([mark]) => mark);
      shape.dataset.lit = here.join(" ");
    }
    const said = [...this.#states].map(([mark, { state, event }]) => [this.#names[mark] ?? mark, state, event, mark]);
    this.#svg.setAttribute("aria-label", `${this.title}: ${said.map(([name, state]) => `${name} ${state}`).join(", ") || "idle"}`);
    this.#said.replaceChildren(...said.map(stands));
    if (!said.length) this.#said.textContent = "idle";
  }
}

function stands([name, state, event, mark]) {
  const one = document.createElement("span");
  const badge = document.createElement("span");
  badge.className = "mark";
  badge.dataset.mark = mark;
  badge.textContent = name;
  one.append(badge, ` ${state}`);
  if (event) {
    const how = document.createElement("small");
    how.textContent = ` by ${event}`;
    one.append(how);
  }
  return one;
}

/** Loads all drawings into their figures: a chart for each name. */
export async function loadCharts(names) {
  const load = async ([name, file]) => {
    const text = await (await fetch(`charts/${file}`)).text();
    const drawn = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    return [name, new Chart(document.getElementById(name), document.importNode(drawn, true), names)];
  };
  return Object.fromEntries(await Promise.all(Object.entries(FILES).map(load)));
}
