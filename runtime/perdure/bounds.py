"""What an application gives: each value is checked where it comes in, and named with the remedy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from inspect import isasyncgenfunction, iscoroutinefunction, signature
from os import PathLike, fspath
from typing import Any, Final

from perdure.errors import UsageError

NUMBER_MAX: Final = 2.0**53
"""No bound of anything is larger: beyond it a number has lost its last digits, and infinity is none."""


def at_least(least: float, **values: Any) -> None:
    """Raises UsageError for the first of the values that is smaller than `least`, or no finite number."""
    for name, value in values.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not least <= value <= NUMBER_MAX:
            raise UsageError(f"{name}={short(value)}", hint=f"give a number that is at least {least:g}")


def at_most(most: float, **values: float) -> None:
    """Raises UsageError for the first of the values that is larger than `most`."""
    for name, value in values.items():
        if value > most:
            raise UsageError(f"{name}={short(value)}", hint=f"give a number that is at most {most:g}")


def counts(least: int, **values: Any) -> None:
    """Raises UsageError for the first of the values that is no whole number, or smaller than `least`."""
    for name, value in values.items():
        if not isinstance(value, int):
            raise UsageError(f"{name}={short(value)}", hint=f"give a whole number that is at least {least}")
        at_least(least, **{name: value})


def of_type(wanted: type, **values: Any) -> None:
    """Raises UsageError for the first of the values that is of another type."""
    for name, value in values.items():
        if not isinstance(value, wanted):
            raise UsageError(f"{name}={short(value)}", hint=f"give a {wanted.__name__}, or leave it out")


def paths(**values: Any) -> None:
    """Raises UsageError for the first of the values that is no path: a number would be a descriptor."""
    for name, value in values.items():
        if not isinstance(value, str | PathLike) or isinstance(fspath(value), bytes):
            raise UsageError(f"{name}={short(value)}", hint="give the path of a file, as a str or a Path")


def texts(hint: str, **values: Any) -> None:
    """Raises UsageError for the first of the values that is no collection of texts; a text alone is none."""
    for name, value in values.items():
        several = isinstance(value, Collection) and not isinstance(value, str | bytes)
        if not several or not all(isinstance(one, str) for one in value):
            raise UsageError(f"{name}={short(value)}", hint=hint)


def needed(*takes: str, waits: bool = False, **values: Any) -> None:
    """Raises UsageError for the first of the values that cannot be called with what it will be given.

    takes: what it will be given, in order, by the names that the message shows.
    waits: what it returns is awaited, so that it may be async; else an async function would never run.
    """
    given = f"({', '.join(takes)})"
    for name, value in values.items():
        if not callable(value):
            raise UsageError(f"{name}={short(value)} cannot be called", hint="give a function")
        if not waits and is_async(value):
            raise UsageError(
                f"{name} is async, and nothing awaits it", hint=f"give a plain function: def {name}{given}"
            )
        if not fits(value, takes):
            hint = f"give a function like def {name}{given}{', async or not' if waits else ''}"
            raise UsageError(f"{name} cannot be called with {given}", hint=hint)


def functions(*takes: str, waits: bool = False, **values: Any) -> None:
    """Raises UsageError for the first of the values that is neither None nor what `needed` takes."""
    needed(*takes, waits=waits, **{name: value for name, value in values.items() if value is not None})


def is_async(function: Callable[..., object]) -> bool:
    """Whether calling it runs nothing yet; an object with an async `__call__` is meant too."""
    both = (function, type(function).__call__)
    return any(iscoroutinefunction(one) or isasyncgenfunction(one) for one in both)


def fits(function: Callable[..., object], takes: Iterable[str]) -> bool:
    """Whether it can be called with so much; what has no signature that can be read is taken at its word."""
    try:
        asks = signature(function)
    except Exception:  # of what is written in C, or with annotations that cannot be evaluated
        return True
    try:
        asks.bind(*takes)
    except TypeError:
        return False
    return True


def having(methods: Iterable[str], what: str, **values: Any) -> None:
    """Raises UsageError for the first of the values that lacks one of these methods, a class included."""
    for name, value in values.items():
        lacking = [method for method in methods if not callable(getattr(value, method, None))]
        if lacking or isinstance(value, type):
            said = f"lacks {', '.join(lacking)}" if lacking else "is a class"
            raise UsageError(f"{name}={short(value)} {said}", hint=f"give {what}, or leave it out")


def short(value: object) -> str:
    """A value as a message shows it."""
    try:
        said = repr(value)
    except Exception as error:  # a number of too many digits, or an object's own mistake
        return f"<{type(value).__name__}: {type(error).__name__}>"
    return said if len(said) <= 80 else f"{said[:77]}..."
