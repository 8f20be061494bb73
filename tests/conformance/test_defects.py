"""Defects that are planted in the running client or hub: each that shows in a trace is rejected.

It shows where the runtime's own machine, with the right rules, decides otherwise on what was told. A defect
that shows nowhere did nothing in the scenarios here, and its trace must not be rejected either.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from perdure.feed import Feed
from perdure.testing.simulation import Scenario, drawn, step
from perdure.testing.simulation import replay as simulate
from perdure.trace import plain
from perdure_model.conformance.sides import SIDES
from perdure_model.core.client import CLIENT
from perdure_model.core.server import SERVER
from perdure_model.world.transport.defects import DEFECTS

from tests.conformance.traces import BUSY_STEPS, Record, judged, records_of

ROUGH = """connect a; wait 1; answer a send 404 0; send a 1; wait 3; send a 40; down 8; wait 12; suspend a;
cut a 3; wait 1; resume a; wait 30; answer a send 503 2; send a 2; wait 9; publish 30; kill a; wait 1;
connect a; wait 3; cut a 1; publish 20; wait 8; suspend a; wait 40; resume a; wait 5;
hold a stream 9; cut a 1; wait 30;
double a stream 6; cut a 0.1; wait 20; kill a; wait 2; hold a send 4; connect a; send a 2; kill a; wait 0.5;
connect a; send a 1; wait 30"""
SCENARIOS = (
    Scenario(7, BUSY_STEPS),
    Scenario(3, tuple(step(one.strip()) for one in ROUGH.split(";"))),
    drawn(8, 100),
)
SEEN = set(
    """
    T01 T28 T29 T30 T33 T02 T03 T07 T24 T26 T39 T06 T31 T32 T08 T09 T10 T11 T12 T14 T15 T16 T17 T23
    T27 N01 N09
    """.split()  # noqa: SIM905 - a list of names is read, not counted
)
"""Defects that show in these scenarios. The others need other principals, ids that the server makes, several
sessions of a client, or races that are rarer."""


def shows(records: list[Record]) -> bool:
    """Whether a machine with the right rules decides otherwise than was recorded."""
    machines: dict[str, Machine] = {}
    for record in records:
        machine = machines.get(record["run"]) or machines.setdefault(record["run"], Machine(record))
        if machine.decides(record["input"]) != record["effects"]:
            return True
    return False


class Machine:
    """The runtime's machine, without anybody who performs."""

    def __init__(self, begun: Record) -> None:
        self._side = SIDES[begun["side"]]
        said, of = begun.get("settings"), self._side.settings
        settings = {of[0]: self._side.read_settings(said)} if said and of else {}
        self._effects: list[Any] = []
        self._feed: Feed[Any, Any] = Feed(self._side.book, self._perform, settings, self._decided)

    def _perform(self, _effect: Any, _cargo: Any) -> None: ...

    def _decided(self, _i: Any, effects: tuple[Any, ...]) -> None:
        self._effects.extend(effects)

    def decides(self, said: Record) -> list[Any] | None:
        """What is recorded of the effects; None where it cannot decide."""
        self._effects.clear()
        try:
            self._feed(self._side.read_input(said))
        except (AttributeError, KeyError, TypeError, AssertionError):
            return None
        return [plain(effect) for effect in self._effects]


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_rejected_where_it_shows_and_nowhere_else(name: str, tmp_path: Path) -> None:
    books = DEFECTS[name].plant({"client": CLIENT, "server": SERVER})
    for scenario in SCENARIOS:
        records = records_of(simulate(scenario, **books))
        found = judged(tmp_path / "trace", records)
        assert (found.mismatch is not None) == shows(records), found.summary()
        if found.mismatch is not None:
            return
    assert name not in SEEN


def test_without_a_defect_nothing_shows_and_nothing_is_rejected(tmp_path: Path) -> None:
    for scenario in SCENARIOS:
        records = records_of(simulate(scenario))
        assert not shows(records)
        assert judged(tmp_path / "trace", records).ok
