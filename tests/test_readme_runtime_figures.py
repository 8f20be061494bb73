"""The README's figures of the runtime are those of the benchmark's last run, and say what they should."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import runtime_speed
from tests.benchmarks.runtime.figures import END, Cost, bars, condensed, put, table
from tests.benchmarks.speed.chart import svg

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIGURES = (ROOT / "docs/benchmarks/runtime_speed.md").read_text(encoding="utf-8")

COSTS = [
    Cost("an event", "perdure", 10.0, "µs"),
    Cost("an event", "another", 35.0, "µs", 3.0, (20.4, 15.1)),
    Cost("a lone send", "perdure", 1_200.0, "µs"),
    Cost("a lone send", "bare", 900.0, "µs", 0.77),
]


def test_the_readme_shows_the_figures_of_the_benchmarks_file() -> None:
    assert put(README, FIGURES) == README, "take them over: `runtime_speed.py --write` does"
    assert condensed(FIGURES).count("\n| ") > 15


def test_other_figures_are_seen() -> None:
    assert put(README, FIGURES.replace(" x |", "1 x |")) != README


def test_a_readme_without_a_place_for_them_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for figures"):
        put(README.replace(END, ""), FIGURES)


def test_costs_stand_beside_those_of_perdure_in_the_same_measure() -> None:
    assert table(COSTS).splitlines()[2:] == [
        "| an event | perdure | 10.0 µs |  |  |  |",
        "| an event | another | 35.0 µs | 3.50 x | 3.00 x | 20, 15 µs |",
        "| a lone send | perdure | 1,200.0 µs |  |  |  |",
        "| a lone send | bare | 900.0 µs | 0.75 x | 0.77 x |  |",
    ]


def test_less_than_required_is_missed() -> None:
    assert [cost.missed(COSTS) for cost in COSTS] == [False, False, False, True]
    assert [cost.missed(COSTS, 0.95) for cost in COSTS] == [False] * 4
    assert [cost.missed(COSTS, 1.2) for cost in COSTS] == [False, True, False, True]


@pytest.mark.parametrize(("floor", "code"), [((), 1), (("--floor", "0.95"), 0), (("--floor", "1"), 1)])
def test_the_benchmark_fails_below_the_floor_that_is_asked_for(
    floor: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured: dict[str, object] = {
        "contests": [],
        "cut_at_once": (COSTS, ""),
        "memory": [],
        "growth": "",
        "peer_python": None,
    }
    for name, found in {**measured, "raise_files_limit": None}.items():
        monkeypatch.setattr(runtime_speed, name, lambda *_, found=found: found)
    monkeypatch.setattr("sys.argv", ["runtime_speed.py", "--quick", *floor])
    assert runtime_speed.main() == code
    assert ("0.75 x, 0.77 x required" in capsys.readouterr().out) == bool(code)


def test_the_chart_has_a_bar_for_each_cost() -> None:
    drawn = svg(bars(COSTS), "Costs")
    assert all(f">{told}<" in drawn for told in ("1 x", "3.5 x", "0.75 x"))
