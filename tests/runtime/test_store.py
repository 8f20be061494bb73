"""The memory store: what is kept, and what is dropped."""

from perdure.store import MemoryStore


def test_events_are_read_back_by_position() -> None:
    store = MemoryStore()
    for n in range(1, 6):
        store.append("chat", "e1", n, b"%d" % n, 0)
    store.append("chat", "e2", 1, b"another epoch", 0)
    store.append("other", "e1", 1, b"another session", 0)
    assert store.read("chat", "e1", 2, 4) == [b"2", b"3", b"4"]
    assert store.read("chat", "e2", 1, 1) == [b"another epoch"]


def test_what_is_gone_is_not_kept() -> None:
    store = MemoryStore()
    for n in range(1, 1001):
        store.append("chat", "e1", n, b"%d" % n, max(0, n - 10))
    (log,) = store._logs.values()
    assert list(log.events) == list(range(991, 1001))
    assert store.read("chat", "e1", 991, 1000) == [b"%d" % n for n in range(991, 1001)]


def test_a_log_that_is_dropped_leaves_nothing_and_no_other_is_touched() -> None:
    store = MemoryStore()
    store.append("chat", "e1", 1, b"old", 0)
    store.append("chat", "e2", 1, b"new", 0)
    store.drop("chat", "e1")
    store.drop("chat", "e1")
    assert list(store._logs) == [("chat", "e2")]
    assert store.read("chat", "e2", 1, 1) == [b"new"]
