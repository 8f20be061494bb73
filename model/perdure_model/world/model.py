"""What a model is: everything that there is to check about one of the systems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from perdure_model.core.rule import Book
from perdure_model.table import Table
from perdure_model.world.bind import World
from perdure_model.world.defect import Books, Catalogue

Declare: TypeAlias = Callable[[Any], object]
"""Declares a property on a world; its docstring is the property's living text."""


class Properties(dict[str, Declare]):
    """What must hold of a model's worlds, by the stable ids."""

    @classmethod
    def joined(cls, parts: Iterable[Properties], first: Iterable[str] = ()) -> Properties:
        """All of these in one, those named `first` before the others.

        Raises ValueError where two parts state the same, KeyError where none states one of those named.
        """
        whole = cls()
        for part in parts:
            for name, declare in part.items():
                whole.states(name)(declare)
        return cls({name: whole[name] for name in dict.fromkeys([*first, *whole])})

    def states(self, name: str) -> Callable[[Declare], Declare]:
        """Enter the decorated function under the id. Raises ValueError where the id is taken."""

        def enter(declare: Declare) -> Declare:
            if name in self:
                raise ValueError(f"{name} is stated already, by {self[name]}")
            self[name] = declare
            return declare

        return enter


@dataclass(frozen=True)
class Model:
    """A system: its rules and charts, the worlds of each size, what must hold, and how it can be broken.

    build: (bounds, name, books) -> world. `rest` declares where stopping is right. The name of a world
    begins with its model's.
    """

    name: str
    says: str
    books: tuple[Book, ...]
    tables: tuple[Table, ...]
    sizes: Mapping[str, Mapping[str, Any]]
    build: Callable[[Any, str, Books], Any]
    properties: Properties
    rest: Declare
    defects: Catalogue

    def worlds(self, size: str, books: Books | None = None) -> dict[str, Any]:
        """The worlds of a size, by name, with their properties; the books may hold a defect."""
        return {name: self.world(size, name, books) for name in self.sizes[size]}

    def world(self, size: str, name: str, books: Books | None = None, declare: Declare | None = None) -> Any:
        """One world of a size, with all its properties or with what `declare` says of it."""
        by_side = {book.side: book for book in self.books} | dict(books or {})
        built = self.build(self.sizes[size][name], name, by_side)
        (declare or self.hold_all)(built)
        return built

    def hold_all(self, world: World) -> World:
        """Declare every property on a world, and where stopping is right."""
        for declare in self.properties.values():
            declare(world)
        self.rest(world)
        return world

    @property
    def moves(self) -> set[tuple[str, str, str, str]]:
        """Every transition of the charts that run in these worlds: machine, source, event, target."""
        return {
            (table.name, source, event, row.target)
            for table in self.tables
            for (source, event), rows in table.rows.items()
            for row in rows
        }

    @property
    def rules(self) -> set[str]:
        """Every rule, as side and name."""
        return {f"{book.side}.{rule.name}" for book in self.books for rule in book}
