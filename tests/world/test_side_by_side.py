"""Searches in processes of their own give what they give in this one."""

from __future__ import annotations

import operator
import os
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import pytest
from perdure_model.world import DEFECTS, check_worlds, find_defects
from perdure_model.world.side_by_side import side_by_side

NAMES = {"T return", "A once", "R held"}


# What another process is asked for must be found there by its name: tests are not.


@pytest.mark.parametrize("jobs", [1, 2])
def test_answers_come_in_the_order_of_the_questions(jobs: int) -> None:
    assert list(side_by_side(operator.mul, [(n, n) for n in range(9)], jobs)) == [n * n for n in range(9)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_search_raises_is_raised_here(jobs: int) -> None:
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(operator.truediv, [(1, 1), (1, 0)], jobs))


def test_they_are_other_processes() -> None:
    assert os.getpid() not in set(side_by_side(os.getpid, [(), ()], 2))


def test_a_process_that_dies_is_no_answer() -> None:
    with pytest.raises(BrokenProcessPool):
        list(side_by_side(os._exit, [(1,), (1,)], 2))


def test_there_is_no_search_without_a_job() -> None:
    with pytest.raises(ValueError, match="jobs=0"):
        list(side_by_side(operator.mul, [(1, 1)], 0))


def test_worlds_side_by_side_are_the_same_worlds() -> None:
    told: list[str] = []
    alone = check_worlds(names=NAMES, progress=False)
    beside = check_worlds(names=NAMES, jobs=2, told=lambda name, _report: told.append(name))
    assert told == list(alone.reports) == list(beside.reports)
    for name, report in alone.reports.items():
        assert replace(beside.reports[name], seconds=report.seconds).distinct == report.distinct
    assert beside.reached == alone.reached
    assert (beside.rules, beside.actions, beside.fired) == (alone.rules, alone.actions, alone.fired)


def test_defects_are_planted_in_the_other_process_too() -> None:
    beside = check_worlds(names={"T return"}, defect=DEFECTS["T39"], jobs=2)
    assert any(violation.property.startswith("P-EXPIRES") for _, violation in beside.violations)
    ids = ["T07", "T20", "R08"]
    found = list(find_defects(ids, progress=False, jobs=2))
    assert [(one.defect.id, one.found) for one in found] == [(id, True) for id in ids]  # noqa: A001
    alone = list(find_defects(ids, progress=False))
    assert [(one.world, one.length) for one in found] == [(one.world, one.length) for one in alone]
