"""How fast a recorded run is judged: records a second, side by side with only parsing their JSON.

Of two traces: many short conversations, and one hub with all of its clients. Both are the simulator's; the
first as often as it takes, each time under other ids, so that no two runs are one.
Run it alone on the machine:  python tests/benchmarks/conformance.py [RECORDS]
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from perdure_model.conformance import conform

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


def best_s(work: Callable[[], object]) -> float:
    """Seconds of the best of some repeats."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def parse(path: Path) -> None:
    """Only parse each line."""
    with path.open("rb") as file:
        for line in file:
            json.loads(line)


def measure(name: str, path: Path) -> None:
    """Judge a trace in one process and in as many as there are processors, and print it."""
    found = conform(path)
    assert found.ok, found.summary()
    print(f"{name}: {found.records:,} records in {sum(found.runs.values())} runs, {found.joined:,} joined")
    for jobs in sorted({1, os.cpu_count() or 1}):
        judged_s = best_s(partial(conform, path, jobs=jobs))
        print(f"  judged, {jobs} at a time:  {found.records / judged_s:>9,.0f} records/s")
    print(f"  json.loads alone:   {found.records / best_s(partial(parse, path)):>9,.0f} records/s")


def main() -> None:
    """Measure and print."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trace.jsonl")
        path.write_text("\n".join(conversations(records)) + "\n")
        measure("many conversations", path)
        path.write_text("\n".join(simulated(5, HUB_STEPS)) + "\n")
        measure("one hub", path)


if __name__ == "__main__":
    main()
