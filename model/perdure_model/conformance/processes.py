"""Other processes that judge shares of a file, beside this one."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")


class Processes:
    """So many processes, this one among them; the others begin to start at once."""

    def __init__(self, jobs: int) -> None:
        """With 1, no others. Raises ValueError."""
        if jobs < 1:
            raise ValueError(f"jobs={jobs}: give a count, at least 1")
        self.jobs = jobs
        self._pool: ProcessPoolExecutor | None = None
        if jobs > 1:
            others = multiprocessing.get_context("spawn")  # a fork would copy locks of the caller's threads
            self._pool = ProcessPoolExecutor(jobs - 1, others, prepare)
            for _ in range(jobs - 1):
                self._pool.submit(prepare)

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def side_by_side(self, work: Callable[..., T], asked: Sequence[tuple[Any, ...]]) -> Iterator[T]:
        """What a function of a module gives for each of these arguments: the first are worked on here.

        Raises what it raised, and BrokenProcessPool.
        """
        assert self._pool is not None
        answers = [self._pool.submit(work, *one) for one in asked[1:]]
        yield from (work(*one) for one in asked[:1])
        yield from (answer.result() for answer in answers)


def prepare() -> None:
    """Ctrl-C reaches these processes as well as the one that waits for them: they end without a word."""
    import perdure_model.conformance.checking  # noqa: F401 - what takes a while to begin with

    signal.signal(signal.SIGINT, signal.SIG_DFL)
