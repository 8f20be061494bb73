"""The same models in Promela, and SPIN's verifier built and run on them, depth first and breadth first."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

FLAGS = ["-O2", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=12000"]
BUILDS = {"DFS": [], "BFS": ["-DBFS"]}


class Run(NamedTuple):
    """One run of a verifier."""

    build: str
    distinct: int
    seconds: float


def available() -> bool:
    """Whether SPIN and a C compiler are there."""
    return bool(shutil.which("spin") and shutil.which("gcc"))


def two_phase_commit(n: int) -> str:
    """One process with one control state: the state vector is the model's and nothing else."""
    committed = " || ".join(f"member[{i}] == 2" for i in range(n))
    aborted = " || ".join(f"member[{i}] == 3" for i in range(n))
    check = f"assert(!(({committed}) && ({aborted})))"
    moves = [
        f":: d_step {{ coordinator == 0 && {' && '.join(f'heard[{i}]' for i in range(n))} -> "
        "coordinator = 1; decision = 1 }",
        ":: d_step { coordinator == 0 -> coordinator = 1; decision = 2 }",
    ]
    for i in range(n):
        moves += [
            f":: d_step {{ member[{i}] == 0 -> member[{i}] = 1; sent[{i}] = 1; {check} }}",
            f":: d_step {{ member[{i}] == 0 -> member[{i}] = 3; {check} }}",
            f":: d_step {{ decision == 1 -> member[{i}] = 2; {check} }}",
            f":: d_step {{ decision == 2 -> member[{i}] = 3; {check} }}",
            f":: d_step {{ coordinator == 0 && sent[{i}] -> heard[{i}] = 1 }}",
        ]
    variables = f"byte coordinator, decision; byte member[{n}]; bool sent[{n}], heard[{n}];"
    return _process(variables, moves)


def alternating_bit(connections: int, capacity: int, losses: int) -> str:
    """Channels of Promela; the bit that is moved is cleared, so that it makes no states of its own."""
    moves, channels = [], ""
    for i in range(connections):
        channels += f"chan data{i} = [{capacity}] of {{ bit }}; chan acks{i} = [{capacity}] of {{ bit }};\n"
        moves += [
            f":: d_step {{ nfull(data{i}) -> data{i}!sender[{i}] }}",
            f":: d_step {{ losses > 0 && nempty(data{i}) -> data{i}?b; losses--; b = 0 }}",
            f":: d_step {{ losses > 0 && nempty(acks{i}) -> acks{i}?b; losses--; b = 0 }}",
            f":: d_step {{ nempty(data{i}) && nfull(acks{i}) -> data{i}?b; acks{i}!b; "
            f"if :: b == receiver[{i}] -> assert(b == sender[{i}]); receiver[{i}] = 1 - receiver[{i}] "
            ":: else fi; b = 0 }",
            f":: d_step {{ nempty(acks{i}) -> acks{i}?b; "
            f"if :: b == sender[{i}] -> sender[{i}] = 1 - sender[{i}] :: else fi; b = 0 }}",
        ]
    variables = f"byte losses = {losses}; bit sender[{connections}], receiver[{connections}], b;\n{channels}"
    return _process(variables, moves)


def _process(variables: str, moves: list[str]) -> str:
    lines = "\n    ".join(moves)
    return f"{variables}\nactive proctype model() {{\nend:\n    do\n    {lines}\n    od\n}}\n"


def verify(promela: str, hash_bits: int) -> list[Run]:
    """Build and run both verifiers."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.pml").write_text(promela)
        subprocess.run(["spin", "-a", "model.pml"], cwd=folder, check=True, capture_output=True)
        return [_run(folder, build, flags, hash_bits) for build, flags in BUILDS.items()]


def _run(folder: str, build: str, flags: list[str], hash_bits: int) -> Run:
    subprocess.run(["gcc", *FLAGS, *flags, "-o", build, "pan.c"], cwd=folder, check=True, capture_output=True)
    command = [f"./{build}", f"-w{hash_bits}", "-m10000000"]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    stored = re.search(r"(\d+) states, stored", done.stdout)
    errors = re.search(r"errors: (\d+)", done.stdout)
    if not stored or not errors or errors[1] != "0" or "max search depth too small" in done.stdout:
        raise RuntimeError(f"SPIN did not finish:\n{done.stdout[-2000:]}")
    return Run(build, int(stored[1]), seconds)
