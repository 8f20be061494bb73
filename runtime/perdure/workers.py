"""Whether the server that runs us runs others beside us: each would have a hub of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Final

from perdure.errors import UsageError

SERVERS: Final = ("uvicorn", "gunicorn", "hypercorn", "fastapi", "granian")
FLAGS: Final = ("--workers", "-w")


def workers(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """How many processes serve the app, as far as the command line and the environment say; else 1."""
    count = environment.get("WEB_CONCURRENCY", "")
    if is_server(arguments):
        for given, following in zip(arguments, [*arguments[1:], ""], strict=True):
            flag, equals, value = given.partition("=")
            if flag in FLAGS:
                count = value if equals else following
    return int(count) if count.isdecimal() else 1


def is_server(arguments: Sequence[str]) -> bool:
    """Whether this is the command line of an ASGI server: `uvicorn ...` or `python -m uvicorn ...`."""
    program = PurePath(arguments[0]) if arguments else PurePath()
    name = program.parent.name if program.stem == "__main__" else program.stem
    return name in SERVERS


def refuse_several() -> None:
    """Raises UsageError where several processes serve the app."""
    count = workers(sys.argv, os.environ)
    if count > 1:
        raise UsageError(
            f"{count} server workers have a memory each, and a client is known to one of them only",
            hint="serve with one worker (--workers 1, WEB_CONCURRENCY=1), or, if each client always reaches "
            "the same one, say Hub(routed=True)",
        )
