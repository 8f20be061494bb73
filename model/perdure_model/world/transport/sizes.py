"""The worlds that are checked: small ones in seconds, the default ones in a minute, large ones in many.

Each world of a size leaves out what the others have, so that each stays small, and together they reach
every rule, transition and fault. What does not interact need not be multiplied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from perdure_model.world.transport.bounds import Bounds

ANSWERS = (500, 429, 404)
QUIET = Bounds(sends=1, events=0, cuts=0, lost=0, late=0)
"""Nothing goes wrong; each world says what does in it."""

SMALL = {
    "T losses": replace(QUIET, events=1, cuts=1, lost=1, late=1),
    "T answers": replace(QUIET, cuts=1, statuses=ANSWERS),
    "T restart": replace(QUIET, events=1, lost=1, restarts=1),
    "T copied": replace(QUIET, tabs=2, copied=True),
    "T watching": replace(QUIET, events=1, sends=0, sessions=("s", "t"), watches=2),
    "T never": replace(QUIET, never=("posts",), liveness=True),
}
DEFAULT = {
    "T losses": replace(QUIET, sends=2, events=1, cuts=1, lost=1),
    "T timers": replace(QUIET, cuts=2, late=1, leaves=1),
    "T answers": replace(QUIET, sends=2, cuts=1, lost=1, late=1, statuses=ANSWERS),
    "T restart": replace(
        QUIET, sends=2, events=1, lost=1, held=1, restarts=1, retries_max=2, statuses=(429,)
    ),
    "T doubled": replace(QUIET, doubled=1, restarts=1),
    "T repeated": replace(QUIET, cuts=1, doubled=1, spare=True),
    "T kept": replace(QUIET, events=1, cuts=1, kept=1, late=1),
    "T once": replace(QUIET, cuts=1, attempts_max=0, liveness=True),
    "T ends": replace(QUIET, events=1, cuts=1, lost=1, ends=1, leaves=1),
    "T forgets": replace(QUIET, events=1, lost=1, ends=1, forgets=True, liveness=True),
    "T forgets one": replace(
        QUIET, sends=0, sessions=("s", "t"), watches=1, ends=1, forgets=True, liveness=True
    ),
    "T forgets at once": replace(QUIET, sends=0, events=1, cuts=1, ends=1, forgets=True, tombstones_max=0),
    "T forgets late": replace(QUIET, sends=0, ends=2, restarts=1, kept=1, forgets=True),
    "T unfit": replace(QUIET, sends=2, cuts=1, lost=1, unfit=True),
    "T strangers": replace(QUIET, cuts=1, suspends=1, strangers=1),
    "T garbled": replace(QUIET, events=2, late=1, garbled=1),
    "T stale": replace(QUIET, events=2, ends=2, leaves=1, late=1, log_max=1, batch_max=1),
    "T tight": replace(QUIET, sends=2, events=2, cuts=1, attempts_max=1, queue_max=1, log_max=1, batch_max=1),
    "T away": replace(QUIET, cuts=1, lost=1, suspends=1),
    "T away late": replace(QUIET, lost=1, suspends=1, late=1),
    "T twice away": replace(QUIET, sends=0, suspends=2, leaves=1),
    "T restart away": replace(QUIET, suspends=1, restarts=1),
    "T old away": replace(QUIET, suspends=1, old_server=True),
    "T return watching": replace(QUIET, sends=0, sessions=("s", "t"), kills=1, watches=1),
    "T return": replace(QUIET, events=1, kills=1, liveness=True),
    "T spare": replace(QUIET, cuts=1, kills=1, spare=True, batch_max=1),
    "T forgotten": replace(QUIET, sends=0, events=2, restarts=1, liveness=True),
    "T two": replace(QUIET, tabs=2, cuts=1),
    "T copied": replace(QUIET, tabs=2, copied=True, leaves=1),
    "T copied return": replace(QUIET, tabs=2, copied=True, kills=1, renews=False),
    "T usurped": replace(QUIET, tabs=2, copied=True, sends=0, renews=False, leaves=1, late=1),
    "T watching": replace(QUIET, events=1, sends=0, sessions=("s", "t"), watches=2, lost=1),
    "T unwatched": replace(QUIET, sends=1, sessions=("s", "t"), watches=2, cuts=1),
    "T watched ends": replace(QUIET, sends=1, sessions=("s", "t"), watches=1, ends=1, liveness=True),
    "T not watched": replace(
        QUIET, sends=0, sessions=("s", "t"), watches=2, statuses=(404, 401, 410), liveness=True
    ),
    "T credentials": replace(QUIET, sends=2, tokens=2, cuts=1),
    "T dead at the end": replace(QUIET, lost=1, ends=1, tokens=1),
    "T taken": replace(QUIET, sends=0, events=2, cuts=1, taken=1, liveness=True),
    "T taken ends": replace(QUIET, sends=0, events=1, ends=1, taken=2, forgets=True, liveness=True),
    "T old": replace(QUIET, cuts=1, leaves=1, old_server=True, kept=1, stalls=1),
    "T old held": replace(QUIET, sends=2, cuts=1, held=1, old_server=True, batch_max=1),
    "T stalls": replace(QUIET, events=2, stalls=1, cuts=1, batch_max=1),
    "T never": replace(QUIET, sends=2, cuts=1, never=("posts",), liveness=True),
    "T gone": replace(QUIET, sends=1, never=("streams",), attempts_max=2, liveness=True),
    "T never stays": replace(QUIET, sends=1, never=("staying",), attempts_max=2, liveness=True),
    "T outbid": replace(QUIET, sends=1, never=("ids",), attempts_max=2, spare=True, liveness=True),
}
LARGE = {
    **DEFAULT,
    "T losses": replace(DEFAULT["T losses"], cuts=2),
    "T timers": replace(DEFAULT["T timers"], lost=1),
    "T tight": replace(DEFAULT["T tight"], cuts=2, garbled=1),
    "T away": replace(DEFAULT["T away"], late=1),
    "T twice away": replace(DEFAULT["T twice away"], lost=1),
    "T two": replace(DEFAULT["T two"], cuts=2, leaves=1),
    "T three": replace(QUIET, tabs=3, cuts=1),
    "T copied": replace(DEFAULT["T copied"], cuts=1),
    "T copied away": replace(QUIET, tabs=2, copied=True, suspends=1),
    "T repeated": replace(QUIET, tabs=2, copied=True, doubled=1),
    "T watching": replace(DEFAULT["T watching"], sends=1, ends=1),
}
SIZES: Mapping[str, Mapping[str, Bounds]] = {"small": SMALL, "default": DEFAULT, "large": LARGE}
