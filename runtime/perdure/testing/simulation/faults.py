"""The faults of a simulated network that a proxy between real sockets has not."""

from __future__ import annotations

from dataclasses import dataclass

from perdure.testing.faults import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Double:
    """The request arrives once more, `after_s` seconds later; that answer goes nowhere."""

    on: Kind = "send"
    after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """The request arrives at once, for nobody; the one whose answer is waited for `after_s` seconds later."""

    on: Kind = "send"
    after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """The answer to the request is on its way for so many seconds more."""

    on: Kind = "send"
    for_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Garble:
    """Of the next message on a stream: `repeat` it, or `skip` it."""

    how: str
