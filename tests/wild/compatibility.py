"""The table of what perdure was tried with: rows from the marks of the tests, results from their run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from tests.wild.programs import version_of

WORKS, FAILS, NOT_RUN = "works", "FAILS", "not run"
BESIDE = ("nginx", "uvicorn", "hypercorn", "perdure")
"""What the rows name without a version."""
HEAD = "| what | HTTP | through | tried | result | tests |\n|---|---|---|---|---|---|"
INTRODUCTION = """# What perdure was tried with

<!-- Written by `make test-wild` from the results of the tests; a change by hand is lost. -->

Each row is a program or library of other people, as a machine had it when `make test-wild` last ran there.
Beside those in the rows: {beside}.
"""


@dataclass(frozen=True)
class Trial:
    """What one test tries. `limit` says what does not work, where it is that which the test shows."""

    module: str
    title: str
    test: str
    what: str
    package: str
    http: str
    way: str
    case: str
    limit: str = ""

    @property
    def subject(self) -> tuple[str, ...]:
        """What stands in one row together: the tests with the same parameters; one without has its own."""
        alone = "" if self.test.startswith("[") else self.test
        return self.module, self.what, self.package, self.http, self.way, alone


def trial(node: str, title: str, marks: Iterable[Mapping[str, str]]) -> Trial:
    """The trial of a test, whose marks say it together, the innermost first."""
    said: dict[str, str] = {}
    for mark in marks:
        said = {**mark, **said}
    module, _, test = node.partition("::")
    function, bracket, parameters = test.partition("[")
    return Trial(module=module, title=title, test=bracket + parameters or function, **said)


def page(trials: Sequence[Trial], results: Mapping[Trial, str]) -> str:
    """The whole document."""
    beside = ", ".join(f"{name} {version_of(name)}" for name in BESIDE)
    sections = [INTRODUCTION.format(beside=beside)]
    for (_, title), these in groupby(trials, key=lambda one: (one.module, one.title)):
        sections.append("\n".join([f"## {title}\n", HEAD, *rows(list(these), results)]) + "\n")
    return "\n".join(sections)


def rows(trials: Sequence[Trial], results: Mapping[Trial, str]) -> Iterator[str]:
    """A line for each subject, in the order in which they first come."""
    for subject in dict.fromkeys(one.subject for one in trials):
        mine = [one for one in trials if one.subject == subject]
        first = mine[0]
        version = f" {version_of(first.package)}" if first.package else ""
        cells = [first.what + version, first.http, first.way]
        cells += ["; ".join(dict.fromkeys(one.case for one in mine)), result(mine, results), tests(mine)]
        yield f"| {' | '.join(cells)} |"


def result(trials: Sequence[Trial], results: Mapping[Trial, str]) -> str:
    """What came of all of them: each that went wrong, or was not run, is named."""
    wrong: dict[str, dict[str, None]] = {}
    for one in trials:
        if (outcome := results.get(one, NOT_RUN)) != WORKS:
            wrong.setdefault(outcome, {})[one.case] = None
    limits = dict.fromkeys(f"no: {one.limit}" for one in trials if one.limit)
    named = [f"{outcome}: {', '.join(cases)}" for outcome, cases in wrong.items()]
    return "; ".join([*named, *limits]) or WORKS


def tests(trials: Sequence[Trial]) -> str:
    """Where they are: the file, and the parameters or the functions."""
    return f"{trials[0].module} " + ", ".join(dict.fromkeys(f"`{one.test}`" for one in trials))
