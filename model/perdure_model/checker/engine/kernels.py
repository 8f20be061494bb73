"""All compiled code of the engine: what runs for each state.

Everything that numba compiles is in this one file, because numba's cache on disk notices a change of
the file that a function is in and of no other.

Vocabulary, shared with `layout`, `tables` and `store`:

- A state is `words` 64-bit words. `states[i]` is a row; rows never move, so a row's number is the state's
  identity. Each worker appends to a region of its own.
- `slots` is an open-addressing set. Narrow (one word): a slot is the state itself with the top bit
  set. Wide: 23 bits of hash above 41 bits of row number + 1. Zero is an empty slot. The home slot is
  given by the hash's top bits, so that growing a table walks through both tables in order.
- A bundle is a set of actions and predicates that share one lookup. Its segments gather the bits of its
  components into a key: (word, right shift, mask, left shift, word of the key), where the mask is in
  place if the processor extracts bits (`EXTRACTS`), else shifted. `book[b]` is (first segment, end of
  segments, base, size, words of key): size 0 is a dense bundle, whose row is `rows[base + key]`; else
  an open-addressing map of that size in `keys` from base on: the key's words, and in the last column
  the row.
- A row is one word: bit 62 present, bit 63 flagged, 22 bits of count, 40 bits of first delta.
  0 is empty and 1 is asked for. A successor is its state XOR a delta. `hits[first]` counts how often a
  row was used, which gives each action's count for nothing.
- `recent` is a worker's small memory of states that it has just inserted, a cache of the set: neighbours in
  a frontier have most successors in common, so most duplicates are found here and not in far memory.
  All that it holds is in the set: where new states may be dropped, nothing is added to it.
- A state whose rows are not all present and unflagged is deferred: Python answers, and it comes again.

Workers are threads without the GIL. They share `slots` through compare-and-swap and take chunks of the
work from a shared counter; all else that they write is their own. Rows of a wide state are written before
their number is published by the compare-and-swap.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator,call-arg,var-annotated"
# ruff: noqa: C901, ARG001, SIM110, SLF001

from __future__ import annotations

import numpy as np
from llvmlite import binding as llvm
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

SLOW_PEXT = ("bdver4", "znver1", "znver2")
EXTRACTS = bool(llvm.get_host_cpu_features().get("bmi2")) and llvm.get_host_cpu_name() not in SLOW_PEXT
"""Whether bits are gathered by one instruction; `layout` then plans segments as masks."""
U0 = np.uint64(0)
U1 = np.uint64(1)
OCCUPIED = np.uint64(1 << 63)
ROW_BITS = np.uint64(41)
ROW_MASK = np.uint64((1 << 41) - 1)
TAG_MASK = np.uint64(((1 << 23) - 1) << 41)
PRESENT = np.uint64(1)
"""The two top bits of a row that may be used as it is: present and not flagged."""
ASKED = np.uint64(1)
COUNT_SHIFT = np.uint64(40)
COUNT_MASK = np.uint64((1 << 22) - 1)
FIRST_MASK = np.uint64((1 << 40) - 1)
FLAG_SHIFT = np.uint64(62)
RECENT_BITS = 14
RECENT_SHIFT = np.uint64(64 - RECENT_BITS)
BLOCK = 256
"""Successors that are hashed and prefetched before the first of them is inserted."""

# What a worker tells of a round: places in its row of `told`.
ADDED, GENERATED, DEFERRED, WANTED, STATUS, REST_FROM, REST_TO, EXPANDED = range(8)
TOLD_SIZE = 8
DONE, FULL, MANY_DEFERRED, HALTED = range(4)
# Places in `control`, which all workers share.
NEXT_CHUNK, HALT = 0, 8
CONTROL_SIZE = 16


@intrinsic
def _prefetch(_typing, array, index):
    def generate(context, builder, signature, args):
        pointer = _pointer(context, builder, signature, args)
        i8, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [i8, i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        flags = [ir.Constant(i32, value) for value in (1, 3, 1)]  # for writing, keep, data
        builder.call(function, [builder.bitcast(pointer, i8), *flags])
        return context.get_dummy_value()

    return types.void(array, index), generate


@intrinsic
def _prefetch_row(_typing, array, index):
    def generate(context, builder, signature, args):
        zero = ir.Constant(ir.IntType(64), 0)
        view = context.make_array(signature.args[0])(context, builder, args[0])
        pointer = cgutils.get_item_pointer(
            context, builder, signature.args[0], view, [args[1], zero], wraparound=False
        )
        i8, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [i8, i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        flags = [ir.Constant(i32, value) for value in (0, 3, 1)]  # for reading, keep, data
        builder.call(function, [builder.bitcast(pointer, i8), *flags])
        return context.get_dummy_value()

    return types.void(array, index), generate


@intrinsic
def _cas(_typing, array, index, old, new):
    """Compare-and-swap; gives what was there before."""

    def generate(context, builder, signature, args):
        pointer = _pointer(context, builder, signature, args)
        pair = builder.cmpxchg(pointer, args[2], args[3], "acq_rel", "acquire")
        return builder.extract_value(pair, 0)

    return types.uint64(array, index, types.uint64, types.uint64), generate


@intrinsic
def _fetch_add(_typing, array, index, value):
    def generate(context, builder, signature, args):
        pointer = _pointer(context, builder, signature, args)
        return builder.atomic_rmw("add", pointer, args[2], "acq_rel")

    return types.int64(array, index, types.int64), generate


@intrinsic
def _borrow(_typing, array):
    """The same array without its reference count.

    Counting is atomic, and two workers that count references to a shared array in their inner loops
    spend their time passing one cache line to and fro.
    """

    def generate(context, builder, signature, args):
        view = context.make_array(signature.args[0])(context, builder, args[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        view.parent = cgutils.get_null_value(view.parent.type)
        return view._getvalue()

    return array(array), generate


@intrinsic
def _extract(_typing, word, mask):
    """The bits of a word under a mask, side by side: one instruction where BMI2 is."""

    def generate(_context, builder, _signature, args):
        i64 = ir.IntType(64)
        kind = ir.FunctionType(i64, [i64, i64])
        name = "llvm.x86.bmi.pext.64"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)

    return types.uint64(types.uint64, types.uint64), generate


def _pointer(context, builder, signature, args):
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return cgutils.get_item_pointer(context, builder, signature.args[0], array, [args[1]], wraparound=False)


@njit(inline="always")
def _mix(word):
    word ^= word >> np.uint64(32)
    word *= np.uint64(0x9E3779B97F4A7C15)
    word ^= word >> np.uint64(29)
    word *= np.uint64(0xBF58476D1CE4E5B9)
    return word


@njit(inline="always")
def _mix_row(states, row, words):
    total = U0
    for w in range(words):
        total = _mix(total + states[row, w]) + np.uint64(w + 1)
    return _mix(total)


# --------------------------------------------------------------------------- tables of rows


@njit(inline="always")
def _key(states, row, segments, first, end, at):
    """One word of a bundle's key: the bits that its segments gather into word `at`."""
    key = U0
    for s in range(first, end):
        if segments[s, 4] == at:
            key |= _gather(states[row, np.int64(segments[s, 0])], segments, s)
    return key


@njit(inline="always")
def _gather(word, segments, s):
    if EXTRACTS:
        return _extract(word, segments[s, 2]) << segments[s, 3]
    return ((word >> segments[s, 1]) & segments[s, 2]) << segments[s, 3]


@njit(inline="always")
def _find_row(states, row, bundle, book, segments, keys, buffer):
    """Where the state's row of this bundle is, or would be: in `rows` or, for a map, in `keys`."""
    first, end, base = book[bundle, 0], book[bundle, 1], book[bundle, 2]
    size, width = book[bundle, 3], book[bundle, 4]
    if size == 0:
        return base + np.int64(_key(states, row, segments, first, end, U0))
    total = U0
    for w in range(width):
        word = _key(states, row, segments, first, end, np.uint64(w))
        buffer[w] = word
        total = _mix(total + word)
    place = np.int64(total >> np.uint64(20)) & (size - 1)
    while True:
        at = base + place
        if keys[at, keys.shape[1] - 1] == U0:
            return at
        same = True
        for w in range(width):
            same = same and keys[at, w] == buffer[w]
        if same:
            return at
        place = (place + 1) & (size - 1)


@njit(inline="always")
def _read_row(rows, keys, size, at):
    if size == 0:
        return rows[at]
    return keys[at, keys.shape[1] - 1]


@njit(nogil=True, cache=True)
def ask(states, deferred, bundles, last, book, segments, rows, keys, used, asked, flagged):
    """Look for the reasons why states were deferred: rows to fill in, and flagged rows.

    Fills `asked` with (bundle, place, key words…) and `flagged` with (state, bundle); gives how many of
    each, how many of the deferred states were looked at before a list or a map was full, and that map.
    From bundle `last` on they are those for states without successors.
    """
    buffer = np.zeros(keys.shape[1], np.uint64)
    n_asked = n_flagged = 0
    mark = keys.shape[1] - 1
    for d in range(deferred.shape[0]):
        row = deferred[d]
        count = U0
        missing = False
        for b in range(bundles):
            if b >= last and (missing or count != U0):
                break
            size, width = book[b, 3], book[b, 4]
            at = _find_row(states, row, b, book, segments, keys, buffer)
            found = _read_row(rows, keys, size, at)
            if found == ASKED:
                missing = True
            elif found != U0:
                if found >> np.uint64(63) != U0:
                    if n_flagged == flagged.shape[0]:
                        return n_asked, n_flagged, d, -1
                    flagged[n_flagged, 0] = row
                    flagged[n_flagged, 1] = b
                    n_flagged += 1
                count += (found >> COUNT_SHIFT) & COUNT_MASK
            else:
                if n_asked == asked.shape[0]:
                    return n_asked, n_flagged, d, -1
                if size == 0:
                    buffer[0] = np.uint64(at - book[b, 2])
                    rows[at] = ASKED
                elif 2 * (used[b] + 1) > size:
                    return n_asked, n_flagged, d, b
                else:
                    for w in range(width):
                        keys[at, w] = buffer[w]
                    keys[at, mark] = ASKED
                    used[b] += 1
                asked[n_asked, 0] = np.uint64(b)
                asked[n_asked, 1] = np.uint64(at)
                for w in range(width):
                    asked[n_asked, 2 + w] = buffer[w]
                n_asked += 1
                missing = True
    return n_asked, n_flagged, deferred.shape[0], -1


@njit(nogil=True, cache=True)
def move_map(old, base, size, new, new_base, new_size, width):
    """Copy one bundle's map to a bigger place."""
    mark = old.shape[1] - 1
    for i in range(base, base + size):
        if old[i, mark] == U0:
            continue
        place = _place(old, i, width) & (new_size - 1)
        while new[new_base + place, mark] != U0:
            place = (place + 1) & (new_size - 1)
        new[new_base + place] = old[i]


@njit(inline="always")
def _place(keys, at, width):
    total = U0
    for w in range(width):
        total = _mix(total + keys[at, w])
    return np.int64(total >> np.uint64(20))


@njit(nogil=True, cache=True)
def find_key(keys, base, size, width, key):
    """Where a key is in a bundle's map. It must be there."""
    place = _place(key, 0, width) & (size - 1)
    while True:
        same = True
        for w in range(width):
            same = same and keys[base + place, w] == key[0, w]
        if same and keys[base + place, keys.shape[1] - 1] != U0:
            return base + place
        place = (place + 1) & (size - 1)


# --------------------------------------------------------------------------- expanding, one word


@njit(inline="always")
def _insert_narrow(slots, mask, shift, state, hashed):
    key = state | OCCUPIED
    place = np.int64(hashed >> shift)
    while True:
        found = slots[place]
        if found == key:
            return False
        if found == U0:
            found = _cas(slots, place, U0, key)
            if found == U0:
                return True
            if found == key:
                return False
        place = (place + 1) & mask


@njit(inline="always")
def _contains_narrow(slots, mask, shift, state, hashed):
    key = state | OCCUPIED
    place = np.int64(hashed >> shift)
    while slots[place] != U0:
        if slots[place] == key:
            return True
        place = (place + 1) & mask
    return False


@njit(inline="always")
def _flush_narrow(slots, mask, shift, states, out, added, quota, block, hashes, filled):
    wanted = 0
    for t in range(filled):
        if added == quota:
            if not _contains_narrow(slots, mask, shift, block[t], hashes[t]):
                wanted += 1
        elif _insert_narrow(slots, mask, shift, block[t], hashes[t]):
            states[out + added, 0] = block[t]
            added += 1
    return added, wanted


@njit(nogil=True, cache=True)
def expand_narrow(
    states, chunks, control, quota, hard, out, last, bundles, book, segments, rows, keys, deltas,
    hits, slots, orbits, orbit_book, deferred, told, buffers,
):  # fmt: skip
    """Expand states of one word each, chunk by chunk, until the work or the quota of new states ends.

    `hard` 0: the worker stops before it could exceed the quota and tells what is left. 1: what is new
    beyond the quota is counted as wanted and dropped. 2: the same, and the worker stops at the state that
    has such a successor, as if it had not been expanded.
    """
    states, chunks, control, book = _borrow(states), _borrow(chunks), _borrow(control), _borrow(book)
    segments, rows, keys, deltas = _borrow(segments), _borrow(rows), _borrow(keys), _borrow(deltas)
    hits, slots, orbits = _borrow(hits), _borrow(slots), _borrow(orbits)
    orbit_book, deferred, told = _borrow(orbit_book), _borrow(deferred), _borrow(told)
    block, hashes, found_rows = _borrow(buffers[0]), _borrow(buffers[1]), _borrow(buffers[2])
    buffer, scratch, recent = _borrow(buffers[3]), _borrow(buffers[4]), _borrow(buffers[5])
    mask = slots.shape[0] - 1
    shift = np.uint64(64 - _log2(slots.shape[0]))
    filled = added = generated = n_deferred = wanted = expanded = 0
    status, rest_from, rest_to = DONE, 0, 0
    symmetric = orbit_book.shape[0] != 0
    while status == DONE:
        chunk = _fetch_add(control, NEXT_CHUNK, 1)
        if chunk >= chunks.shape[0] or control[HALT] != 0:
            if chunk < chunks.shape[0]:
                status, rest_from, rest_to = HALTED, chunks[chunk, 0], chunks[chunk, 1]
            break
        for row in range(chunks[chunk, 0], chunks[chunk, 1]):
            state = states[row, 0]
            count = U0
            ready = True
            enabled = 0
            for b in range(bundles):
                if b == last and count != U0:
                    break
                base, size = book[b, 2], book[b, 3]
                if size == 0:
                    key = U0
                    for s in range(book[b, 0], book[b, 1]):
                        key |= _gather(state, segments, s)
                    entry = rows[base + np.int64(key)]
                else:
                    at = _find_row(states, row, b, book, segments, keys, buffer)
                    entry = keys[at, keys.shape[1] - 1]
                if entry >> FLAG_SHIFT != PRESENT:
                    ready = False
                    break
                number = (entry >> COUNT_SHIFT) & COUNT_MASK
                found_rows[enabled] = entry
                enabled += number != U0
                count += number
            if not ready:
                if n_deferred == deferred.shape[0]:
                    status, rest_from, rest_to = MANY_DEFERRED, row, chunks[chunk, 1]
                    break
                deferred[n_deferred] = row
                n_deferred += 1
                continue
            if hard == 0 and added + filled + np.int64(count) > quota:
                added, _ = _flush_narrow(slots, mask, shift, states, out, added, quota, block, hashes, filled)
                filled = 0
                if added + np.int64(count) > quota:
                    status, rest_from, rest_to = FULL, row, chunks[chunk, 1]
                    break
            expanded += 1
            generated += np.int64(count)
            for e in range(enabled):
                entry = found_rows[e]
                number = np.int64((entry >> COUNT_SHIFT) & COUNT_MASK)
                start = np.int64(entry & FIRST_MASK)
                hits[start] += 1
                for d in range(start, start + number):
                    successor = state ^ deltas[d, 0]
                    if symmetric:
                        block[filled] = successor
                        _canonical_narrow(block, filled, orbits, orbit_book, scratch)
                        successor = block[filled]
                    hashed = _mix(successor)
                    place = np.int64(hashed >> RECENT_SHIFT)
                    if recent[place] == successor | OCCUPIED:
                        continue
                    if hard == 0:
                        recent[place] = successor | OCCUPIED
                    _prefetch(slots, np.int64(hashed >> shift))
                    block[filled] = successor
                    hashes[filled] = hashed
                    filled += 1
                    if filled == BLOCK:
                        added, more = _flush_narrow(
                            slots, mask, shift, states, out, added, quota, block, hashes, filled
                        )
                        wanted += more
                        filled = 0
            if hard == 2:
                added, more = _flush_narrow(
                    slots, mask, shift, states, out, added, quota, block, hashes, filled
                )
                wanted += more
                filled = 0
                if wanted != 0:
                    expanded -= 1
                    generated -= np.int64(count)
                    _uncount(found_rows, enabled, hits)
                    status, rest_from, rest_to = FULL, row, chunks[chunk, 1]
                    break
    added, more = _flush_narrow(slots, mask, shift, states, out, added, quota, block, hashes, filled)
    wanted += more
    told[ADDED], told[GENERATED], told[DEFERRED], told[WANTED] = added, generated, n_deferred, wanted
    told[STATUS], told[REST_FROM], told[REST_TO], told[EXPANDED] = status, rest_from, rest_to, expanded


@njit(inline="always")
def _uncount(found_rows, rows, hits):
    """Take back that a state was expanded: it will be again, when there is room for all its successors."""
    for b in range(rows):
        if (found_rows[b] >> COUNT_SHIFT) & COUNT_MASK != U0:
            hits[np.int64(found_rows[b] & FIRST_MASK)] -= 1


@njit(inline="always")
def _log2(size):
    bits = 0
    while (1 << bits) < size:
        bits += 1
    return bits


@njit(inline="always")
def _canonical_narrow(block, at, orbits, orbit_book, scratch):
    """Sort each orbit's groups: the least of all permutations, and so exact."""
    state = block[at]
    for o in range(orbit_book.shape[0]):
        first, n = orbit_book[o, 0], orbit_book[o, 1]
        cleared = U0
        sorted_already = True
        for g in range(n):
            value = (state >> orbits[first + g, 1]) & orbits[first + g, 2]
            cleared |= orbits[first + g, 2] << orbits[first + g, 1]
            j = g
            while j > 0 and scratch[j - 1] > value:
                scratch[j] = scratch[j - 1]
                j -= 1
                sorted_already = False
            scratch[j] = value
        if not sorted_already:
            state &= ~cleared
            for g in range(n):
                state |= scratch[g] << orbits[first + g, 1]
    block[at] = state


# --------------------------------------------------------------------------- expanding, several words


@njit(inline="always")
def _same(states, row, block, at, words):
    for w in range(words):
        if states[row, w] != block[at, w]:
            return False
    return True


@njit(inline="always")
def _home_wide(hashed, shift):
    return np.int64(hashed >> shift)


@njit(inline="always")
def _tag(hashed):
    """23 bits of the hash that do not choose the home slot of any table below 2^41 slots."""
    return hashed << ROW_BITS


@njit(inline="always")
def _insert_wide(slots, mask, shift, states, words, target, block, at, hashed):
    place = _home_wide(hashed, shift)
    tag = _tag(hashed)
    written = False
    while True:
        found = slots[place]
        if found == U0:
            if not written:
                for w in range(words):
                    states[target, w] = block[at, w]
                written = True
            found = _cas(slots, place, U0, tag | np.uint64(target + 1))
            if found == U0:
                return True
        if found & TAG_MASK == tag and _same(states, np.int64(found & ROW_MASK) - 1, block, at, words):
            return False
        place = (place + 1) & mask


@njit(inline="always")
def _find_wide(slots, mask, shift, states, words, block, at, hashed):
    """The row of a state in the set, or -1."""
    place = _home_wide(hashed, shift)
    tag = _tag(hashed)
    while slots[place] != U0:
        found = slots[place]
        row = np.int64(found & ROW_MASK) - 1
        if found & TAG_MASK == tag and _same(states, row, block, at, words):
            return row
        place = (place + 1) & mask
    return -1


@njit(inline="always")
def _flush_wide(slots, mask, shift, states, words, out, added, quota, block, hashes, filled):
    wanted = 0
    for t in range(filled):
        found = slots[_home_wide(hashes[t], shift)]
        if found != U0:
            _prefetch_row(states, np.int64(found & ROW_MASK) - 1)
    for t in range(filled):
        if added == quota:
            if _find_wide(slots, mask, shift, states, words, block, t, hashes[t]) < 0:
                wanted += 1
        elif _insert_wide(slots, mask, shift, states, words, out + added, block, t, hashes[t]):
            added += 1
    return added, wanted


@njit(inline="always")
def _canonical_wide(block, at, orbits, orbit_book, scratch):
    """Sort each orbit's groups by their units, the first one most significant."""
    for o in range(orbit_book.shape[0]):
        first, n, units = orbit_book[o, 0], orbit_book[o, 1], orbit_book[o, 2]
        for g in range(n):
            j = g
            place = g * units
            for u in range(units):
                unit = first + place + u
                word = block[at, np.int64(orbits[unit, 0])]
                scratch[n * units + u] = (word >> orbits[unit, 1]) & orbits[unit, 2]
            while j > 0 and _less(scratch, n * units, (j - 1) * units, units):
                for u in range(units):
                    scratch[j * units + u] = scratch[(j - 1) * units + u]
                j -= 1
            for u in range(units):
                scratch[j * units + u] = scratch[n * units + u]
        for k in range(n * units):
            unit = first + k
            w = np.int64(orbits[unit, 0])
            block[at, w] &= ~(orbits[unit, 2] << orbits[unit, 1])
            block[at, w] |= scratch[k] << orbits[unit, 1]


@njit(inline="always")
def _less(scratch, one, other, units):
    for u in range(units):
        if scratch[one + u] != scratch[other + u]:
            return scratch[one + u] < scratch[other + u]
    return False


@njit(nogil=True, cache=True)
def expand_wide(
    states, chunks, control, quota, hard, out, last, bundles, book, segments, rows, keys, deltas,
    hits, slots, orbits, orbit_book, deferred, told, buffers,
):  # fmt: skip
    """Expand states of several words each; otherwise as `expand_narrow`."""
    states, chunks, control, book = _borrow(states), _borrow(chunks), _borrow(control), _borrow(book)
    segments, rows, keys, deltas = _borrow(segments), _borrow(rows), _borrow(keys), _borrow(deltas)
    hits, slots, orbits = _borrow(hits), _borrow(slots), _borrow(orbits)
    orbit_book, deferred, told = _borrow(orbit_book), _borrow(deferred), _borrow(told)
    block, hashes, found_rows = _borrow(buffers[0]), _borrow(buffers[1]), _borrow(buffers[2])
    buffer, scratch, recent = _borrow(buffers[3]), _borrow(buffers[4]), _borrow(buffers[5])
    words = states.shape[1]
    mask = slots.shape[0] - 1
    shift = np.uint64(64 - _log2(slots.shape[0]))
    filled = added = generated = n_deferred = wanted = expanded = 0
    status, rest_from, rest_to = DONE, 0, 0
    symmetric = orbit_book.shape[0] != 0
    while status == DONE:
        chunk = _fetch_add(control, NEXT_CHUNK, 1)
        if chunk >= chunks.shape[0] or control[HALT] != 0:
            if chunk < chunks.shape[0]:
                status, rest_from, rest_to = HALTED, chunks[chunk, 0], chunks[chunk, 1]
            break
        for row in range(chunks[chunk, 0], chunks[chunk, 1]):
            count = U0
            ready = True
            for b in range(bundles):
                if b == last and count != U0:
                    break
                at = _find_row(states, row, b, book, segments, keys, buffer)
                entry = _read_row(rows, keys, book[b, 3], at)
                if entry >> FLAG_SHIFT != PRESENT:
                    ready = False
                    break
                found_rows[b] = entry
                count += (entry >> COUNT_SHIFT) & COUNT_MASK
            if not ready:
                if n_deferred == deferred.shape[0]:
                    status, rest_from, rest_to = MANY_DEFERRED, row, chunks[chunk, 1]
                    break
                deferred[n_deferred] = row
                n_deferred += 1
                continue
            if hard == 0 and added + filled + np.int64(count) > quota:
                added, _ = _flush_wide(
                    slots, mask, shift, states, words, out, added, quota, block, hashes, filled
                )
                filled = 0
                if added + np.int64(count) > quota:
                    status, rest_from, rest_to = FULL, row, chunks[chunk, 1]
                    break
            expanded += 1
            generated += np.int64(count)
            for b in range(last):
                entry = found_rows[b]
                number = np.int64((entry >> COUNT_SHIFT) & COUNT_MASK)
                if number == 0:
                    continue
                start = np.int64(entry & FIRST_MASK)
                hits[start] += 1
                for d in range(start, start + number):
                    for w in range(words):
                        block[filled, w] = states[row, w] ^ deltas[d, w]
                    if symmetric:
                        _canonical_wide(block, filled, orbits, orbit_book, scratch)
                    hashed = _mix_row(block, filled, words)
                    place = np.int64(hashed >> RECENT_SHIFT)
                    if recent[place, words] != U0 and _same(recent, place, block, filled, words):
                        continue
                    if hard == 0:
                        for w in range(words):
                            recent[place, w] = block[filled, w]
                        recent[place, words] = U1
                    _prefetch(slots, _home_wide(hashed, shift))
                    hashes[filled] = hashed
                    filled += 1
                    if filled == BLOCK:
                        added, more = _flush_wide(
                            slots, mask, shift, states, words, out, added, quota, block, hashes, filled
                        )
                        wanted += more
                        filled = 0
            if hard == 2:
                added, more = _flush_wide(
                    slots, mask, shift, states, words, out, added, quota, block, hashes, filled
                )
                wanted += more
                filled = 0
                if wanted != 0:
                    expanded -= 1
                    generated -= np.int64(count)
                    _uncount(found_rows, last, hits)
                    status, rest_from, rest_to = FULL, row, chunks[chunk, 1]
                    break
    added, more = _flush_wide(slots, mask, shift, states, words, out, added, quota, block, hashes, filled)
    wanted += more
    told[ADDED], told[GENERATED], told[DEFERRED], told[WANTED] = added, generated, n_deferred, wanted
    told[STATUS], told[REST_FROM], told[REST_TO], told[EXPANDED] = status, rest_from, rest_to, expanded


# --------------------------------------------------------------------------- the set as a whole


@njit(nogil=True, cache=True)
def grow_narrow(old, new, first, end):
    """Insert the old table's slots [first, end) into a bigger one."""
    old, new = _borrow(old), _borrow(new)
    mask = new.shape[0] - 1
    shift = np.uint64(64 - _log2(new.shape[0]))
    for i in range(first, end):
        if old[i] != U0:
            state = old[i] & ~OCCUPIED
            _insert_narrow(new, mask, shift, state, _mix(state))


@njit(nogil=True, cache=True)
def fill_narrow(states, first, end, slots):
    """Insert rows [first, end), which are all different, into a table; gives how many were new."""
    states, slots = _borrow(states), _borrow(slots)
    mask = slots.shape[0] - 1
    shift = np.uint64(64 - _log2(slots.shape[0]))
    new = 0
    for row in range(first, end):
        ahead = row + 64
        if ahead < end:
            _prefetch(slots, np.int64(_mix(states[ahead, 0]) >> shift))
        state = states[row, 0]
        new += _insert_narrow(slots, mask, shift, state, _mix(state))
    return new


@njit(nogil=True, cache=True)
def fill_wide(states, first, end, slots):
    """Publish rows [first, end), which are all different, in a table."""
    states, slots = _borrow(states), _borrow(slots)
    words = states.shape[1]
    mask = slots.shape[0] - 1
    shift = np.uint64(64 - _log2(slots.shape[0]))
    for row in range(first, end):
        ahead = row + 64
        if ahead < end:
            _prefetch(slots, np.int64(_mix_row(states, ahead, words) >> shift))
        hashed = _mix_row(states, row, words)
        place = _home_wide(hashed, shift)
        entry = _tag(hashed) | np.uint64(row + 1)
        while _cas(slots, place, U0, entry) != U0:
            place = (place + 1) & mask
    return end - first


@njit(nogil=True, cache=True)
def repack(old, new, first, end, moves):
    """Rewrite rows [first, end) for another layout; a move is (from word, shift, mask, to word, shift)."""
    old, new, moves = _borrow(old), _borrow(new), _borrow(moves)
    words = new.shape[1]
    for row in range(first, end):
        for w in range(words):
            new[row, w] = U0
        for m in range(moves.shape[0]):
            value = (old[row, np.int64(moves[m, 0])] >> moves[m, 1]) & moves[m, 2]
            new[row, np.int64(moves[m, 3])] |= value << moves[m, 4]


# --------------------------------------------------------------------------- the graph, for liveness


@njit(nogil=True, cache=True)
def number_slots(states, first, end, offset, slots, numbers):
    """Write beside each slot of narrow states [first, end) the state's number, counted from `offset`."""
    states, slots, numbers = _borrow(states), _borrow(slots), _borrow(numbers)
    mask = slots.shape[0] - 1
    shift = np.uint64(64 - _log2(slots.shape[0]))
    for row in range(first, end):
        ahead = row + 64
        if ahead < end:
            place = np.int64(_mix(states[ahead, 0]) >> shift)
            _prefetch(slots, place)
            _prefetch(numbers, place)
        numbers[_slot_narrow(slots, mask, shift, states[row, 0])] = offset + row - first


@njit(inline="always")
def _slot_narrow(slots, mask, shift, state):
    key = state | OCCUPIED
    place = np.int64(_mix(state) >> shift)
    while slots[place] != key:
        place = (place + 1) & mask
    return place


@njit(nogil=True, cache=True)
def degrees(
    states, first, end, offset, last, book, segments, rows, keys, ends, deferred, buffer
):  # fmt: skip
    """Count the successors of states into `ends`; gives how many lack a row, listed in `deferred`.

    Stops early when the list is full; what was counted again is counted the same.
    """
    n_deferred = 0
    for row in range(first, end):
        count = U0
        for b in range(last):
            at = _find_row(states, row, b, book, segments, keys, buffer)
            entry = _read_row(rows, keys, book[b, 3], at)
            if entry >> FLAG_SHIFT != PRESENT:
                if n_deferred == deferred.shape[0]:
                    return n_deferred
                deferred[n_deferred] = row
                n_deferred += 1
                break
            count += (entry >> COUNT_SHIFT) & COUNT_MASK
        ends[offset + row - first + 1] = np.int64(count)
    return n_deferred


@njit(nogil=True, cache=True)
def steps(
    states, first, end, offset, last, book, segments, rows, keys, deltas, labels_of, slots, numbers, region,
    starts, ends, targets, labels, buffer,
):  # fmt: skip
    """Write the numbers of all successors of states [first, end), and their labels.

    Rows must all be there. `ends[n]` is where state n's successors begin. `numbers` goes with the slots of
    narrow states; a wide state's number is its row less its region's, plus `starts` of the region.
    """
    states, book, segments, rows, keys = (
        _borrow(states), _borrow(book), _borrow(segments), _borrow(rows), _borrow(keys)
    )  # fmt: skip
    deltas, slots, numbers = _borrow(deltas), _borrow(slots), _borrow(numbers)
    targets, labels, ends = _borrow(targets), _borrow(labels), _borrow(ends)
    words = states.shape[1]
    mask = slots.shape[0] - 1
    shift = np.uint64(64 - _log2(slots.shape[0]))
    block = np.empty((BLOCK, words), np.uint64)
    hashes = np.empty(BLOCK, np.uint64)
    written = ends[offset]
    filled = 0
    for row in range(first, end):
        for b in range(last):
            at = _find_row(states, row, b, book, segments, keys, buffer)
            entry = _read_row(rows, keys, book[b, 3], at)
            start = np.int64(entry & FIRST_MASK)
            for d in range(start, start + np.int64((entry >> COUNT_SHIFT) & COUNT_MASK)):
                for w in range(words):
                    block[filled, w] = states[row, w] ^ deltas[d, w]
                hashed = _mix(block[filled, 0]) if words == 1 else _mix_row(block, filled, words)
                place = np.int64(hashed >> shift)
                _prefetch(slots, place)
                if words == 1:
                    _prefetch(numbers, place)
                hashes[filled] = hashed
                labels[written + filled] = labels_of[d]
                filled += 1
                if filled == BLOCK:
                    _resolve(
                        slots, mask, shift, states, words, numbers, region, starts, block, hashes,
                        filled, targets, written,
                    )  # fmt: skip
                    written += filled
                    filled = 0
    _resolve(
        slots, mask, shift, states, words, numbers, region, starts, block, hashes, filled, targets, written
    )


@njit(nogil=True)
def _resolve(
    slots, mask, shift, states, words, numbers, region, starts, block, hashes, filled, targets, written
):
    for t in range(filled):
        if words == 1:
            targets[written + t] = numbers[_slot_narrow(slots, mask, shift, block[t, 0])]
        else:
            row = _find_wide(slots, mask, shift, states, words, block, t, hashes[t])
            targets[written + t] = row - (row // region) * region + starts[row // region]


@njit(nogil=True, cache=True)
def reverse(ends, targets, back_ends, back):
    """The same graph with every step turned round."""
    nodes = ends.shape[0] - 1
    for e in range(targets.shape[0]):
        back_ends[targets[e] + 1] += 1
    for n in range(nodes):
        back_ends[n + 1] += back_ends[n]
    for n in range(nodes):
        for e in range(ends[n], ends[n + 1]):
            t = targets[e]
            back[back_ends[t]] = n
            back_ends[t] += 1
    for n in range(nodes, 0, -1):
        back_ends[n] = back_ends[n - 1]
    back_ends[0] = 0


@njit(nogil=True, cache=True)
def reach(ends, targets, reached, queue, filled):
    """Mark all that can be reached from the first `filled` nodes of the queue, which are marked."""
    done = 0
    while done < filled:
        n = queue[done]
        done += 1
        for e in range(ends[n], ends[n + 1]):
            if reached[targets[e]] == 0:
                reached[targets[e]] = 1
                queue[filled] = targets[e]
                filled += 1
    return filled


@njit(nogil=True, cache=True)
def stay_open(ends, targets, kept, sources, levels, came, queue):
    """Search breadth first from sources, each at its level, through states where nothing is kept.

    `sources` are sorted by `levels` and not kept. `came` gets a node's predecessor, -2 at a source, and
    stays -1 where the search did not get; `queue` gets the nodes, nearest first; their number is the result.
    """
    done = filled = taken = 0
    level = 0
    level_end = 0
    while True:
        if done == level_end:
            if done == filled and taken == sources.shape[0]:
                return filled
            if done == filled:
                level = levels[taken]
            else:
                level += 1
            while taken < sources.shape[0] and levels[taken] <= level:
                if came[sources[taken]] == -1:
                    came[sources[taken]] = -2
                    queue[filled] = sources[taken]
                    filled += 1
                taken += 1
            level_end = filled
            continue
        n = queue[done]
        done += 1
        for e in range(ends[n], ends[n + 1]):
            t = targets[e]
            if came[t] == -1 and kept[t] == 0:
                came[t] = n
                queue[filled] = t
                filled += 1


@njit(nogil=True, cache=True)
def enabled_at(ends, targets, labels, node, mask):
    """Add to `mask` the labels of the node's steps to other nodes; label 0 is none."""
    for e in range(ends[node], ends[node + 1]):
        if labels[e] != 0 and targets[e] != node:
            bit = labels[e] - 1
            mask[bit >> 6] |= U1 << np.uint64(bit & 63)


@njit(nogil=True, cache=True)
def enabled_among(ends, targets, labels, nodes, mask):
    """Add to `mask` the labels of all these nodes' steps to other nodes."""
    for i in range(nodes.shape[0]):
        enabled_at(ends, targets, labels, nodes[i], mask)


@njit(nogil=True, cache=True)
def first_stop(ends, targets, labels, nodes):
    """The first of these nodes where no step with a label leads to another node, or -1."""
    for i in range(nodes.shape[0]):
        node = nodes[i]
        stops = True
        for e in range(ends[node], ends[node + 1]):
            if labels[e] != 0 and targets[e] != node:
                stops = False
                break
        if stops:
            return node
    return -1


@njit(nogil=True, cache=True)
def inner_steps(ends, targets, part, nodes, part_ends, part_targets):
    """The graph on some nodes: `part` is a node's place among them, or -1. Gives the number of steps.

    Called once with an empty `part_targets` to count, once to fill.
    """
    filled = 0
    for i in range(nodes.shape[0]):
        part_ends[i] = filled
        for e in range(ends[nodes[i]], ends[nodes[i] + 1]):
            if part[targets[e]] >= 0:
                if part_targets.shape[0] != 0:
                    part_targets[filled] = part[targets[e]]
                filled += 1
    part_ends[nodes.shape[0]] = filled
    return filled


@njit(nogil=True, cache=True)
def survey(ends, targets, labels, nodes, part, component, inside, somewhere, everywhere):
    """For each strongly connected component the labels inside it, and those enabled somewhere and everywhere.

    `component[part[n]]` is a node's component; all masks must be zero, `everywhere` all ones.
    """
    mask = np.zeros(inside.shape[1], np.uint64)
    for i in range(nodes.shape[0]):
        node = nodes[i]
        c = component[i]
        mask[:] = U0
        enabled_at(ends, targets, labels, node, mask)
        for e in range(ends[node], ends[node + 1]):
            t = targets[e]
            if labels[e] != 0 and t != node and part[t] >= 0 and component[part[t]] == c:
                bit = labels[e] - 1
                inside[c, bit >> 6] |= U1 << np.uint64(bit & 63)
        for w in range(mask.shape[0]):
            somewhere[c, w] |= mask[w]
            everywhere[c, w] &= mask[w]


@njit(nogil=True, cache=True)
def without(ends, targets, labels, nodes, component, starved, left):
    """The nodes of components that starve some labels, less those where such a label is enabled."""
    mask = np.zeros(starved.shape[1], np.uint64)
    filled = 0
    for i in range(nodes.shape[0]):
        mask[:] = U0
        enabled_at(ends, targets, labels, nodes[i], mask)
        starving = hit = U0
        for w in range(mask.shape[0]):
            starving |= starved[component[i], w]
            hit |= starved[component[i], w] & mask[w]
        if starving != U0 and hit == U0:
            left[filled] = nodes[i]
            filled += 1
    return filled


@njit(nogil=True, cache=True)
def walk(ends, targets, labels, member, start, goal, due, due_weak, came, queue):
    """A shortest walk inside a part whose last step settles something that is due, or leads to the goal.

    With nothing due the goal is what counts. `member` marks the part. Fills `came` (must be -1) and
    `queue`; gives (node before, node after, label, nodes seen) of the last step.
    """
    mask = np.zeros(due.shape[0], np.uint64)
    wants = U0
    for w in range(due.shape[0]):
        wants |= due[w]
    came[start] = -2
    queue[0] = start
    done, filled = 0, 1
    while done < filled:
        node = queue[done]
        done += 1
        for e in range(ends[node], ends[node + 1]):
            t = targets[e]
            if t == node or member[t] == 0:
                continue
            if wants == U0:
                if t == goal:
                    return node, t, labels[e], filled
            else:
                bit = np.int64(labels[e]) - 1
                if bit >= 0 and due[bit >> 6] >> np.uint64(bit & 63) & U1 != U0:
                    return node, t, labels[e], filled
                mask[:] = U0
                enabled_at(ends, targets, labels, t, mask)
                for w in range(mask.shape[0]):
                    if due_weak[w] & ~mask[w] != U0:
                        return node, t, labels[e], filled
            if came[t] == -1:
                came[t] = node
                queue[filled] = t
                filled += 1
    return -1, -1, 0, filled
