"""Searches side by side, each in a process of its own: most of a small world's time is spent in Python."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def side_by_side(search: Callable[..., T], asked: Sequence[tuple[Any, ...]], jobs: int) -> Iterator[T]:
    """What `search` gives for each of these arguments, in their order; `jobs` of them at a time.

    With one job, in this process. With more, `search` is a function of a module, its arguments and what it
    gives can be pickled, and the caller's own module can be imported without beginning anew.

    Raises what a search raised, and BrokenProcessPool where a process died (for want of memory, say).
    """
    if jobs < 1:
        raise ValueError(f"jobs={jobs}: give a count, at least 1")
    if jobs == 1 or len(asked) < 2:
        yield from (search(*one) for one in asked)
        return
    others = multiprocessing.get_context("spawn")  # a fork would copy the locks of the checker's threads
    with ProcessPoolExecutor(min(jobs, len(asked)), others, die_of_interrupts) as pool:
        answers = [pool.submit(search, *one) for one in asked]
        try:
            for answer in answers:
                yield answer.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def die_of_interrupts() -> None:
    """Ctrl-C reaches these processes as well as the one that waits for them: they end without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
