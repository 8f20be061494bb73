"""Values: inputs, parts and effects. Nothing changes one once it is made.

mypy sees frozen dataclasses, and holds the rules to that. At run time nothing looks: Python takes twice as
long to make a frozen one, and a decision makes several. The tests look instead: no decision of the small
worlds changes what it was given (`tests/core/test_purity.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[Class]) -> type[Class]:
    """A class whose instances are equal where their fields are, can be hashed, and stay as they are."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
