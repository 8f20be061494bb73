"""Values: inputs, parts and effects. Nothing changes one once it is made.

mypy sees frozen dataclasses, and holds the rules to that. At run time nothing looks: Python takes twice as
long to make a frozen one, and a decision makes several. The tests look instead: no decision of the small
worlds changes what it was given (`tests/core/test_purity.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeVar, dataclass_transform

Class = TypeVar("Class")
KEPT: Final = object()


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[Class]) -> type[Class]:
    """A class whose instances are equal where their fields are, can be hashed, and stay as they are."""
    made = dataclass(slots=True, unsafe_hash=True)(cls)
    made.__replace__ = replacing(made)  # type: ignore[attr-defined]
    return made


def replacing(cls: Any) -> Any:
    """The class's `__replace__`, written out: `dataclasses.replace` looks each field up anew."""
    names = [one.name for one in fields(cls)]
    takes = "".join([f", {name}=KEPT" for name in names])
    gives = ", ".join([f"old.{name} if {name} is KEPT else {name}" for name in names])
    space = {"KEPT": KEPT, "make": cls}
    exec(f"def replaced(old{takes}): return make({gives})", space)  # made of field names: nobody's text
    return space["replaced"]


def replace(old: Class, /, **changes: Any) -> Class:
    """A value like `old` but for these fields. Raises TypeError for a field that it has not."""
    new: Class = old.__replace__(**changes)  # type: ignore[attr-defined]
    return new
