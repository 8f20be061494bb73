"""The tokens that the load's clients come with: good for a time that both sides tell by the same clock."""

from __future__ import annotations

from typing import Final

PERIOD_S: Final = 5.0
"""A token is good in its period and in the next: longer than the faults hold a request up."""


def token(at_s: float) -> str:
    """The token of this moment."""
    return f"token-{int(at_s // PERIOD_S)}"


def good(text: str, at_s: float) -> bool:
    """Whether the token is good at this moment."""
    return text in (token(at_s), token(at_s - PERIOD_S))
