"""How fast a recorded run is judged: records a second, side by side with only parsing their JSON.

Of two traces: many short conversations, and one hub with all of its clients. Both are the simulator's; the
first as often as it takes, each time under other ids, so that no two runs are one.
Run it alone on the machine:  python tests/benchmarks/conformance.py [RECORDS] [--write]
The judgements and the parsing take turns, and the best of each counts. What counts is the ratio of the two: a
busy machine slows both down. `--write` writes docs/benchmarks/conformance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

from perdure_model.conformance import conform

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.checker_speed import machine  # noqa: E402 - found through the line above

SEEDS = range(1, 9)
STEPS = 120
HUB_STEPS = 80_000
REPEATS = 3
ID = re.compile(r"\b[0-9a-f]{32}\b|cid-[0-9a-f-]{36}")


def conversations(records: int) -> Iterator[str]:
    """So many lines, or a few more, of hubs with a few clients each."""
    texts = [simulated(seed, STEPS) for seed in SEEDS]
    count = 0
    for round_ in range(10**6):
        for text in texts:
            yield from (renamed(line, f"{round_:06x}") for line in text)
            count += len(text)
            if count >= records:
                return


def renamed(line: str, end: str) -> str:
    """The line with other ids."""
    return ID.sub(lambda found: found[0][: -len(end)] + end, line)


def simulated(seed: int, steps: int) -> list[str]:
    """The records of a run of the steps in which nobody lies, or stays unrecorded."""
    # Here, as the processes that judge import this module once more, and should not have to wait for it.
    from perdure.testing.simulation import drawn, replay
    from perdure.testing.simulation.verbs import FORGED

    scenario = drawn(seed, steps)
    run = replay(scenario.of(tuple(one for one in scenario.steps if one.verb not in FORGED | {"visit"})))
    return [json.dumps(record, separators=(",", ":")) for record in run.records]


class Figure(NamedTuple):
    """How fast a trace was judged, and only parsed, in records a second."""

    trace: str
    records: int
    runs: int
    jobs: int
    judged: float
    parsed: float

    def line(self) -> str:
        """It as a row of the table."""
        return (
            f"| {self.trace} | {self.records:,} | {self.runs:,} | {self.jobs} | {self.judged:,.0f} "
            f"| {self.parsed:,.0f} | {self.judged / self.parsed:.2f} |"
        )


def took_s(work: Callable[[], object]) -> float:
    """The seconds that this takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def parse(path: Path) -> None:
    """Only parse each line."""
    with path.open("rb") as file:
        for line in file:
            json.loads(line)


def measure(name: str, path: Path) -> list[Figure]:
    """Judge a trace in one process and in as many as there are processors, and print it."""
    found = conform(path)
    assert found.ok, found.summary()
    runs = sum(found.runs.values())
    print(f"{name}: {found.records:,} records in {runs:,} runs, {found.joined:,} joined")
    works: dict[int, Callable[[], object]] = {
        jobs: partial(conform, path, jobs=jobs) for jobs in sorted({1, os.cpu_count() or 1})
    }
    works[0] = partial(parse, path)
    turns = [{jobs: took_s(work) for jobs, work in works.items()} for _ in range(REPEATS)]
    rates = {jobs: found.records / min(turn[jobs] for turn in turns) for jobs in works}
    figures = [Figure(name, found.records, runs, jobs, rates[jobs], rates[0]) for jobs in works if jobs]
    for one in figures:
        print(f"  judged, {one.jobs} at a time:  {one.judged:>9,.0f} records/s", end=", ")
        print(f"{one.judged / one.parsed:.2f} of json.loads alone ({one.parsed:,.0f})", flush=True)
    return figures


def text_of(figures: list[Figure], where: str) -> str:
    """The file of the figures."""
    lines = [
        "# Speed of `perdure conform`",
        "",
        f"`python tests/benchmarks/conformance.py --write`, {date.today().isoformat()}, on {where}.",
        "",
        "| trace | records | runs | processes | judged, records/s | `json.loads` alone, records/s | ratio |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(one.line() for one in figures),
        "",
        f"The best of {REPEATS} turns, in which judging and parsing alternate. What else the machine does",
        "slows both down, so that their ratio says more than either.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("records", metavar="RECORDS", type=int, nargs="?", default=200_000)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    where = machine()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trace.jsonl")
        path.write_text("\n".join(conversations(chosen.records)) + "\n")
        figures = measure("many conversations", path)
        path.write_text("\n".join(simulated(5, HUB_STEPS)) + "\n")
        figures += measure("one hub", path)
    if chosen.write:
        target = ROOT / "docs/benchmarks/conformance.md"
        target.write_text(text_of(figures, where), encoding="utf-8")


if __name__ == "__main__":
    main()
