"""One simulated world: the systems in it, the network between them, and the steps that happen to it."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from perdure_model.conformance import judge
from perdure_model.core.client import CLIENT
from perdure_model.core.credential import CREDENTIAL
from perdure_model.core.follow import FOLLOW
from perdure_model.core.response import RESPONSE
from perdure_model.core.server import SERVER

from perdure.testing.faults import Answer, HoldRequest, LoseRequest, LoseResponse
from perdure.testing.simulation.accounts import Broken, Verdict
from perdure.testing.simulation.calling import Calling
from perdure.testing.simulation.chance import chance, seeded
from perdure.testing.simulation.faults import Double, Echo, Garble, Slow
from perdure.testing.simulation.following import Following
from perdure.testing.simulation.network import Books, Network, ticks_s
from perdure.testing.simulation.scenario import Scenario, Step
from perdure.testing.simulation.sessions import Sessions
from perdure.testing.simulation.stepper import Chosen, Stepper
from perdure.testing.simulation.timing import TimerWatch
from perdure.testing.simulation.verbs import TOKEN_VERBS, WIRE_VERBS
from perdure.testing.simulation.wallet import Wallet
from perdure.trace import Record

RECONVERGE_S: Final = 240.0
"""After so much virtual time without faults all must be well again."""
REST_S: Final = 80.0
"""After so much, once all have left, nothing may be held any more: longer than any bound of ours."""
MOMENT_S: Final = 1 / 64
RULES: Final[Books] = {
    "client": CLIENT,
    "server": SERVER,
    "follow": FOLLOW,
    "response": RESPONSE,
    "credential": CREDENTIAL,
}
"""The rules of each side."""
Said: TypeAlias = tuple[float, str, str | Record]
"""When, who, and what: a text or a decision."""
T = TypeVar("T")
LOG = logging.getLogger("perdure")


class System(Protocol):
    """What a simulated world needs of each system in it."""

    async def start(self) -> None:
        """Its servers are there."""

    async def perform(self, step: Step) -> None:
        """Let this happen, if it makes sense now."""

    async def heal(self) -> None:
        """The faults stop."""

    async def probe(self) -> None:
        """One thing more of each kind, to see whether all is well."""

    @property
    def living(self) -> list[str]:
        """Who of it is there, by the names that its decisions are recorded under."""

    def unwell(self) -> list[str]:
        """What is not as it should be once all is well."""

    def judge(self) -> None:
        """What must be so once all is well. Raises Broken."""

    async def leave(self) -> None:
        """All its clients leave."""

    def settle(self) -> None:
        """What must be so once all have left. Raises Broken."""

    async def close(self) -> None:
        """Its servers end."""

    def as_json(self) -> dict[str, int]:
        """The figures."""


class Errors(logging.Handler):
    """What is logged as an error is one: in a simulated world nothing of the application fails."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(logging.ERROR)
        self._verdict = verdict

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it as something that does not fit."""
        why = record.exc_info[1] if record.exc_info else None
        self._verdict.breaks("P-ERRORS", f"{record.getMessage()}{f': {why!r}' if why else ''}")


JOINED: Final = ("client", "server")
"""The sides of which one hears what the other has sent."""
CONFORMANCE: Final = "conformance"
"""In place of a property: a run that is none of the model."""
MADE: Final[dict[str, Callable[..., System]]] = {"T": Sessions, "A": Following, "R": Calling}
"""The systems, by their letters."""


class Simulation:
    """A world, while the `with` block lasts. Two of them at the same time would share chance: don't.

    seed: decides all that the steps leave open. `systems`: which are there. `books`: other rules than those
    of `RULES`; for tests that plant a defect.
    Raises RuntimeError where the trio of this simulator is not installed.
    """

    def __init__(self, seed: int, *, systems: str = "T", books: Books | None = None) -> None:
        self.seed = seed
        self.verdict = Verdict()
        self.records: list[Record] = []
        """The decisions, each at its virtual time."""
        self._timers = TimerWatch(self.verdict.breaks)
        self.steps: list[Step] = []
        self.said: list[Said] = []
        """Steps, faults and decisions, in the order in which they came: `line_of` makes a line of each."""
        self._names = systems
        self._order = Chosen(chance(seed, "order of tasks"))
        self._books = {**RULES, **(books or {})}
        self._stack = ExitStack()

    def __enter__(self) -> Simulation:
        with ExitStack() as stack:
            stack.enter_context(seeded(self.seed))
            stack.enter_context(logged(self.verdict))
            self._stepper = Stepper(self._order)
            stack.callback(self._stepper.close)
            self.network = Network(self._stepper, chance(self.seed, "network"), self._note)
            self._stepper.run(self._begin)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._stack.close()

    async def _begin(self) -> None:
        self.wallet = Wallet(
            self.network, self.verdict.breaks, lambda record: self._told("token", record), self._books
        )
        self.wallet.serve(self.network.tasks)
        self.wallet.shared = self._names != "R"
        self.systems = {name: self._made(name) for name in self._names}
        for system in self.systems.values():
            await system.start()

    def _made(self, name: str) -> System:
        return MADE[name](
            self.network,
            self.verdict,
            self.wallet,
            self._told,
            lambda what: chance(self.seed, f"{name}: {what}"),
            self._books,
        )

    # -- the record ------------------------------------------------------------------------------------

    @property
    def scenario(self) -> Scenario:
        """What was done so far."""
        return Scenario(self.seed, tuple(self.steps), self._names)

    @property
    def now_s(self) -> float:
        """Virtual seconds since the beginning."""
        return self._stepper.clock.now

    def _note(self, who: str, what: str) -> None:
        self.said.append((self.now_s, who, what))

    def _told(self, who: str, record: Record) -> None:
        """A decision, at its virtual time."""
        record["t"] = round(self.now_s, 6)
        self.records.append(record)
        self._timers(who, record)
        self.said.append((self.now_s, who, record))

    # -- steps -----------------------------------------------------------------------------------------

    def perform(self, step: Step) -> None:
        """Let this happen, and what follows from it at once. A step that makes no sense now does nothing.

        Raises Broken where a property does not hold any more.
        """
        self.steps.append(step)
        self._note("step", str(step))
        if step.verb == "order":
            self._order.choose(int(step.args[0]))
            return
        if step.verb == "wait":
            self._stepper.advance(ticks_s(float(step.args[0])))
        else:
            self._perform(step)
            self._stepper.advance(MOMENT_S)
        self.check()

    def run(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Call an async function inside the world; it must not wait for time to pass."""
        return self._stepper.run(work, *args)

    def check(self) -> None:
        """Raises Broken where a property does not hold."""
        for system in self.systems.values():
            self._timers.look(system.living, self.now_s)
        self.verdict.check()
        if self.network.failed:
            raise Broken("P-ERRORS", f"a server's app raised {self.network.failed[0]!r}")

    def _perform(self, step: Step) -> None:
        if step.verb in TOKEN_VERBS:
            self._stepper.call(self._to_wallet, step)
        elif step.verb in WIRE_VERBS:
            self._stepper.call(to_link, in_ticks(step), self.network.link(str(step.args[0])))
        else:
            if step.system in self.systems:
                self._stepper.run(self.systems[step.system].perform, in_ticks(step))

    def _to_wallet(self, step: Step) -> None:
        match step.verb, step.args:
            case "expire", _:
                self.wallet.expire()
            case "refresh", (how,):
                self.wallet.plan(str(how))
            case "give", (how,):
                self.wallet.give(str(how))

    # -- the end ---------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The faults stop: in time all must be well again (P-RECONVERGE); all leave, and nothing is held.

        At last what both sides have decided is held to the model. Raises Broken.
        """
        self._note("step", "the faults stop")
        self._stepper.run(self._heal)
        self._reconverge("once the faults had stopped")
        self._stepper.run(self._renew)
        self._each("probe")
        self._reconverge("after one thing more of each kind")
        for system in self.systems.values():
            system.judge()
        self._each("leave")
        self._stepper.advance(REST_S)
        self.check()
        for system in self.systems.values():
            system.settle()
        self._each("close")
        self._stepper.advance(REST_S)
        if self.network.exchanges or self._stepper.tasks:
            held = f"{self._stepper.tasks} tasks, {len(self.network.exchanges)} connections"
            raise Broken("P-NO-LEAK", f"at rest there are still {held}")
        self._conform()

    def _conform(self) -> None:
        """What was recorded is a run of the model, unless a defect is planted; of tabs and hub, unless
        somebody has lied to them."""
        planted = any(self._books[name] is not RULES[name] for name in RULES)
        honest = self.scenario.honest
        records = [one for one in self.records if honest or one["side"] not in JOINED]
        if planted or not records:
            return
        found = judge(records)
        if found.mismatch is not None:
            raise Broken(CONFORMANCE, found.summary())

    def _each(self, what: str) -> None:
        for system in self.systems.values():
            self._stepper.run(getattr(system, what))

    async def _heal(self) -> None:
        self.network.heal()
        self.wallet.heal()
        for system in self.systems.values():
            await system.heal()

    async def _renew(self) -> None:
        """A refresh that was held up may have been in vain since."""
        self.wallet.renew()

    def _reconverge(self, when: str) -> None:
        begun_s = self.now_s
        while True:
            self._stepper.advance(1.0)
            self.check()
            unwell = [said for system in self.systems.values() for said in system.unwell()]
            unwell += self.wallet.unwell()
            if not unwell:
                return
            if self.now_s - begun_s > RECONVERGE_S:
                raise Broken("P-RECONVERGE", f"{RECONVERGE_S:g} s {when}: {'; '.join(unwell)}")

    @property
    def sessions(self) -> Sessions:
        """The system T of this world."""
        sessions = self.systems["T"]
        assert isinstance(sessions, Sessions)
        return sessions

    @property
    def figures(self) -> dict[str, int]:
        """What all systems count."""
        total: Counter[str] = Counter()
        for system in self.systems.values():
            total.update(system.as_json())
        return dict(total)


def line_of(t: float, who: str, what: str | Record) -> str:
    """A line of the trace."""
    if isinstance(what, str):
        return f"{t:.6f} {who}: {what}"
    return f"{t:.6f} {who} {json.dumps(what, separators=(',', ':'))}"


def in_ticks(step: Step) -> Step:
    """The step with its times as the network keeps them."""
    return Step(step.verb, tuple(ticks_s(arg) if isinstance(arg, float) else arg for arg in step.args))


def to_link(step: Step, link: Any) -> None:
    """A fault on a client's way to the servers."""
    match step.verb, step.args[1:]:
        case "cut", (seconds,):
            link.cut(seconds)
        case "half-open", (seconds,):
            link.half_open(seconds)
        case "late-close", (seconds,):
            link.late_close(seconds)
        case "garble", (how,):
            link.garble(Garble(str(how)))
        case _, (kind, *rest):
            link.add(fault_of(step.verb, rest), kind)


def fault_of(verb: str, args: list[Any]) -> Any:
    """A fault that strikes one request."""
    match verb, args:
        case "lose-request", []:
            return LoseRequest()
        case "lose-response", []:
            return LoseResponse()
        case "hold", [seconds]:
            return HoldRequest(for_s=seconds)
        case "double", [seconds]:
            return Double(after_s=seconds)
        case "echo", [seconds]:
            return Echo(after_s=seconds)
        case "slow", [seconds]:
            return Slow(for_s=seconds)
    status, seconds = args
    return Answer(status=status, retry_after_s=int(seconds) or None)


class logged:  # noqa: N801 - reads as a statement
    """While this lasts, what the library logs goes to the verdict alone."""

    def __init__(self, verdict: Verdict) -> None:
        self._handler = Errors(verdict)

    def __enter__(self) -> None:
        self._before = LOG.propagate, LOG.handlers
        LOG.propagate, LOG.handlers = False, [self._handler]

    def __exit__(self, *_: object) -> None:
        LOG.propagate, LOG.handlers = self._before
