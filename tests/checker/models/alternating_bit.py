"""The alternating bit protocol over lossy queues (Lamport, "Specifying Systems", chapter 14)."""

from __future__ import annotations

from collections.abc import Iterator

from perdure_model.checker import System

Queue = tuple[object, ...]


def alternating_bit(room: int = 2, strong: bool = True) -> System:
    """Two values; each queue holds up to `room` messages. `strong`: is receiving strongly fair?"""
    system = System("alternating bit")
    messages, acks = system.component("messages", ()), system.component("acks", ())
    bit, acked, got_bit = (system.component(name, 0) for name in ("bit", "acked", "got_bit"))
    sent, got = system.component("sent", "a"), system.component("got", "a")
    receiving = "strong" if strong else True

    @system.initial(bit, acked, got_bit, sent, got)
    def start() -> Iterator[tuple[object, ...]]:
        for b in (0, 1):
            for s in "ab":
                for g in "ab":
                    yield b, b, b, s, g

    @system.action(messages, bit, acked, sent)
    def send_new(messages: Queue, bit: int, acked: int, sent: str) -> Iterator[tuple[object, ...]]:
        if acked == bit and len(messages) < room:
            for value in "ab":
                yield (*messages, (1 - bit, value)), 1 - bit, acked, value

    @system.action(messages, bit, acked, sent, fair=True)
    def send_again(messages: Queue, bit: int, acked: int, sent: str) -> Iterator[tuple[object, ...]]:
        if acked != bit and len(messages) < room:
            yield (*messages, (bit, sent)), bit, acked, sent

    @system.action(messages, got_bit, got, fair=receiving)
    def receive(messages: tuple[Queue, ...], got_bit: int, got: str) -> Iterator[tuple[object, ...]]:
        if messages:
            yield messages[1:], *messages[0]

    @system.action(acks, got_bit, fair=True)
    def send_ack(acks: Queue, got_bit: int) -> Iterator[tuple[object, ...]]:
        if len(acks) < room:
            yield (*acks, got_bit), got_bit

    @system.action(acks, acked, fair=receiving)
    def receive_ack(acks: Queue, acked: int) -> Iterator[tuple[object, ...]]:
        if acks:
            yield acks[1:], acks[0]

    for queue in (messages, acks):

        @system.action(queue, name=f"lose_of_{queue.name}")
        def lose(queue: Queue) -> Iterator[Queue]:
            for i in range(len(queue)):
                yield queue[:i] + queue[i + 1 :]

    for value in "ab":
        system.leads_to(
            bit,
            acked,
            sent,
            got,
            when=lambda bit, acked, sent, got, v=value: bit != acked and sent == v,
            then=lambda bit, acked, sent, got, v=value: got == v,
            name=f"{value} arrives",
        )
    return system
