"""The real `refreshing` under random interleavings: the properties of the model, and the model's defects.

Time is counted in checkpoints, so that the interleavings are those of the event loop, and Hypothesis shrinks
them. Under trio the loop itself shuffles who runs next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from perdure import Credential, refreshing
from perdure.credentials import Told
from perdure.response import Kind
from perdure.trace import Record
from perdure_model.conformance import judge
from perdure_model.core.credential import CREDENTIAL
from perdure_model.core.response import RESPONSE
from perdure_model.core.rule import Book
from perdure_model.world.response.defects import DEFECTS

PREFIX_MAX = 1


@dataclass(frozen=True)
class Script:
    """What an attempt brings, with a pause before each step, and how it ends."""

    prefix: int
    live: int
    end: str
    raised: bool
    goes_on: bool
    pauses: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """A call: when it starts, what its attempts bring, and when its consumer leaves."""

    start: int
    scripts: tuple[Script, ...]
    leaves: int | None


@dataclass(frozen=True)
class Scenario:
    """All that is not up to the library. Tokens: `new`, the `same` as in use, or the `first` of all."""

    plans: tuple[Plan, ...]
    refreshes: tuple[tuple[int, str], ...]
    given: tuple[tuple[int, str], ...]


def scripts(prefix: int, live: int, *ends: str) -> st.SearchStrategy[Script]:
    """Attempts with up to so many events, and one of these ends."""
    return st.builds(
        Script,
        prefix=st.integers(0, prefix),
        live=st.integers(0, live),
        end=st.sampled_from(ends),
        raised=st.booleans(),
        goes_on=st.booleans(),
        pauses=st.tuples(*[st.integers(0, 3)] * 5),
    )


DYING = scripts(PREFIX_MAX, 0, "auth")
ANY = scripts(2, 2, "auth", "error", "finished", "finished")
PLANS = st.builds(
    Plan,
    start=st.integers(0, 8),
    scripts=st.tuples(DYING | DYING | ANY, DYING | ANY | ANY, ANY),
    leaves=st.none() | st.none() | st.integers(0, 12),
)
REFRESHES = st.tuples(st.integers(0, 10), st.sampled_from(["new", "new", "same", "first", "fail"]))
GIVEN = st.tuples(st.integers(0, 8), st.sampled_from(["new", "new", "same", "first"]))
SCENARIOS = st.builds(
    Scenario,
    plans=st.lists(PLANS, min_size=1, max_size=3).map(tuple),
    refreshes=st.lists(REFRESHES, min_size=1, max_size=3).map(tuple),
    given=st.lists(GIVEN, max_size=2).map(tuple),
)


class Failure(Exception):
    """An error that a stream raises."""

    def __init__(self, kind: Kind, told: tuple[Any, ...]) -> None:
        super().__init__(kind, told)
        self.kind, self.told = kind, told


@dataclass
class Try:
    """An attempt as the provider saw it."""

    token: str
    events: list[tuple[Any, ...]] = field(default_factory=list)
    error: Any = None
    auth: bool = False
    open: bool = True

    @property
    def dead(self) -> bool:
        """Whether it failed authentication before it was proven alive."""
        kinds = [event[0] for event in self.events]
        return self.auth and "live" not in kinds and len(kinds) <= PREFIX_MAX


@dataclass
class Seen:
    """A call as its consumer saw it."""

    tries: list[Try] = field(default_factory=list)
    items: list[Any] = field(default_factory=list)
    end: str = "cancelled"


def kind_of(item: Any) -> Kind:
    kind: Kind = item.kind if isinstance(item, Failure) else item[0]
    return kind


async def pause(steps: int) -> None:
    for _ in range(steps):
        await checkpoint()


class Run:
    """One scenario, played with the real library."""

    def __init__(self, scenario: Scenario, response: Book, credential: Book) -> None:
        self.scenario, self.book = scenario, response
        self.tokens = 1
        self.refreshes = self.running = self.most = 0
        self.ended: Counter[str] = Counter()
        self.in_use: Counter[str] = Counter(t1=1)
        self.calls = [Seen() for _ in scenario.plans]
        self.given = "t1"
        self.denied_too_soon = 0
        self.records: list[Record] = []
        planted = response is not RESPONSE or credential is not CREDENTIAL
        self.trace = None if planted else self.records.append
        self.credential = Credential("t1", self.refresh, book=credential, trace=self.trace)
        self.reject, self.credential.reject = self.credential.reject, self.watched  # type: ignore[method-assign]

    async def play(self) -> None:
        with anyio.fail_after(2):
            async with anyio.create_task_group() as group:
                for n, plan in enumerate(self.scenario.plans):
                    group.start_soon(self.consume, plan, self.calls[n])
                group.start_soon(self.application)

    def token(self, which: str) -> str:
        """The text of a token; one that comes into use anew may be refreshed anew."""
        used = self.credential.token
        if which == "new":
            self.tokens += 1
        text = {"new": f"t{self.tokens}", "same": used, "first": "t1"}[which]
        self.in_use[text] += text != used
        return text

    async def refresh(self) -> str:
        steps, what = self.scenario.refreshes[min(self.refreshes, len(self.scenario.refreshes) - 1)]
        self.refreshes += 1
        refused = self.credential.token
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await pause(steps)
        finally:
            self.running -= 1
        self.ended[refused] += 1
        if what == "fail":
            raise ValueError("no token today")
        return self.token(what)

    def watched(self, caller: int, token: int, told: Told) -> None:
        """Report a token; whether it is too soon to give up shows in the very step in which it is told."""

        def hears(token: int | None) -> None:
            self.denied_too_soon += token is None and self.given not in self.refused
            told(token)

        self.reject(caller, token, hears)

    @property
    def refused(self) -> set[str]:
        """The tokens that some attempt was refused with so far."""
        return {one.token for seen in self.calls for one in seen.tries if one.auth}

    async def application(self) -> None:
        for steps, which in self.scenario.given:
            await pause(steps)
            self.given = self.token(which)
            self.credential.replace(self.given)

    async def attempt(self, plan: Plan, seen: Seen, token: str) -> AsyncGenerator[Any, None]:
        n = len(seen.tries)
        script = plan.scripts[min(n, 2)]
        mine = Try(token)
        seen.tries.append(mine)
        pauses = iter(script.pauses)
        try:
            for kind in ["prefix"] * script.prefix + ["live"] * script.live:
                await pause(next(pauses))
                mine.events.append((kind, n, len(mine.events)))
                yield mine.events[-1]
            await pause(next(pauses))
            if script.end == "finished":
                return
            mine.auth = script.end == "auth"
            told: tuple[Any, ...] = ("auth_error" if mine.auth else "error", n)
            mine.error = Failure(told[0], told) if script.raised else told
            if script.raised:
                raise mine.error
            yield mine.error
            if script.goes_on:
                yield ("live", n, "after the error")
        finally:
            mine.open = False

    async def consume(self, plan: Plan, seen: Seen) -> None:
        await pause(plan.start)
        stream = refreshing(
            lambda token: self.attempt(plan, seen, token),
            self.credential,
            classify=kind_of,
            prefix_max=PREFIX_MAX,
            book=self.book,
            trace=self.trace,
        )
        async with anyio.create_task_group() as group:
            if plan.leaves is not None:
                group.start_soon(self.leave, plan.leaves, group.cancel_scope)
            try:
                async for item in stream:
                    seen.items.append(item)
            except Failure as error:
                seen.items.append(error)
            seen.end = stream.outcome or ""
            group.cancel_scope.cancel()

    @staticmethod
    async def leave(steps: int, scope: anyio.CancelScope) -> None:
        await pause(steps)
        scope.cancel()

    # -- what must hold ----------------------------------------------------------------------------

    def judge(self) -> None:
        assert self.most <= 1, "P-ONE-REFRESH: two refreshes at once"
        again = {token for token, count in self.ended.items() if count > self.in_use[token]}
        assert not again, f"P-ONE-REFRESH: {again} refreshed again"
        assert set(self.ended) <= self.refused, "P-ONE-REFRESH: a token refreshed that was not refused"
        assert not self.running, "P-NO-LEAK: a refresh runs on"
        assert not self.credential._callers, "P-NO-LEAK: somebody waits"
        assert self.credential.state != "refreshing", "P-NO-LEAK: nobody waits for this refresh"
        assert not self.denied_too_soon, "P-REFRESH: a token that the application gave was left untried"
        for seen in self.calls:
            assert not any(one.open for one in seen.tries), "P-NO-LEAK: an attempt is open"
            self.judge_call(seen)
        if self.records:
            found = judge(self.records)
            assert found.mismatch is None, found.summary()
            assert found.complete, found.summary()

    def judge_call(self, seen: Seen) -> None:
        if not seen.tries:
            assert seen.end == "cancelled"
            return
        first, last = seen.tries[0], seen.tries[-1]
        assert len(seen.tries) <= 2, "P-REFRESH: a third attempt"
        if len(seen.tries) == 2:
            assert first.dead, "P-REFRESH: started again without cause"
            assert last.token != first.token, "P-REFRESH: the very token that was refused"
        expected = [first.error] if last.dead else [*last.events, *([last.error] if last.error else [])]
        if seen.end == "cancelled":
            assert seen.items == expected[: len(seen.items)], "P-NO-PHANTOM, P-PREFIX"
            return
        assert seen.items == expected, "P-NO-PHANTOM, P-PREFIX, P-REFRESH, P-TERMINAL-ONCE"
        assert seen.end == ("failed" if last.error else "completed")
        assert len(seen.tries) == 2 or not first.dead or self.ended, "P-REFRESH: not refreshed"


def play(scenario: Scenario, backend: str, response: Book = RESPONSE, credential: Book = CREDENTIAL) -> Run:
    """Play it to its end and judge it."""
    run = Run(scenario, response, credential)
    anyio.run(run.play, backend=backend)
    run.judge()
    return run


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_properties_of_the_model_hold_of_the_library(backend: str) -> None:
    happened: Counter[str] = Counter()

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(SCENARIOS)
    def holds(scenario: Scenario) -> None:
        run = play(scenario, backend)
        happened.update(seen.end for seen in run.calls)
        happened["cured"] += sum(len(seen.tries) == 2 and seen.end == "completed" for seen in run.calls)
        happened["refused twice"] += sum(seen.tries[1:] != [] and seen.tries[-1].dead for seen in run.calls)
        happened["shared"] += any(count > 1 for count in Counter(run.ended).values()) or run.refreshes > 0

    holds()
    for what in ("completed", "failed", "cancelled", "cured", "refused twice", "shared"):
        assert happened[what] > 5, (what, happened)


UNREACHABLE = {
    "N13": "the credential tells a caller in the very step in which it decides: nothing is on its way",
    "N14": "an attempt that was ended is not read any more",
    "N15": "an attempt that was ended is not read any more",
}
"""Defects that need what the library's way of reading and telling excludes, and the worlds do not."""


def dies(*pauses: int) -> Script:
    """An attempt that fails authentication after its start."""
    return Script(1, 0, "auth", raised=True, goes_on=False, pauses=pauses)


WELL = Script(1, 1, "finished", raised=False, goes_on=False, pauses=(0,) * 5)
RARE = {
    "N12": Scenario(
        plans=(Plan(0, (dies(6, 0), WELL, WELL), None), Plan(3, (dies(0, 0), WELL, WELL), None)),
        refreshes=((20, "first"),),
        given=((2, "new"),),
    )
}
"""Scenarios that chance would take long to find: the first call waits, with the first token, for the refresh
of the second's, which brings the first one back."""


def books_with(name: str) -> Mapping[str, Book]:
    return DEFECTS[name].plant({"response": RESPONSE, "credential": CREDENTIAL})


@pytest.mark.parametrize("name", RARE)
def test_a_defect_shows_in_the_scenario_that_it_needs(name: str) -> None:
    books = books_with(name)
    with pytest.raises(AssertionError):
        play(RARE[name], "asyncio", books["response"], books["credential"])
    play(RARE[name], "asyncio")


@pytest.mark.parametrize("name", [name for name in DEFECTS if name not in {**UNREACHABLE, **RARE}])
def test_a_defect_of_the_model_shows_in_the_library(name: str) -> None:
    books = books_with(name)

    @settings(
        max_examples=2000,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(SCENARIOS)
    def holds(scenario: Scenario) -> None:
        play(scenario, "asyncio", books["response"], books["credential"])

    with pytest.raises((AssertionError, TimeoutError)):
        holds()
