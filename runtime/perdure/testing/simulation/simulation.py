"""One simulated world: tabs, a hub, the network between them, and the steps that happen to it."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from hashlib import sha256
from types import TracebackType
from typing import Any, Final, TypeVar

from perdure_model.core.client import CLIENT
from perdure_model.core.rule import Book
from perdure_model.core.server import SERVER

from perdure.testing.faults import Answer, HoldRequest, LoseRequest, LoseResponse
from perdure.testing.simulation.accounts import Accounts, Broken
from perdure.testing.simulation.chance import chance, seeded
from perdure.testing.simulation.faults import Double
from perdure.testing.simulation.host import SETTINGS, Host
from perdure.testing.simulation.network import Network
from perdure.testing.simulation.scenario import TABS, Step
from perdure.testing.simulation.stepper import Order, Stepper
from perdure.testing.simulation.tab import Tab
from perdure.trace import Record

RECONVERGE_S: Final = 240.0
"""After so much virtual time without faults all must be well again."""
REST_S: Final = SETTINGS.grace_s + 60.0
"""After so much, once all tabs have left, nothing may be held any more: longer than any bound of ours."""
MOMENT_S: Final = 0.01
T = TypeVar("T")
LOG = logging.getLogger("perdure")


class Errors(logging.Handler):
    """What is logged as an error is one: in a simulated world nothing of the application fails."""

    def __init__(self, accounts: Accounts) -> None:
        super().__init__(logging.ERROR)
        self._accounts = accounts

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it as something that does not fit."""
        why = record.exc_info[1] if record.exc_info else None
        self._accounts.breaks("P-ERRORS", f"{record.getMessage()}{f': {why!r}' if why else ''}")


class Simulation:
    """A world, while the `with` block lasts. Two of them at the same time would share chance: don't.

    seed: decides all that the steps leave open. `order`: in which order tasks go on; by default by chance.
    client, server: the rules; for tests that plant a defect.
    Raises RuntimeError where the trio of this simulator is not installed.
    """

    def __init__(
        self, seed: int, *, order: Order | None = None, client: Book = CLIENT, server: Book = SERVER
    ) -> None:
        self.seed = seed
        self.accounts = Accounts()
        self.trace: list[str] = []
        """A line for each step, fault and decision, in the order in which they came."""
        self.records: list[Record] = []
        """The decisions alone, each at its virtual time."""
        self.steps: list[Step] = []
        self._order = order or chance(seed, "order of tasks")
        self._client, self._server = client, server
        self._stack = ExitStack()

    def __enter__(self) -> Simulation:
        with ExitStack() as stack:
            stack.enter_context(seeded(self.seed))
            stack.enter_context(logged(self.accounts))
            self._stepper = Stepper(self._order)
            stack.callback(self._stepper.close)
            self.network = Network(self._stepper.nursery, chance(self.seed, "network"), self._note)
            self._tabs = {name: self._tab(name) for name in TABS}
            self._stepper.run(self._start_hub)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._stack.close()

    def _tab(self, name: str) -> Tab:
        return Tab(name, self.network.link(name), self.accounts, self._told, self._client)

    async def _start_hub(self) -> None:
        told = chance(self.seed, f"hub at {self.now_s}")
        self.host = Host(
            self.network, self.accounts, told, lambda record: self._told("hub", record), self._server
        )
        await self.host.serve(self.network.tasks)

    # -- the record ------------------------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        """Virtual seconds since the beginning."""
        return self._stepper.clock.now

    @property
    def digest(self) -> str:
        """The trace in a word: equal for equal runs."""
        return sha256("\n".join(self.trace).encode()).hexdigest()

    def _note(self, who: str, what: str) -> None:
        self.trace.append(f"{self.now_s:.6f} {who}: {what}")

    def _told(self, who: str, record: Record) -> None:
        """A decision, at its virtual time."""
        said = {**record, "t": round(self.now_s, 6)}
        self.records.append(said)
        self.trace.append(f"{self.now_s:.6f} {who} {json.dumps(said, separators=(',', ':'))}")

    # -- steps -----------------------------------------------------------------------------------------

    def perform(self, step: Step) -> None:
        """Let this happen, and what follows from it at once. A step that makes no sense now does nothing.

        Raises Broken where a property does not hold any more.
        """
        self.steps.append(step)
        self._note("step", str(step))
        if step.verb == "wait":
            self._stepper.advance(float(step.args[0]))
        else:
            self._stepper.run(self._perform, step)
            self._stepper.advance(MOMENT_S)
        self.check()

    def run(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Call an async function inside the world; it must not wait for time to pass."""
        return self._stepper.run(work, *args)

    def check(self) -> None:
        """Raises Broken where a property does not hold."""
        self.accounts.check()
        if self.network.failed:
            raise Broken("P-ERRORS", f"the hub's app raised {self.network.failed[0]!r}")

    async def _perform(self, step: Step) -> None:
        if step.verb in ("publish", "down", "restart"):
            await self._to_hub(step)
            return
        tab = self._tabs[str(step.args[0])]
        if step.verb in ("connect", "copy"):
            await self._open(step, tab)
        elif step.verb in USER:
            await self._to_tab(step, tab)
        else:
            to_link(step, tab)

    async def _to_hub(self, step: Step) -> None:
        match step.verb, step.args:
            case "publish", (int(count),):
                for _ in range(count):
                    await self.host.publish()
            case "down", (float(seconds),):
                self.network.down(seconds)
            case "restart", ():
                self.network.strike("hub", "restart")
                await self.host.kill()
                await self._start_hub()

    async def _open(self, step: Step, tab: Tab) -> None:
        opened = self._tabs[str(step.args[-1])]
        if opened.live:
            return
        if step.verb == "copy":
            if tab.identity is None:
                return
            self.network.strike(opened.name, "copied tab")
            opened.identity = tab.identity.copy()
        await opened.open(self.network.tasks)

    async def _to_tab(self, step: Step, tab: Tab) -> None:
        if not tab.live or tab.session is None:
            return
        match step.verb, step.args:
            case "kill", _:
                self.network.strike(tab.name, "kill")
                tab.kill()
            case "leave", _:
                tab.leave()
            case "suspend", _:
                tab.suspended = True
                await tab.session.suspend()
            case "resume", _:
                tab.suspended = False
                await tab.session.resume()
            case "send", (_, int(count)):
                for _ in range(count):
                    tab.send()

    # -- the end ---------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The faults stop: in time all must be well again (P-RECONVERGE); all leave, and nothing is held.

        Raises Broken.
        """
        self._note("step", "the faults stop")
        self._stepper.run(self._heal)
        self._reconverge("once the faults had stopped")
        self._stepper.run(self._probe)
        self._reconverge("after one more event and one more send from each")
        self._hold_one_id()
        for tab in self.live_tabs:
            self._stepper.run(at_once, tab.leave)
        self._stepper.advance(REST_S)
        self.check()
        self.accounts.check_settled()
        self._stepper.run(self.host.kill)
        self._stepper.advance(REST_S)
        if self.network.exchanges or self._stepper.tasks:
            held = f"{self._stepper.tasks} tasks, {len(self.network.exchanges)} connections"
            raise Broken("P-NO-LEAK", f"at rest there are still {held}")

    async def _heal(self) -> None:
        self.network.heal()
        for tab in self.live_tabs:
            if tab.suspended and tab.session is not None:
                tab.suspended = False
                await tab.session.resume()

    async def _probe(self) -> None:
        await self.host.publish()
        for tab in self.live_tabs:
            tab.send()

    @property
    def live_tabs(self) -> list[Tab]:
        """The tabs that are open."""
        return [tab for tab in self._tabs.values() if tab.live]

    def _reconverge(self, when: str) -> None:
        begun_s = self.now_s
        while True:
            self._stepper.advance(1.0)
            self.check()
            unwell = [said for tab in self.live_tabs if (said := self._unwell(tab))]
            if not unwell:
                return
            if self.now_s - begun_s > RECONVERGE_S:
                raise Broken("P-RECONVERGE", f"{RECONVERGE_S:g} s {when}: {'; '.join(unwell)}")

    def _unwell(self, tab: Tab) -> str:
        """What is not as it should be once all is well; "" where nothing is."""
        assert tab.session is not None
        assert tab.life is not None
        status, behind = tab.session.status, self.accounts.behind(tab.life)
        if status.state == "awaiting" and not status.pending and not behind:
            return ""
        reached = f"at event {tab.life.reached} of {self.accounts.published}"
        return f"{tab.life} is {status.state}, {status.pending} sends pending, {reached}"

    def _hold_one_id(self) -> None:
        ids = [tab.session.connection_id for tab in self.live_tabs if tab.session is not None]
        if len(set(ids)) != len(ids):
            raise Broken("P-ONE-HOLDER", f"two live tabs use one id: {ids}")

    def as_json(self) -> dict[str, Any]:
        """What came of it, in figures."""
        return {
            "seconds": round(self.now_s, 3),
            "faults": dict(self.network.struck),
            "accounts": self.accounts.as_json(),
            "digest": self.digest,
        }


USER: Final = frozenset({"kill", "leave", "suspend", "resume", "send"})


def to_link(step: Step, tab: Tab) -> None:
    """A fault on a tab's way to the hub."""
    link: Any = tab.link
    match step.verb, step.args[1:]:
        case "cut", (seconds,):
            link.cut(seconds)
        case "half-open", (seconds,):
            link.half_open(seconds)
        case "late-close", (seconds,):
            link.late_close(seconds)
        case "lose-request", (kind,):
            link.add(LoseRequest(on=kind))  # type: ignore[arg-type]
        case "lose-response", (kind,):
            link.add(LoseResponse(on=kind))  # type: ignore[arg-type]
        case "hold", (kind, float(seconds)):
            link.add(HoldRequest(on=kind, for_s=seconds))  # type: ignore[arg-type]
        case "double", (kind, float(seconds)):
            link.add(Double(on=kind, after_s=seconds))  # type: ignore[arg-type]
        case "answer", (kind, int(status), float(seconds)):
            wait_s = int(seconds) or None
            link.add(Answer(on=kind, status=status, retry_after_s=wait_s))  # type: ignore[arg-type]


async def at_once(function: Any) -> None:
    """Call a function inside the event loop."""
    function()


class logged:  # noqa: N801 - reads as a statement
    """While this lasts, what the library logs goes to the accounts alone."""

    def __init__(self, accounts: Accounts) -> None:
        self._handler = Errors(accounts)

    def __enter__(self) -> None:
        self._before = LOG.propagate, LOG.handlers
        LOG.propagate, LOG.handlers = False, [self._handler]

    def __exit__(self, *_: object) -> None:
        LOG.propagate, LOG.handlers = self._before
