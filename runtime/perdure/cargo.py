"""What comes along with the server's inputs: payloads, and places for the answer."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import anyio
from perdure_model.core.common import Cursor, SendKey
from perdure_model.core.server.effects import Reject

from perdure.outgoing import Outgoing


@dataclass
class Asked:
    """Somebody waits for the decision: why it changed nothing, if so, and the error to answer with."""

    refused: str = field(default="", init=False)
    reject: Reject | None = field(default=None, init=False)


@dataclass
class StreamAsked(Asked):
    """A GET: who asks, where the client stands, and the stream, if it is attached."""

    principal: Hashable = None
    cursors: tuple[tuple[str, Cursor], ...] = ()
    stream: Outgoing | None = None


@dataclass
class PostAsked(Asked):
    """A POST of sends: their data, who sends them, the bytes that each came in, and the receipts."""

    items: dict[SendKey, Any] = field(default_factory=dict)
    item_bytes: int = 0
    principal: Hashable = None
    verdicts: tuple[tuple[SendKey, str], ...] = ()


@dataclass
class Publication(Asked):
    """Something published: the event as it goes out, but for its id; and its position.

    `stored` is set once the store has answered, if that takes longer; `lost` says that it refused.
    """

    event: bytes = b""
    position: int = field(default=0, init=False)
    stored: anyio.Event | None = field(default=None, init=False)
    lost: bool = field(default=False, init=False)
