"""Readers and writers served fairly from one queue (TLA+ examples, ReadersWriters)."""

from __future__ import annotations

from collections.abc import Iterator

from perdure_model.checker import System

Waiting = tuple[tuple[str, int], ...]
Actors = frozenset[int]


def readers_writers(n: int, fair: bool = True) -> System:
    """Each of n actors asks to read or to write; the queue's head is served when it can be."""
    system = System(f"readers and writers, n = {n}")
    readers, writers = system.component("readers", frozenset()), system.component("writers", frozenset())
    waiting = system.component("waiting", ())

    for kind in ("read", "write"):
        for actor in range(n):

            @system.action(waiting, name=f"ask_to_{kind}{actor}", fair=fair)
            def ask(waiting: Waiting, request: tuple[str, int] = (kind, actor)) -> Iterator[Waiting]:
                if request not in waiting:
                    yield (*waiting, request)

    @system.action(readers, writers, waiting, fair=fair)
    def serve(readers: Actors, writers: Actors, waiting: Waiting) -> Iterator[tuple[Actors, Actors, Waiting]]:
        if waiting and not writers:
            (kind, actor), rest = waiting[0], waiting[1:]
            if kind == "read":
                yield readers | {actor}, writers, rest
            elif not readers:
                yield readers, writers | {actor}, rest

    @system.action(readers, writers, fair=fair)
    def stop(readers: Actors, writers: Actors) -> Iterator[tuple[Actors, Actors]]:
        for actor in sorted(readers | writers):
            yield (readers - {actor}, writers) if actor in readers else (readers, writers - {actor})

    @system.always(readers, writers)
    def exclusive(readers: Actors, writers: Actors) -> bool:
        return not (readers and writers) and len(writers) <= 1

    def any_time(readers: Actors, writers: Actors) -> bool:
        return True

    for actor in range(n):
        for of, kind in enumerate(("reads", "writes")):
            system.leads_to(
                readers,
                writers,
                when=any_time,
                then=lambda *sets, of=of, actor=actor: actor in sets[of],
                name=f"{actor} {kind} again",
            )
    return system
