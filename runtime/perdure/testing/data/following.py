"""P-MERGE, P-ERRORS, P-LATEST-CALLBACK and P-OUTCOME: what a followed session makes of what comes."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any

from hypothesis import strategies as st
from perdure_model.core.follow.inputs import ErrorArrived, FollowInput, StateArrived

from perdure import callbacks, source
from perdure import remote as following
from perdure import states as fields_of
from perdure.errors import ErrorFrame, UnreadableState
from perdure.sse import Parser, encode
from perdure.states import Arrived, State
from perdure.testing.data.property import DataDefect, instead, states

# -- what is merged ------------------------------------------------------------------------------------

NAMES = ("version", "step", "hint", "theme", "unknown")
VALUES = st.none() | st.integers(0, 2) | st.sampled_from(["", "a", "b"])
STATES = st.dictionaries(st.sampled_from(NAMES), VALUES)
VOLATILE = st.sets(st.sampled_from(NAMES)).map(lambda names: tuple(sorted(names)))
Merging = tuple[State, list[Arrived], tuple[str, ...]]
MERGINGS = st.tuples(STATES, st.lists(st.builds(Arrived, STATES, st.booleans()), max_size=4), VOLATILE)


def field_by_field(before: State, arrived: Arrived, volatile: Collection[str]) -> State:
    """What must become of each field, said of each alone."""
    after: State = {}
    for name in NAMES:
        if name in arrived.fields:
            after[name] = arrived.fields[name]
        elif name in before and not arrived.whole and name not in volatile:
            after[name] = before[name]
    return after


def leaves_out_a_volatile(case: Merging) -> bool:
    """An event lacks a volatile field that was there."""
    before, arrivals, volatile = case
    return bool(
        arrivals and not arrivals[0].whole and (set(before) & set(volatile)) - set(arrivals[0].fields)
    )


def leaves_out_another(case: Merging) -> bool:
    """An event lacks a field that only snapshots carry."""
    before, arrivals, volatile = case
    return bool(arrivals and not arrivals[0].whole and set(before) - set(volatile) - set(arrivals[0].fields))


@states("P-MERGE", MERGINGS, leaves_out_a_volatile, leaves_out_another)
def every_field_is_merged(case: Merging) -> bool:
    """Every field of an event is in the state; volatile ones that it lacks are cleared; all others stay."""
    state, arrivals, volatile = case
    for arrived in arrivals:
        before, carried = dict(state), dict(arrived.fields)
        after = fields_of.merged(state, arrived, volatile)
        if (state, arrived.fields) != (before, carried) or after != field_by_field(state, arrived, volatile):
            return False
        state = after
    return True


# -- what a stream says --------------------------------------------------------------------------------

GOOD = st.dictionaries(st.sampled_from(["step", "unknown"]), VALUES).map(
    lambda one: ("message", json.dumps(one))
)
BAD = st.sampled_from(["", "{", "[1]", "null", '"text"', '{"version": "x"}', '{"version": true}', "{1}"])
STATUSES = st.none() | st.sampled_from([0, 99, 401, 410, 429, 503, 600, True, "500", 4.5])
ERRORS = st.builds(
    lambda status, fatal: json.dumps({"status": status, "fatal": fatal}), STATUSES, st.none() | st.booleans()
)
EVENTS = GOOD | st.tuples(st.just("message"), BAD) | st.tuples(st.just("error"), BAD | ERRORS)


def is_unreadable(event: tuple[str, str]) -> bool:
    """It should be a state, and is none."""
    return event[0] == "message" and not is_state(event[1])


def is_unreadable_error(event: tuple[str, str]) -> bool:
    """It should be an error, and cannot be read as one."""
    return event[0] == "error" and not is_object(event[1])


def is_mild(event: tuple[str, str]) -> bool:
    """It is an error that says that it ends nothing."""
    return event[0] == "error" and is_object(event[1]) and json.loads(event[1]).get("fatal") is False


def is_object(text: str) -> bool:
    """The text is a JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def is_state(text: str) -> bool:
    """The text is a JSON object whose version, if it has one, is an int."""
    return is_object(text) and type(json.loads(text).get("version", 0)) is int


def told(event: tuple[str, str]) -> list[tuple[FollowInput, Any]]:
    """What a session is told of a stream that carries this event."""
    heard: list[tuple[FollowInput, Any]] = []
    remote = following.Remote(
        "http://host/", "http://host/", lambda _state: None, None, "version", None, (), fields_of.read
    )
    reading = following.Reading(
        7, remote, Parser(), lambda i, cargo: heard.append((i, cargo)), iter(range(9))
    )
    reading.take(encode(event[1], event=event[0]))
    return heard


@states("P-ERRORS", EVENTS, is_unreadable, is_unreadable_error, is_mild)
def an_event_is_a_state_or_an_error(event: tuple[str, str]) -> bool:
    """What cannot be read as a state is a non-fatal error with its text; as an error, a fatal one.

    An error's status is the one that it names, if that is an HTTP status, else 0.
    """
    ((i, cargo),) = told(event)
    kind, text = event
    if kind == "message" and is_state(text):
        return isinstance(i, StateArrived) and bool(cargo == Arrived(json.loads(text), whole=False))
    named = json.loads(text).get("status") if kind == "error" and is_object(text) else None
    status = named if type(named) is int and 100 <= named < 600 else 0
    fatal = kind == "error" and not is_mild(event)
    expected = ErrorFrame if kind == "error" else UnreadableState
    return (
        isinstance(i, ErrorArrived)
        and (i.status, i.fatal) == (status, fatal)
        and type(cargo) is expected
        and (cargo.status, cargo.text) == (status, text)
    )


# -- callbacks -----------------------------------------------------------------------------------------

STEPS = st.lists(st.sampled_from(["register", "remove", "call"]), max_size=8)


def registers_after_a_call(steps: list[str]) -> bool:
    """A callback is registered when another has been called."""
    return "call" in steps and "register" in steps[steps.index("call") :] and steps[-1] == "call"


@states("P-LATEST-CALLBACK", STEPS, registers_after_a_call)
def the_latest_callback_is_called(steps: list[str]) -> bool:
    """The callback called is the one registered last, and no other."""
    called: list[int] = []
    expected: list[int] = []
    latest: int | None = 0
    registry = callbacks.Callbacks(on_state=lambda: called.append(0))
    for n, step in enumerate(steps, 1):
        if step == "call":
            registry.call("on_state")
            expected += [] if latest is None else [latest]
        else:
            latest = n if step == "register" else None
            registry.register("on_state", (lambda n=n: called.append(n)) if latest else None)
    return called == expected


# -- the credential ------------------------------------------------------------------------------------


@states("P-OUTCOME", st.none() | st.text("ab", min_size=1, max_size=3), lambda token: token is not None)
def a_request_carries_the_credential(token: str | None) -> bool:
    """A request for a stream or a snapshot carries the credential, if there is one: else it gets a 401."""
    plain = {"accept": "text/event-stream"}
    headers = source.authorized(token, dict(plain))
    expected = plain if token is None else {**plain, "authorization": f"Bearer {token}"}
    return headers == expected


# -- defects -------------------------------------------------------------------------------------------

right_merged = fields_of.merged


def drops_what_it_does_not_know(before: State, arrived: Arrived, volatile: Collection[str]) -> State:
    """Take over the fields that the state had already."""
    known = {name: value for name, value in arrived.fields.items() if name in before or arrived.whole}
    return right_merged(before, Arrived(known, arrived.whole), volatile)


def keeps_all(before: State, arrived: Arrived, _volatile: Collection[str]) -> State:
    """Never clear a field."""
    return right_merged(before, arrived, ())


def clears_all(_before: State, arrived: Arrived, _volatile: Collection[str]) -> State:
    """Take each event for the whole state."""
    return dict(arrived.fields)


def mild_frame(event: Any) -> tuple[ErrorFrame, bool]:
    """Take an error that cannot be read for one that ends nothing."""
    frame, fatal = right_frame(event)
    return frame, fatal and is_object(event.data)


right_frame = fields_of.frame_of


class KeepsTheFirst(callbacks.Callbacks):
    """Looks the callback up when it is first called, and keeps it."""

    def call(self, name: str, *told: Any) -> None:  # noqa: D102
        kept: dict[str, Callable[..., object] | None] = self.__dict__.setdefault("kept", {})
        callback = kept.setdefault(name, self._latest.get(name))
        if callback is not None:
            callback(*told)


def anonymous(_token: str | None, headers: dict[str, str]) -> dict[str, str]:
    """Ask without the credential, as a browser's EventSource does."""
    return headers


PROPERTIES = (
    every_field_is_merged,
    an_event_is_a_state_or_an_error,
    the_latest_callback_is_called,
    a_request_carries_the_credential,
)
DEFECTS = (
    DataDefect(
        "A01",
        "fields of an event that the state did not have are dropped",
        "P-MERGE",
        instead(fields_of, merged=drops_what_it_does_not_know),
    ),
    DataDefect(
        "A06",
        "an error that cannot be read ends nothing",
        "P-ERRORS",
        instead(fields_of, frame_of=mild_frame),
        where=an_event_is_a_state_or_an_error,
    ),
    DataDefect(
        "A07",
        "the callback that was there when the stream started stays the one called",
        "P-LATEST-CALLBACK",
        instead(callbacks, Callbacks=KeepsTheFirst),
    ),
    DataDefect(
        "A18",
        "volatile fields that an event leaves out stay",
        "P-MERGE",
        instead(fields_of, merged=keeps_all),
    ),
    DataDefect(
        "A18b",
        "fields that only snapshots carry are lost with the next event",
        "P-MERGE",
        instead(fields_of, merged=clears_all),
    ),
    DataDefect(
        "A19",
        "the stream is asked for without the credential",
        "P-OUTCOME",
        instead(source, authorized=anonymous),
    ),
)
