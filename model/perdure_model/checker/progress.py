"""Progress of a long search: a line on a terminal, silence elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from .contract import Snapshot

Tell = Callable[[Snapshot], None]


@contextlib.contextmanager
def progress_for(title: str, wanted: bool | Tell | None) -> Iterator[Tell | None]:
    """What an engine tells its progress to, or None for nobody.

    None asks for a line on standard error if it is a terminal, True for one in any case.
    """
    if callable(wanted):
        yield wanted
    elif wanted or (wanted is None and sys.stderr.isatty()):
        with _line(title) as tell:
            yield tell
    else:
        yield None


def describe(snapshot: Snapshot) -> str:
    """A snapshot in a line."""
    rate = snapshot.distinct / snapshot.seconds if snapshot.seconds else 0
    return (
        f"{snapshot.phase}: {snapshot.distinct:,} states, {rate:,.0f}/s, depth {snapshot.depth}, "
        f"frontier {snapshot.frontier:,}, {snapshot.memory_bytes / 2**20:,.0f} MiB, {snapshot.seconds:.0f} s"
    )


@contextlib.contextmanager
def _line(title: str) -> Iterator[Tell]:
    """A line that is written over, by rich where it is installed."""
    try:
        from rich.console import Console
    except ImportError:
        yield lambda snapshot: print(f"{title}: {describe(snapshot)}", file=sys.stderr)  # noqa: T201
        return
    with Console(stderr=True).status(title) as status:
        yield lambda snapshot: status.update(f"{title}: {describe(snapshot)}")
