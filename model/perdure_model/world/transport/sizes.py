"""The worlds that are checked: small ones in seconds, the default ones in a minute, large ones in many.

Each world of a size leaves out what the others have, so that each stays small, and together they reach
every rule, transition and fault. What does not interact need not be multiplied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from perdure_model.world.transport.world import Bounds

ANSWERS = (500, 429, 404)
SMALL = {
    "T losses": Bounds(sends=1, events=1, cuts=1, lost=1, late=1),
    "T answers": Bounds(sends=1, events=0, cuts=1, lost=0, late=0, statuses=ANSWERS),
    "T restart": Bounds(sends=1, events=1, cuts=0, lost=1, late=0, restarts=1),
}
DEFAULT = {
    "T losses": Bounds(sends=2, events=1, cuts=2, lost=1, late=0),
    "T timers": Bounds(sends=1, events=0, cuts=2, lost=1, late=2, leaves=1),
    "T answers": Bounds(sends=2, events=0, cuts=1, lost=1, late=1, statuses=ANSWERS),
    "T restart": Bounds(
        sends=2, events=1, cuts=0, lost=1, held=1, late=0, restarts=1, retries_max=2, statuses=(429,)
    ),
    "T once": Bounds(sends=1, events=0, cuts=1, lost=0, late=0, attempts_max=0),
    "T ends": Bounds(sends=1, events=1, cuts=1, lost=1, late=0, ends=1, leaves=1, strangers=1),
    "T garbled": Bounds(sends=1, events=2, cuts=0, lost=0, late=1, garbled=1, batch_max=1),
    "T stale": Bounds(sends=1, events=2, ends=2, leaves=1, cuts=0, lost=0, late=1, log_max=1, batch_max=1),
    "T tight": Bounds(
        sends=2,
        events=2,
        cuts=2,
        lost=0,
        late=0,
        garbled=1,
        attempts_max=1,
        queue_max=1,
        log_max=1,
        batch_max=1,
    ),
}
LARGE = {
    **DEFAULT,
    "T tight": replace(DEFAULT["T tight"], events=3),
    "T losses": Bounds(sends=2, events=2, cuts=3, lost=2, late=1),
    "T restart": Bounds(sends=2, events=2, cuts=1, lost=1, held=1, late=0, restarts=1),
}
SIZES: Mapping[str, Mapping[str, Bounds]] = {"small": SMALL, "default": DEFAULT, "large": LARGE}
