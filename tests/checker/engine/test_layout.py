"""Bits: nothing straddles, nothing overlaps, and what is gathered is what was packed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from perdure_model.checker.engine.bundles import MERGED_BITS_MAX, bundle_up, reading_order
from perdure_model.checker.engine.layout import USABLE, arrange, gather, moved, widths_for, words_for

WIDTHS = st.lists(st.integers(1, 20), min_size=1, max_size=40)


@st.composite
def packed(draw: st.DrawFn) -> tuple[list[int], list[int], tuple[int, ...]]:
    """Widths, an order, and ids that fit."""
    widths = draw(WIDTHS)
    order = draw(st.permutations(range(len(widths))))
    ids = tuple(draw(st.integers(0, 2**width - 1)) for width in widths)
    return widths, list(order), ids


@given(packed())
def test_what_is_packed_can_be_unpacked(case: tuple[list[int], list[int], tuple[int, ...]]) -> None:
    widths, order, ids = case
    layout = arrange(widths, order)
    assert layout.unpack(layout.words_of(layout.pack(ids))) == ids


@given(packed())
def test_no_component_straddles_and_one_word_keeps_its_top_bit_free(
    case: tuple[list[int], list[int], tuple[int, ...]],
) -> None:
    widths, order, _ = case
    layout = arrange(widths, order)
    taken = [(f.word, bit) for f in layout.fields for bit in range(f.shift, f.shift + f.width)]
    assert len(set(taken)) == len(taken) == sum(widths)
    assert max(bit for _, bit in taken) < (USABLE if layout.words == 1 else 64)
    assert (layout.words == 1) == (sum(widths) <= USABLE)


def test_a_state_of_64_bits_is_wide() -> None:
    assert [arrange([1] * n, range(n)).words for n in (62, 63, 64, 65, 128, 129)] == [1, 1, 2, 2, 2, 3]


@given(packed(), st.data())
def test_a_key_holds_the_ids_of_its_components_either_way_of_gathering(
    case: tuple[list[int], list[int], tuple[int, ...]], data: st.DataObject
) -> None:
    widths, order, ids = case
    layout = arrange(widths, order)
    row = layout.words_of(layout.pack(ids))
    plan = gather(layout, data.draw(st.sets(st.sampled_from(range(len(widths))))))
    key = sum((row[w] >> right & mask) << left + 64 * k for w, right, mask, left, k in plan.segments)
    extracted = sum(_extract(row[w], mask) << left + 64 * k for w, _, mask, left, k in plan.extracts)
    assert key == extracted
    assert [key >> shift & mask for shift, mask in plan.places()] == [ids[c] for c in plan.components]


def _extract(word: int, mask: int) -> int:
    bits = [word >> bit & 1 for bit in range(64) if mask >> bit & 1]
    return sum(value << n for n, value in enumerate(bits))


@given(packed(), packed())
def test_moving_between_layouts_keeps_all_ids(
    case: tuple[list[int], list[int], tuple[int, ...]], other: tuple[list[int], list[int], tuple[int, ...]]
) -> None:
    widths, order, ids = case
    more = [width + extra % 3 for width, extra in zip(widths, other[0] * len(widths), strict=False)]
    old, new = arrange(widths, order), arrange(more, order[::-1])
    row, target = old.words_of(old.pack(ids)), [0] * new.words
    for word, shift, mask, to_word, to_shift in moved(old, new):
        target[to_word] |= (row[word] >> shift & mask) << to_shift
    assert new.unpack(target) == ids


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=60))
def test_room_to_grow_never_costs_a_word(counts: list[int]) -> None:
    widths = widths_for(counts, [None] * len(counts))
    tight = [max(1, (count - 1).bit_length()) for count in counts]
    assert all(2**width >= count for width, count in zip(widths, counts, strict=True))
    assert words_for(widths) == words_for(tight)


def test_a_component_whose_type_bounds_it_gets_no_room() -> None:
    assert widths_for([2, 2], [2, None]) == [1, 2]


FOOTPRINTS = st.lists(st.sets(st.integers(0, 9), min_size=1, max_size=5).map(tuple), max_size=20)


@given(FOOTPRINTS, FOOTPRINTS, st.lists(st.integers(1, 6), min_size=10, max_size=10))
def test_each_action_and_predicate_is_in_one_bundle_that_names_its_components(
    actions: list[tuple[int, ...]], predicates: list[tuple[int, ...]], widths: list[int]
) -> None:
    bundles = bundle_up(actions, predicates, widths)
    assert sorted(n for b in bundles for n in b.actions) == list(range(len(actions)))
    assert sorted(n for b in bundles for n in b.predicates) == list(range(len(predicates)))
    for bundle in bundles:
        assert all(set(actions[n]) <= bundle.components for n in bundle.actions)
        assert all(set(predicates[n]) <= bundle.components for n in bundle.predicates)
        own = [set(actions[n]) for n in bundle.actions] + [set(predicates[n]) for n in bundle.predicates]
        wide = sum(widths[c] for c in bundle.components) > MERGED_BITS_MAX
        assert not wide or any(footprint == bundle.components for footprint in own)


@given(FOOTPRINTS)
def test_the_reading_order_names_every_component_once(actions: list[tuple[int, ...]]) -> None:
    bundles = bundle_up(actions, [], [2] * 10)
    assert sorted(reading_order(bundles, 10, [(3, 4), (1, 2)])) == list(range(10))
    assert reading_order(bundles, 10, [(3, 4), (1, 2)])[-4:] == [4, 3, 2, 1]
