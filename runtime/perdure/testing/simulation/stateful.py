"""Client and hub as a state machine of Hypothesis: it chooses steps and the order of tasks, and shrinks both.

    class TestTransport(TransportMachine.TestCase):
        settings = settings(max_examples=100, stateful_step_count=40, deadline=None)

Whatever `Simulation` demands is an invariant, after every step and at the end. Needs hypothesis (the extra
`check`), and is not imported with the package.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from hypothesis import note, target
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from perdure_model.core.client import CLIENT
from perdure_model.core.rule import Book
from perdure_model.core.server import SERVER

from perdure.testing.simulation.scenario import KINDS, STATUSES, TABS, Argument, Scenario, Step
from perdure.testing.simulation.simulation import Simulation
from perdure.testing.simulation.stepper import Chosen

ORDER: Final = st.lists(st.integers(0, 5), max_size=12)
TAB: Final = st.sampled_from(TABS)
KIND: Final = st.sampled_from(KINDS)
SHORT_S: Final = st.sampled_from([0.0, 0.05, 0.5, 2.0])
LONG_S: Final = st.sampled_from([0.5, 4.0, 12.0, 25.0])
WAIT_S: Final = st.sampled_from([0.1, 1.0, 6.0, 25.0, 90.0])
ANSWER: Final = KIND.flatmap(lambda kind: st.tuples(st.just(kind), st.sampled_from(STATUSES[kind])))


class TransportMachine(RuleBasedStateMachine):
    """Three tabs, a hub, and the network between them. Set `client` or `server` to try other rules."""

    client: ClassVar[Book] = CLIENT
    server: ClassVar[Book] = SERVER

    def __init__(self) -> None:
        super().__init__()
        self.world: Simulation | None = None
        self._order = Chosen([])
        self._good = True

    @initialize(seed=st.integers(0, 1 << 16))
    def begin(self, seed: int) -> None:
        """A world, with one tab."""
        self.world = Simulation(seed, order=self._order, client=self.client, server=self.server)
        self.world.__enter__()
        self._perform([], "connect", TABS[0])

    def _perform(self, order: list[int], verb: str, *args: Argument) -> None:
        assert self.world is not None
        self._order.add(order)
        self._good = False
        self.world.perform(Step(verb, args))
        self._good = True

    def _live(self) -> bool:
        return self.world is not None and bool(self.world.live_tabs)

    @rule(order=ORDER, seconds=WAIT_S)
    def wait(self, order: list[int], seconds: float) -> None:
        """Time passes."""
        self._perform(order, "wait", seconds)

    @rule(order=ORDER, tab=TAB)
    def connect(self, order: list[int], tab: str) -> None:
        """A tab is opened, or returns."""
        self._perform(order, "connect", tab)

    @rule(order=ORDER, tabs=st.permutations(TABS))
    def copy(self, order: list[int], tabs: list[str]) -> None:
        """A tab is copied, its id included: it takes over."""
        self._perform(order, "copy", *tabs[:2])

    @precondition(_live)
    @rule(order=ORDER, tab=TAB, how=st.sampled_from(["kill", "leave", "suspend", "resume"]))
    def go(self, order: list[int], tab: str, how: str) -> None:
        """A tab is killed, left, or goes to the background and comes back."""
        self._perform(order, how, tab)

    @precondition(_live)
    @rule(order=ORDER, tab=TAB, count=st.integers(1, 6))
    def send(self, order: list[int], tab: str, count: int) -> None:
        """A tab sends."""
        self._perform(order, "send", tab, count)

    @rule(order=ORDER, count=st.integers(1, 15))
    def publish(self, order: list[int], count: int) -> None:
        """The hub publishes: now and then more than a log holds."""
        self._perform(order, "publish", count)

    @precondition(_live)
    @rule(order=ORDER, tab=TAB, seconds=SHORT_S | LONG_S)
    def cut(self, order: list[int], tab: str, seconds: float) -> None:
        """A stream breaks; the server learns of it then."""
        self._perform(order, "cut", tab, seconds)

    @precondition(_live)
    @rule(order=ORDER, tab=TAB, how=st.sampled_from(["half-open", "late-close"]), seconds=LONG_S)
    def deceive(self, order: list[int], tab: str, how: str, seconds: float) -> None:
        """A stream is dead and looks alive, to both sides or to the server."""
        self._perform(order, how, tab, seconds)

    @precondition(_live)
    @rule(order=ORDER, tab=TAB, kind=KIND, how=st.sampled_from(["lose-request", "lose-response"]))
    def lose(self, order: list[int], tab: str, kind: str, how: str) -> None:
        """The tab's next request of this kind, or its response, is lost."""
        self._perform(order, how, tab, kind)
        self._cause(tab, kind)

    def _cause(self, tab: str, kind: str) -> None:
        """Let there be a request for the fault to strike."""
        if kind == "send":
            self._perform([], "send", tab, 2)
        else:
            self._perform([], "cut", tab, 0.0)

    @precondition(_live)
    @rule(order=ORDER, tab=TAB, kind=KIND, how=st.sampled_from(["hold", "double"]), seconds=LONG_S)
    def delay(self, order: list[int], tab: str, kind: str, how: str, seconds: float) -> None:
        """The tab's next request of this kind arrives later, or once more later."""
        self._perform(order, how, tab, kind, seconds)
        self._cause(tab, kind)

    @precondition(_live)
    @rule(order=ORDER, tab=TAB, answer=ANSWER, seconds=st.sampled_from([0.0, 2.0, 20.0]))
    def answer(self, order: list[int], tab: str, answer: tuple[str, int], seconds: float) -> None:
        """The tab's next request of this kind is answered in the hub's place."""
        self._perform(order, "answer", tab, *answer, seconds)
        self._cause(tab, answer[0])

    @rule(order=ORDER, seconds=LONG_S)
    def down(self, order: list[int], seconds: float) -> None:
        """Nobody reaches the hub for a while."""
        self._perform(order, "down", seconds)

    @rule(order=ORDER)
    def restart(self, order: list[int]) -> None:
        """The hub crashes; another is there at once."""
        self._perform(order, "restart")

    def teardown(self) -> None:
        """The faults stop, and all must be well again."""
        if self.world is None:
            return
        try:
            if self._good:
                target(
                    float(max((tab.attempts for tab in self.world.live_tabs), default=0)), label="attempts"
                )
                target(float(self.world.network.struck["copied tab"]), label="takeovers")
                self.world.finish()
        finally:
            self.world.__exit__(None, None, None)
            note(f"the steps, in another order of tasks:\n{self.scenario.text()}")

    @property
    def scenario(self) -> Scenario:
        """What was done, as a scenario; the order of tasks is not in it."""
        assert self.world is not None
        return Scenario(self.world.seed, tuple(self.world.steps))


def machine(**books: Book) -> Any:
    """The machine with other rules: `client=` or `server=`; for tests that plant a defect."""
    return type("PlantedMachine", (TransportMachine,), books)
