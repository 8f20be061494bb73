// A server of an event stream as people write one with Node alone: its events in several lines, comments, a cut.
import { createServer } from "node:http";

let state = { version: 1 };
const log = [];
const open = new Set();
let streams = 0;

const frame = ({ id, event }) => {
  const lines = JSON.stringify(event, null, 2).split("\n").map((line) => `data:${line}\n`);
  return `${lines.join("")}id:${id}\n\n`;
};

function stream(request, response) {
  streams += 1;
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" });
  response.write(":\n\n");
  const last = request.headers["last-event-id"];
  if (last !== undefined) for (const one of log.slice(Number(last) - 1)) response.write(frame(one));
  const beat = setInterval(() => response.write(": still here\n"), 100);
  open.add(response);
  response.on("close", () => (clearInterval(beat), open.delete(response)));
}

function step(fields) {
  const event = { version: state.version + 1, ...fields };
  state = { ...state, ...event };
  log.push({ id: String(event.version), event });
  for (const response of open) response.write(frame(log.at(-1)));
}

createServer(async (request, response) => {
  const chunks = await request.toArray();
  if (request.url === "/events") return stream(request, response);
  if (request.url === "/step") step(JSON.parse(Buffer.concat(chunks)));
  if (request.url === "/cut") for (const one of open) one.destroy();
  response.setHeader("content-type", "application/json");
  if (request.url === "/state") return response.end(JSON.stringify({ ...state, cursor: String(state.version) }));
  response.end(request.url === "/streams" ? String(streams) : "{}");
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
