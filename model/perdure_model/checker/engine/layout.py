"""Where each component's bits are in a packed state, and how bits are gathered into keys.

A component never straddles two words. Components that are looked up together lie side by side, so that a
key is gathered in few pieces; and with one word the top bit stays free, because a slot of the set needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

WORD = 64
USABLE = 63
"""Bits of a state of one word; one of several may use all of each."""


def bits_for(count: int) -> int:
    """Bits that tell `count` values apart; a component with a single value still has one."""
    return max(1, (count - 1).bit_length())


@dataclass(frozen=True, slots=True)
class Field:
    """A component's place: bits [shift, shift + width) of a word."""

    word: int
    shift: int
    width: int

    @property
    def mask(self) -> int:
        """The width in ones."""
        return (1 << self.width) - 1

    @property
    def position(self) -> int:
        """The place in the state as one long integer."""
        return self.word * WORD + self.shift


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of all components, by index."""

    fields: tuple[Field, ...]
    words: int

    def pack(self, ids: Iterable[int]) -> int:
        """A state, or with other ids the XOR of two states, as one long integer."""
        return sum(number << field.position for number, field in zip(ids, self.fields, strict=True))

    def unpack(self, row: Sequence[int]) -> tuple[int, ...]:
        """The ids in a packed row."""
        return tuple((int(row[f.word]) >> f.shift) & f.mask for f in self.fields)

    def words_of(self, packed: int) -> list[int]:
        """A long integer cut into the words of a row."""
        return [(packed >> (WORD * w)) & (2**WORD - 1) for w in range(self.words)]


def widths_for(counts: Sequence[int], bounds: Sequence[int | None]) -> list[int]:
    """How wide each component should be: with as much room to grow as costs no further word.

    Room for twice as many local states, or at least for one more, saves laying out all states again and
    again. `bounds` is what is known of how many local states a component can have at all.
    """
    tight = [bits_for(count) for count in counts]
    for room in ([2 * count for count in counts], [count + 1 for count in counts]):
        wanted = [
            bits_for(most if bound is None else min(most, max(count, bound)))
            for count, most, bound in zip(counts, room, bounds, strict=True)
        ]
        if words_for(wanted) == words_for(tight):
            return wanted
    return tight


def words_for(widths: Sequence[int]) -> int:
    """Words that components of these widths take at least."""
    return 1 if sum(widths) <= USABLE else -(-sum(widths) // (WORD - 2))


def arrange(widths: Sequence[int], order: Sequence[int]) -> Layout:
    """Lay components out in this order."""
    narrow = sum(widths) <= USABLE
    fields = place([widths[i] for i in order], USABLE if narrow else WORD)
    by_index = dict(zip(order, fields, strict=True))
    words = 1 if narrow else max(2, fields[-1].word + 1)  # 64 bits would fit into one, but need two
    return Layout(tuple(by_index[i] for i in range(len(widths))), words)


def place(widths: Sequence[int], usable: int) -> list[Field]:
    """Fill words one after the other."""
    fields: list[Field] = []
    word = shift = 0
    for width in widths:
        if shift + width > usable:
            word, shift = word + 1, 0
        fields.append(Field(word, shift, width))
        shift += width
    return fields


@dataclass(frozen=True, slots=True)
class Gather:
    """How the key of some components is made from a state, and what the key's bits mean."""

    components: tuple[int, ...]
    key: tuple[Field, ...]
    """Places in the key, in the order of `components`."""
    segments: tuple[tuple[int, int, int, int, int], ...]
    """(word, right shift, mask, left shift, word of the key), the mask at the right end"""
    extracts: tuple[tuple[int, int, int, int, int], ...]
    """The same with the mask in place: one for all components of a word that go into a word of the key."""

    @property
    def words(self) -> int:
        """Words of the key."""
        return self.key[-1].word + 1 if self.key else 1

    @property
    def bits(self) -> int:
        """Bits of the key."""
        return sum(field.width for field in self.key)

    def places(self) -> list[tuple[int, int]]:
        """(shift, mask) of each component in the key as one long integer."""
        return [(field.position, field.mask) for field in self.key]


def gather(layout: Layout, components: Iterable[int]) -> Gather:
    """Plan the gathering of these components; neighbours in the state go in one piece."""
    ordered = sorted(components, key=lambda i: layout.fields[i].position)
    key = place([layout.fields[i].width for i in ordered], WORD)
    segments: list[tuple[int, int, int, int, int]] = []
    for run in _runs([layout.fields[i] for i in ordered], key):
        source, target = run[0]
        width = sum(field.width for field, _ in run)
        segments.append((source.word, source.shift, (1 << width) - 1, target.shift, target.word))
    return Gather(tuple(ordered), tuple(key), tuple(segments), _extracts(segments))


def _extracts(
    segments: Sequence[tuple[int, int, int, int, int]],
) -> tuple[tuple[int, int, int, int, int], ...]:
    joined: dict[tuple[int, int], tuple[int, int]] = {}
    for word, right, mask, left, key_word in segments:
        masks, lowest = joined.get((word, key_word), (0, left))
        joined[word, key_word] = masks | mask << right, lowest
    return tuple((word, 0, mask, left, key_word) for (word, key_word), (mask, left) in joined.items())


def _runs(sources: Sequence[Field], targets: Sequence[Field]) -> list[list[tuple[Field, Field]]]:
    pairs = list(zip(sources, targets, strict=True))
    runs = [pairs[:1]] if pairs else []
    for (source, target), following in pairwise(pairs):
        alike = source.width == target.width
        if alike and _adjacent(source, following[0]) and _adjacent(target, following[1]):
            runs[-1].append(following)
        else:
            runs.append([following])
    return runs


def moved(old: Layout, new: Layout) -> list[tuple[int, int, int, int, int]]:
    """How a row of one layout becomes one of another: (word, shift, mask, to word, to shift) pieces."""
    order = sorted(range(len(old.fields)), key=lambda i: old.fields[i].position)
    pairs = [(old.fields[i], new.fields[i]) for i in order]
    pieces: list[tuple[int, int, int, int, int]] = []
    for run in _runs([source for source, _ in pairs], [target for _, target in pairs]):
        (source, target), width = run[0], sum(a.width for a, _ in run)
        pieces.append((source.word, source.shift, (1 << width) - 1, target.word, target.shift))
    return pieces


def _adjacent(one: Field, other: Field) -> bool:
    return one.position + one.width == other.position and one.word == other.word
