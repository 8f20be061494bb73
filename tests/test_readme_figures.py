"""The README's figures of the checker are those of the benchmark's last run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.speed.readme import END, condensed, put

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIGURES = (ROOT / "docs/benchmarks/checker_speed.md").read_text(encoding="utf-8")

FILE = """
| model | tool | distinct states | seconds | million states/s | perdure is faster by |
|---|---|---:|---:|---:|---:|
| one, n = 8 | perdure | 1,745,408 | 0.47 | 3.712 |  |
| one, n = 8 | SPIN (DFS) | 1,745,408 | 2.46 | 0.710 | 5.2 x |
| one, n = 8 | minicheck | 600,000 (cut) | 6.03 | 0.099 | 37.3 x |
| one, n = 8 | musil | 600,000 (cut) | 5.56 | 0.108 | 34.4 x |
| our own | perdure | 1,376,247 | 7.33 | 0.188 |  |
| our own | minicheck | 40,000 (cut) | 8.96 | 0.004 | 42.0 x |

Two-phase commit, n = 10: 0.50 of it.
"""


def test_the_readme_shows_the_figures_of_the_benchmarks_file() -> None:
    assert put(README, FIGURES) == README, "take them over: `checker_speed.py --big --write` does"
    assert condensed(FIGURES).count("\n") > 4


def test_a_line_for_each_model() -> None:
    _, _, one, own, _, growth = condensed(FILE).splitlines()
    assert one == "| one, n = 8 | 1,745,408 | 3.712 | 0.710 (5.2 x) | 0.099 (37.3 x) | 0.108 (34.4 x) |"
    assert own == "| our own | 1,376,247 | 0.188 |  | 0.004 (42.0 x) |  |"
    assert growth == "Two-phase commit, n = 10: 0.50 of it."


def test_other_figures_are_seen() -> None:
    assert put(README, FIGURES.replace(" x |", "1 x |")) != README


def test_a_readme_without_a_place_for_them_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for figures"):
        put(README.replace(END, ""), FIGURES)
