"""A table step against an event sent to the chart itself, side by side.

Run it by `python tests/benchmarks/table_step.py`; it ends 1 if a step costs more than a microsecond.
Both take the same round through ServerConnection, with the same facts; the best of several rounds counts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import cycle, islice
from time import perf_counter

from perdure_model.charts.server_connection import ServerConnection
from perdure_model.table import compile_chart

FACTS = {"current": True, "newer": True}
ROUND = ("lost", "attach")
LIMIT_US = 1.0


def best_us(run: Callable[[int], None], steps: int, repeats: int = 7) -> float:
    """Microseconds a step, in the best of the repeats."""

    def once() -> float:
        start = perf_counter()
        run(steps)
        return (perf_counter() - start) / steps * 1e6

    return min(once() for _ in range(repeats))


def by_table(steps: int) -> None:
    table = compile_chart(ServerConnection)
    state, step = table.initial, table.step
    for event in islice(cycle(ROUND), steps):
        row = step(state, event, FACTS)
        assert row is not None
        state = row.target


def by_chart(steps: int) -> None:
    machine = ServerConnection(FACTS)
    for event in islice(cycle(ROUND), steps):
        machine.send(event)


def main() -> int:
    """Print both and their ratio; 1 if a table step costs more than the limit."""
    table, chart = best_us(by_table, 100_000), best_us(by_chart, 2_000)
    print(f"table {table:.2f} µs a step, chart {chart:.1f} µs an event: {chart / table:.0f} x")
    if table > LIMIT_US:
        print(f"a table step costs more than {LIMIT_US} µs")
    return int(table > LIMIT_US)


if __name__ == "__main__":
    sys.exit(main())
