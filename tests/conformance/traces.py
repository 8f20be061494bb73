"""Recorded runs for these tests: from the simulator, as lists of records; and ways to forge them.

A forged run is one that is right in itself: after an edit of what a machine was told, its effects are decided
again by the rules. So only what it could have been told is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from perdure.testing.simulation import Run, Scenario, drawn, replay, step
from perdure.testing.simulation.verbs import FORGED
from perdure.trace import plain
from perdure_model.conformance import Conformance, conform
from perdure_model.conformance.parts import Parts
from perdure_model.conformance.sides import SIDES
from perdure_model.core.common import Moved

Record = dict[str, Any]
HEAD = ' {"v":'
BUSY = """connect a; connect b; wait 1; send a 3; publish 2; wait 2; cut a 0.5; publish 3; send b 2; wait 5;
lose-response a send; send a 2; wait 8; hold b send 3; send b 1; wait 6; suspend a; wait 2; publish 1;
resume a; wait 3; answer a send 429 1; send a 1; wait 5; late-close b 2; cut b 0.1; wait 6; copy a c; wait 8;
kill b;
wait 1; connect b; wait 5; leave c; kill a; wait 40"""
"""Most of what can happen between two clients and a hub; no restart, so that clients keep their server."""

BUSY_STEPS = tuple(step(one.strip()) for one in BUSY.split(";"))


def records_of(run: Run) -> list[Record]:
    """The decisions in a simulated run."""
    lines = [line[line.index(HEAD) + 1 :] for line in run.trace if HEAD in line]
    return [json.loads(line) for line in lines]


@cache
def simulated(seed: int, steps: int = 60, systems: str = "T") -> str:
    """The trace of a drawn scenario, as text: of its steps in which nobody lies, or stays unrecorded."""
    scenario = drawn(seed, steps, systems)
    honest = [one for one in scenario.steps if one.verb not in FORGED | {"visit"}]
    return text_of(list(replay(scenario.of(tuple(honest))).records))


@cache
def busy_text() -> str:
    run = replay(Scenario(7, BUSY_STEPS))
    assert run.broken is None, f"{run.broken}"
    return text_of(records_of(run))


def busy() -> list[Record]:
    """The records of the busy run, which may be changed."""
    return records_in(busy_text())


def text_of(records: list[Record]) -> str:
    return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)


def records_in(text: str) -> list[Record]:
    return [json.loads(line) for line in text.splitlines()]


def judged(path: Path, records: list[Record] | str) -> Conformance:
    """What conform says of these records."""
    path.write_text(records if isinstance(records, str) else text_of(records))
    return conform(path)


# -- forging -------------------------------------------------------------------------------------------


def first(records: list[Record], kind: str, fits: Callable[[Record], object] = lambda _input: True) -> int:
    """The place of the first record with an input of this type that fits."""
    return next(
        at
        for at, record in enumerate(records)
        if record["input"]["type"] == kind and fits({**record, **record["input"]})
    )


def renumbered(records: list[Record]) -> list[Record]:
    """The records of each run numbered as they stand."""
    count: dict[str, int] = {}
    for record in records:
        record["seq"] = count[record["run"]] = count.get(record["run"], 0) + 1
    return records


def redecided(records: list[Record], run: str) -> list[Record]:
    """The records of this run with the effects that the rules give now, up to what they cannot decide on."""
    parts: Parts | None = None
    for at, record in enumerate(records):
        if record["run"] != run:
            continue
        side = SIDES[record["side"]]
        if parts is None:
            settings = {side.settings[0]: side.read_settings(record["settings"])} if side.settings else {}
            parts = Parts(side.book, settings)
        try:
            effects = parts.decided(side.read_input(record["input"]))
        except (AttributeError, KeyError, TypeError, AssertionError):
            return records[:at]
        write(record, effects)
    return records


def write(record: Record, effects: tuple[Any, ...]) -> None:
    """These effects, and the head that goes with them."""
    move = next((effect for effect in effects if isinstance(effect, Moved)), None)
    names = {"machine": "machine", "instance": "instance", "event": "event", "from": "source", "to": "target"}
    record |= {name: plain(getattr(move, of)) if move else None for name, of in names.items()}
    said = record["input"]
    fields = ("generation", "attempt", "post", "refresh")
    record["generation"] = next((said[name] for name in fields if name in said), None)
    record["effects"] = [plain(effect) for effect in effects]


def told(records: list[Record], at: int, **fields: Any) -> list[Record]:
    """The run in which the record at this place was told otherwise."""
    records[at]["input"] |= fields
    return redecided(records, records[at]["run"])


def told_also(records: list[Record], at: int, **said: Any) -> list[Record]:
    """The run that was told this, too, right before the record at this place."""
    return with_extra(records, at, at, said)


def told_then(records: list[Record], at: int, **said: Any) -> list[Record]:
    """The run that was told this, too, right after the record at this place."""
    return with_extra(records, at, at + 1, said)


def with_extra(records: list[Record], like: int, at: int, said: Record) -> list[Record]:
    extra = {**records[like], "input": said}
    extra.pop("settings", None)
    if extra["side"] == "server":
        extra["cid"] = said.get("cid")
    return redecided(renumbered([*records[:at], extra, *records[at:]]), extra["run"])


def told_less(records: list[Record], at: int) -> list[Record]:
    """The run that was not told what stands at this place."""
    run = records[at]["run"]
    return redecided(renumbered(records[:at] + records[at + 1 :]), run)
