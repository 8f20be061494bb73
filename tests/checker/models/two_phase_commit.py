"""Two-phase commit after Gray and Lamport, "Consensus on Transaction Commit" (TLA+ examples, TwoPhase).

As in TwoPhase.tla: resource managers, a transaction manager, and a set of messages that only grows. Each
message is a component of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from perdure_model.checker import Component, System

Group = tuple[Component, Component, Component]


def two_phase_commit(n: int) -> tuple[System, list[Group]]:
    """The system, and its interchangeable groups: a member, its message, what was heard of it."""
    system = System(f"two-phase commit, n = {n}")
    coordinator = system.component("coordinator", "init")
    decision = system.component("decision", "none")
    members = [system.component(f"member{i}", "working") for i in range(n)]
    sent = [system.component(f"sent{i}", False) for i in range(n)]
    heard = [system.component(f"heard{i}", False) for i in range(n)]

    for i in range(n):

        @system.action(coordinator, sent[i], heard[i], name=f"hear{i}")
        def hear(at: str, sent: bool, heard: bool) -> Iterator[tuple[str, bool, bool]]:
            if at == "init" and sent:
                yield at, sent, True

        @system.action(members[i], sent[i], name=f"prepare{i}")
        def prepare(member: str, sent: bool) -> Iterator[tuple[str, bool]]:
            if member == "working":
                yield "prepared", True

        @system.action(members[i], name=f"choose_abort{i}")
        def choose_abort(member: str) -> Iterator[str]:
            if member == "working":
                yield "aborted"

        @system.action(members[i], decision, name=f"obey{i}")
        def obey(member: str, decision: str) -> Iterator[tuple[str, str]]:
            if decision == "commit":
                yield "committed", decision
            if decision == "abort":
                yield "aborted", decision

    @system.action(coordinator, decision, *heard)
    def commit(at: str, decision: str, *heard: bool) -> Iterator[tuple[object, ...]]:
        if at == "init" and all(heard):
            yield "done", "commit", *heard

    @system.action(coordinator, decision)
    def abort(at: str, decision: str) -> Iterator[tuple[str, str]]:
        if at == "init":
            yield "done", "abort"

    @system.always(*members)
    def consistent(*members: str) -> bool:
        return not {"aborted", "committed"} <= set(members)

    @system.sometimes(*members)
    def all_commit(*members: str) -> bool:
        return set(members) == {"committed"}

    return system, list(zip(members, sent, heard, strict=True))
