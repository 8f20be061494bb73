"""Which actions and predicates share a lookup.

A lookup costs the same whether it answers for one action or for five, so those that mostly read the same
components are put into one bundle, as long as its key stays narrow enough for a small dense table. And a
component that only one bundle names is private to it: steps within the private parts of different
bundles commute, which `search` makes use of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

MERGED_BITS_MAX = 10
"""Widest key that merging may make."""
SHARERS_MAX = 4
"""Bundles that may have a component in common and still be merged for its sake."""


@dataclass(slots=True)
class Bundle:
    """Indices of actions and of predicates, and the components that they name."""

    components: frozenset[int]
    actions: list[int] = field(default_factory=list)
    predicates: list[int] = field(default_factory=list)


def bundle_up(
    actions: Sequence[tuple[int, ...]], predicates: Sequence[tuple[int, ...]], widths: Sequence[int]
) -> list[Bundle]:
    """Bundle footprints; every action and every predicate is in exactly one bundle."""
    single = [Bundle(frozenset(a), actions=[i]) for i, a in enumerate(actions)]
    seeing = [Bundle(frozenset(p), predicates=[i]) for i, p in enumerate(predicates)]
    return _absorb([*_merge(_absorb(single, widths), widths), *seeing], widths)


def reading_order(
    bundles: Sequence[Bundle], components: int, blocks: Iterable[Sequence[int]] = ()
) -> list[int]:
    """An order of all components in which those of a bundle are neighbours, as far as can be.

    `blocks` are components that must lie side by side, each block's first one last and so most significant.
    """
    blocked = [i for block in blocks for i in reversed(block)]
    shared = Counter(i for bundle in bundles if bundle.actions for i in bundle.components)
    common = sorted((i for i in range(components) if shared[i] != 1), key=lambda i: (-shared[i], i))
    private = [i for b in bundles if b.actions for i in sorted(b.components) if shared[i] == 1]
    return [i for i in (*common, *private) if i not in blocked] + blocked


def _absorb(bundles: list[Bundle], widths: Sequence[int]) -> list[Bundle]:
    """Put each bundle into the narrowest other that names all its components, if that one is narrow."""
    kept: list[Bundle] = []
    for bundle in sorted(bundles, key=lambda b: (not b.actions, -len(b.components))):
        hosts = [b for b in kept if b.components >= bundle.components and _may_host(b, bundle, widths)]
        if hosts:
            host = min(hosts, key=lambda b: len(b.components))
            host.actions += bundle.actions
            host.predicates += bundle.predicates
        else:
            kept.append(bundle)
    return kept


def _may_host(host: Bundle, bundle: Bundle, widths: Sequence[int]) -> bool:
    return host.components == bundle.components or _bits(host.components, widths) <= MERGED_BITS_MAX


def _merge(bundles: list[Bundle], widths: Sequence[int]) -> list[Bundle]:
    """For each component that few bundles name, the rarest first, join those as far as they fit."""
    named = Counter(i for bundle in bundles for i in bundle.components)
    for component in sorted(named, key=lambda i: (named[i], i)):
        sharing = [b for b in bundles if component in b.components]
        if 2 <= len(sharing) <= SHARERS_MAX:
            bundles = [b for b in bundles if component not in b.components] + _join(sharing, widths)
    return bundles


def _join(bundles: list[Bundle], widths: Sequence[int]) -> list[Bundle]:
    first, *rest = sorted(bundles, key=lambda b: _bits(b.components, widths))
    joined = [first]
    for bundle in rest:
        union = joined[-1].components | bundle.components
        if _bits(union, widths) <= MERGED_BITS_MAX:
            joined[-1] = Bundle(union, joined[-1].actions + bundle.actions)
        else:
            joined.append(bundle)
    return joined


def _bits(components: frozenset[int], widths: Sequence[int]) -> int:
    return sum(widths[i] for i in components)
