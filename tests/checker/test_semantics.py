"""What a search counts, judges and reports."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import pytest
from perdure_model.checker import System, check
from perdure_model.checker.contract import Snapshot

from .conftest import Check


def counter(last: int = 4, wraps: bool = False) -> System:
    system = System("counter")
    n = system.component("n", 0)

    @system.action(n)
    def up(n: int) -> Iterator[int]:
        if n < last:
            yield n + 1
        elif wraps:
            yield 0

    return system


def test_counts_distinct_generated_and_depth(run: Check) -> None:
    report = run(counter(wraps=True))
    assert (report.distinct, report.generated, report.depth) == (5, 6, 5)
    assert list(report.levels) == [1] * 5
    assert report.ok
    assert report.complete


def test_initial_values_replace_the_declared_one_and_multiply(run: Check) -> None:
    system = System()
    a, b = system.component("a", 99), system.component("b", 99)
    c = system.component("c", 7)
    system.initial(a, name="of a")(lambda: iter([1, 2, 2]))
    system.initial(b)(lambda b: iter([b]))
    report = run(system)
    assert (report.distinct, report.generated, report.depth) == (2, 3, 1)
    assert set(report.coverage.local_states["a"]) == {1, 2}
    assert set(report.coverage.local_states[c.name]) == {7}


def test_a_state_without_successors_is_a_deadlock(run: Check) -> None:
    (violation,) = run(counter()).violations
    assert (violation.property, violation.kind, violation.loop) == ("deadlock", "deadlock", None)
    assert [step.state["n"] for step in violation.trace] == [0, 1, 2, 3, 4]
    assert [step.action for step in violation.trace] == [None, *["up"] * 4]


def test_a_terminal_state_is_no_deadlock_and_terminals_add_up(run: Check) -> None:
    system = counter()
    system.terminal(system["n"], name="never")(lambda n: False)
    assert not run(system).ok
    system.terminal(system["n"], name="at the end")(lambda n: n == 4)
    assert run(system).ok


def test_a_step_to_the_same_state_is_a_successor(run: Check) -> None:
    system = counter()

    @system.action(system["n"])
    def stay(n: int) -> Iterator[int]:
        if n == 4:
            yield n

    report = run(system)
    assert report.ok
    assert report.generated == 6


def test_terminal_does_not_stop_exploring(run: Check) -> None:
    system = counter()
    system.terminal(system["n"])(lambda n: n >= 2)
    assert run(system).distinct == 5


def test_every_violated_property_is_reported_with_a_shortest_trace(run: Check) -> None:
    system = counter()
    n = system["n"]
    system.always(n, name="below 2")(lambda n: n < 2)
    system.always(n, name="not 3")(lambda n: n != 3)
    system.always(n, name="fine")(lambda n: n >= 0)
    system.sometimes(n, name="reaches 9")(lambda n: n == 9)
    system.sometimes(n, name="reaches 4")(lambda n: n == 4)
    report = run(system)
    assert {v.property: len(v.trace) for v in report.violations} == {
        "below 2": 3,
        "not 3": 4,
        "deadlock": 5,
        "reaches 9": 0,
    }
    assert report.distinct == 5
    assert report.verdicts["fine"] == report.verdicts["reaches 4"] == "holds"
    assert report.verdicts["reaches 9"] == "violated"
    assert dict(report.coverage.sometimes) == {"reaches 9": False, "reaches 4": True}


def test_the_trace_is_the_shortest(run: Check) -> None:
    system = System()
    x, y = system.component("x", 0), system.component("y", 0)

    @system.action(x)
    def slow(x: int) -> Iterator[int]:
        if x < 9:
            yield x + 1

    @system.action(x, y)
    def fast(x: int, y: int) -> Iterator[tuple[int, int]]:
        if not y and x + 4 <= 9:
            yield x + 4, 1

    system.always(x, name="below 9")(lambda x: x < 9)
    system.terminal(x)(lambda x: True)
    (violation,) = run(system).violations
    assert len(violation.trace) == 7
    assert [step.action for step in violation.trace].count("fast") == 1


def test_a_step_tells_what_it_changed(run: Check) -> None:
    system = System()
    a, b, c = (system.component(name, 0) for name in "abc")

    @system.action(a, b)
    def both(a: int, b: int) -> Iterator[tuple[int, int]]:
        if not a:
            yield 1, b

    system.always(a, name="zero")(lambda a: a == 0)
    system.terminal(c)(lambda c: True)
    (violation,) = run(system).violations
    assert violation.trace[-1].changed == ("a",)
    assert dict(violation.trace[-1].state) == {"a": 1, "b": 0, "c": 0}
    assert b.name == "b"


def test_several_yields_are_choices_and_none_is_not_enabled(run: Check) -> None:
    system = System()
    n = system.component("n", 0)

    @system.action(n)
    def choose(n: int) -> Iterator[int] | None:
        if n:
            return None
        return iter([1, 2, 2, 3])

    system.terminal(n)(lambda n: n > 0)
    report = run(system)
    assert (report.distinct, report.generated) == (4, 5)
    assert report.coverage.actions == {"choose": 4}


def test_coverage_lists_what_never_happened(run: Check) -> None:
    system = counter(wraps=True)
    n = system["n"]
    system.action(n, name="idle")(lambda n: None)
    system.leads_to(n, when=lambda n: n == 77, then=lambda n: n == 0, name="vacuous")
    report = run(system)
    assert report.ok
    assert report.coverage.never_fired == ["idle"]
    assert report.coverage.never_triggered == ["vacuous"]
    assert report.coverage.local_states == {"n": {0: 1, 1: 2, 2: 3, 3: 4, 4: 5}}
    assert "idle" in report.summary()
    assert "vacuous" in report.summary()


def test_max_states(run: Check) -> None:
    assert run(counter(wraps=True), max_states=5).ok
    report = run(counter(wraps=True), max_states=4)
    assert (report.distinct, report.complete, report.ok, report.stopped) == (4, False, False, "max_states")


def test_max_depth(run: Check) -> None:
    assert run(counter(wraps=True), max_depth=5).ok
    report = run(counter(wraps=True), max_depth=3)
    assert (report.distinct, report.depth, report.complete, report.ok) == (3, 3, False, False)
    assert report.stopped == "max_depth"


def test_stop_at_first(run: Check) -> None:
    system = counter()
    system.always(system["n"], name="below 2")(lambda n: n < 2)
    report = run(system, stop_at_first=True)
    assert [v.property for v in report.violations] == ["below 2"]
    assert (report.complete, report.stopped) == (False, "violation")
    assert report.distinct < 5


def test_what_a_cut_search_cannot_know_is_unknown(run: Check) -> None:
    system = counter(wraps=True)
    n = system["n"]
    system.always(n, name="fine")(lambda n: True)
    system.always(n, name="not 1")(lambda n: n != 1)
    system.sometimes(n, name="met")(lambda n: n == 1)
    system.sometimes(n, name="unmet")(lambda n: n == 4)
    system.eventually(n, name="comes")(lambda n: n == 4)
    report = run(system, max_states=3)
    assert report.verdicts == {
        "fine": "unknown",
        "not 1": "violated",
        "met": "holds",
        "unmet": "unknown",
        "comes": "unknown",
        "deadlock": "unknown",
    }
    assert "INCOMPLETE" in report.summary()


def test_a_search_that_grows_without_end_names_what_grows(run: Check) -> None:
    system = System("leaky")
    a, b = system.component("steady", 0), system.component("log", ())

    @system.action(a, b)
    def append(a: int, log: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...]]]:
        yield 1 - a, (*log, a)

    report = run(system, max_states=50)
    assert report.growing == ["log"]
    assert "log" in report.summary()
    assert "steady" not in report.summary()


def test_what_grew_only_just_now_is_not_growing(run: Check) -> None:
    system = System()
    n, late = system.component("n", 0), system.component("late", False)

    @system.action(n, late)
    def up(n: int, late: bool) -> Iterator[tuple[int, bool]]:
        yield n + 1, n == 8

    report = run(system, max_depth=10)
    assert report.coverage.local_states["late"] == {False: 1, True: 10}
    assert report.growing == ["n"]


def test_the_memory_budget_ends_a_search(run: Check) -> None:
    system = System("endless")
    n, m = system.component("n", 0), system.component("m", 0)

    @system.action(n, m)
    def up(n: int, m: int) -> Iterator[tuple[int, int]]:
        yield (n + 1) % 3_000, m
        yield n, (m + 1) % 3_000

    report = run(system, memory_bytes=32 << 20)
    assert (report.complete, report.stopped) == (False, "memory")
    assert report.distinct > 1_000


def test_equal_values_are_one_state(run: Check) -> None:
    system = System()
    n = system.component("n", 0)
    system.action(n)(lambda n: [False, 0.0, 0])
    assert run(system).distinct == 1


def test_progress_is_told(run: Check) -> None:
    told: list[Snapshot] = []
    system = System()
    digits = [system.component(f"d{i}", 0) for i in range(4)]
    for digit in digits:
        system.action(digit, name=digit.name)(lambda d: [(d + 1) % 12])

    def slow(*values: int) -> bool:
        time.sleep(0.00002)
        return True

    system.always(*digits[:2])(slow)
    system.always(*digits, name="all")(slow)
    run(system, progress=told.append)
    assert told
    assert all(snapshot.distinct and snapshot.seconds for snapshot in told)


@pytest.mark.parametrize("delay_s", [0.0, 0.3], ids=["within the model", "at any time"])
def test_ctrl_c_gives_the_report_so_far(run: Check, delay_s: float) -> None:
    system = System()
    n = system.component("n", 0)
    timer = threading.Timer(delay_s, signal.raise_signal, [signal.SIGINT])

    @system.action(n)
    def up(n: int) -> Iterator[int]:
        if n == 300 and not timer.is_alive():
            timer.start() if delay_s else signal.raise_signal(signal.SIGINT)
        yield n + 1

    report = run(system)
    assert (report.stopped, report.complete, report.ok) == ("interrupted", False, False)
    assert report.distinct >= 300
    assert report.growing == ["n"]


def test_assert_ok_prints_the_trace(run: Check) -> None:
    run(counter(wraps=True)).assert_ok()
    with pytest.raises(AssertionError, match="up: n=4"):
        run(counter()).assert_ok()


def test_importing_is_quick_and_lazy() -> None:
    code = """
        import sys
        import perdure_model.checker
        heavy = {"numba", "numpy", "scipy", "rich", "graphviz", "psutil", "statemachine", "perdure"}
        print(*heavy & set(sys.modules))
        ours = [name for name in sys.modules if name.startswith("perdure_model.")]
        print(*[name for name in ours if not name.startswith("perdure_model.checker")])
    """
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert out.stdout.split() == []


def test_importing_takes_less_than_a_third_of_a_second() -> None:
    """The best of some starts, the interpreter's own left out."""
    code = (
        "import time; s = time.perf_counter(); import perdure_model.checker; print(time.perf_counter() - s)"
    )
    starts = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    assert min(float(start.stdout) for start in starts) < 0.3


def test_the_checker_runs_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    found = __import__("importlib.util").util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "numba" else found(name))
    assert check(counter(wraps=True)).engine == "plain"


def test_a_quiet_progress_line_is_optional(capfd: pytest.CaptureFixture[str]) -> None:
    check(counter(wraps=True), engine="plain")
    assert capfd.readouterr() == ("", "")


def test_models_in_one_process_do_not_mix(run: Check) -> None:
    reports = [run(counter(last, wraps=True)) for last in (2, 9, 2)]
    assert [report.distinct for report in reports] == [3, 10, 3]
    assert [len(report.levels) for report in reports] == [3, 10, 3]
    assert all(itertools.starmap(int.__eq__, [(r.depth, r.distinct) for r in reports]))
