"""`python -m tests.fuzz`: each target under atheris for some seconds. Exits 0 if none was broken, else 1.

What was found to reach new code is kept in `.fuzz`, for the next run to go on from.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.fuzz.targets import TARGETS, seeds_of

ROOT: Final = Path(__file__).parents[2]
KEPT: Final = ROOT / ".fuzz"
INPUT_BYTES_MAX: Final = 2048


def fuzz(target: str, seconds: int, seed: int) -> tuple[bool, str]:
    """Whether the target held, and what is to be told of it."""
    corpus, broken = KEPT / target, KEPT / "broken"
    for folder in (corpus, broken):
        folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(seeds_of(target)):
        (corpus / f"seed-{number}").write_bytes(text)
    options = [f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={INPUT_BYTES_MAX}", "-timeout=10"]
    command = [sys.executable, "-m", "tests.fuzz.guided", target, *options, "-rss_limit_mb=2048"]
    command += [f"-artifact_prefix={broken}/{target}-", str(corpus)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace")
    if done.returncode == 0:
        return True, ", ".join(figures(done.stderr))
    return False, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}\nthe input is kept in {broken}"


def figures(said: str) -> list[str]:
    """How much was tried, and how many branches it reached, from what libFuzzer says at the end.

    Raises ValueError where it does not say so: then nothing was fuzzed.
    """
    runs = re.search(r"Done (\d+) runs in (\d+) second", said)
    reached = re.findall(r"cov: (\d+)", said)
    if runs is None or not reached:
        raise ValueError(f"libFuzzer has not said what it did:\n{said[-2000:]}")
    return [f"{int(runs[1]):,} inputs in {runs[2]} s", f"{reached[-1]} branches reached"]


def main() -> int:
    """Read the arguments, fuzz, and tell."""
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    arguments.add_argument("--seconds", type=int, default=60, help="for each target")
    arguments.add_argument(
        "--target", choices=TARGETS, action="append", help="this one only; may be repeated"
    )
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1 << 31))
    given = arguments.parse_args()
    print(f"the seed: {given.seed} (again with --seed {given.seed}, and without {os.fspath(KEPT.name)})")
    held = True
    for target in given.target or TARGETS:
        fine, says = fuzz(target, given.seconds, given.seed)
        print(f"{target:8} {'holds' if fine else 'BROKEN'}: {says}", flush=True)
        held = held and fine
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
