"""Lamport's mutual exclusion by logical clocks over FIFO channels (TLA+ examples, lamport_mutex)."""

from __future__ import annotations

from collections.abc import Iterator

from perdure_model.checker import Component, System

Channel = tuple[tuple[str, int], ...]
Heard = frozenset[int]


def lamport_mutex(n: int, clock_max: int) -> System:
    """Requests are stamped; a process enters once all have answered and its stamp is the least."""
    system = System(f"Lamport's mutual exclusion, n = {n}, clocks up to {clock_max}")
    everyone = range(n)
    clock = [system.component(f"clock{p}", 1) for p in everyone]
    asked = [[system.component(f"asked{p}{q}", 0) for q in everyone] for p in everyone]
    heard = [system.component(f"heard{p}", frozenset()) for p in everyone]
    inside = [system.component(f"inside{p}", False) for p in everyone]
    channel = {(p, q): system.component(f"{p}to{q}", ()) for p in everyone for q in everyone if p != q}

    def out(p: int) -> list[Component]:
        return [channel[p, q] for q in everyone if q != p]

    for p in everyone:

        @system.action(clock[p], asked[p][p], heard[p], *out(p), name=f"request{p}")
        def request(
            clock: int, asked: int, heard: Heard, *out: Channel, p: int = p
        ) -> Iterator[tuple[object, ...]]:
            if not asked:
                yield clock, clock, frozenset({p}), *[(*channel, ("request", clock)) for channel in out]

        @system.action(heard[p], inside[p], *asked[p], name=f"enter{p}")
        def enter(heard: Heard, inside: bool, *asked: int, p: int = p) -> Iterator[tuple[object, ...]]:
            first = all(not asked[q] or (asked[p], p) < (asked[q], q) for q in everyone if q != p)
            if len(heard) == n and first:
                yield heard, True, *asked

        @system.action(inside[p], asked[p][p], heard[p], *out(p), name=f"leave{p}")
        def leave(inside: bool, asked: int, heard: Heard, *out: Channel) -> Iterator[tuple[object, ...]]:
            if inside:
                yield False, 0, frozenset(), *[(*channel, ("release", 0)) for channel in out]

        for q in [q for q in everyone if q != p]:

            @system.action(channel[q, p], channel[p, q], asked[p][q], clock[p], name=f"ask{q}{p}")
            def take_request(
                into: Channel, back: Channel, asked: int, clock: int
            ) -> Iterator[tuple[Channel, Channel, int, int]]:
                if into and into[0][0] == "request" and (now := max(into[0][1], clock) + 1) <= clock_max:
                    yield into[1:], (*back, ("ack", 0)), into[0][1], now

            @system.action(channel[q, p], heard[p], name=f"ack{q}{p}")
            def take_ack(into: Channel, heard: Heard, q: int = q) -> Iterator[tuple[Channel, Heard]]:
                if into and into[0][0] == "ack":
                    yield into[1:], heard | {q}

            @system.action(channel[q, p], asked[p][q], name=f"release{q}{p}")
            def take_release(into: Channel, asked: int) -> Iterator[tuple[Channel, int]]:
                if into and into[0][0] == "release":
                    yield into[1:], 0

    @system.always(*inside)
    def exclusive(*inside: bool) -> bool:
        return sum(inside) <= 1

    @system.terminal(*clock)
    def clocks_ran_out(*clock: int) -> bool:
        return max(clock) >= clock_max - 1

    return system
