"""Trio, driven step by step from code that is not async, in virtual time.

The only module that uses trio's private parts, of the version that it was written for. Time moves when it is
told to, from one deadline to the next; which of the tasks that could go on goes on first, `order` says.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from itertools import count
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import outcome
import trio
from anyio.abc import TaskGroup
from sniffio import thread_local as sniffio_library
from trio._core import _run as private

T = TypeVar("T")
Tasks: TypeAlias = TaskGroup | trio.Nursery
"""Where tasks are started: a task group, or the whole run."""
TRIO: Final = "0.35."
TICKS_MAX: Final = 20_000
ORDER_BASE: Final = 6
"""A digit chooses among so many tasks: more are rarely ready at once."""


class Order(Protocol):
    """Which task goes first: the last of the list does. `random.Random` is one."""

    def shuffle(self, batch: list[Any], /) -> None:
        """Bring the tasks of one batch, which come in the order of their birth, into another order."""


class Chosen:
    """An order that numbers choose, once the first is given; until then it is another's, such as chance's."""

    def __init__(self, before: Order) -> None:
        self._before: Order | None = before
        self._choices: deque[int] = deque()

    def choose(self, number: int) -> None:
        """What comes next goes by this number's digits, the last one first; then the oldest goes first."""
        self._before = None
        self._choices = deque(digits(number))

    def shuffle(self, batch: list[Any], /) -> None:
        """Swap as the next digits say."""
        if self._before is not None:
            self._before.shuffle(batch)
            return
        batch.reverse()
        for last in range(len(batch) - 1, 0, -1):
            back = (self._choices.popleft() if self._choices else 0) % (last + 1)
            batch[last], batch[last - back] = batch[last - back], batch[last]


def digits(number: int) -> list[int]:
    """The digits of a number, to the base `ORDER_BASE`; the last one first."""
    found = []
    while number:
        number, digit = divmod(number, ORDER_BASE)
        found.append(digit)
    return found


class Livelock(RuntimeError):
    """Tasks go on and on without time passing."""


class VirtualClock(trio.abc.Clock):
    """Seconds since the beginning; they pass when `now` is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def start_clock(self) -> None:
        """Nothing to start."""

    def current_time(self) -> float:
        """The time."""
        return self.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """How far off a deadline is."""
        return deadline - self.now


def set_order(order: Order, *, deterministic: bool) -> None:
    """Trio's own order of tasks is by chance; a deterministic one sorts them first."""
    names = vars(private)
    names["_r"], names["_ALLOW_DETERMINISTIC_SCHEDULING"] = order, deterministic


class Stepper:
    """A trio run that goes on only while `settle`, `advance` or `run` is called. `close` it in the end.

    Raises RuntimeError where another version of trio is installed, or inside a trio run.
    """

    def __init__(self, order: Order) -> None:
        if not trio.__version__.startswith(TRIO):
            raise RuntimeError(f"the simulator needs trio {TRIO}*: pip install 'trio=={TRIO}*'")
        self.clock = VirtualClock()
        self._order = order
        self._calls: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()
        self._runner = private.setup_runner(self.clock, [], False, True)
        del private.GLOBAL_RUN_CONTEXT.runner
        self._ended = False
        self._run: Generator[float, Any, None] = private.unrolled_run(self._runner, self._main, (), True)
        self._inside(next, self._run)
        self.settle()

    async def _main(self) -> None:
        async with trio.open_nursery() as self.nursery:
            self._stop = trio.Event()
            await self._stop.wait()
            self.nursery.cancel_scope.cancel()

    def _inside(self, function: Callable[..., T], *args: Any) -> T:
        """Call this as if from the event loop, with our order of tasks."""
        library, order = sniffio_library.name, private._r  # noqa: SLF001 - the law of this module
        sniffio_library.name = "trio"
        set_order(self._order, deterministic=True)
        private.GLOBAL_RUN_CONTEXT.runner = self._runner
        try:
            return function(*args)
        finally:
            sniffio_library.name = library
            set_order(order, deterministic=False)
            private.GLOBAL_RUN_CONTEXT.__dict__.pop("runner", None)

    def _tick(self) -> None:
        """One batch of tasks. No I/O is waited for, but trio wakes itself through a socket."""
        self._call_due()
        woken = self._runner.entry_queue.size() > 0
        self._run.send(self._runner.io_manager.get_events(0) if woken else [])

    def _call_due(self) -> None:
        due = []
        while self._calls and self._calls[0][0] <= self.clock.now:
            due.append(heapq.heappop(self._calls)[2])
        if len(due) > 1:
            self._order.shuffle(due)
        while due:
            due.pop()()

    def _next_s(self) -> float:
        """When something is due next."""
        deadline = self._runner.deadlines.next_deadline()
        return min(deadline, self._calls[0][0]) if self._calls else deadline

    def _busy(self) -> bool:
        """Whether anything can go on without time passing."""
        runner = self._runner
        return bool(runner.runq or runner.entry_queue.size()) or self._next_s() <= self.clock.now

    def settle(self) -> None:
        """Go on until nothing can without time passing. Raises Livelock, or what a task has failed with."""
        self._inside(self._settle)
        self._look()

    def _settle(self) -> bool:
        """The same from inside; whether it came to rest."""
        runner = self._runner
        for _ in range(TICKS_MAX):
            if runner.main_task_outcome is not None or runner.ki_pending:
                return False
            if not self._busy():
                return True
            self._tick()
        return False

    def _look(self) -> None:
        """Raise what has come up inside."""
        if self._runner.main_task_outcome is not None:
            self.close()  # raises what a task has failed with
        if self._runner.ki_pending:
            raise KeyboardInterrupt
        if self._busy():
            raise Livelock(f"after {TICKS_MAX} rounds at {self.clock.now:.3f} s tasks still go on")

    def start(self, work: Callable[..., Awaitable[object]], *args: Any) -> None:
        """Start a task; it begins when the run goes on."""
        self._inside(self.nursery.start_soon, work, *args)

    def after(self, seconds: float, call: Callable[[], object]) -> None:
        """Call this inside, so much later: before that moment's tasks go on, of several calls any one first.

        For what needs no task: much of a network only takes its time. Once the end has begun, none is called.
        """
        if not self._ended:
            heapq.heappush(self._calls, (self.clock.now + seconds, next(self._numbers), call))

    def call(self, work: Callable[..., T], *args: Any) -> T:
        """Call a function as a task would; what it starts begins when the run goes on."""
        return self._inside(work, *args)

    def run(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Call an async function that waits for nothing. Raises TimeoutError where it does."""
        said: list[outcome.Outcome[T]] = []

        async def call() -> None:
            said.append(await outcome.acapture(work, *args))

        self.start(call)
        self.settle()
        if not said:
            raise TimeoutError(f"{work!r} waits for something")
        return said[0].unwrap()

    def advance(self, seconds: float) -> None:
        """Let time pass, stopping at each deadline. Raises what `settle` does."""
        self._inside(self._advance, self.clock.now + seconds)
        self._look()

    def _advance(self, end: float) -> None:
        while self._settle() and self.clock.now < end:
            self.clock.now = min(self._next_s(), end)

    @property
    def tasks(self) -> int:
        """How many tasks there are, beside trio's own and the stepper's."""
        return len(self._runner.tasks) - 3

    def close(self) -> None:
        """Cancel all that is left, and end the run, however long that takes. Again: nothing happens."""
        if self._ended:
            return
        self._ended = True
        self._calls.clear()
        self._inside(self._stop.set)
        try:
            for _ in range(TICKS_MAX):
                self._inside(self._tick)
                if not self._busy() and (due := self._next_s()) < math.inf:
                    self.clock.now = due
        except StopIteration:
            ended = self._runner.main_task_outcome
            assert ended is not None
            ended.unwrap()
            return
        raise Livelock("the tasks do not end")
