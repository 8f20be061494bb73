"""For schemathesis (`SCHEMATHESIS_HOOKS`): what is right by the description is asked by a client that lives.

Without one every POST would be answered with 409, and no other answer compared with the description.
"""

from __future__ import annotations

from itertools import count
from typing import Any, Final

import httpx2
import schemathesis
from schemathesis import GenerationMode

from tests.fuzz.requests import CIDS

STATED: Final = {"cid", "attempt", "epoch"}


class Living:
    """A client that asks for another stream before each of its words, and holds it until the next."""

    def __init__(self) -> None:
        self._http = httpx2.Client(timeout=10)
        self._numbers = count(1)
        self._stream: httpx2.Response | None = None

    def names(self, base: str) -> dict[str, str]:
        """Its id, and the attempt and epoch of the stream that it holds from now on."""
        attempt = f"1.{next(self._numbers)}"
        asked = {"cid": CIDS[0], "attempt": attempt, "session": "chat"}
        request = self._http.build_request("GET", f"{base}/events", params=asked)
        before, self._stream = self._stream, self._http.send(request, stream=True)
        if before is not None:
            before.close()
        lines = self._stream.iter_lines()
        said = next(line for line in lines if line.startswith("data: "))
        return {"cid": CIDS[0], "attempt": attempt, "epoch": said.split('"epoch":"')[1].partition('"')[0]}


LIVING = Living()


def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Give a right body the names of the client that lives."""
    right = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if right and isinstance(case.body, dict) and case.method == "POST":
        names = LIVING.names(case.operation.schema.get_base_url().rstrip("/"))
        case.body.update({name: names[name] for name in STATED & case.body.keys()})


schemathesis.hook(before_call)
