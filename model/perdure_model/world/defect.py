"""What a defect is: a small variant of some rules, which breaks a property. None is known to production."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from perdure_model.core.rule import Book, Decide, Decision, Rule

Books = Mapping[str, Book]
"""Rule books by the side that they are of."""


@dataclass(frozen=True)
class Defect:
    """A variant of the rules: what it does wrong, and the property that it breaks."""

    id: str
    says: str
    breaks: str
    rules: Mapping[str, Decide | Rule]
    where: str = ""
    """The world that is searched first: the smallest one in which it can show."""

    def plant(self, books: Books) -> Books:
        """The same books with the defect; the rules of production stay as they are."""
        return {side: self._planted(book) for side, book in books.items()}

    def _planted(self, book: Book) -> Book:
        names = {rule.name for rule in book}
        return book.override(**{name: decide for name, decide in self.rules.items() if name in names})


class Catalogue(dict[str, Defect]):
    """The defects of one model, by the ids of their findings."""

    @classmethod
    def joined(cls, parts: Iterable[Catalogue], first: Iterable[str] = ()) -> Catalogue:
        """All of these in one, those named `first` before the others.

        Raises ValueError where two parts have the same id, KeyError where none has one of those named.
        """
        whole = cls()
        for part in parts:
            for defect in part.values():
                whole.add(defect)
        return cls({id: whole[id] for id in dict.fromkeys([*first, *whole])})  # noqa: A001 - the word for it

    def enter(self, id: str, says: str, breaks: str, where: str = "", **rules: Decide | Rule) -> None:  # noqa: A002
        """Enter a defect. Raises ValueError where the id is taken."""
        self.add(Defect(id, says, breaks, rules, where))

    def add(self, defect: Defect) -> None:
        """Add a defect. Raises ValueError where its id is taken."""
        if defect.id in self:
            raise ValueError(f"there is a defect {defect.id} already: {self[defect.id].says}")
        self[defect.id] = defect


def without(decision: Decision, *kinds: type) -> Decision:
    """The decision without its effects of these kinds."""
    parts, effects = decision
    return parts, tuple(effect for effect in effects if not isinstance(effect, kinds))
