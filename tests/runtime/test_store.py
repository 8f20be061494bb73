"""The memory store: what is kept, what is dropped, and who is refused."""

from perdure.store import MemoryStore


def filled(count: int, kept: int = 1000) -> MemoryStore:
    store = MemoryStore()
    for n in range(1, count + 1):
        assert store.append("chat", "e1", n, b"%d" % n, max(0, n - kept))
    return store


def test_events_are_read_back_by_position() -> None:
    store = filled(5)
    assert store.append("other", "e1", 1, b"another session", 0)
    assert store.read("chat", "e1", 2, 4) == [b"2", b"3", b"4"]
    assert store.read("other", "e1", 1, 1) == [b"another session"]


def test_what_is_gone_is_not_kept() -> None:
    store = filled(1000, kept=10)
    (log,) = store._logs.values()
    assert list(log.events) == list(range(991, 1001))
    assert store.read("chat", "e1", 991, 1000) == [b"%d" % n for n in range(991, 1001)]


def test_what_the_log_does_not_have_is_not_read() -> None:
    store = filled(5, kept=3)
    assert store.read("chat", "e1", 2, 3) is None
    assert store.read("chat", "e1", 5, 6) is None
    assert store.read("chat", "e2", 1, 1) is None
    assert store.read("other", "e1", 1, 1) is None


def test_only_the_next_position_of_the_same_log_is_written() -> None:
    store = filled(2)
    assert not store.append("chat", "e1", 2, b"again", 0)
    assert not store.append("chat", "e1", 4, b"after a hole", 0)
    assert not store.append("chat", "e2", 3, b"another log", 0)
    assert not store.append("other", "e1", 2, b"no log", 0)
    assert store.read("chat", "e1", 1, 2) == [b"1", b"2"]
    assert store.append("chat", "e1", 3, b"3", 0)


def test_the_first_event_of_another_log_takes_the_session_over() -> None:
    store = filled(2)
    assert store.append("chat", "e2", 1, b"new", 0)
    assert not store.append("chat", "e1", 3, b"overtaken", 0)
    assert store.read("chat", "e1", 1, 2) is None
    assert store.read("chat", "e2", 1, 1) == [b"new"]
    assert not store.append("chat", "e2", 1, b"twice", 0)


def test_a_log_that_is_dropped_leaves_nothing_and_no_other_is_touched() -> None:
    store = filled(1)
    assert not store.drop("chat", "e2")
    assert store.append("other", "e1", 1, b"another session", 0)
    assert store.drop("chat", "e1")
    assert not store.drop("chat", "e1")
    assert list(store._logs) == ["other"]
