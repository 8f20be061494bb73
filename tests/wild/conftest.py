"""What the tests outside Python need. Missing is failing, never skipping."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wild.compatibility import FAILS, WORKS, Trial, page, trial
from tests.wild.programs import program
from tests.wild.ways import Ways, all_ways


@pytest.fixture(scope="session")
def node() -> str:
    """Node, 18 or later: it has fetch and web streams."""
    return program("node")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Debian's Chromium."""
    return program("chromium")


@pytest.fixture(scope="session")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    """The servers and proxies; the whole run shares them."""
    with all_ways(tmp_path_factory) as ways:
        yield ways


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """Sockets and generators that a test has left open are found here, not in some later test."""
    yield
    gc.collect()


# -- the table of what was tried -----------------------------------------------------------------------


class Tried:
    """What was tried in this run, and what came of it; written where `--compatibility` says."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._trials: dict[str, Trial] = {}
        self._results: dict[Trial, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Before some are left out: what is not run says so."""
        for item in items:
            marks = [mark.kwargs for mark in item.iter_markers("tried")]
            if any("case" in mark for mark in marks):
                assert isinstance(item, pytest.Function)
                title, _, _ = (item.module.__doc__ or "").partition("\n")
                self._trials[item.nodeid] = trial(item.nodeid, title.rstrip("."), marks)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test works when its making and ending did, too."""
        one = self._trials.get(report.nodeid)
        if one is not None and (report.when == "call" or not report.passed):
            worked = report.passed and self._results.get(one) != FAILS
            self._results[one] = WORKS if worked else FAILS

    def pytest_sessionfinish(self) -> None:
        """Write the table, whatever came of it."""
        self._file.write_text(page(list(self._trials.values()), self._results), encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to write the table."""
    parser.addoption(
        "--compatibility", type=Path, help="write what was tried with whose software to this file"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep the table, if it is wanted."""
    # hypercorn 0.18 leaves a coroutine of its own behind when a connection goes while its timer is made.
    config.addinivalue_line(
        "filterwarnings", "ignore:coroutine 'TCPServer._idle_timeout' was never awaited:RuntimeWarning"
    )
    file = config.getoption("compatibility", None)
    if file is not None:
        config.pluginmanager.register(Tried(file))
