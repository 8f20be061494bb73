"""System T's world: clients and a server, the wires between them, and what can go wrong on the way.

`tab/` has the clients, `host/` the server, `wires.py` what is under way, `faults.py` what goes wrong.
Timers may fire at any moment once started; one that is cancelled may, within a budget, have just run out.
"""

from __future__ import annotations

import re
from collections.abc import Hashable

from perdure_model.checker import Component
from perdure_model.world.bind import World
from perdure_model.world.defect import Books
from perdure_model.world.transport.bounds import Bounds
from perdure_model.world.transport.faults import Faults
from perdure_model.world.transport.host import Host
from perdure_model.world.transport.tab import OWN, Tab

BUDGETS = (
    "ends",
    "leaves",
    "watches",
    "suspends",
    "kills",
    "cuts",
    "lost",
    "held",
    "doubled",
    "restarts",
    "kept",
    "taken",
    "stalls",
    "late",
    "garbled",
    "strangers",
)


class Transport(World):
    """The world of some clients and a server; the books may have a defect."""

    def __init__(self, bounds: Bounds, name: str, books: Books) -> None:
        super().__init__(name)
        self.bounds, self.client, self.server = bounds, books["client"], books["server"]
        add = self.system.component
        self.made = ("m1", "m2") if bounds.old_server else ()
        self.budget = {kind: add(f"budget.{kind}", getattr(bounds, kind)) for kind in BUDGETS}
        self.budget["statuses"] = add("budget.statuses", 1 if bounds.statuses else 0)
        self.events = {s: add(f"budget.events[{s}]", bounds.events) for s in bounds.sessions}
        self.lives = add("server.lives", 0)
        self.dead = add("app.dead credentials", 0)
        self.tabs = [self._tab(n) for n in range(bounds.tabs)]
        cids = tuple(dict.fromkeys(cid for tab in self.tabs for cid in tab.ids.values()))
        self.host = Host(self, cids)
        for tab in self.tabs:
            tab.declare()
        self.host.declare()
        Faults(self).declare()

    def kind(self, action: str) -> str:
        """Clients and ids are told apart by what they are: a client, its id, one renewed, one made for it."""
        for names, one in ((r"m\d", "an id made for it"), (r"[abc]2", "another id"), (r"[abc]", "it")):
            action = re.sub(rf"\b{names}\b", one, action)
        return action

    def _tab(self, n: int) -> Tab:
        """Client n; where the id was copied, no two lives under it are the same incarnation."""
        lives = range(self.bounds.kills + 1)
        incarnations = tuple(
            1 + life * self.bounds.tabs + n if self.bounds.copied else 1 + life for life in lives
        )
        return Tab(self, "abc"[n], "a" if self.bounds.copied else "abc"[n], incarnations)

    @property
    def liveness(self) -> bool:
        """Whether what must happen in the end is decided in this world."""
        return self.bounds.liveness

    @property
    def gate(self) -> list[Component]:
        """What a request's credential is held against."""
        return [self.dead] if self.bounds.tokens else []

    def passes(self, what: str, token: Hashable, dead: tuple[int, ...]) -> bool:
        """Whether such a request gets through, with this credential, while the first `dead` ones are dead."""
        never = {"streams", "ids"} if what == "streams" else {what}
        return not never & set(self.bounds.never) and all(int(str(token)) >= one for one in dead)

    def symmetry(self) -> list[list[tuple[Component, ...]]]:
        """The clients as interchangeable groups, each with what the server keeps for it.

        Clients that began with one id are no such groups: they are told apart by their lives.
        """
        if self.bounds.copied or len(self.tabs) < 2:
            return []
        return [[(*tab.components, *self.host.components_of(tab.ids[OWN])) for tab in self.tabs]]
