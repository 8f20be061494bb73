"""System R in a simulated world: callers, and the provider that they ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

import anyio

from perdure.testing.simulation.accounts import Broken, Verdict
from perdure.testing.simulation.caller import Caller, Told
from perdure.testing.simulation.network import Books, Network
from perdure.testing.simulation.provider import MODEL, Provider
from perdure.testing.simulation.scenario import Step
from perdure.testing.simulation.verbs import CALLERS
from perdure.testing.simulation.wallet import Wallet

MOMENT_S: Final = 1 / 1024


class Calling:
    """The callers, and the provider."""

    def __init__(
        self,
        network: Network,
        verdict: Verdict,
        wallet: Wallet,
        told: Told,
        chance: Callable[[str], Random],
        books: Books,
    ) -> None:
        self._network, self._wallet = network, wallet
        self._verdict = verdict
        self._provider = Provider(wallet.good, chance("words"))
        self.callers = {
            name: Caller(name, network.link(name), verdict, told, books, wallet) for name in CALLERS
        }

    async def start(self) -> None:
        """The provider is there."""
        self._network.attach(self._provider.app, self._network.tasks, MODEL)

    @property
    def living(self) -> list[str]:
        """Nobody who has a timer."""
        return []

    async def perform(self, step: Step) -> None:
        """Let this happen. A step that makes no sense now does nothing."""
        match step.verb, step.args:
            case "ask", (str(name), int(words)):
                if not self.callers[name].busy:
                    await self.callers[name].ask(words, self._network.tasks)
            case "quit", (str(name),):
                if self.callers[name].busy:
                    self._network.strike(name, "quit")
                    self.callers[name].quit()
                    self._network.tasks.start_soon(self._look)
            case "botch", (str(name), str(ending), int(words)):
                self._network.strike(name, f"answer {ending}")
                self._provider.plans.setdefault(name, []).append((ending, words - 1))
            case "model-down", (float(seconds),):
                self._network.down(seconds, MODEL)

    async def _look(self) -> None:
        """A refresh that nobody waits for any more ends with the last who did."""
        await anyio.sleep(MOMENT_S)
        waits = self._wallet.shared or any(one.busy for one in self.callers.values())
        if self._wallet.running and not waits:
            self._verdict.breaks("P-NO-LEAK", "a refresh goes on, and nobody waits for it")

    # -- the end ---------------------------------------------------------------------------------------

    async def heal(self) -> None:
        """Answers end well from now on."""
        self._provider.plans.clear()

    async def probe(self) -> None:
        """One more call of each."""
        for caller in self.callers.values():
            await caller.ask(2, self._network.tasks)

    def unwell(self) -> list[str]:
        """Calls that have not ended."""
        return [f"{one.calls[-1].name} has not ended" for one in self.callers.values() if one.busy]

    def judge(self) -> None:
        """What was asked last, when nothing failed any more, has been answered. Raises Broken."""
        for caller in self.callers.values():
            call = caller.calls[-1]
            if call.outcome != "completed":
                raise Broken("P-REFRESH", f"{call.name} has {call.outcome}, and a good token was to be had")

    async def leave(self) -> None:
        """Nobody calls any more."""

    def settle(self) -> None:
        """Nothing runs any more. Raises Broken."""
        if self._provider.open or self._wallet.running:
            raise Broken("P-NO-LEAK", "answers or refreshes are under way, and nobody waits for them")

    async def close(self) -> None:
        """The provider ends."""
        self._network.detach(MODEL)

    def as_json(self) -> dict[str, int]:
        """The figures."""
        calls = [call for caller in self.callers.values() for call in caller.calls]
        outcomes = Counter(f"calls {call.outcome}" for call in calls)
        return {"calls": len(calls), "tried again": sum(len(call.tries) > 1 for call in calls), **outcomes}
