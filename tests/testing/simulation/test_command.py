"""`perdure simulate`: what it prints and saves, and how it exits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from perdure.cli import FOUND, GOOD, INCOMPLETE, USAGE, app
from perdure.testing import simulation
from perdure.testing.simulation import Broken, parse, runs, transcript
from perdure.testing.simulation.accounts import Accounts
from typer.testing import CliRunner, Result


def perdure(*words: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *words])


def as_json(*words: str) -> tuple[int, dict[str, Any]]:
    result = perdure(*words, "--json")
    found: dict[str, Any] = json.loads(result.stdout)
    return result.exit_code, found


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The accounts are wrong: the third send counts as lost."""
    settle = Accounts.settle

    def wrong(self: Accounts, n: int, outcome: str, **how: bool) -> None:
        settle(self, n, outcome, **how)
        if n == 3:
            self.breaks("P-CLASS", "planted")

    monkeypatch.setattr(Accounts, "settle", wrong)


def test_good_runs_exit_0_and_tell_everything_as_data() -> None:
    code, found = as_json("--seed", "5", "--steps", "130")
    assert code == GOOD
    assert (found["ok"], found["complete"], found["broken"]) == (True, True, None)
    assert (found["seed"], found["runs"], found["steps"]) == (5, 3, 130)
    assert found["simulated_hours_per_second"] > 0
    assert found["faults"]
    assert found["accounts"]["handed"] > 0


def test_good_runs_have_rates_and_faults_for_people() -> None:
    result = perdure("--seed", "5", "--steps", "60")
    assert result.exit_code == GOOD
    assert "1 runs of up to 60 steps from seed 5: 60 steps in" in result.stdout
    assert "hours a second" in result.stdout
    assert "all properties held" in result.stdout


@pytest.mark.usefixtures("broken")
def test_the_first_broken_property_stops_it_with_seed_and_shortened_scenario(tmp_path: Path) -> None:
    file = tmp_path / "found.txt"
    code, found = as_json("--seed", "5", "--steps", "6000", "--save", str(file))
    assert code == FOUND
    assert (found["ok"], found["broken"]["property"]) == (False, "P-CLASS")
    assert found["steps"] < 6000
    saved = parse(file.read_text())
    assert saved.text().splitlines() == found["broken"]["scenario"]
    assert len(saved.steps) < found["broken"]["steps"]
    assert {one.verb for one in saved.steps} <= {"connect", "send", "send-unfit", "copy"}
    code, again = as_json("--replay", str(file))
    assert code == FOUND
    assert (again["runs"], again["broken"]["says"]) == (1, found["broken"]["says"])


@pytest.mark.usefixtures("broken")
def test_people_are_told_how_to_see_it_again() -> None:
    result = perdure("--seed", "5", "--steps", "6000")
    assert result.exit_code == FOUND
    assert "P-CLASS: planted" in result.stdout
    assert "again: perdure simulate --seed" in result.stdout
    assert "    connect " in result.stdout


def test_the_first_run_is_saved_where_none_broke(tmp_path: Path) -> None:
    file = tmp_path / "good.txt"
    assert perdure("--seed", "9", "--steps", "70", "--save", str(file)).exit_code == GOOD
    assert parse(file.read_text()) == runs.drawn(9, 60)
    assert file.read_text().startswith("# All properties hold.\n# shows: ")
    assert "\nseed 9\nconnect a\n" in file.read_text()


@pytest.mark.parametrize("systems", ["T", "A", "R", "TAR"])
def test_what_is_saved_has_all_that_is_asked_of_a_kept_scenario(systems: str, tmp_path: Path) -> None:
    file = tmp_path / "good.txt"
    assert perdure("--steps", "20", "--systems", systems, "--save", str(file)).exit_code == GOOD
    told = transcript.comments(file.read_text())
    assert [one.startswith("shows: ") for one in told] == [False, True]
    assert transcript.unshown(file.read_text()) == []


def test_what_a_file_shows_by_itself_is_its_rarest_effect() -> None:
    effects = "".join(f"         {one}\n" for one in ("Post 1", "X: up to down", "Drop", "Post 2"))
    told = f"connect a\n  a    Started\n{effects}"
    assert transcript.rarest(told) == "Drop"
    assert transcript.rarest(told + "         Finish\n") == "Finish"
    assert transcript.rarest("connect a\n  a    Started\n") == ""


def test_a_scenario_that_is_replayed_and_saved_keeps_its_comments_and_has_its_transcript(
    tmp_path: Path,
) -> None:
    file = tmp_path / "kept.txt"
    file.write_text("# why\n# shows: OpenStream 1.1\nseed 3\nconnect a\n---\nan old transcript\n")
    assert perdure("--replay", str(file), "--save", str(file)).exit_code == GOOD
    text = file.read_text()
    assert text.startswith("# why\n# shows: OpenStream 1.1\nseed 3\nconnect a\n---\n  hub  ServerStarted\n")
    assert text.endswith("in the end all is well: 1 sends, 1 delivered, 2 published, 2 handed\n")


def test_comments_that_say_nothing_of_it_are_kept_beside_what_it_shows(tmp_path: Path) -> None:
    file = tmp_path / "kept.txt"
    file.write_text("# why\nseed 3\nconnect a\n")
    assert perdure("--replay", str(file), "--save", str(file)).exit_code == GOOD
    told = transcript.comments(file.read_text())
    assert told[0] == "why"
    assert told[1].startswith("shows: ")


def searched(*_words: object, **_options: object) -> None:
    raise AssertionError("it was searched")


def test_a_file_that_cannot_be_written_is_told_before_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "simulate", searched)
    for file in (tmp_path, tmp_path / "no" / "file.txt"):
        result = perdure("--save", str(file))
        assert (result.exit_code, str(file) in result.stderr) == (USAGE, True)


def test_where_nothing_is_saved_no_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "replay", interrupt)
    assert perdure("--save", str(tmp_path / "file.txt")).exit_code == INCOMPLETE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("broken")
def test_what_was_found_is_printed_though_it_cannot_be_saved_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    search = simulation.simulate

    def and_then_the_folder_is_gone(*words: int, **options: Any) -> runs.Tally:
        tally = search(*words, **options)
        folder.rmdir()
        return tally

    monkeypatch.setattr(simulation, "simulate", and_then_the_folder_is_gone)
    result = perdure("--seed", "5", "--steps", "6000", "--save", str(folder / "found.txt"))
    assert result.exit_code == FOUND
    assert "P-CLASS: planted" in result.stdout
    assert "No such file" in result.stderr
    folder.mkdir()
    result = perdure("--steps", "5", "--save", str(folder / "good.txt"))
    assert (result.exit_code, "all properties held" in result.stdout) == (USAGE, True)


def interrupt(*_scenario: object) -> runs.Run:
    raise KeyboardInterrupt


def test_minutes_go_on_beyond_the_steps() -> None:
    _, found = as_json("--seed", "1", "--steps", "10", "--minutes", "0.01")
    assert found["seconds"] >= 0.6
    assert found["steps"] >= runs.RUN_STEPS


def test_an_interrupted_search_is_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    replay = runs.replay
    monkeypatch.setattr(runs, "replay", lambda one: replay(one) if one.seed < 3 else interrupt())

    code, found = as_json("--seed", "1", "--steps", "600")
    assert code == INCOMPLETE
    assert (found["ok"], found["complete"], found["runs"]) == (False, False, 2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--steps", "0"], "greater than or equal to 1"),
        (["--replay", "no/such/file.txt"], "No such file"),
        (["--systems", "RT"], "there are no systems 'RT'; say some of TAR, in this order"),
        (["--steps", "5", "--save", "no/such/folder/x.txt"], "No such file"),
    ],
)
def test_wrong_usage_exits_2_and_says_why(words: list[str], says: str) -> None:
    result = perdure(*words)
    assert result.exit_code == USAGE
    assert says in result.stderr


def test_a_file_that_is_no_scenario_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "bad.txt"
    file.write_text("seed 1\nconect a\n")
    result = perdure("--replay", str(file))
    assert result.exit_code == USAGE
    assert "line 2, 'conect a': there is no step 'conect'" in result.stderr


def test_the_shortest_run_breaks_the_same_property(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step less may break another property: that is another finding."""

    def hand(self: Accounts, life: object, item: object) -> None:
        self.handed += 1
        raise_after = {2: "P-NO-DUP", 5: "P-NO-LOSS"}.get(self.handed)
        if raise_after == "P-NO-LOSS" or (raise_after and self.published < 3):
            self.breaks(raise_after, "planted")

    monkeypatch.setattr(Accounts, "hand", hand)
    run = runs.replay(parse("seed 1\nconnect a\npublish 3\npublish 3\nwait 5\nsend a 1\nwait 5"))
    assert isinstance(run.broken, Broken)
    shortest = runs.shortened(run)
    assert isinstance(shortest.broken, Broken)
    assert shortest.broken.property == run.broken.property == "P-NO-LOSS"


def test_other_systems_are_simulated_and_named() -> None:
    code, found = as_json("--seed", "2", "--steps", "120", "--systems", "TAR")
    assert code == GOOD
    assert all(found["accounts"][name] for name in ("published", "states", "calls"))


@pytest.mark.usefixtures("broken")
def test_how_to_see_it_again_names_the_systems() -> None:
    result = perdure("--seed", "5", "--steps", "6000", "--systems", "TA")
    assert result.exit_code == FOUND
    assert " --systems TA" in result.stdout
