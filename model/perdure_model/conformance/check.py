"""Whether a file, or records as they come, are a run of the model.

What is missing can be filled in more than one way, so a file is judged once for each story that is tried.
A file without holes is judged in shares, on several processors; where a share finds anything at all, the
whole file is judged again in one process, which finds what is the first step that does not fit.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perdure_model.conformance.checking import Checking, Story
from perdure_model.conformance.lines import record_from, size_of
from perdure_model.conformance.processes import Processes
from perdure_model.conformance.report import Conformance
from perdure_model.conformance.shares import Share, shares
from perdure_model.conformance.survey import Survey, head_of, heads, survey

STORIES_MAX = 12
"""So many ways to fill what is missing are tried."""
SMALL_BYTES = 4 << 20
"""To judge a file of this size takes less long than to start another process."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing here is garbage in cycles, and to look for it takes a tenth of the time.

    It ends where nothing is left of what was judged: to look through all of that once takes as long.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@uncollected()
def conform(path: Path, *, jobs: int = 1) -> Conformance:
    """Whether the run that is recorded in a file is a run of the model.

    Stops at the first record that does not fit. With `jobs` above 1, a large file is judged in so many
    processes; the caller's own module can then be imported without beginning anew.

    Raises OSError where the file cannot be read, NoTrace where it is none, or of another version, ValueError
    for `jobs` below 1, and BrokenProcessPool where a process died (for want of memory, say).
    """
    started, size = time.perf_counter(), size_of(path)
    with Processes(jobs if size > SMALL_BYTES else min(jobs, 1)) as processes:
        surveyed = survey(heads(path, size))
        report = together(path, size, surveyed, processes) or alone(path, size, surveyed)
    report.seconds = time.perf_counter() - started
    return report


@uncollected()
def judge(records: Sequence[Mapping[str, Any]]) -> Conformance:
    """The same for records that no file holds: as a sink of a trace is handed them.

    Raises NoTrace where they are none, or of another version.
    """
    started = time.perf_counter()
    read = [record_from(number, record) for number, record in enumerate(records, 1)]
    report = Checking(survey(map(head_of, read)), fills=False).judged(read)
    report.seconds = time.perf_counter() - started
    return report


def alone(path: Path, size: int, surveyed: Survey) -> Conformance:
    """The judgement of one process: of the first story that fits, if any does."""
    told: set[Story] = set()
    for _ in range(STORIES_MAX):
        checking = Checking(surveyed, told=told)
        report = checking.judged(checking.lines(path, size))
        if report.mismatch is None or not checking.stories:
            return report
        told.add(checking.stories[-1])
    # No story that was tried agrees with all that follows, and only what is recorded may speak against a run.
    checking = Checking(surveyed, fills=False)
    return checking.judged(checking.lines(path, size))


def together(path: Path, size: int, surveyed: Survey, processes: Processes) -> Conformance | None:
    """The judgement of several processes; None where there is one alone, or one has found anything."""
    if processes.jobs == 1 or not surveyed.orderly:
        return None
    asked = [(path, size, surveyed, share) for share in shares(surveyed, processes.jobs)]
    report = Conformance()
    for one in processes.side_by_side(judged_share, asked):
        if not one.ok:
            return None
        report.add(one)
    return report


@uncollected()
def judged_share(path: Path, size: int, surveyed: Survey, share: Share) -> Conformance:
    """The judgement of a share."""
    checking = Checking(surveyed, fills=False, share=share)
    return checking.judged(checking.lines(path, size))
