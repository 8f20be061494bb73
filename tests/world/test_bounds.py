"""What bounds a world of system T can be given, and what is refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from perdure_model.checker import check
from perdure_model.world.transport import TRANSPORT
from perdure_model.world.transport.bounds import Bounds

NONE: dict[str, Any] = {"sends": 0, "events": 0, "cuts": 0, "lost": 0, "late": 0}


def test_a_world_in_which_nothing_happens_is_complete_and_clean() -> None:
    books = {book.side: book for book in TRANSPORT.books}
    world = TRANSPORT.hold_all(TRANSPORT.build(Bounds(**NONE), "T nothing", books))
    report = check(world.system.without("sometimes"), progress=False)
    assert report.complete
    assert [violation.property for violation in report.violations] == []


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        ({"sends": -1}, "sends=-1: give a count, at least 0"),
        ({"attempts_max": -1}, "attempts_max=-1: give a count, at least 0"),
        ({"tabs": 0}, "tabs=0: give a count, at least 1"),
        ({"queue_max": 0}, "queue_max=0: give a count, at least 1"),
        ({"log_max": 0}, "log_max=0: give a count, at least 1"),
        ({"batch_max": 0}, "batch_max=0: give a count, at least 1"),
        ({"sessions": ()}, "name at least one"),
        ({"copied": True}, "it takes two tabs"),
        ({"never": ("posts", "closes")}, "there is no 'closes'"),
        ({"statuses": (500, 200)}, "200 is no HTTP status that refuses"),
        ({"statuses": (0,)}, "0 is no HTTP status"),
    ],
)
def test_bounds_of_which_no_world_can_be_made_are_refused(bounds: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Bounds(**bounds)
