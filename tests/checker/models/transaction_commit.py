"""What two-phase commit implements: Gray and Lamport's TCommit (TLA+ examples, transaction_commit)."""

from __future__ import annotations

from collections.abc import Iterator

from perdure_model.checker import System


def transaction_commit(n: int) -> System:
    """Every decision looks at all resource managers at once."""
    system = System(f"transaction commit, n = {n}")
    members = [system.component(f"member{i}", "working") for i in range(n)]
    for i in range(n):
        others = [member for member in members if member is not members[i]]

        @system.action(members[i], name=f"prepare{i}")
        def prepare(member: str) -> Iterator[str]:
            if member == "working":
                yield "prepared"

        @system.action(members[i], *others, name=f"commit{i}")
        def commit(member: str, *others: str) -> Iterator[tuple[str, ...]]:
            if member == "prepared" and set(others) <= {"prepared", "committed"}:
                yield "committed", *others

        @system.action(members[i], *others, name=f"abort{i}")
        def abort(member: str, *others: str) -> Iterator[tuple[str, ...]]:
            if member in ("working", "prepared") and "committed" not in others:
                yield "aborted", *others

    @system.always(*members)
    def consistent(*members: str) -> bool:
        return not {"aborted", "committed"} <= set(members)

    @system.terminal(*members)
    def decided(*members: str) -> bool:
        return set(members) <= {"aborted", "committed"}

    return system
