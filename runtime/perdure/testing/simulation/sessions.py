"""System T in a simulated world: tabs, and the hub that they hold their sessions with."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count as numbers
from random import Random
from typing import Final

import anyio
import httpx2

from perdure.testing.simulation.accounts import Broken, Ledgers, Verdict
from perdure.testing.simulation.host import Host
from perdure.testing.simulation.network import Books, Network
from perdure.testing.simulation.scenario import Step
from perdure.testing.simulation.tab import SESSION, UNFIT, URL, Tab, Told
from perdure.testing.simulation.verbs import TABS
from perdure.testing.simulation.wallet import STRANGER, Wallet

ASIDE: Final = "aside"
PASSER: Final = "passer"
STAY_S: Final = 3.0


class Sessions:
    """The tabs, one hub after another, and whoever passes by. `chance(purpose)` gives a chance of its own."""

    def __init__(
        self,
        network: Network,
        verdict: Verdict,
        wallet: Wallet,
        told: Told,
        chance: Callable[[str], Random],
        books: Books,
    ) -> None:
        self._network, self._wallet, self._told, self._chance = network, wallet, told, chance
        self._books = books
        self.ledgers = Ledgers(verdict)
        self.accounts = self.ledgers[SESSION]
        self.tabs = {
            name: Tab(name, network.link(name), self.ledgers, told, books, wallet.credential) for name in TABS
        }
        self._hubs = 0
        self._aside = aside(1)

    async def start(self, *, old: bool = False) -> None:
        """A hub, with nothing in its memory, is there; an old one knows nothing of clients' ids."""
        self._hubs += 1
        self.ledgers.hub_begins(old=old)
        self.host = Host(
            self._network,
            self.ledgers,
            self._wallet,
            self._chance(f"hub {self._hubs}"),
            lambda record: self._told("hub", record),
            self._books,
        )
        await self.host.serve(self._network.tasks, old=old)

    @property
    def live_tabs(self) -> list[Tab]:
        """The tabs that are open."""
        return [tab for tab in self.tabs.values() if tab.live]

    @property
    def living(self) -> list[str]:
        """The open tabs, and the hub."""
        return [*(tab.name for tab in self.live_tabs), "hub"]

    @property
    def aside(self) -> str:
        """The session beside the first; where one has ended, the first whose name is free."""
        if self._over(self._aside):
            self._aside = next(name for name in map(aside, numbers(1)) if not self._over(name))
        return self._aside

    def _over(self, name: str) -> bool:
        return name in self.ledgers and self.ledgers[name].outcome is not None

    # -- steps -----------------------------------------------------------------------------------------

    async def perform(self, step: Step) -> None:
        """Let this happen. A step that makes no sense now does nothing."""
        if step.verb in HUBS:
            await self._to_hub(step)
            return
        tab = self.tabs[str(step.args[0])]
        if step.verb in ("connect", "copy"):
            await self._open(step, tab)
        elif step.verb == "stranger":
            self._intrude(tab)
        elif tab.live:
            await self._to_tab(step, tab)

    async def _to_hub(self, step: Step) -> None:
        match step.verb, step.args:
            case "publish", (int(count),):
                for _ in range(count):
                    await self.host.publish()
            case "publish-aside", (int(count),):
                for _ in range(count):
                    await self.host.publish(self.aside)
            case "end-aside", (str(outcome),):
                await self.host.end(self.aside, outcome)
            case "down", (float(seconds),):
                self._network.down(seconds)
            case (("restart" | "old-hub"), ()):
                self._network.strike("hub", step.verb)
                await self.host.kill()
                await self.start(old=step.verb == "old-hub")
            case "visit", (float(seconds),):
                self._network.strike(PASSER, "visit")
                self._network.tasks.start_soon(self._visit, {}, self._wallet.credential.token, seconds)

    async def _open(self, step: Step, tab: Tab) -> None:
        opened = self.tabs[str(step.args[-1])]
        if opened.live:
            return
        if step.verb == "copy":
            if tab.identity is None:
                return
            self._network.strike(opened.name, "copied tab")
            opened.identity, opened.known_to_strangers = tab.identity.copy(), tab.known_to_strangers
        self._wallet.renew()
        await opened.open(self._network.tasks)

    async def _to_tab(self, step: Step, tab: Tab) -> None:
        assert tab.session is not None
        match step.verb, step.args:
            case "kill", _:
                self._network.strike(tab.name, "kill")
                tab.kill()
            case "leave", _:
                tab.leave()
            case "suspend", _:
                tab.suspended = True
                await tab.session.suspend()
            case "resume", _:
                tab.suspended = False
                await tab.session.resume()
            case "stall", (_, float(seconds)):
                self._network.strike(tab.name, "stall")
                tab.stall(seconds)
            case _:
                await self._talk(step, tab)

    async def _talk(self, step: Step, tab: Tab) -> None:
        match step.verb, step.args:
            case "watch", _:
                await tab.watch(self.aside)
            case "look-back", _:
                await tab.watch(self.ledgers.past)
            case "send-last", _:
                tab.send_last()
            case "send-unfit", _:
                tab.send(UNFIT)
            case "unwatch", _:
                await tab.unwatch()
            case "send", (_, int(count)):
                for _ in range(count):
                    tab.send()
            case "send-aside", (_, int(count)):
                for _ in range(count):
                    tab.send_aside()

    # -- who passes by ---------------------------------------------------------------------------------

    def _intrude(self, tab: Tab) -> None:
        """Another principal comes with the tab's id, while that is somebody's."""
        if tab.identity is None or not self.host.watch.bound(tab.identity.cid):
            return
        self._network.strike(tab.name, "stranger")
        for one in self.tabs.values():
            one.known_to_strangers |= one.identity is not None and one.identity.cid == tab.identity.cid
        who = {"cid": tab.identity.cid, "attempt": f"{1 << 40}.1"}
        self._network.tasks.start_soon(self._visit, who, STRANGER, STAY_S)

    async def _visit(self, who: dict[str, str], token: str, seconds: float) -> None:
        """Be on a stream for so long; who names no id is an old client, and gets one of the hub's making."""
        headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
        http = self._network.link(PASSER).http
        with anyio.move_on_after(seconds):
            try:
                async with http.stream(
                    "GET", f"{URL}/events", params={**who, "session": SESSION}, headers=headers, timeout=None
                ) as answer:
                    await answer.aread()
            except httpx2.HTTPError:
                return  # of the network's faults it is not spared, and it does not come again

    # -- the end ---------------------------------------------------------------------------------------

    async def heal(self) -> None:
        """The faults stop: who is away is back, and what was skipped comes to light with the next event."""
        for tab in self.live_tabs:
            tab.stall(0.0)
            if tab.suspended and tab.session is not None:
                tab.suspended = False
                await tab.session.resume()
        if self._network.struck["skip"]:
            await self._publish_each()

    async def probe(self) -> None:
        """One more event of each session, and one more send of each tab."""
        self.host.watch.brought.clear()
        await self._publish_each()
        for tab in self.live_tabs:
            tab.send()

    async def _publish_each(self) -> None:
        await self.host.publish()
        if self.aside in self.ledgers:
            await self.host.publish(self.aside)

    def unwell(self) -> list[str]:
        """What is not as it should be once all is well."""
        return [said for tab in self.live_tabs if (said := self._unwell(tab))]

    def _unwell(self, tab: Tab) -> str:
        assert tab.session is not None
        assert tab.life is not None
        status, life = tab.session.status, tab.life
        behind = self.accounts.behind(life)
        if status.state != "awaiting" or status.pending or behind:
            reached = f"at event {life.reached} of {self.accounts.published}"
            return f"{life} is {status.state}, {status.pending} sends pending, {reached}"
        if saying(tab):  # what it watches is not yet said, and the probe would be sent by what was
            return f"{life} has a word under way"
        if tab.aside is None:
            return ""
        session, life = tab.aside
        says = f"has {session.pending} sends pending" if session.pending else tab.misses
        return f"{life} {says}" if says else ""

    def judge(self) -> None:
        """What must be so once all is well. Raises Broken."""
        ids = [tab.session.connection_id for tab in self.live_tabs if tab.session is not None]
        if len(set(ids)) != len(ids):
            raise Broken("P-ONE-HOLDER", f"two live tabs use one id: {ids}")
        for tab in self.live_tabs:
            assert tab.session is not None
            brought = self.host.watch.brought[tab.session.connection_id]
            if brought - tab.watches and not saying(tab):
                raise Broken("P-WATCH", f"{tab.life} is sent {brought}, and watches {tab.watches}")

    async def leave(self) -> None:
        """All tabs leave."""
        for tab in self.live_tabs:
            tab.leave()

    def settle(self) -> None:
        """At rest: every send is settled, and truly. Raises Broken."""
        for accounts in self.ledgers.values():
            accounts.forsake()
            accounts.check_settled()
        if held := self.host.watch.held:
            raise Broken("P-NO-LEAK", f"long after all have left, the hub holds {held}")

    async def close(self) -> None:
        """The hub ends."""
        await self.host.kill()

    def as_json(self) -> dict[str, int]:
        """The figures."""
        return self.ledgers.as_json()


def aside(number: int) -> str:
    """The name of a session beside the first."""
    return f"{ASIDE}-{number}"


def saying(tab: Tab) -> bool:
    """Whether what the tab tells the hub (watch, unwatch, suspend, close) is still on its way."""
    return any(one.request.kind == "word" for one in tab.link.exchanges)


HUBS: Final = frozenset({"publish", "publish-aside", "end-aside", "down", "restart", "old-hub", "visit"})
