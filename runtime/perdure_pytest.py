"""perdure's pytest plugin: faults and simulated worlds as fixtures; a test that fails says how to repeat it.

It stands beside the package, as every run of pytest imports it: perdure itself is imported by the tests that
ask for a fixture. What the fixtures give is in `perdure.testing.fixtures`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from perdure.testing.fixtures import Faults, Simulations

SEED: Final = 1
SEEDS: Final = 1 << 32
SAYS: Final = pytest.StashKey[list[Any]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option."""
    says = f"what perdure's fixtures draw chance from: a number ({SEED}), or 'random' for another each time"
    parser.getgroup("perdure").addoption("--perdure-seed", default=str(SEED), help=says)


def seed_of(config: pytest.Config) -> int:
    """The run's seed. Raises pytest.UsageError."""
    said: str = config.getoption("--perdure-seed")
    if said == "random":
        config.option.perdure_seed = said = str(SystemRandom().randrange(SEEDS))
    try:
        return int(said)
    except ValueError:
        raise pytest.UsageError(f"--perdure-seed={said}: a whole number is expected, or 'random'") from None


@pytest.fixture
def perdure_seed(request: pytest.FixtureRequest) -> int:
    """The seed of this test; where it fails, its report says how to use it again."""
    seed = seed_of(request.config)
    request.node.stash.setdefault(SAYS, []).append(lambda: [f"again: pytest --perdure-seed={seed}"])
    return seed


@pytest.fixture
def perdure_faults(request: pytest.FixtureRequest, perdure_seed: int) -> Faults:
    """Fault proxies: `async with perdure_faults(port, CutStream()) as proxy`."""
    from perdure.testing.fixtures import Faults

    faults = Faults(perdure_seed)
    request.node.stash[SAYS].append(faults.says)
    return faults


@pytest.fixture
def perdure_simulation(request: pytest.FixtureRequest, perdure_seed: int) -> Iterator[Simulations]:
    """Worlds in virtual time: `perdure_simulation.run("connect a; send a 3; cut a 0; wait 20")`."""
    from perdure.testing.fixtures import Simulations

    simulations = Simulations(perdure_seed)
    request.node.stash[SAYS].append(simulations.says)
    with simulations:
        yield simulations


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Below a failure: what the fixtures did, and with which seed."""
    report = yield
    says = item.stash.get(SAYS, [])
    if report.failed and says:
        report.sections.append(("perdure", "\n".join(line for one in says for line in one())))
    return report
