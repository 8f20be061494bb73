"""Anybody's server and client over HTTP: perdure's hold, and what is planted or made up is found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from perdure.testing.remote import (
    PROBES,
    HubAdapter,
    RemoteRun,
    Served,
    Snapshot,
    Talk,
    Unsupported,
    replay,
    search,
)
from perdure.testing.remote.accounts import RemoteAccounts
from perdure.testing.remote.machine import RemoteMachine
from perdure.testing.simulation import Broken, Life, parse
from perdure_model.core.client import CLIENT
from perdure_model.core.server import SERVER
from perdure_model.world import DEFECTS

QUICK = settings(
    max_examples=3,
    stateful_step_count=10,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    print_blob=False,
)


def run(steps: str, make: Callable[[], Any] = HubAdapter) -> RemoteRun:
    return replay(parse("\n".join(["seed 0", *steps.split(";")])), make, settle_s=2.0)


def planted(defect: str) -> Callable[[], HubAdapter]:
    """perdure's both sides with a defect."""
    books = DEFECTS[defect].plant({"client": CLIENT, "server": SERVER})
    return partial(HubAdapter, client=books["client"], server=books["server"])


@pytest.mark.parametrize("probe", PROBES)
def test_perdures_hub_and_client_hold(probe: str) -> None:
    done = run(PROBES[probe])
    assert done.broken is None, "\n".join(done.log)
    assert done.accounts["handed"] >= 1
    assert done.accounts["delivered"] == done.accounts["sends"] >= 1


def test_a_hub_that_restarts_without_its_memory_holds() -> None:
    done = run("connect a; send a 1; publish 2; wait 3; restart; wait 5; send a 1; publish 1; wait 3")
    assert done.broken is None
    assert done.accounts["published"] == 4


def test_a_tab_that_leaves_and_returns_holds_and_its_faults_wait_for_it() -> None:
    done = run("connect a; wait 1; leave a; lose-request a stream; connect a; wait 5; send a 1; wait 2")
    assert done.broken is None
    assert [line for line in done.log if "request lost" in line]


@pytest.mark.parametrize(
    ("defect", "probe", "property"),
    [
        ("T23", "a lost answer", "P-EFFECT-ONCE"),
        ("T12", "an order that must hold", "P-RECONVERGE"),
    ],
)
def test_a_planted_defect_is_found(defect: str, probe: str, property: str) -> None:  # noqa: A002
    done = run(PROBES[probe], planted(defect))
    assert done.broken is not None
    assert done.broken.property in (property, "conformance")


def test_what_perdures_sides_decided_is_held_to_the_model() -> None:
    """A stale close that arms a timer: nobody sees it from outside, and the record shows it."""
    done = run(PROBES["a late close"], planted("T03"))
    assert done.broken is not None
    assert done.broken.property == "conformance"
    assert "the rule decides otherwise" in str(done.broken)


def test_a_step_that_only_the_simulator_can_do_is_refused() -> None:
    with pytest.raises(
        Unsupported, match="'suspend' needs the simulator; over HTTP there are answer, connect"
    ):
        run("connect a; suspend a")


class Forgetful(HubAdapter):
    """Its client hands over only every other event, and reports each send as failed."""

    @asynccontextmanager
    async def talk(self, url: str, tab: str) -> AsyncIterator[Talk]:
        async with super().talk(url, tab) as talk:
            yield Half(talk)


class Half:
    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    async def send(self, number: int) -> Any:
        await self._talk.send(number)
        return "failed"

    async def __aiter__(self) -> AsyncIterator[int | Snapshot]:
        async for item in self._talk:
            if item != 2:
                yield item


def test_a_client_of_ones_own_is_tested_against_the_hub() -> None:
    lost, denied = (
        run("connect a; publish 3; wait 2", Forgetful),
        run("connect a; send a 1; wait 2", Forgetful),
    )
    assert str(lost.broken) == "P-NO-LOSS: tab a, life 1 was handed 3 after 1"
    assert str(denied.broken).startswith("P-UNCERTAIN: send 1 of tab a, life 1 ")


class Mute(HubAdapter):
    """Its client ends as soon as it has begun."""

    @asynccontextmanager
    async def talk(self, url: str, tab: str) -> AsyncIterator[Talk]:  # noqa: ARG002
        yield Silence()


class Silence(Half):
    def __init__(self) -> None: ...

    async def __aiter__(self) -> AsyncIterator[int | Snapshot]:
        nothing: list[int] = []
        for item in nothing:
            yield item


def test_a_client_that_ends_by_itself_is_told() -> None:
    done = run("connect a; wait 1", Mute)
    assert str(done.broken) == "P-OUTCOME: tab a, life 1 has no more events, and nobody ended it"


def test_a_search_finds_what_is_planted_and_shortens_it() -> None:
    found = search(Forgetful, seed=4, runs=4, steps=12, settle_s=1.0)
    assert found is not None
    assert found.broken is not None
    assert len(found.scenario.steps) <= 2
    assert search(HubAdapter, seed=4, runs=1, steps=12) is None


def test_the_machine_holds_for_perdure_and_finds_a_client_that_forgets() -> None:
    run_state_machine_as_test(RemoteMachine, settings=QUICK)
    wrong = type("Wrong", (RemoteMachine,), {"make": Forgetful, "options": {"settle_s": 1.0}})
    with pytest.raises(Broken) as raised:
        run_state_machine_as_test(wrong, settings=QUICK)
    assert raised.value.property in ("P-UNCERTAIN", "P-NO-LOSS")


# -- the accounts --------------------------------------------------------------------------------------


def handed(items: Sequence[int | Snapshot], *, history: bool = True) -> str:
    """What does not fit, where a life begins after two events and is handed these."""
    accounts, life = RemoteAccounts(history=history), Life("a", 1)
    accounts.hub_begins()
    accounts.publish()
    accounts.publish()
    accounts.begins(life)
    for item in items:
        accounts.take(life, item)
    try:
        accounts.check()
    except Broken as error:
        return error.property
    return ""


def test_with_history_a_life_begins_at_the_beginning_and_without_where_it_comes() -> None:
    assert handed([1, 2, 3]) == ""
    assert handed([3]) == "P-NO-LOSS"
    assert handed([3, 4], history=False) == ""
    assert handed([4], history=False) == "P-NO-LOSS"
    assert handed([2], history=False) == "P-NO-DUP"
    assert handed([Snapshot(7), 8]) == ""
    assert handed([Snapshot(7), 9]) == "P-NO-LOSS"


def test_an_effect_that_nobody_sent_and_one_that_came_twice_are_told() -> None:
    for effects, why in (((1, 1), "P-EFFECT-ONCE"), ((1, 2), "P-CLASS")):
        accounts, life = RemoteAccounts(history=True), Life("a", 1)
        accounts.hub_begins()
        accounts.send(life)
        accounts.look(effects[:1])
        accounts.check()
        accounts.look(effects)
        with pytest.raises(Broken, match=why):
            accounts.check()


@pytest.mark.anyio
async def test_an_app_that_was_not_started_can_be_stopped() -> None:
    async def app(*_: Any) -> None: ...

    await Served(app).stop()
