"""System A in a simulated world: followers, and the server of what they follow."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from perdure.testing.simulation.accounts import Broken, Verdict
from perdure.testing.simulation.flow import ERRORS, FLOW, Flows
from perdure.testing.simulation.follower import Follower, Told
from perdure.testing.simulation.network import Books, Network
from perdure.testing.simulation.scenario import Step
from perdure.testing.simulation.verbs import FOLLOWERS
from perdure.testing.simulation.wallet import Wallet


class Following:
    """The followers, each with a flow of its own, and the server of all flows."""

    def __init__(
        self,
        network: Network,
        verdict: Verdict,
        wallet: Wallet,
        told: Told,
        _chance: Callable[[str], Random],
        books: Books,
    ) -> None:
        self._network, self._wallet = network, wallet
        self._flows = Flows(wallet.good)
        self.followers = {
            name: Follower(name, network.link(name), verdict, told, books, wallet.credential)
            for name in FOLLOWERS
        }

    async def start(self) -> None:
        """The server is there."""
        self._network.attach(self._flows.app, self._network.tasks, FLOW)

    @property
    def live(self) -> list[Follower]:
        """Those whose session lives."""
        return [one for one in self.followers.values() if one.live and one.session is not None]

    @property
    def living(self) -> list[str]:
        """Those whose session has not ended."""
        return [one.name for one in self.live if one.session and one.session.outcome is None]

    async def perform(self, step: Step) -> None:
        """Let this happen. A step that makes no sense now does nothing."""
        if step.verb == "remote-down":
            self._network.down(float(step.args[0]), FLOW)
            return
        follower = self.followers[str(step.args[0])]
        if step.verb == "follow":
            if not follower.live:
                self._wallet.renew()
                await follower.begin(self._flows, self._network.tasks)
        elif follower.live:
            self._to(step, follower)

    def _to(self, step: Step, follower: Follower) -> None:
        match step.verb, step.args:
            case "unfollow", _:
                follower.leave()
            case "submit", (_, str(effect)):
                follower.submit(effect)
            case "change", (_, int(count)):
                for _ in range(count):
                    follower.flow.change()
            case "conclude", (_, str(outcome)):
                follower.flow.change(outcome)
            case "err", (_, str(error)):
                self._network.strike(follower.name, f"error {error}")
                follower.flow.tell(ERRORS[error])
            case "flap", (_, int(count)):
                self._network.strike(follower.name, "flap")
                follower.flow.flaps += count

    # -- the end ---------------------------------------------------------------------------------------

    async def heal(self) -> None:
        """The faults stop; what was skipped comes to light with the next state, or the next stream."""
        for follower in self.live:
            follower.flow.flaps = 0
            if self._network.struck["skip"]:
                follower.flow.change()
            if self._network.struck["skip"] and follower.flow.outcome is not None:
                follower.link.cut(0.0)

    async def probe(self) -> None:
        """One more state of each flow."""
        for follower in self.live:
            follower.flow.change()

    def unwell(self) -> list[str]:
        """What is not as it should be once all is well."""
        return [said for one in self.live if (said := self._unwell(one))]

    def _unwell(self, follower: Follower) -> str:
        assert follower.session is not None
        status = follower.session.status
        if status.state == "terminal":
            return ""  # what it still has to show, it shows without any help
        behind = {follower.shown, follower.read} != {follower.flow.n}
        if status.state == "awaiting" and not status.submitting and not behind:
            return ""
        submits = ", submitting" if status.submitting else ""
        return f"{follower} is {status.state}{submits}, at state {follower.shown} of {follower.flow.n}"

    def judge(self) -> None:
        """Nothing more than that all is well."""

    async def leave(self) -> None:
        """All leave."""
        for follower in self.live:
            follower.leave()

    def settle(self) -> None:
        """Once all have left every submission is settled. Raises Broken."""
        for follower in self.followers.values():
            if follower.open:
                raise Broken("P-NO-STUCK", f"submissions of {follower} are not settled: {follower.open}")
            if follower.live:
                raise Broken("P-NO-LEAK", f"{follower} has left, and is there still")

    async def close(self) -> None:
        """The server ends."""
        self._network.detach(FLOW)

    def as_json(self) -> dict[str, int]:
        """The figures."""
        all_of = self.followers.values()
        return {
            "states": sum(one.states for one in all_of),
            "submissions": sum(one.submitted for one in all_of),
        }
