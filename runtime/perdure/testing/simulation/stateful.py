"""The systems as state machines of Hypothesis: it chooses steps and the order of tasks, and shrinks both.

    class TestTransport(TransportMachine.TestCase):
        settings = settings(max_examples=100, stateful_step_count=40, deadline=None)

Whatever `Simulation` demands is an invariant, after every step and at the end. There is one machine for each
system and one for all together; a machine for others is a subclass of `WorldMachine` that mixes in what
happens in its systems. Needs hypothesis (the extra `check`), and is not imported with the package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, ClassVar, Final

from hypothesis import note, target
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from perdure.testing.simulation.drawing import FIRST, PLOTS, draw_more
from perdure.testing.simulation.network import Books
from perdure.testing.simulation.scenario import ORDERS, Argument, Scenario, Step, step
from perdure.testing.simulation.simulation import Simulation
from perdure.testing.simulation.verbs import (
    CALLERS,
    CHOICES,
    CLIENTS,
    FOLLOWERS,
    ISSUER,
    KINDS_OF,
    STATUSES,
    TABS,
)

ORDER: Final = st.integers(0, ORDERS - 1)
"""An order of tasks: one number, which is drawn sooner than its many digits. 0: the oldest goes first."""
SEED: Final = st.integers(0, 1 << 16)
SENDS: Final = st.sampled_from([1, 2, 3, 6, 14])
"""How many sends at once: now and then more than a queue holds."""
STRETCH: Final = 20
"""A stretch has at most so many steps."""
ANY: Final = st.integers(0, 17)
"""Stands for one of several: this one, counted round."""
PLOT: Final = st.sampled_from(range(256))
"""One of the plots, counted round; of a range of integers the first would come far more often."""
TAB: Final = st.sampled_from(TABS)
CALLER: Final = st.sampled_from(CALLERS)
FOLLOWER: Final = st.sampled_from(FOLLOWERS)
MOVE: Final = st.sampled_from(["kill", "leave", "suspend", "resume", "watch", "unwatch"])
SHORT_S: Final = st.sampled_from([0.0, 0.05, 0.5, 2.0])
LONG_S: Final = st.sampled_from([0.5, 4.0, 12.0, 25.0])
ASKED_S: Final = st.sampled_from([0.0, 2.0, 20.0])
TIMES: Final = st.sampled_from([1, 1, 2, 4])
THEN_S: Final = st.sampled_from([0.0, 1.0, 20.0])
WAIT_S: Final = st.sampled_from([0.1, 1.0, 6.0, 20.0, 45.0])
TOKENS: Final = (
    "expire",
    "refresh same",
    "refresh older",
    "refresh fails",
    "give fresh",
    "give refused",
    "give older",
)
RARE: Final = (
    "end-aside succeeded",
    "end-aside failed",
    "end-aside expired",
    "visit 0",
    "visit 2",
    "down 0.5",
    "down 4",
    "down 25",
    "restart",
    "old-hub",
)
"""What would leave nothing standing, if it came as often as the rest."""
TOKEN: Final = st.sampled_from(TOKENS)
RARELY: Final = st.sampled_from(RARE)
CAUSES: Final[dict[str, tuple[str, ...]]] = {
    "send": ("send {} 2",),
    "stream": ("cut {} 0",),
    "word": ("watch {}", "unwatch {}"),
    "snapshot": ("cut {} 0",),
    "submit": ("submit {} changes",),
    "call": ("ask {} 3",),
    "refresh": ("expire",),
}
"""What makes a client ask something of this kind, so that there is a request for a fault to strike."""


class WorldMachine(RuleBasedStateMachine):
    """What can happen in any world. `systems` says what is in it, `books` which other rules are tried."""

    systems: ClassVar[str] = ""
    books: ClassVar[Books] = {}

    def __init__(self) -> None:
        super().__init__()
        self.world: Simulation | None = None
        self._order = 0
        self._good = True
        self._clients = [*[one for name in self.systems for one in CLIENTS[name]], ISSUER]
        self._plots = [plot for name in self.systems for plot in PLOTS[name]]

    @initialize(seed=SEED, plot=st.none() | PLOT)
    def begin(self, seed: int, plot: int | None) -> None:
        """A world, with one client of each system; and a plot, while there is nothing in its way."""
        self.world = Simulation(seed, systems=self.systems, books=self.books)
        self.world.__enter__()
        self._step(Step("order", (0,)))
        for name in self.systems:
            self._step(step(FIRST[name]))
        if plot is not None:
            self._play(plot)

    def _perform(self, order: int, verb: str, *args: Argument) -> None:
        self._choose(order)
        self._step(Step(verb, args))

    def _line(self, order: int, line: str, *args: Argument) -> None:
        one = step(line)
        self._perform(order, one.verb, *one.args, *args)

    def _choose(self, order: int) -> None:
        if order or self._order:
            self._step(Step("order", (order,)))
        self._order = order

    def _step(self, one: Step) -> None:
        assert self.world is not None
        self._good = False
        self.world.perform(one)
        self._good = True

    @rule(order=ORDER, seconds=WAIT_S)
    def wait(self, order: int, seconds: float) -> None:
        """Time passes."""
        self._perform(order, "wait", seconds)

    @rule(order=ORDER, which=ANY, seconds=SHORT_S | LONG_S)
    def cut(self, order: int, which: int, seconds: float) -> None:
        """A stream breaks; the server learns of it then."""
        self._perform(order, "cut", self._client(which), seconds)

    @rule(order=ORDER, which=ANY, how=st.sampled_from(["half-open", "late-close"]), seconds=LONG_S)
    def deceive(self, order: int, which: int, how: str, seconds: float) -> None:
        """A stream is dead and looks alive, to both sides or to the server."""
        self._perform(order, how, self._client(which), seconds)

    @rule(order=ORDER, which=ANY, how=st.sampled_from(["repeat", "skip"]))
    def garble(self, order: int, which: int, how: str) -> None:
        """The next event on a stream comes twice, or not at all."""
        self._perform(order, "garble", self._client(which), how)

    @rule(
        order=ORDER,
        which=ANY,
        kind=ANY,
        how=st.sampled_from(["lose-request", "lose-response"]),
        times=TIMES,
        then_s=THEN_S,
    )
    def lose(self, order: int, which: int, kind: int, how: str, times: int, then_s: float) -> None:
        """The client's next requests of this kind, or their responses, are lost."""
        who, what = self._request(which, kind)
        for _ in range(times):
            self._perform(order, how, who, what)
        self._cause(who, what, then_s)

    @rule(
        order=ORDER,
        which=ANY,
        kind=ANY,
        how=st.sampled_from(["hold", "double", "echo", "slow"]),
        seconds=LONG_S,
    )
    def delay(self, order: int, which: int, kind: int, how: str, seconds: float) -> None:
        """The client's next request of this kind arrives later, or more than once, or its answer does."""
        who, what = self._request(which, kind)
        self._perform(order, how, who, what, seconds)
        self._cause(who, what)

    @rule(order=ORDER, which=ANY, kind=ANY, status=ANY, seconds=ASKED_S, times=TIMES, then_s=THEN_S)
    def answer(
        self, order: int, which: int, kind: int, status: int, seconds: float, times: int, then_s: float
    ) -> None:
        """The client's next requests of this kind are answered in the server's place."""
        who, what = self._request(which, kind)
        choices = STATUSES[what]
        for _ in range(times):
            self._perform(order, "answer", who, what, choices[status % len(choices)], seconds)
        self._cause(who, what, then_s)

    @rule(order=ORDER, line=TOKEN)
    def token(self, order: int, line: str) -> None:
        """All tokens die, or the next refresh comes to this, or the application gives one."""
        self._line(order, line)

    @rule(order=ORDER, which=ANY, plot=PLOT, turn=st.integers(0, 2))
    def plot(self, order: int, which: int, plot: int, turn: int) -> None:
        """Several steps that rarely come together by chance, and then matter; begun somewhere."""
        self._choose(order)
        self._play(plot, begun=which % 2 if which < 4 else 0, turn=turn)

    def _play(self, plot: int, begun: int = 0, turn: int = 0) -> None:
        if self._plots:
            for line in self._plots[plot % len(self._plots)][begun:]:
                self._step(turned(step(line), turn))

    @rule(order=ORDER, seed=SEED, count=st.integers(1, STRETCH))
    def stretch(self, order: int, seed: int, count: int) -> None:
        """Steps as the simulator draws them: some more often than others, and none in which somebody lies."""
        self._choose(order)
        for one in draw_more(Random(seed), count, self.systems):
            self._step(one)

    def _client(self, which: int) -> str:
        return self._clients[which % len(self._clients)]

    def _request(self, which: int, kind: int) -> tuple[str, str]:
        """A client and a kind of its requests."""
        who = self._client(which)
        kinds = KINDS_OF[who]
        return who, kinds[kind % len(kinds)]

    def _cause(self, who: str, kind: str, then_s: float = 0.0) -> None:
        """Let there be a request for the fault to strike, and so much time for what it leads to."""
        for line in CAUSES[kind]:
            self._step(step(line.format(who)))
        if then_s:
            self._step(Step("wait", (then_s,)))

    def teardown(self) -> None:
        """The faults stop, and all must be well again."""
        if self.world is None:
            return
        try:
            if self._good:
                for label, value in self.targets():
                    target(value, label=label)
                self._good = False
                self.world.finish()
                self._good = True
        finally:
            self.world.__exit__(None, None, None)
            note(f"the same for `perdure simulate --replay FILE`:\n{self.scenario.text()}")

    def targets(self) -> Iterator[tuple[str, float]]:
        """What the search should have much of; each system adds its own."""
        yield from ()

    def _effects(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """What was decided of this kind."""
        assert self.world is not None
        for record in self.world.records:
            yield from (effect for effect in record["effects"] if effect["type"] == kind)

    @property
    def good(self) -> bool:
        """Whether nothing has broken so far, or, after the teardown, at all."""
        return self._good

    @property
    def scenario(self) -> Scenario:
        """What was done, as a scenario, the order of tasks included."""
        assert self.world is not None
        return Scenario(self.world.seed, tuple(self.world.steps), self.systems)


def turned(one: Step, by: int) -> Step:
    """The step with each client's place taken by one further on."""
    names = {
        name: clients[(at + by) % len(clients)]
        for clients in CLIENTS.values()
        for at, name in enumerate(clients)
    }
    return Step(one.verb, tuple(names.get(str(arg), arg) for arg in one.args))


class Sessions:
    """What can happen in system T: tabs, and the hub that they hold their sessions with."""

    _perform: Any
    _line: Any
    _effects: Any

    @rule(order=ORDER, tab=TAB)
    def connect(self, order: int, tab: str) -> None:
        """A tab is opened, or returns."""
        self._perform(order, "connect", tab)

    @rule(order=ORDER, tabs=st.permutations(TABS), before=st.sampled_from(["leave", "kill"]))
    def copy(self, order: int, tabs: list[str], before: str) -> None:
        """A tab is copied, its id included: it takes over. There is room for it, once another has left."""
        self._perform(order, before, tabs[1])
        self._perform(order, "copy", *tabs[:2])

    @rule(order=ORDER, tab=TAB, how=MOVE)
    def go(self, order: int, tab: str, how: str) -> None:
        """A tab is killed, left, goes to the background and comes back, or looks aside."""
        self._perform(order, how, tab)

    @rule(order=ORDER, tab=TAB, count=SENDS, where=st.sampled_from(["send", "send-aside"]))
    def send(self, order: int, tab: str, count: int, where: str) -> None:
        """A tab sends."""
        self._perform(order, where, tab, count)

    @rule(order=ORDER, tab=TAB, seconds=LONG_S)
    def stall(self, order: int, tab: str, seconds: float) -> None:
        """A tab's application reads nothing for a while."""
        self._perform(order, "stall", tab, seconds)

    @rule(order=ORDER, count=st.integers(1, 15), where=st.sampled_from(["publish", "publish-aside"]))
    def publish(self, order: int, count: int, where: str) -> None:
        """The hub publishes: now and then more than a log holds."""
        self._perform(order, where, count)

    @rule(order=ORDER, tab=TAB, how=st.sampled_from(["send-last", "send-unfit", "look-back", "stranger"]))
    def unusual(self, order: int, tab: str, how: str) -> None:
        """A send ends its session, or cannot be taken; a tab comes late to a session that has ended; another
        principal comes with a tab's id."""
        self._perform(order, how, tab)

    @rule(order=ORDER, line=RARELY)
    def rarely(self, order: int, line: str) -> None:
        """A session ends; nobody reaches the hub; the hub crashes, and another is there at once; a client
        that names no id is there for a while."""
        self._line(order, line)

    def targets(self) -> Iterator[tuple[str, float]]:
        """Long retries and deep takeovers."""
        posts = Counter(tuple(key) for post in self._effects("Post") for key in post["keys"])
        yield "posts of one send", float(max(posts.values(), default=0))
        replaced = [cut for cut in self._effects("CutStream") if cut["reason"] == "replaced"]
        yield "streams taken over", float(len(replaced))
        yield from super().targets()  # type: ignore[misc]


class TransportMachine(Sessions, WorldMachine):
    """Three tabs, a hub, and the network between them."""

    systems = "T"


class Following:
    """What can happen in system A: followers, and the server of what they follow."""

    _perform: Any
    _effects: Any

    @rule(order=ORDER, who=FOLLOWER, how=st.sampled_from(["follow", "follow", "unfollow"]))
    def follow(self, order: int, who: str, how: str) -> None:
        """A follower begins, or leaves."""
        self._perform(order, how, who)

    @rule(order=ORDER, who=FOLLOWER, effect=st.sampled_from(CHOICES["effect"]))
    def submit(self, order: int, who: str, effect: str) -> None:
        """A follower submits."""
        self._perform(order, "submit", who, effect)

    @rule(order=ORDER, who=FOLLOWER, count=st.integers(1, 6))
    def change(self, order: int, who: str, count: int) -> None:
        """What is followed changes."""
        self._perform(order, "change", who, count)

    @rule(order=ORDER, who=FOLLOWER, error=st.sampled_from([*CHOICES["error"], *CHOICES["outcome"]]))
    def err(self, order: int, who: str, error: str) -> None:
        """The stream brings an error, or what cannot be read; or what is followed comes to its last state."""
        self._perform(order, "err" if error in CHOICES["error"] else "conclude", who, error)

    @rule(order=ORDER, who=FOLLOWER, count=st.integers(1, 8))
    def flap(self, order: int, who: str, count: int) -> None:
        """The next streams end as soon as they are open."""
        self._perform(order, "flap", who, count)

    @rule(order=ORDER, seconds=LONG_S)
    def remote_down(self, order: int, seconds: float) -> None:
        """Nobody reaches the server for a while."""
        self._perform(order, "remote-down", seconds)

    def targets(self) -> Iterator[tuple[str, float]]:
        """Followers that try again and again."""
        closed = [float(lost["attempt"]) for lost in self._effects("StreamClosed")]
        yield "streams of one follower", max(closed, default=0.0)
        yield from super().targets()  # type: ignore[misc]


class FollowMachine(Following, WorldMachine):
    """Three followers, the server of what they follow, and the network between them."""

    systems = "A"


class Calling:
    """What can happen in system R: callers, and the provider that they ask."""

    _perform: Any
    _effects: Any

    @rule(order=ORDER, who=CALLER, count=st.integers(1, 6))
    def ask(self, order: int, who: str, count: int) -> None:
        """A call is made."""
        self._perform(order, "ask", who, count)

    @rule(order=ORDER, who=CALLER)
    def leave(self, order: int, who: str) -> None:
        """A consumer leaves."""
        self._perform(order, "quit", who)

    @rule(order=ORDER, who=CALLER, ending=st.sampled_from(CHOICES["ending"]), count=st.integers(1, 4))
    def botch(self, order: int, who: str, ending: str, count: int) -> None:
        """The next answer ends badly, and is asked for."""
        self._perform(0, "botch", who, ending, count)
        self._perform(order, "ask", who, count)

    @rule(order=ORDER, seconds=LONG_S)
    def model_down(self, order: int, seconds: float) -> None:
        """Nobody reaches the provider for a while."""
        self._perform(order, "model-down", seconds)

    def targets(self) -> Iterator[tuple[str, float]]:
        """Credentials that are refreshed again and again, calls that are made again."""
        yield "refreshes", float(sum(1 for _ in self._effects("RefreshToken")))
        again = [call for call in self._effects("OpenAttempt") if call["attempt"] > 1]
        yield "calls made again", float(len(again))
        yield from super().targets()  # type: ignore[misc]


class ResponseMachine(Calling, WorldMachine):
    """Three callers that share a credential, the provider, and the network between them."""

    systems = "R"


class WholeMachine(Sessions, Following, Calling, WorldMachine):
    """All systems together: they share the network, and one credential."""

    systems = "TAR"


MACHINES: Final[dict[str, type[WorldMachine]]] = {
    "T": TransportMachine,
    "A": FollowMachine,
    "R": ResponseMachine,
    "TAR": WholeMachine,
}
"""The machines, by what is in their worlds."""


def machine(kind: type[WorldMachine] = TransportMachine, /, **books: Any) -> type[WorldMachine]:
    """The machine with other rules, by their side: for tests that plant a defect."""
    return type("PlantedMachine", (kind,), {"books": books})
