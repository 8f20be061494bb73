"""The checker beside SPIN, minicheck and musil, on the same models, in one run on this machine.

    apt-get install spin gcc
    python tests/benchmarks/checker_speed.py [--quick | --big] [--write]

Rates are distinct states a second of the whole check, with invariants, coverage and traces. perdure runs
after a warm-up; what compiling takes is told apart. SPIN is built with -O2 -DSAFETY -DNOREDUCE, depth first
and breadth first, and its better build counts. The peers on PyPI run in an environment of their own, made at
the first run with the newest Python there is, and are cut where they do not get faster. `--big`
adds two-phase commit with 10 members (61,515,776 states). `--write` writes docs/benchmarks/checker_speed.*,
and the README's figures from it.

Required: 4 x SPIN, 25 x minicheck and musil. Exit code 1 says that some model missed it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from perdure_model.checker import Report, System, check  # noqa: E402 - found through the line above

from tests.benchmarks.speed import models, spin  # noqa: E402
from tests.benchmarks.speed.chart import Bar, svg, table  # noqa: E402
from tests.benchmarks.speed.readme import put  # noqa: E402
from tests.checker.models.two_phase_commit import two_phase_commit  # noqa: E402

REQUIRED = {"SPIN": 4.0, "minicheck": 25.0, "musil": 25.0}
PEER = ROOT / "tests/benchmarks/speed/peer.py"
PEERS = ("minicheck", "musil")
ROUNDS = 3
ENVIRONMENT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "perdure-benchmarks"


class Case(NamedTuple):
    """A model, how each tool is asked for it, and how many states it has (None: not published)."""

    title: str
    build: Callable[[], System]
    promela: str | None
    peer: list[str]
    distinct: int | None
    peer_states: int = 600_000


def commit_case(n: int, distinct: int) -> Case:
    """Two-phase commit with n members."""
    peer = ["two_phase_commit", str(n)]
    title = f"two-phase commit, n = {n}"
    return Case(title, lambda: two_phase_commit(n)[0], spin.two_phase_commit(n), peer, distinct)


def cases(quick: bool) -> list[Case]:
    """The models, small ones for a quick look."""
    queue = (2, 3, 2) if quick else (3, 3, 1)
    chosen = [commit_case(7, 296_448)] if quick else [commit_case(8, 1_745_408), commit_case(9, 10_340_352)]
    bit = ["alternating_bit", *map(str, queue)]
    title = f"alternating bit, {queue[0]} connections"
    chosen.append(
        Case(title, lambda: models.alternating_bit(*queue), spin.alternating_bit(*queue), bit, None)
    )
    return [*chosen, Case("perdure's own world", models.world, None, ["world"], None, 40_000)]


def best(run: Callable[[], Report]) -> Report:
    """The fastest of some rounds."""
    return min((run() for _ in range(ROUNDS)), key=lambda report: report.seconds)


def ours(case: Case) -> Bar:
    """perdure on a model."""
    report = best(lambda: check(case.build(), engine="compiled"))
    if case.distinct not in (None, report.distinct) or not report.complete:
        raise RuntimeError(f"{case.title}: {report.summary()}")
    return Bar(case.title, "perdure", report.distinct, report.seconds, True)


def spins(case: Case, distinct: int) -> list[Bar]:
    """SPIN's better build on a model. It must find as many states."""
    if case.promela is None:
        return []
    runs = spin.verify(case.promela, max(20, distinct.bit_length() + 1))
    if any(run.distinct != distinct for run in runs):
        raise RuntimeError(f"{case.title}: SPIN found {runs}, perdure {distinct:,} states")
    run = min(runs, key=lambda run: run.seconds)
    return [Bar(case.title, f"SPIN ({run.build})", run.distinct, run.seconds, True)]


def peers(case: Case, python: Path, distinct: int) -> list[Bar]:
    """The peers on PyPI on a model."""
    bars = []
    for tool in PEERS:
        model, *numbers = case.peer
        command = [
            str(python),
            str(ROOT / "tests/benchmarks/speed/peer.py"),
            tool,
            model,
            str(case.peer_states),
        ]
        found = _json([*command, *numbers])
        complete = found["distinct"] < case.peer_states
        if complete and found["distinct"] != distinct:
            raise RuntimeError(
                f"{case.title}: {tool} found {found['distinct']:,} states, perdure {distinct:,}"
            )
        bars.append(Bar(case.title, tool, found["distinct"], found["seconds"], complete))
    return bars


def _json(command: list[str]) -> dict[str, Any]:
    path = os.pathsep.join([str(ROOT / "model"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def peer_python() -> Path:
    """An interpreter that has the peers: musil needs Python 3.12."""
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        for name in ("python3.14", "python3.13", "python3.12"):
            found = shutil.which(name)
            if found and subprocess.run([found, "-V"], capture_output=True, check=False).returncode == 0:
                subprocess.run([found, "-m", "venv", str(ENVIRONMENT)], check=True)
                break
        else:
            raise SystemExit("musil needs Python 3.12 or later, and none is on the PATH")
        needed = [*PEERS, "python-statemachine>=3.2,<3.3", "pydantic>=2.12,<3"]
        subprocess.run([str(python), "-m", "pip", "install", "-q", *needed], check=True)
    return python


def compile_seconds() -> tuple[float, float]:
    """The first check of a new process, with numba's cache empty and then full."""
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from tests.checker.models.two_phase_commit import two_phase_commit as t\n"
        "from perdure_model.checker import check\n"
        "s = time.perf_counter(); check(t(2)[0], engine='compiled'); print(time.perf_counter() - s)"
    )
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        command = [sys.executable, "-c", program, str(ROOT)]
        first, second = (
            float(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)
            for _ in range(2)
        )
    return first, second


def growth() -> str:
    """Whether the rate holds on the way up: two-phase commit from 10^6 to 6 x 10^7 states."""
    small = best(lambda: check(two_phase_commit(10)[0], max_states=1_000_000, engine="compiled"))
    large = check(two_phase_commit(10)[0], engine="compiled")
    if large.distinct != 61_515_776:
        raise RuntimeError(large.summary())
    rates = [report.distinct / report.seconds for report in (small, large)]
    return (
        f"Two-phase commit, n = 10: {rates[0] / 1e6:.2f} million states/s up to 1,000,000 states, "
        f"{rates[1] / 1e6:.2f} up to 61,515,776 ({large.seconds:.1f} s): {rates[1] / rates[0]:.2f} of it.\n"
    )


def misses(bars: list[Bar]) -> list[str]:
    """Where a required ratio was missed."""
    found = []
    for bar in bars:
        rate = next(b for b in bars if b.model == bar.model and b.tool == "perdure").rate
        required = REQUIRED.get(bar.tool.split()[0], 0)
        if rate < required * bar.rate:
            found.append(f"{bar.model}: {rate / bar.rate:.1f} x {bar.tool}, {required:g} x required")
    return found


def machine() -> str:
    """What ran this."""
    names = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    load = os.getloadavg()[0]
    return (
        f"{names[0] if names else platform.processor()}, {len(os.sched_getaffinity(0))} cores, "
        f"Python {platform.python_version()}, {platform.system()}; load of the machine before: {load:.1f}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def main() -> int:
    """Run all, print, and write if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--big", action="store_true")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    if not spin.available():
        raise SystemExit("spin and gcc are needed: apt-get install spin gcc")
    where = machine()
    python = peer_python()
    cold, warm = compile_seconds()
    check(two_phase_commit(3)[0], engine="compiled")
    bars: list[Bar] = []
    for case in cases(chosen.quick):
        mine = ours(case)
        new = [mine, *spins(case, mine.distinct), *peers(case, python, mine.distinct)]
        bars += new
        print(*(f"{b.model}  {b.tool}  {b.distinct:,}  {b.rate / 1e6:.3f} M/s" for b in new), sep="\n")
    text = (
        f"# Speed of the checker\n\n`python tests/benchmarks/checker_speed.py --big --write`, on {where}.\n\n"
        "![Distinct states a second](checker_speed.svg)\n\n" + table(bars) + "\n"
        f"Compiling takes {cold:.1f} s once, and is cached on disk; the first check of a later process "
        f"takes {warm:.2f} s, imports included. Both are outside the rates above.\n\n"
        + (growth() if chosen.big else "")
    )
    print(text)
    if chosen.write:
        target = ROOT / "docs/benchmarks"
        target.mkdir(parents=True, exist_ok=True)
        (target / "checker_speed.md").write_text(text)
        (target / "checker_speed.svg").write_text(svg(bars, "Distinct states a second, logarithmic"))
        readme = ROOT / "README.md"
        readme.write_text(put(readme.read_text(encoding="utf-8"), text), encoding="utf-8")
    missed = misses(bars)
    print(*missed, sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    started = time.perf_counter()
    code = main()
    print(f"{time.perf_counter() - started:.0f} s")
    sys.exit(code)
