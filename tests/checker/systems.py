"""Random systems for Hypothesis: actions and properties are tables; some are symmetric by construction."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from perdure_model.checker import Component, System

Values = tuple[object, ...]
DOMAINS: tuple[Values, ...] = (
    (0, 1),
    (0, 1, 2),
    ("a", "b", "c"),
    ((), (0,), (0, 1)),
    (None, frozenset(), frozenset({1})),
)
PREDICATES = ("always", "sometimes", "eventually", "always_possible", "terminal")


@dataclass(frozen=True)
class Generated:
    """A system and a symmetry that it has."""

    system: System
    symmetry: list[list[tuple[Component, ...]]]


@st.composite
def generated(draw: st.DrawFn, symmetric: bool = False) -> Generated:
    """A small system: shared components, and groups that are alike (two or three if symmetric, else one)."""
    system = System("generated")
    shared_domains = draw(st.lists(st.sampled_from(DOMAINS), min_size=0 if symmetric else 1, max_size=2))
    group_domains = draw(st.lists(st.sampled_from(DOMAINS), min_size=1, max_size=2))
    shared = [system.component(f"shared{n}", d[0]) for n, d in enumerate(shared_domains)]
    groups = [
        tuple(system.component(f"group{g}_{n}", d[0]) for n, d in enumerate(group_domains))
        for g in range(draw(st.integers(2, 3)) if symmetric else 1)
    ]
    domains = shared_domains + group_domains
    views = [shared + list(group) for group in groups]
    for number in range(draw(st.integers(1, 4))):
        _action(draw, system, views, domains, number)
    for number in range(draw(st.integers(0, 3))):
        _predicate(draw, system, views, domains, number)
    for number in range(draw(st.integers(0, 2))):
        _promise(draw, system, views, domains, number)
    if not symmetric and draw(st.booleans()):
        _start(draw, system, views[0], domains)
    return Generated(system, [groups] if symmetric else [])


def _places(draw: st.DrawFn, domains: Sequence[Values], most: int = 3) -> list[int]:
    numbers = st.integers(0, len(domains) - 1)
    return draw(st.lists(numbers, min_size=1, max_size=min(most, len(domains)), unique=True))


def _projections(domains: Sequence[Values], places: Sequence[int]) -> list[Values]:
    return list(itertools.product(*[domains[place] for place in places]))


def _action(
    draw: st.DrawFn, system: System, views: list[list[Component]], domains: list[Values], number: int
) -> None:
    places = _places(draw, domains)
    projections = _projections(domains, places)
    choices = st.lists(st.sampled_from(projections), max_size=2)
    table = {projection: draw(choices) if draw(st.booleans()) else [] for projection in projections}
    fairness: list[bool | str] = [False, True, "strong"]
    fair = draw(st.sampled_from(fairness))

    def step(*now: object) -> Iterator[object]:
        for successor in table[now]:
            yield successor if len(places) > 1 else successor[0]

    for group, view in enumerate(views):
        system.action(*[view[place] for place in places], name=f"action{number}_{group}", fair=fair)(step)


def _table(draw: st.DrawFn, domains: list[Values], places: list[int], likely: bool) -> Callable[..., bool]:
    """A predicate; `likely` ones fail in few projections, so that a search goes far before one fails."""
    projections = _projections(domains, places)
    odd = draw(st.sets(st.sampled_from(projections), max_size=2 if likely else len(projections)))

    def holds(*now: object) -> bool:
        return (now in odd) != likely

    return holds


def _predicate(
    draw: st.DrawFn, system: System, views: list[list[Component]], domains: list[Values], number: int
) -> None:
    kind = draw(st.sampled_from(PREDICATES))
    if kind in ("eventually", "always_possible") and len(views) > 1:
        kind = "always"  # these must name all groups
    places = _places(draw, domains)
    holds = _table(draw, domains, places, kind == "always")
    for group, view in enumerate(views):
        declare = getattr(system, kind)
        declare(*[view[place] for place in places], name=f"{kind}{number}_{group}")(holds)


def _promise(
    draw: st.DrawFn, system: System, views: list[list[Component]], domains: list[Values], number: int
) -> None:
    places = _places(draw, domains)
    when, then = _table(draw, domains, places, False), _table(draw, domains, places, False)
    components = [views[0][place] for place in places]
    system.leads_to(*components, when=when, then=then, name=f"promise{number}")


def _start(draw: st.DrawFn, system: System, view: list[Component], domains: list[Values]) -> None:
    places = _places(draw, domains)
    projections = _projections(domains, places)
    chosen = draw(st.lists(st.sampled_from(projections), min_size=1, max_size=3))

    def start(*_: object) -> Iterator[object]:
        for values in chosen:
            yield values if len(places) > 1 else values[0]

    system.initial(*[view[place] for place in places])(start)
