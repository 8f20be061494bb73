"""The simulator's accounts, for whoever is tested: whether what both applications saw fits."""

from __future__ import annotations

from collections.abc import Sequence

from perdure.testing.remote.adapter import Snapshot
from perdure.testing.simulation.accounts import KILLED, OPEN, Accounts, Life


class RemoteAccounts(Accounts):
    """The accounts of a run. `history`: whether a new client is handed what was published before it came."""

    def __init__(self, *, history: bool) -> None:
        super().__init__()
        self._history = history
        self._looked_at = 0

    def hub_begins(self) -> None:
        """Another server, with an empty memory."""
        super().hub_begins()
        self._looked_at = 0

    def begins(self, life: Life) -> None:
        """This life is there: without history it is handed what comes from now on."""
        if not self._history:
            life.reached = self.published

    def take(self, life: Life, item: int | Snapshot) -> None:
        """An item is handed to its application."""
        if isinstance(item, Snapshot):
            self._gap(life, item.number)
        else:
            self._event(life, item)

    def kill(self, life: Life) -> None:
        """It ends without a word: nobody can tell any more what becomes of its sends."""
        life.over = life.killed = True
        self.outcomes |= {n: KILLED for n in life.sends if self.outcomes[n] == OPEN}

    def look(self, handled: Sequence[int]) -> None:
        """All that has taken effect since the server began."""
        for n in handled[self._looked_at :]:
            if n in self.senders:
                self.handle(n)
            else:
                self.breaks("P-CLASS", f"send {n} took effect, and nobody has sent it")
        self._looked_at = len(handled)
