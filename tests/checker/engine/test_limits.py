"""Ends before the end: memory, states, depth, Ctrl-C; and going on from a file."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from perdure_model.checker import Report, System, check
from perdure_model.checker.engine.memory import budget_bytes
from perdure_model.checker.engine.store import Store
from perdure_model.checker.errors import EngineError

from tests.checker.engine.systems import counters, switches, with_ballast
from tests.checker.models.two_phase_commit import two_phase_commit

pytest.importorskip("numba")
MEGABYTE = 1_000_000
BYTES_A_STATE = (21, 36)
"""Of up to 63 bits: a row, and its share of the set, which is between 0.3 and 0.6 full."""


@pytest.mark.parametrize("ballast", [0, 60])
@pytest.mark.parametrize("workers", [1, 2])
def test_the_memory_budget_ends_a_search_cleanly(workers: int, ballast: int) -> None:
    system = with_ballast(switches(22), ballast)
    report = check(system, memory_bytes=8 * MEGABYTE, workers=workers, engine="compiled")
    assert (report.stopped, report.complete, report.ok) == ("memory", False, False)
    words = 1 if ballast == 0 else 2
    assert 8 * MEGABYTE // (8 * words + 16) // 3 < report.distinct < 8 * MEGABYTE // (8 * words + 8)


def test_by_default_a_search_takes_half_of_what_its_container_has_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text("9000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    monkeypatch.setattr("perdure_model.checker.memory.CGROUP", tmp_path)
    assert budget_bytes(None) == 4 * MEGABYTE
    assert budget_bytes(17) == 17
    report = check(switches(22), engine="compiled")
    assert report.stopped == "memory"
    assert report.distinct * 17 < 4 * MEGABYTE, "at its end it fills the set up to 0.85"


def test_what_a_state_takes_is_as_documented() -> None:
    store, (least, most) = Store(1, 1, 64 * MEGABYTE), BYTES_A_STATE
    rows = np.arange(1, 400_001, dtype=np.uint64).reshape(-1, 1)
    with ThreadPoolExecutor(1) as pool:
        for part in np.split(rows, 40):
            store.add(part, pool)
            assert least <= store.nbytes / len(store) <= most
    assert f"{least} to {most} bytes" in (Path(__file__).parents[3] / "docs/checker.md").read_text()


@pytest.mark.parametrize("limit", [1, 2, 3, 100, 5_000, 40_000, 2**16 - 1])
@pytest.mark.parametrize("workers", [1, 2])
def test_no_state_beyond_max_states(limit: int, workers: int) -> None:
    report = check(switches(16), max_states=limit, workers=workers, engine="compiled")
    assert (report.distinct, report.stopped) == (limit, "max_states")
    assert sum(report.levels) == limit


def test_a_limit_that_is_just_enough_cuts_nothing() -> None:
    assert check(switches(16), max_states=2**16, engine="compiled").complete
    assert check(switches(16), max_depth=17, engine="compiled").complete


def test_states_that_were_not_expanded_are_judged() -> None:
    system = switches(8)

    @system.always(*system.components)
    def few(*on: int) -> bool:
        return sum(on) < 2

    report = check(system, max_states=10, engine="compiled")
    assert [violation.property for violation in report.violations] == ["few"]
    assert len(report.violations[0].trace) == 3


def test_liveness_beyond_the_memory_budget_is_unknown() -> None:
    system = switches(18)

    @system.eventually(*system.components)
    def all_on(*on: int) -> bool:
        return all(on)

    assert check(system, engine="compiled").ok
    report = check(system, memory_bytes=24 * MEGABYTE, engine="compiled")
    assert report.distinct == 2**18
    assert report.stopped is None
    assert not report.complete
    assert "memory_bytes" in report.undecided["all_on"]
    assert report.verdicts["all_on"] == "unknown"


@pytest.mark.long
@pytest.mark.parametrize("kept", [True, False])
def test_liveness_is_decided_on_ten_million_states(kept: bool) -> None:
    """10,077,696 states and 30,233,088 steps: a promise that is kept, and one whose lasso is to be told."""
    system = counters(215, 215, 215)
    counter = system.components[0]
    system.leads_to(counter, when=lambda at: at == 215, then=lambda at: at == 0, name="wraps")
    if not kept:
        system.eventually(counter, name="never")(lambda at: at > 215)
    report = check(system, memory_bytes=3_000 * MEGABYTE, engine="compiled")
    assert (report.distinct, report.complete) == (216**3, True)
    assert [violation.property for violation in report.violations] == ([] if kept else ["never"])


def test_ctrl_c_between_rounds_gives_the_report_so_far() -> None:
    def interrupt(_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)  # a shell's background job ignores it
    report = check(counters(150, 150, 150), progress=interrupt, engine="compiled", workers=2)
    assert (report.stopped, report.complete) == ("interrupted", False)
    assert 0 < report.distinct < 151**3
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_breaks_into_a_model_that_hangs() -> None:
    system = System("hangs")
    value = system.component("value", 0)

    @system.action(value)
    def hang(at: int) -> Any:
        while at == 3:
            time.sleep(0.01)
        yield at + 1

    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    report = check(system, engine="compiled")
    timer.join()
    assert (report.stopped, report.distinct) == ("interrupted", 4)


# --------------------------------------------------------------------------- from a file


def _told(report: Report) -> tuple[object, ...]:
    coverage = report.coverage
    found = [(v.property, len(v.trace)) for v in report.violations]
    return report.distinct, report.generated, report.levels, coverage.actions, coverage.local_states, found


def _model() -> System:
    system, _ = two_phase_commit(6)

    @system.always(*system.components[2:8])
    def never_all(*members: str) -> bool:
        return set(members) != {"aborted"}

    return system


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "limits",
    [
        [{"max_states": 100}, {"max_states": 7_000}, {"max_states": 20_000}],
        [{"max_depth": 2}, {"max_depth": 9}],
        [{"max_states": 3_000}, {"max_depth": 6}, {"max_states": 9_000}],
        [{"stop_at_first": True}],
        [{"memory_bytes": 400_000}],
    ],
)
def test_a_search_that_goes_on_tells_what_an_uncut_one_does(
    limits: list[dict[str, Any]], workers: int, tmp_path: Path
) -> None:
    file = tmp_path / "search.npz"
    for limit in limits:
        part = check(_model(), checkpoint=file, workers=workers, engine="compiled", **limit)
        assert part.stopped is not None
        assert file.exists()
    resumed = check(_model(), checkpoint=file, workers=3 - workers, engine="compiled")
    assert _told(resumed) == _told(check(_model(), engine="compiled"))
    assert not file.exists()


def test_another_model_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "search.npz"
    check(counters(9, 9), max_states=20, checkpoint=file, engine="compiled")
    with pytest.raises(EngineError, match="another model"):
        check(counters(9, 8), checkpoint=file, engine="compiled")
    assert check(counters(9, 9), checkpoint=file, engine="compiled").distinct == 100


def test_what_is_no_saved_search_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "search.npz"
    file.write_bytes(b"something else")
    with pytest.raises(EngineError, match="not a saved search"):
        check(counters(3), checkpoint=file, engine="compiled")


def test_local_states_that_cannot_be_saved_are_named(tmp_path: Path) -> None:
    class Local:
        pass

    system = System("local")
    value = system.component("value", Local())
    kept = Local()

    @system.action(value)
    def change(_: Local) -> Any:
        yield kept

    with pytest.raises(EngineError, match="top of a module"):
        check(system, max_states=1, checkpoint=tmp_path / "search.npz", engine="compiled")
