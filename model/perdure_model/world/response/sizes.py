"""The worlds that are checked: small ones in seconds, the default ones in a few, large ones in minutes.

One call alone may meet everything; two share a credential through all that can happen to it; three show
that who waits does so together.
"""

from __future__ import annotations

from collections.abc import Mapping

from perdure_model.world.response.world import Bounds

SMALL = {
    "R one": Bounds(calls=1, prefix=2, live=2, cancels=1, replaced=1, late=1),
    "R two": Bounds(calls=2, prefix=1, live=0, errors=False, cancels=1),
}
DEFAULT = {
    "R one": Bounds(calls=1, prefix=3, live=1, cancels=1, replaced=1, late=2),
    "R held": Bounds(calls=1, prefix=3, live=2, prefix_max=2),
    "R two": Bounds(calls=2, cancels=1, replaced=1),
    "R late": Bounds(calls=2, prefix=0, live=1, errors=False, cancels=2, late=2),
    "R older": Bounds(calls=2, prefix=0, live=0, errors=False, replaced=1, older=1, cancels=1),
    "R three": Bounds(calls=3, prefix=0, live=0, errors=False, cancels=1),
    "R endless": Bounds(calls=2, prefix=0, live=1, endless=1, replaced=1),
}
LARGE = {
    **DEFAULT,
    "R two": Bounds(calls=2, prefix=2, live=2, cancels=1, replaced=1, late=1),
    "R three": Bounds(calls=3, prefix=0, live=1, errors=False, cancels=1, replaced=1),
}
SIZES: Mapping[str, Mapping[str, Bounds]] = {"small": SMALL, "default": DEFAULT, "large": LARGE}
