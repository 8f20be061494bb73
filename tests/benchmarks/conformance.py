"""How fast a recorded run is judged: records a second, side by side with only parsing their JSON.

The trace is the simulator's, as often as it takes, each time under other ids, so that no two runs are one.
Run it alone on the machine:  python tests/benchmarks/conformance.py [RECORDS]
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from perdure.testing.simulation import Run, drawn, replay
from perdure.testing.simulation.verbs import FORGED
from perdure_model.conformance import conform

SEEDS = range(1, 9)
STEPS = 120
REPEATS = 3
HEAD = ' {"v":'
ID = re.compile(r"\b[0-9a-f]{32}\b|cid-[0-9a-f-]{36}")


def trace(records: int) -> Iterator[str]:
    """So many lines, or a few more."""
    texts = [[line[line.index(HEAD) + 1 :] for line in run.trace if HEAD in line] for run in simulated()]
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


def simulated() -> list[Run]:
    """The runs that the trace is made of: of the steps in which nobody lies."""
    drawings = [drawn(seed, STEPS) for seed in SEEDS]
    return [replay(one.of(tuple(step for step in one.steps if step.verb not in FORGED))) for one in drawings]


def best_s(work: Callable[[], object]) -> float:
    """Seconds of the best of some repeats."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    """Measure and print."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trace.jsonl")
        path.write_text("\n".join(trace(records)) + "\n")
        lines = path.read_bytes().splitlines()
        found = conform(path)
        assert found.ok, found.summary()
        judged_s = best_s(lambda: conform(path))
        parsed_s = best_s(lambda: [json.loads(line) for line in lines])
    print(f"{found.records:,} records in {sum(found.runs.values())} runs, {found.joined:,} joined")
    print(f"judged        {found.records / judged_s:>10,.0f} records/s")
    print(f"json.loads    {found.records / parsed_s:>10,.0f} records/s")
    print(f"judging takes {judged_s / parsed_s:.1f} times as long as json.loads of the same lines")


if __name__ == "__main__":
    main()
