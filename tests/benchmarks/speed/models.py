"""The models of the comparison, for perdure; beside them, what the peers share.

A peer's model is written by hand in the form that suits it: a state is a flat tuple, and a move builds the
next one directly. No peer runs perdure's components, but for perdure's own world, which nobody else has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from perdure_model.checker import Component, System

Row = tuple[Any, ...]
WORKING, PREPARED, COMMITTED, ABORTED = range(4)


class Move(NamedTuple):
    """One guarded step over flat states."""

    name: str
    enabled: Callable[[Row], bool]
    apply: Callable[[Row], Row]


class Flat(NamedTuple):
    """A model over flat states; `steps` gives all successors at once, for tools that like that better."""

    start: Row
    moves: list[Move]
    invariant: Callable[[Row], bool]
    steps: Callable[[Row], Iterator[tuple[str, Row]]] | None = None


def put(row: Row, *changes: tuple[int, Any]) -> Row:
    """A state with some places changed."""
    changed = list(row)
    for place, value in changes:
        changed[place] = value
    return tuple(changed)


def flat_two_phase_commit(n: int) -> Flat:
    """(coordinator, decision, *members, *sent, *heard)"""
    moves = [
        Move("abort", lambda r: r[0] == 0, lambda r: put(r, (0, 1), (1, 2))),
        Move("commit", lambda r: r[0] == 0 and all(r[2 + 2 * n :]), lambda r: put(r, (0, 1), (1, 1))),
    ]
    for i in range(2, n + 2):
        moves += _member_moves(i, i + n, i + 2 * n)
    members = slice(2, n + 2)

    def consistent(row: Row) -> bool:
        return not (COMMITTED in row[members] and ABORTED in row[members])

    return Flat((0, 0, *[WORKING] * n, *[0] * 2 * n), moves, consistent, _commit_steps(n))


def _commit_steps(n: int) -> Callable[[Row], Iterator[tuple[str, Row]]]:
    def members(row: Row) -> Iterator[tuple[str, Row]]:
        coordinator, decision = row[0], row[1]
        for i in range(2, n + 2):
            if row[i] == WORKING:
                sent = i + n
                yield "prepare", (*row[:i], PREPARED, *row[i + 1 : sent], 1, *row[sent + 1 :])
                yield "choose", (*row[:i], ABORTED, *row[i + 1 :])
            if decision:
                yield "obey", (*row[:i], COMMITTED if decision == 1 else ABORTED, *row[i + 1 :])
            elif coordinator == 0 and row[i + n]:
                heard = i + 2 * n
                yield "hear", (*row[:heard], 1, *row[heard + 1 :])

    def steps(row: Row) -> Iterator[tuple[str, Row]]:
        yield from members(row)
        if row[0] == 0:
            yield "abort", (1, 2, *row[2:])
            if all(row[2 + 2 * n :]):
                yield "commit", (1, 1, *row[2:])

    return steps


def _member_moves(member: int, sent: int, heard: int) -> list[Move]:
    return [
        Move("prepare", lambda r: r[member] == WORKING, lambda r: put(r, (member, PREPARED), (sent, 1))),
        Move("choose", lambda r: r[member] == WORKING, lambda r: put(r, (member, ABORTED))),
        Move("obey commit", lambda r: r[1] == 1, lambda r: put(r, (member, COMMITTED))),
        Move("obey abort", lambda r: r[1] == 2, lambda r: put(r, (member, ABORTED))),
        Move("hear", lambda r: r[0] == 0 and r[sent] == 1, lambda r: put(r, (heard, 1))),
    ]


def flat_alternating_bit(connections: int, capacity: int, losses: int) -> Flat:
    """(losses left, then for each connection: sender, receiver, data, acks)"""
    moves = [move for i in range(connections) for move in _connection_moves(1 + 4 * i, capacity)]

    def current(row: Row) -> bool:
        return all(
            not row[i + 2] or row[i + 2][0] != row[i + 1] or row[i + 2][0] == row[i]
            for i in range(1, len(row), 4)
        )

    return Flat((losses, *[0, 0, (), ()] * connections), moves, current)


def _connection_moves(sender: int, capacity: int) -> list[Move]:
    receiver, data, acks = sender + 1, sender + 2, sender + 3

    def deliver(r: Row) -> Row:
        (bit, *rest), expected = r[data], r[receiver]
        kept = expected ^ (bit == expected)
        return put(r, (data, tuple(rest)), (receiver, kept), (acks, (*r[acks], bit)))

    def take_ack(r: Row) -> Row:
        return put(r, (acks, r[acks][1:]), (sender, r[sender] ^ (r[acks][0] == r[sender])))

    return [
        Move("send", lambda r: len(r[data]) < capacity, lambda r: put(r, (data, (*r[data], r[sender])))),
        Move("lose data", lambda r: r[data] and r[0], lambda r: put(r, (0, r[0] - 1), (data, r[data][1:]))),
        Move("deliver", lambda r: r[data] and len(r[acks]) < capacity, deliver),
        Move("lose ack", lambda r: r[acks] and r[0], lambda r: put(r, (0, r[0] - 1), (acks, r[acks][1:]))),
        Move("take ack", lambda r: bool(r[acks]), take_ack),
    ]


def alternating_bit(connections: int, capacity: int, losses: int) -> System:
    """Connections that number their messages by one bit, over queues that lose; losses share a budget."""
    system = System(f"alternating bit, {connections} connections")
    left = system.component("losses", losses)
    for i in range(connections):
        _connection(system, i, left, capacity)
    return system


def _connection(system: System, i: int, left: Component, capacity: int) -> None:
    sender, receiver = system.component(f"sender{i}", 0), system.component(f"receiver{i}", 0)
    data, acks = system.component(f"data{i}", ()), system.component(f"acks{i}", ())

    def send(bit: int, data: Row) -> Iterator[Row]:
        if len(data) < capacity:
            yield bit, (*data, bit)

    def deliver(data: Row, expected: int, acks: Row) -> Iterator[Row]:
        if data and len(acks) < capacity:
            yield data[1:], expected ^ (data[0] == expected), (*acks, data[0])

    system.action(sender, data, name=f"send{i}")(send)
    system.action(data, receiver, acks, name=f"deliver{i}")(deliver)
    system.action(acks, sender, name=f"take_ack{i}")(take_ack)
    system.action(data, left, name=f"lose_data{i}")(lose)
    system.action(acks, left, name=f"lose_acks{i}")(lose)
    system.always(sender, receiver, data, name=f"current{i}")(is_current)


def take_ack(acks: Row, bit: int) -> Iterator[Row]:
    """The sender goes on to its next message if the one it sent was heard."""
    if acks:
        yield acks[1:], bit ^ (acks[0] == bit)


def lose(queue: Row, left: int) -> Iterator[Row]:
    """The network loses what is first in a queue."""
    if queue and left:
        yield queue[1:], left - 1


def is_current(bit: int, expected: int, data: Row) -> bool:
    """What the receiver would take is what the sender is sending."""
    return not data or data[0] != expected or data[0] == bit


def world() -> System:
    """One of perdure's larger worlds: a client, a server, the network, and timers that fire when they may."""
    from perdure_model.world.transport import TRANSPORT

    system: System = TRANSPORT.world("large", "T timers").system
    return system
