"""The runtime beside sse-starlette, httpx-sse, python-socketio and bare POSTs, in one run on this machine.

    python tests/benchmarks/runtime_speed.py [--quick] [--floor FACTOR] [--write]

Each server is a uvicorn (asyncio, h11) in a process of its own, each client another; sockets are real, the
payloads the same. The tools take turns, with fresh processes each time, and the median of each counts. Every
client checks what it gets: an event or a send that is lost, doubled or out of order fails the run. The peers
run in an environment of their own, made at the first run. `--write` writes docs/benchmarks/runtime_speed.*,
and the README's figures from it. Exit code 1 says that a required ratio was missed: that it is below FACTOR
(1 by default) times what is required. Less than 1 is for machines that have other things to do.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeAlias

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.checker_speed import machine  # noqa: E402 - found through the line above
from tests.benchmarks.runtime.figures import Cost, bars, line, put, table  # noqa: E402
from tests.benchmarks.runtime.idle import held, raise_files_limit  # noqa: E402
from tests.benchmarks.runtime.processes import measure, peer_python  # noqa: E402
from tests.benchmarks.speed.chart import svg  # noqa: E402

MICRO = 1e6
FOUND = ("seconds", "server_cpu_s", "client_cpu_s")
SSE, SOCKETIO, POST = "sse-starlette + httpx-sse", "python-socketio", "httpx2 POST"
AT_ONCE = "python-socketio, at once"


class Sizes(NamedTuple):
    """How much is measured, and how often each tool takes its turn."""

    events: int
    sends: int
    lone: int
    turns: int
    clients: int
    ticks: int
    idle: int
    grown: tuple[int, ...]


QUICK = Sizes(3_000, 1_000, 300, 2, 200, 16, 500, (100, 1_000))
WHOLE = Sizes(10_000, 3_000, 600, 5, 1_000, 40, 1_000, (100, 1_000, 5_000))
TICK_MS = 250


Tools: TypeAlias = dict[str, tuple[str, str, float | None]]
"""By a tool's name: its side, what that runs, and the multiple of perdure's cost that is required of it."""


class Contest(NamedTuple):
    """One measure: what each tool runs for it, and its numbers."""

    title: str
    tools: Tools
    numbers: tuple[int, ...]


def contests(sizes: Sizes) -> list[Contest]:
    """What is measured in µs each."""
    readers: Tools = {
        "perdure": ("perdure", "events", None),
        SSE: ("sse", "events", 3.0),
        SOCKETIO: ("socketio", "events", 8.0),
    }
    paused: Tools = {tool: (side, what, None) for tool, (side, what, _) in readers.items()}
    senders: Tools = {
        "perdure": ("perdure", "sends", None),
        SOCKETIO: ("socketio", "sends", 5.0),
        AT_ONCE: ("socketio", "at_once", None),
        POST: ("post", "sends", 5.0),
    }
    lone: Tools = {
        "perdure": ("perdure", "lone", None),
        POST: ("post", "lone", 1 / 1.3),
        SOCKETIO: ("socketio", "lone", None),
    }
    rounds = 3
    return [
        Contest("an event to one reader", readers, (sizes.events, rounds, 0)),
        Contest("the same, with pauses", paused, (sizes.events, rounds, 1)),
        Contest("an ordered, acknowledged send", senders, (sizes.sends, 2)),
        Contest("a lone send's latency", lone, (sizes.lone,)),
    ]


def contest(one: Contest, turns: int) -> list[Cost]:
    """Let the tools take turns; the median of each counts, since machines have moods."""
    runs: dict[str, list[tuple[float, ...]]] = {tool: [] for tool in one.tools}
    for _ in range(turns):
        for tool, (side, what, _required) in one.tools.items():
            found = measure(side, what, *one.numbers)
            runs[tool].append(tuple(found[name] * MICRO for name in FOUND))
    costs = []
    for tool, (_, _, required) in one.tools.items():
        seconds, server, client = (median(amounts) for amounts in zip(*runs[tool], strict=True))
        costs.append(Cost(one.title, tool, seconds, "µs", required, (server, client)))
    return costs


def cut_at_once(sizes: Sizes) -> tuple[list[Cost], str]:
    """Clients that are cut at once; returns what was lost on the way as well. Raises RuntimeError."""
    costs, told = [], []
    for tool, side in {"perdure": "perdure", SOCKETIO: "socketio"}.items():
        found = measure(side, "cut", sizes.clients, sizes.ticks, TICK_MS)
        if found["cut"] < sizes.clients or (side == "perdure" and found["lost"] + found["doubled"]):
            raise RuntimeError(f"{tool}: {found}")
        title = f"{sizes.clients:,} clients cut at once, all back after"
        costs.append(Cost(title, tool, found["seconds"] * 1000, "ms"))
        told.append(f"{tool} lost {found['lost']:,} events, doubled {found['doubled']:,}")
    deliveries = sizes.clients * sizes.ticks
    return costs, (
        f"Of {deliveries:,} deliveries around the cut {', '.join(told)}. Both wait with the delays of their "
        "defaults before they come back, so their times say more of those than of speed.\n"
    )


def memory(sizes: Sizes) -> list[Cost]:
    """Idle connections of both, in turns; the least counts."""
    tools = {"perdure": "perdure", "sse-starlette": "sse"}
    found = {tool: [held(side, sizes.idle).bytes for _ in range(2)] for tool, side in tools.items()}
    return [
        Cost("memory of an idle connection", tool, min(amounts) / 1024, "KiB", required)
        for (tool, amounts), required in zip(found.items(), (None, 1 / 1.5), strict=True)
    ]


def growth(sizes: Sizes) -> str:
    """What a connection costs among few and among many, as a table."""
    lines = ["| connections | memory of each | opening one | an event to one |", "|---:|---:|---:|---:|"]
    for connections in sizes.grown:
        one = held("perdure", connections)
        lines.append(
            f"| {connections:,} | {one.bytes / 1024:.1f} KiB | {one.open_cpu_s * MICRO:.0f} µs | "
            f"{one.event_cpu_s * MICRO:.1f} µs |"
        )
    return "\n".join(lines) + "\n"


BOUNDS = """What bounds it. Events: the server, by one decision for each publication, which returns its
position, and by its JSON; a write is one decision for up to 256 events, and so is what a client reads at
once. A stream that has written all there is rests for a millisecond, so that events go out together; the
first after a rest goes out at once. Many sends: the client, by a task that waits for each, and two decisions
for each POST of up to 50. A lone send: httpx2's POST, and around it two decisions and a task on the client,
the deadline and the checks of a body on the server.
"""


def text_of(costs: Sequence[Cost], cut: str, grown: str, where: str) -> str:
    """The file of the figures."""
    return (
        f"# Speed of the runtime\n\n`python tests/benchmarks/runtime_speed.py --write`, on {where}.\n\n"
        "![Costs beside perdure's](runtime_speed.svg)\n\n"
        + table(costs)
        + f"\n{cut}\nThe server's processor time and memory for a connection, by their number:\n\n{grown}\n"
        + BOUNDS
    )


def said(step: Callable[[], list[Cost]]) -> list[Cost]:
    """The costs, printed as soon as they are known."""
    costs = step()
    print("".join(line(cost, costs) for cost in costs), end="", flush=True)
    return costs


def main() -> int:
    """Run all, print, and write if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--floor", metavar="FACTOR", type=float, default=1.0)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    sizes = QUICK if chosen.quick else WHOLE
    where = machine() + (", a quick look" if chosen.quick else "")
    peer_python()
    raise_files_limit(max(sizes.grown))
    costs: list[Cost] = []
    for one in contests(sizes):
        costs += said(lambda one=one: contest(one, sizes.turns))  # type: ignore[misc]
    back, cut = cut_at_once(sizes)
    costs += said(lambda: back)
    costs += said(lambda: memory(sizes))
    text = text_of(costs, cut, growth(sizes), where)
    print(text)
    if chosen.write:
        target = ROOT / "docs/benchmarks"
        (target / "runtime_speed.md").write_text(text, encoding="utf-8")
        title = "Costs beside perdure's (1), logarithmic; shorter is better"
        (target / "runtime_speed.svg").write_text(svg(bars(costs), title, left=190), encoding="utf-8")
        readme = ROOT / "README.md"
        readme.write_text(put(readme.read_text(encoding="utf-8"), text), encoding="utf-8")
    missed = [cost for cost in costs if cost.missed(costs, chosen.floor)]
    for cost in missed:
        print(f"{cost.measure}: {cost.tool} {cost.times(costs):.2f} x, {cost.required:.2f} x required")
    return 1 if missed else 0


if __name__ == "__main__":
    started = time.perf_counter()
    code = main()
    print(f"{time.perf_counter() - started:.0f} s")
    sys.exit(code)
