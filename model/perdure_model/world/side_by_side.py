"""Searches side by side, each in a process of its own: most of a small world's time is spent in Python."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def side_by_side(search: Callable[..., T], asked: Sequence[tuple[Any, ...]], jobs: int) -> Iterator[T]:
    """What `search` gives for each of these arguments, in their order; `jobs` of them at a time.

    With one job, in this process. With more, `search` is a function of a module, its arguments and what it
    gives can be pickled, and the caller's own module can be imported without beginning anew.
    """
    if jobs < 1:
        raise ValueError(f"jobs={jobs}: give a count, at least 1")
    if jobs == 1 or len(asked) < 2:
        yield from (search(*one) for one in asked)
        return
    with multiprocessing.get_context("spawn").Pool(min(jobs, len(asked)), _leave_interrupts) as pool:
        yield from pool.imap(_Spread(search), asked)


class _Spread:
    """A function of one tuple."""

    def __init__(self, search: Callable[..., T]) -> None:
        self.search = search

    def __call__(self, arguments: tuple[Any, ...]) -> Any:
        return self.search(*arguments)


def _leave_interrupts() -> None:
    """Ctrl-C is the parent's to hear; it ends the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
