"""System A's world: a session and the remote state that it follows, the wires between, and what can go wrong.

The remote is a version that grows and an outcome that comes once. The wires: the latest stream, the latest
snapshot, the submission's request, the credential that is asked for. A state's serial number says what it
truly is: where it came from, its version, and whether it may be from before a submission. Timers may fire
at any moment once started; one that is cancelled may, within a budget, have just run out.

`sinks.py` says where effects go, `rules.py` what arrives, `server.py` what the remote does, `wires.py` what
is under way, `faults.py` what goes wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perdure_model.checker import Component
from perdure_model.core.follow import parts as mine
from perdure_model.world.bind import Arrival, World
from perdure_model.world.defect import Books
from perdure_model.world.follow.faults import faults
from perdure_model.world.follow.rules import arrival_rules, late_rules, timer_rules
from perdure_model.world.follow.server import server
from perdure_model.world.follow.sinks import app_sinks, request_sinks, timer_sinks
from perdure_model.world.follow.wires import NOTHING, App, Bounds, Cause, Late, Remote, Wallet


class Following(World):
    """The world of one session that is followed; the book may have a defect."""

    def __init__(self, bounds: Bounds, name: str, books: Books) -> None:
        super().__init__(name)
        self.bounds, self.book = bounds, books["follow"]
        self._parts()
        self._wires()
        request_sinks(self)
        app_sinks(self)
        timer_sinks(self)
        arrival_rules(self)
        timer_rules(self)
        late_rules(self)
        server(self)
        faults(self)

    def _parts(self) -> None:
        b = self.bounds
        self.settings = mine.FollowSettings(
            attempts_max=b.attempts_max, resumes=b.resumes, renews=b.renews, numbers=b.numbers
        )
        self.state = self.part(mine.STATE)
        self.tried = self.part(mine.ATTEMPT)
        self.view = self.part(mine.VIEW)
        self.held = self.part(mine.HELD)
        self.submit = self.part(mine.SUBMIT)
        self.part(mine.SETTINGS, (), self.settings)

    def _wires(self) -> None:
        add, b = self.system.component, self.bounds
        self.remote = add("remote", Remote())
        self.channel = add("wire.stream", None)
        self.snap = add("wire.snapshot", None)
        self.post = add("wire.submission", None)
        self.credential = add("wire.credential", Wallet())
        self.following = add("session.next", ())
        self.again = add("timer.again", NOTHING)
        self.give_up = add("timer.give up", NOTHING)
        self.steady = add("timer.steady", NOTHING)
        self.settle = add("timer.settle", NOTHING)
        self.late = add("timer.late", Late(b.late))
        self.app = add("app", App())
        self.asked = add("app.asked", 0)
        self.requests = add("app.requests", NOTHING)
        self.owed = add("app.error", None)
        self.cause = add("cause", Cause())
        self.budget = {
            name: add(f"budget.{name}", left)
            for name, left in {
                "changes": b.changes,
                "leaves": b.leaves,
                "cuts": b.cuts,
                "ends": b.ends,
                "answers": b.answers if b.statuses else 0,
                "errors": b.errors,
            }.items()
        }

    def bind_at_leisure(self, i: type, sources: list[Component], arrivals: Any, **how: Any) -> None:
        """What follows from a decision comes before all else, as in the runtime."""

        def at_leisure(following: tuple[Any, ...], *states: Any) -> Iterator[Arrival]:
            for i, left, to in () if following else arrivals(*states):
                yield i, (following, *left), to

        self.bind(self.book, i, [self.following, *sources], at_leisure, **how)
