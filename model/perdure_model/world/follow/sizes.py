"""The worlds that are checked: small ones in seconds, the default ones in a few more, large ones in many.

Each world of a size leaves out what the others have, so that each stays small, and together they reach
every rule, transition and fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from perdure_model.world.follow.wires import Bounds

SMALL = {
    "A losses": Bounds(changes=1, cuts=1, late=1, errors=1, leaves=1, attempts_max=1),
    "A gone": Bounds(changes=0, statuses=(0, 401), gone=True, renews=True, attempts_max=3, numbers=3),
    "A submits": Bounds(changes=0, cuts=1, submits=1, idle_submits=True),
    "A calls": Bounds(changes=0, submits=1, statuses=(401,), renews=True, late=1, attempts_max=0),
}
DEFAULT = {
    "A losses": Bounds(changes=2, cuts=2, late=1, attempts_max=2),
    "A gone": Bounds(changes=0, statuses=(0, 401), gone=True, renews=True, attempts_max=4, numbers=4),
    "A endless": Bounds(changes=0, gone=True, attempts_max=2, numbers=3),
    "A answers": Bounds(changes=1, cuts=1, statuses=(0, 404, 401, 410), answers=2, leaves=1),
    "A errors": Bounds(changes=1, errors=1, ends=1, late=1, leaves=1),
    "A renewal": Bounds(changes=1, statuses=(401,), answers=2, renews=True, errors=1, leaves=1),
    "A calls": Bounds(changes=0, submits=1, statuses=(401,), renews=True, late=1),
    "A paid": Bounds(changes=1, submits=1, statuses=(401,), answers=2, renews=True),
    "A refused": Bounds(changes=0, submits=2, statuses=(401, 410), leaves=1),
    "A ends": Bounds(changes=1, outcomes=("succeeded", "failed", "expired"), cuts=1, late=1, leaves=2),
    "A brings": Bounds(changes=1, outcomes=("succeeded",), submits=1, brings=True, late=1),
    "A submits": Bounds(changes=1, cuts=1, submits=1, idle_submits=True),
    "A resumes": Bounds(changes=2, cuts=2, late=1, resumes=True, ordered=False, outcomes=("succeeded",)),
    "A both": Bounds(changes=1, cuts=1, resumes=True, submits=1, brings=True),
    "A unplaced": Bounds(
        changes=1, resumes=True, ordered=False, submits=1, brings=True, outcomes=("succeeded",)
    ),
    "A resubmits": Bounds(
        changes=1, cuts=1, resumes=True, ordered=False, submits=1, idle_submits=True, late=1, numbers=4
    ),
    "A once": Bounds(changes=1, cuts=1, attempts_max=0),
}
LARGE = {
    **DEFAULT,
    "A losses": replace(DEFAULT["A losses"], changes=3, cuts=3),
    "A answers": replace(DEFAULT["A answers"], answers=3),
    "A submits": replace(DEFAULT["A submits"], cuts=2, submits=2, late=1),
}
SIZES: Mapping[str, Mapping[str, Bounds]] = {"small": SMALL, "default": DEFAULT, "large": LARGE}
