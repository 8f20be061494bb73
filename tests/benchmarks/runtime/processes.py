"""Servers and clients as processes of their own, each with the interpreter that has its tool."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).parents[3]
ENVIRONMENT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "perdure-benchmarks-runtime"
NEEDED = [
    *("httpx", "httpx-sse", "sse-starlette"),
    *("python-socketio", "aiohttp", "websockets"),
    *("starlette", "uvicorn"),
]
OURS = ("perdure", "post")
CLIENT_S = 150.0


def peer_python() -> Path:
    """An interpreter of the same version that has the peers, made at the first run."""
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *NEEDED], check=True)
    return python


def command(side: str, *arguments: object) -> list[str]:
    """How a side's program is run."""
    python = sys.executable if side in OURS else str(peer_python())
    return [python, "-W", "ignore", "-m", f"tests.benchmarks.runtime.{side}_side", *map(str, arguments)]


@contextmanager
def server(side: str) -> Iterator[str]:
    """A side's server; gives its address."""
    with subprocess.Popen(command(side, "serve"), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            base = process.stdout.readline().strip()
            if not base:
                raise RuntimeError(f"the server of {side} did not start")
            yield base
        finally:
            process.kill()


def control(base: str, path: str) -> dict[str, Any]:
    """Ask a server's control."""
    with urlopen(f"{base}/control/{path}", timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def client(side: str, measure: str, base: str, *numbers: int) -> dict[str, Any]:
    """Run a side's client against a server; returns what it measured."""
    done = subprocess.run(
        command(side, measure, base, *numbers), cwd=ROOT, capture_output=True, text=True, timeout=CLIENT_S
    )
    if done.returncode:
        raise RuntimeError(f"the client of {side} failed at {measure}:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(side: str, what: str, *numbers: int) -> dict[str, Any]:
    """A fresh server and a client of one side: seconds, and the processor time of both, for each done."""
    with server(side) as base:
        before = control(base, "usage")["cpu_s"]
        found = client(side, what, base, *numbers)
        spent = control(base, "usage")["cpu_s"] - before
        found["server_cpu_s"] = spent / found.get("done", 1)
    return found
