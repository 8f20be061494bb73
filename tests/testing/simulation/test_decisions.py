"""What each side's decisions show: every property is told where it does not hold, and only there."""

from __future__ import annotations

from typing import Any

import pytest
from perdure.testing.simulation.decisions import ClientWatch, HubWatch
from perdure_model.core.client.parts import ClientSettings

Told = dict[str, Any]
SETTINGS = ClientSettings(queue_max=2, retries_max=1)


def record(i: Told, *effects: Told, t: float = 0.0) -> Told:
    return {"t": t, "input": i, "effects": list(effects)}


def told(kind: str, **fields: Any) -> Told:
    return {"type": kind, **fields}


# -- the client ----------------------------------------------------------------------------------------


def move(target: str) -> Told:
    return told("Moved", machine="ClientSession", target=target)


def post(number: int, *keys: int) -> Told:
    return told("Post", session="chat", post=number, keys=[[1, key] for key in keys])


def shown(*, running: bool, delayed: bool) -> Told:
    return told("Shown", session="chat", running=running, delayed=delayed)


def settled(key: int, outcome: str = "delivered") -> Told:
    return told("Settled", session="chat", key=[1, key], outcome=outcome)


def opened(count: int, cid: str = "cid-a") -> Told:
    return told("OpenStream", attempt=[1, count], cid=cid, token=1)


def asked(key: int) -> Told:
    return told("SendRequested", session="chat", key=[1, key])


def replied(number: int, status: int, **more: Any) -> Told:
    said = {"token": 1, "verdicts": [[[1, 1], "accepted"]], "sent": True, "retry_after_s": None, **more}
    return told("PostReplied", session="chat", post=number, status=status, **said)


def retry(number: int) -> Told:
    return told("RetryDue", session="chat", post=number)


def waits(number: int) -> Told:
    return told("StartTimer", due=retry(number))


START = record(told("Started", unsent=[], token=1), opened(1))
WELCOMED = told("Welcomed", attempt=[1, 1])
UP = record(WELCOMED, move("awaiting"))
ASKS = told("AskCredential", token=1)
POSTED = record(asked(1), post(1, 1), shown(running=True, delayed=False))
FAILED = record(replied(1, 503), shown(running=False, delayed=True))
DOWN = record(told("StreamLost", attempt=[1, 1]), move("reconnecting"))


def ended(*verdicts: list[Any]) -> Told:
    return told("EndArrived", session="chat", verdicts=list(verdicts))


ENDED = record(ended([[1, 1], "accepted"]), told("SessionOver", session="chat", outcome="succeeded"))
STALE_END = record(ended([[1, 1], "accepted"]), told("Refused", why="an end on a stream no longer ours"))
ABANDON = told("Abandon", session="chat")
DONE = shown(running=False, delayed=False)

GOOD_CLIENT = [
    START,
    UP,
    POSTED,
    FAILED,
    record(retry(1), post(2, 1), shown(running=True, delayed=True)),
    record(replied(2, 200), settled(1), shown(running=False, delayed=False)),
    record(asked(2), settled(2, "failed")),
    DOWN,
    record(told("ReconnectDue"), opened(2)),
    record(told("TakenOver"), told("EndStream", attempt=[1, 2]), opened(3, "cid-b")),
]


def found_by_client(records: list[Told]) -> list[str]:
    found: list[str] = []
    watch = ClientWatch("tab a", SETTINGS, lambda broken, _: found.append(broken))
    for one in records:
        watch(one)
    return found


def test_a_good_client_breaks_nothing() -> None:
    assert found_by_client(GOOD_CLIENT) == []


def test_who_hears_of_a_takeover_on_a_stream_that_it_has_just_ended_may_ask_once_more() -> None:
    """A POST's 409 ends the stream in the moment in which it tells of the takeover: the next 409 will."""
    late = record(told("TakenOver"), told("Refused", why="the taking over of a stream no longer ours"))
    desynced = record(told("Desynced"), told("EndStream", attempt=[1, 1]), move("reconnecting"))
    assert found_by_client([START, UP, desynced, late, record(told("ReconnectDue"), opened(2))]) == []


def test_what_a_lost_epoch_makes_uncertain_is_not_dropped_for_its_credential() -> None:
    """Its answer was lost; the next says 401, on a stream under another epoch: nobody can post it again."""
    doubtful = record(replied(1, 0), shown(running=False, delayed=True))
    refused = record(replied(2, 401, verdicts=[]), settled(1, "uncertain"), DONE)
    again = record(retry(1), post(2, 1), shown(running=True, delayed=True))
    given = record(told("CredentialGiven", token=2))
    assert found_by_client([START, UP, POSTED, doubtful, again, given, refused]) == []


@pytest.mark.parametrize("end", [
    [ENDED, record(ABANDON, settled(1), DONE)],
    [record(ended([[1, 1], "the session is over"])), record(ABANDON, settled(1, "failed"), DONE)],
    [STALE_END, record(told("Left"), settled(1, "uncertain"), DONE)],
    [record(ended()), record(ABANDON, settled(1, "uncertain"), DONE)],
])  # fmt: skip
def test_an_end_with_receipts_settles_by_them(end: list[Told]) -> None:
    assert found_by_client([START, UP, POSTED, *end]) == []


@pytest.mark.parametrize(
    ("records", "property"),
    [
        ([START, POSTED], "P-RETRY-BUDGET"),
        ([START, UP, DOWN, POSTED], "P-RETRY-BUDGET"),
        ([START, UP, POSTED, record(retry(1), post(2, 1))], "P-SINGLE-FLIGHT"),
        ([START, UP, POSTED, record(replied(1, 404), shown(running=False, delayed=True)),
          record(retry(1), post(2, 1))], "P-CLASS"),
        ([START, UP, record(asked(1)), *[
            record(replied(n - 1, 409), post(n, 1), shown(running=True, delayed=n > 1)) for n in range(1, 5)
        ]], "P-RETRY-BUDGET"),
        ([START, UP, POSTED, record(replied(1, 200), settled(1))], "P-RUNNING"),
        ([START, UP, POSTED, record(replied(1, 503), shown(running=False, delayed=False))], "P-NOTICE"),
        ([START, UP, record(asked(1)), record(asked(2)), record(asked(3))], "P-QUEUE-BOUND"),
        ([START, UP, record(asked(1), settled(1)), record(told("Left"), settled(1))], "P-SETTLE"),
        ([START, record(told("ReconnectDue"), opened(2))], "P-ONE-STREAM"),
        ([START, UP, POSTED, record(replied(1, 429), settled(1, "failed"),
                                    shown(running=False, delayed=False))], "P-CLASS"),
        ([START, UP, POSTED, record(replied(1, 404), settled(1, "uncertain"),
                                    shown(running=False, delayed=False))], "P-UNCERTAIN"),
        ([START, UP, POSTED, record(replied(1, 500), shown(running=False, delayed=True)),
          record(told("Left"), settled(1, "failed"), shown(running=False, delayed=False))], "P-UNCERTAIN"),
        ([START, UP, POSTED, record(replied(1, 401), settled(1, "failed"),
                                    shown(running=False, delayed=False))], "P-CLASS"),
        ([START, UP, POSTED, record(replied(1, 401), ASKS, shown(running=False, delayed=False)),
          record(told("CredentialGiven", token=2), post(2, 1)), record(replied(2, 401, token=2), ASKS)],
         "P-RETRY-BUDGET"),
        ([START, UP, POSTED, FAILED, record(WELCOMED, waits(1)),
          record(WELCOMED, waits(2))], "P-SPACED"),
        ([START, UP, POSTED,
          record(replied(1, 503, retry_after_s=9), shown(running=False, delayed=True), t=2),
          record(retry(1), post(2, 1), shown(running=True, delayed=True), t=10)], "P-SPACED"),
        ([START, record(told("TakenOver"), told("EndStream", attempt=[1, 1]), opened(2),
                        move("reconnecting"))], "P-ONE-HOLDER"),
        ([START, UP, POSTED, record(replied(1, 409), shown(running=False, delayed=False))], "P-NOTICE"),
        ([START, UP, POSTED, record(replied(1, 200, verdicts=[]), DONE)], "P-NOTICE"),
        ([START, UP, POSTED, record(replied(1, 401), shown(running=False, delayed=True))], "P-NOTICE"),
        ([START, UP, POSTED, FAILED, record(told("Left"), settled(1, "uncertain"))], "P-NOTICE"),
        ([START, UP, record(asked(1), post(1, 1), shown(running=True, delayed=True))], "P-NOTICE"),
        ([START, record(WELCOMED)], "P-VISIBLE"),
        ([START, record(told("Heard"), move("reconnecting"))], "P-VISIBLE"),
        ([START, record(told("Heard"), move("awaiting"))], "P-VISIBLE"),
        ([START, record(told("StreamLost", attempt=[1, 1]))], "P-VISIBLE"),
        ([START, UP, record(told("StreamLost", attempt=[1, 1]))], "P-VISIBLE"),
        ([START, UP, record(told("Desynced"), told("EndStream", attempt=[1, 1]))], "P-VISIBLE"),
        ([START, UP, DOWN, record(told("ReconnectDue"), opened(2), move("awaiting"))], "P-VISIBLE"),
        ([START, UP, POSTED, ENDED, record(ABANDON, settled(1, "uncertain"), DONE)], "P-UNCERTAIN"),
    ],
)  # fmt: skip
def test_what_a_client_does_wrong_is_told(records: list[Told], property: str) -> None:  # noqa: A002
    assert found_by_client(records) == [property]


# -- the hub -------------------------------------------------------------------------------------------


def request(count: int, cid: str = "cid-a", principal: str = "me", *, made: bool = False) -> Told:
    cursors = [["chat", [None, 0]]]
    said = {"cid": cid, "attempt": [1, count], "principal": principal, "made": made, "cursors": cursors}
    return told("StreamRequested", **said)


def attach(count: int, cid: str = "cid-a") -> Told:
    return told("Attach", cid=cid, generation=[1, count])


def closed(count: int) -> Told:
    return told("StreamClosed", cid="cid-a", generation=[1, count])


def moved(target: str, cid: str = "cid-a") -> Told:
    return told("Moved", instance=cid, target=target)


def due(count: int) -> Told:
    return told("GraceElapsed", cid="cid-a", generation=[1, count])


def wake(count: int) -> Told:
    return told("Wake", cid="cid-a", generation=[1, count], session="chat")


def word(kind: str, count: int) -> Told:
    return told(kind, cid="cid-a", attempt=[1, count])


JOINED = record(request(1), attach(1), wake(1))
LOST = record(closed(1), moved("inactive"), told("StartGrace", due=due(1)))
AWAY = record(word("SuspendRequested", 1))

FORGET = told("ForgetDue", session="chat", epoch="e1")
BURIED = record(FORGET, told("Drop", session="chat", epoch="e1"), told("StartForget", due=FORGET))
LATER = record(FORGET, told("StartForget", due=FORGET))
FORGOTTEN = record(FORGET)
TOLD = record(
    told("EventsDue", cid="cid-a", generation=[1, 1], session="chat"),
    told("WriteEnd", cid="cid-a", generation=[1, 1], session="chat", outcome="failed"),
)

GOOD_HUB = [
    JOINED,
    LOST,
    record(request(2), moved("active"), told("CancelGrace", due=due(1)), attach(2), wake(2)),
    record(request(1), told("Reject")),
    record(word("SuspendRequested", 1), told("Refused")),
    record(request(3), told("CutStream", cid="cid-a", generation=[1, 2]), attach(3)),
    record(word("CloseRequested", 3), moved("expired")),
    record(request(1), attach(1), wake(1)),
    LOST,
    record(due(1), moved("expired")),
    JOINED,
    record(request(9, principal="another"), told("Reject")),
    record(request(2), told("CutStream", cid="cid-a", generation=[1, 1]), attach(2)),
]


def found_by_hub(records: list[Told]) -> list[str]:
    found: list[str] = []
    watch = HubWatch(lambda broken, _: found.append(broken))
    for one in records:
        watch(one)
    return found


def test_a_good_hub_breaks_nothing() -> None:
    assert found_by_hub(GOOD_HUB) == []


@pytest.mark.parametrize("records", [
    [JOINED, BURIED, LATER, TOLD, FORGOTTEN],
    [JOINED, BURIED, LOST, LATER, record(due(1), moved("expired")), FORGOTTEN],
    [JOINED, BURIED, LATER, record(word("CloseRequested", 1), moved("expired")), FORGOTTEN],
    [BURIED, record(told("ForgetDue", session="chat", epoch="e2"), told("StartForget", due=FORGET))],
])  # fmt: skip
def test_a_session_that_is_over_is_kept_for_who_is_not_told_yet(records: list[Told]) -> None:
    assert found_by_hub(records) == []


@pytest.mark.parametrize(
    ("records", "property"),
    [
        ([JOINED, record(request(2), told("Reject"))], "P-OWNER"),
        ([JOINED, record(closed(1), moved("inactive"))], "P-TTL"),
        ([JOINED, LOST, record(request(2), moved("active"), attach(2))], "P-TTL"),
        ([JOINED, record(request(2), attach(2)), record(word("SuspendRequested", 1))], "P-STALE-CLOSE"),
        ([JOINED, record(word("CloseRequested", 1))], "P-CLOSE"),
        ([JOINED, record(request(2), attach(2), wake(1))], "P-NO-LEAK"),
        ([JOINED, record(request(2, principal="another"), attach(2))], "P-NO-HIJACK"),
        ([record(request(1, made=True), attach(1)), LOST], "P-IDENTITY"),
        ([JOINED, LOST, record(due(1), moved("expired"), told("Detached", cid="cid-a", session="aside"))],
         "P-EXPIRE-SCOPE"),
        ([JOINED, AWAY, LOST, record(due(1), moved("expired")), record(request(1), attach(1))],
         "P-EXPIRE-SCOPE"),
        ([BURIED, LATER], "P-EXPIRES"),
        ([JOINED, BURIED, TOLD, LATER], "P-EXPIRES"),
        ([JOINED, BURIED, FORGOTTEN], "P-NO-LOSS"),
    ],
)  # fmt: skip
def test_what_a_hub_does_wrong_is_told(records: list[Told], property: str) -> None:  # noqa: A002
    assert found_by_hub(records) == [property]


def watching(serial: int) -> Told:
    return record(told("WatchRequested", cid="cid-a", attempt=[1, 1], serial=serial, session="aside"))


def test_what_was_said_on_a_connection_that_is_forgotten_is_forgotten_with_it() -> None:
    """It expires; a copy of its request comes late, and of its words the first that was held up."""
    assert found_by_hub([JOINED, watching(2), watching(1)]) == ["P-WATCH"]
    assert (
        found_by_hub([JOINED, watching(2), LOST, record(due(1), moved("expired")), JOINED, watching(1)]) == []
    )


def send(cid: str) -> Told:
    return record(told("PostArrived", cid=cid))


ELAPSED = record(due(1), moved("expired"))


@pytest.mark.parametrize(
    ("owners", "broken"),
    [
        ([(JOINED, None), (send("cid-a"), "cid-a"), (LOST, "cid-a"), (ELAPSED, None)], []),
        ([(JOINED, None), (send("cid-a"), "cid-a"), (send("cid-b"), "cid-b"), (LOST, "cid-b")], []),
        (
            [(JOINED, None), (send("cid-a"), "cid-a"), (AWAY, "cid-a"), (LOST, "cid-a"), (ELAPSED, "cid-a")],
            [],
        ),
        ([(JOINED, None), (send("cid-b"), "cid-b"), (LOST, "cid-b"), (ELAPSED, None)], ["P-TAKEOVER"]),
        ([(JOINED, None), (send("cid-a"), "cid-b")], ["P-TAKEOVER"]),
        (
            [(JOINED, None), (send("cid-a"), "cid-a"), (AWAY, "cid-a"), (LOST, "cid-a"), (ELAPSED, None)],
            ["P-EXPIRE-SCOPE"],
        ),
    ],
)
def test_who_owns_a_session_changes_by_sends_and_the_owners_end(
    owners: list[tuple[Told, str | None]], broken: list[str]
) -> None:
    found: list[str] = []
    watch = HubWatch(lambda broken, _: found.append(broken))
    for one, owner in owners:
        watch(one)
        watch.owned(one, owner)
    assert found == broken


def test_what_was_kept_for_who_is_away_is_so_no_longer_once_another_drives_it() -> None:
    """A suspended client's connection expires, another sends: the id of the first is nobody's then."""
    found: list[str] = []
    watch = HubWatch(lambda broken, _: found.append(broken))
    away = [(JOINED, None), (send("cid-a"), "cid-a"), (AWAY, "cid-a"), (LOST, "cid-a"), (ELAPSED, "cid-a")]
    for one, owner in away:
        watch(one)
        watch.owned(one, owner)
    assert watch.bound("cid-a")
    watch(send("cid-b"))
    watch.owned(send("cid-b"), "cid-b")
    assert not watch.bound("cid-a")
    watch(record(request(1, principal="another"), attach(1)))
    assert found == []


def test_an_id_that_drives_a_session_beside_is_not_nobodys_seed_832885() -> None:
    """A suspended client's connection expires; of the other session that it drives the hub knows it still."""
    found: list[str] = []
    watch = HubWatch(lambda broken, _: found.append(broken))
    for one in (JOINED, AWAY, LOST, ELAPSED):
        watch(one)
        watch.owned(one, None, lambda: ["cid-a"])
    assert watch.bound("cid-a")
    watch.owned(ELAPSED, None)
    assert not watch.bound("cid-a")
    assert found == []
