"""Bounds that an application gives: each is checked where it comes in."""

from __future__ import annotations

from typing import Any

from perdure.errors import UsageError


def at_least(least: float, **values: Any) -> None:
    """Raises UsageError for the first of the values that is smaller than `least`, or no number."""
    for name, value in values.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not value >= least:
            raise UsageError(f"{name}={value!r}", hint=f"give a number that is at least {least:g}")


def at_most(most: float, **values: float) -> None:
    """Raises UsageError for the first of the values that is larger than `most`."""
    for name, value in values.items():
        if value > most:
            raise UsageError(f"{name}={value!r}", hint=f"give a number that is at most {most:g}")
