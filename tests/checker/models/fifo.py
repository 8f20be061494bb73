"""A FIFO buffer between two handshake channels (Lamport, "Specifying Systems", chapter 4)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from perdure_model.checker import System

Channel = tuple[str, int, int]
"""Value, ready, acknowledged."""


def fifo(values: str = "abc", room: int = 3) -> System:
    """Values go in over one channel, wait in a queue, and go out over the other."""
    system = System("FIFO")
    into, out = system.component("in", ("a", 0, 0)), system.component("out", ("a", 0, 0))
    queue = system.component("queue", ())

    @system.initial(into, out)
    def start() -> Iterator[tuple[Channel, Channel]]:
        for a, b in itertools.product(itertools.product(values, (0, 1)), repeat=2):
            yield (a[0], a[1], a[1]), (b[0], b[1], b[1])

    @system.action(into)
    def send(into: Channel) -> Iterator[Channel]:
        _, ready, acknowledged = into
        if ready == acknowledged:
            for value in values:
                yield value, 1 - ready, acknowledged

    @system.action(into, queue)
    def take_in(into: Channel, queue: tuple[str, ...]) -> Iterator[tuple[Channel, tuple[str, ...]]]:
        value, ready, acknowledged = into
        if ready != acknowledged and len(queue) < room:
            yield (value, ready, 1 - acknowledged), (*queue, value)

    @system.action(queue, out)
    def give_out(queue: tuple[str, ...], out: Channel) -> Iterator[tuple[tuple[str, ...], Channel]]:
        _, ready, acknowledged = out
        if queue and ready == acknowledged:
            yield queue[1:], (queue[0], 1 - ready, acknowledged)

    @system.action(out)
    def receive(out: Channel) -> Iterator[Channel]:
        value, ready, acknowledged = out
        if ready != acknowledged:
            yield value, ready, 1 - acknowledged

    return system
