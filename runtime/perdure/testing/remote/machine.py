"""A server and its clients as a state machine of Hypothesis: it chooses the steps, and shrinks them.

    class YourMachine(RemoteMachine):
        make = YourAdapter

    class TestYours(YourMachine.TestCase):
        settings = settings(max_examples=10, stateful_step_count=15, deadline=None)

Each step is in real time, so examples are few, and shrinking takes its time; `search` does the same with a
seed alone. Needs hypothesis (the extra `check`), and is not imported with the package.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar, Final

from anyio.from_thread import start_blocking_portal
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from perdure.testing.remote.adapter import Adapter
from perdure.testing.remote.hub import HubAdapter
from perdure.testing.remote.runs import unlike_the_model
from perdure.testing.remote.world import RemoteWorld
from perdure.testing.simulation.scenario import Argument, Scenario, Step

TAB: Final = st.sampled_from(["a", "b"])
KIND: Final = st.sampled_from(["send", "stream"])
LATE_S: Final = st.sampled_from([0.0, 0.5, 4.0])
STATUS: Final = st.sampled_from([429, 500, 503])


class RemoteMachine(RuleBasedStateMachine):
    """Two clients, a server, and the faults between them. Set `make`; `options` are `RemoteWorld`'s."""

    make: ClassVar[Callable[[], Adapter]] = HubAdapter
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.world: RemoteWorld | None = None
        self._good = True

    @initialize()
    def begin(self) -> None:
        """A server, and one client of it."""
        self._portal = self._stack.enter_context(start_blocking_portal())
        world = RemoteWorld(type(self).make(), **self.options)
        self._stack.enter_context(self._portal.wrap_async_context_manager(world))
        self.world = world
        self._perform("connect", "a")

    def _perform(self, verb: str, *args: Argument) -> None:
        assert self.world is not None
        self._good = False
        self._portal.call(self.world.perform, Step(verb, args))
        self._good = True

    def _live(self) -> bool:
        return self.world is not None and bool(self.world.live_tabs)

    @rule(seconds=st.sampled_from([0.5, 2.0, 6.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self._perform("wait", seconds)

    @rule(tab=TAB)
    def connect(self, tab: str) -> None:
        """A client comes, or returns."""
        self._perform("connect", tab)

    @precondition(_live)
    @rule(tab=TAB, how=st.sampled_from(["kill", "leave"]))
    def go(self, tab: str, how: str) -> None:
        """A client is killed, or leaves."""
        self._perform(how, tab)

    @precondition(_live)
    @rule(tab=TAB, count=st.integers(1, 3))
    def send(self, tab: str, count: int) -> None:
        """A client sends."""
        self._perform("send", tab, count)

    @rule(count=st.integers(1, 5))
    def publish(self, count: int) -> None:
        """The server publishes."""
        self._perform("publish", count)

    @precondition(_live)
    @rule(tab=TAB, seconds=LATE_S)
    def cut(self, tab: str, seconds: float) -> None:
        """A stream breaks; the server learns of it then."""
        self._perform("cut", tab, seconds)

    @precondition(_live)
    @rule(tab=TAB, seconds=st.sampled_from([4.0, 15.0]))
    def half_open(self, tab: str, seconds: float) -> None:
        """A stream is dead and looks alive."""
        self._perform("half-open", tab, seconds)

    @precondition(_live)
    @rule(tab=TAB, how=st.sampled_from(["lose-request", "lose-response"]))
    def lose(self, tab: str, how: str) -> None:
        """The next send, or its answer, is lost."""
        self._perform(how, tab, "send")
        self._perform("send", tab, 1)

    @precondition(_live)
    @rule(tab=TAB, status=STATUS)
    def answer(self, tab: str, status: int) -> None:
        """The next send is answered in the server's place."""
        self._perform("answer", tab, "send", status, 0.0)
        self._perform("send", tab, 2)

    @precondition(_live)
    @rule(tab=TAB, kind=KIND)
    def hold(self, tab: str, kind: str) -> None:
        """The next request of this kind arrives late."""
        self._perform("hold", tab, kind, 3.0)
        self._perform(*(("send", tab, 1) if kind == "send" else ("cut", tab, 0.0)))

    def teardown(self) -> None:
        """The faults stop, and all must be well again."""
        if self.world is None:
            return
        try:
            if self._good:
                self._portal.call(self.world.finish)
        finally:
            self._stack.close()
            note(f"the steps:\n{Scenario(0, tuple(self.world.steps)).text()}")
        broken = unlike_the_model(getattr(self.world.adapter, "records", []))
        if broken is not None and self._good:
            raise broken
