"""What a run depends on beside its tasks: chance, fresh ids, threads, and when garbage is collected.

One seed decides all of it.
"""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar
from unittest.mock import patch

import anyio
import anyio.to_thread

from perdure import routes

T = TypeVar("T")


def chance(seed: int, purpose: str) -> random.Random:
    """Numbers of their own for each purpose, so that more of one leave the others as they are."""
    return random.Random(f"{seed} {purpose}")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """While this lasts, `random` and fresh ids follow the seed, and what would run in a thread runs at once.

    For the whole process: nothing else may go on in it that needs secrets.
    """
    before = random.getstate()
    random.seed(f"{seed} jitter")
    ids = chance(seed, "ids")
    try:
        with ExitStack() as stack:
            for module, name in ((os, "urandom"), (routes, "urandom"), (random, "_urandom")):
                stack.enter_context(patch.object(module, name, ids.randbytes))
            stack.enter_context(patch.object(anyio.to_thread, "run_sync", at_once))
            stack.enter_context(uncollected())
            yield
    finally:
        random.setstate(before)


@contextmanager
def uncollected() -> Iterator[None]:
    """While this lasts, no garbage is collected; afterwards as before.

    What is collected may start tasks (trio ends forgotten generators in one), and when that is depends on all
    that the process did before. It also took a fifth of a run's time, most of it looking at the modules.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


async def at_once(function: Callable[..., T], *args: Any, **_options: Any) -> T:
    """In place of a thread, which would not be in virtual time."""
    await anyio.lowlevel.checkpoint()
    return function(*args)
