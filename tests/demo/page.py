"""The demo's page as a program of its own, as `perdure demo --web` starts it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGINT

COMMAND = (sys.executable, "-m", "perdure", "demo", "--web", "--port")


@contextmanager
def running(port: int = 0) -> Iterator[str]:
    """Its address; ended by Ctrl-C, after which it must have exited well and said nothing of trouble."""
    command = (*COMMAND, str(port))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
            process.send_signal(SIGINT)
            _, said = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (process.returncode, said) == (0, "")
