"""A counterexample told as deeds: who decided on what, and what travelled in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pytest
from perdure_model.checker import Violation
from perdure_model.core.client.inputs import Left
from perdure_model.core.server.inputs import StreamClosed, StreamRequested
from perdure_model.documents.counterexamples import sides_of, story
from perdure_model.documents.deeds import Deed, Flag, deeds, items, lanes, wires
from perdure_model.documents.flights import flights
from perdure_model.documents.sequence import Story
from perdure_model.world import DEFECTS, MODELS
from perdure_model.world.models import model_of
from perdure_model.world.run import find


def test_each_step_has_its_side_and_its_input(late_close: Story) -> None:
    told = [(deed.side, type(deed.input).__name__) for deed in late_close.deeds]
    assert told == [
        ("client", "Started"),
        (None, "NoneType"),
        ("server", "StreamRequested"),
        ("client", "StreamLost"),
        ("client", "ReconnectDue"),
        ("server", "StreamRequested"),
        ("server", "StreamClosed"),
    ]


def test_inputs_and_effects_are_the_decisions_own(late_close: Story) -> None:
    request, close = late_close.deeds[5], late_close.deeds[6]
    assert isinstance(request.input, StreamRequested)
    assert isinstance(close.input, StreamClosed)
    assert close.input.generation < request.input.attempt, "the close is of the stream before"
    assert "StartGrace" in {type(effect).__name__ for effect in close.effects}
    before, after = close.changes["connection[a]"]
    assert (before.state, after.state) == ("active", "inactive")


def test_what_travels_is_followed_from_step_to_step(late_close: Story) -> None:
    ways = {(one.token.component, one.start, one.end, one.lost) for one in flights(late_close.deeds)}
    assert ("a.requests", 1, 3, False) in ways
    assert ("server.closes[a]", 3, 7, False) in ways, "late: the next stream was attached in step 6"
    assert ("a.requests", 5, 6, False) in ways
    assert ("a.reconnect timer", 4, 5, False) in ways
    assert ("server.grace timer[a]", 7, None, False) in ways


def test_what_a_fault_takes_is_lost() -> None:
    """T23: the answer to a POST is lost, and the POST repeated."""
    told = story(find(DEFECTS["T23"], progress=False))
    lost = [one for one in flights(told.deeds) if one.lost]
    assert [type(one.effect).__name__ for one in lost] == ["Answer"]


def test_a_counterexample_of_another_world_is_refused() -> None:
    finding = find(DEFECTS["T02"], progress=False)
    model = model_of(finding.defect)
    right = model.world("default", finding.world)
    assert finding.violation is not None
    with pytest.raises(LookupError, match="does not lead from step 6 to the next"):
        deeds(right, finding.violation, sides_of(model))


def test_a_trace_without_a_step_tells_nothing() -> None:
    finding = find(DEFECTS["T02"], progress=False)
    model = model_of(finding.defect)
    assert isinstance(finding.violation, Violation)
    nothing = replace(finding.violation, trace=finding.violation.trace[:1])
    assert deeds(model.world("default", finding.world), nothing, sides_of(model)) == []


def test_items_of_wires() -> None:
    assert list(items(frozenset({(1, 1)}))) == [(1, 1)]
    assert list(items((Left(), Left()))) == [Left(), Left()]
    assert list(items((1, 1))) == [], "an attempt is no queue"
    wire = Wire((1, 1), (Left(),), Left(), status=409, cut=True)
    assert list(items(wire)) == [Left(), Left(), Flag("status", 409), Flag("cut", True)]
    assert list(items(None)) == []


class Wire(NamedTuple):
    """What a wire may be: whose it is, a queue, room for one message, and flags."""

    attempt: tuple[int, int]
    messages: tuple[Left, ...] = ()
    reply: Left | None = None
    status: int | None = None
    cut: bool = False
    over: bool = False


def test_wires_are_what_is_put_and_taken() -> None:
    (transport,) = (model for model in MODELS if model.name == "T")
    found = wires(transport.world("default", "T losses"))
    assert {"a.requests", "a.stream", "a.posts", "server.closes[a]", "server.grace timer[a]"} <= found
    assert not [name for name in found if "app" in name or "budget" in name or "connection" in name]


def test_who_is_there_several_times_has_several_lanes() -> None:
    (transport, response) = (model for model in MODELS if model.name in "TR")
    alone = lanes(transport.world("default", "T losses"), sides_of(transport))
    assert set(alone.values()) == {"client", "server"}
    tabs = lanes(transport.world("default", "T copied"), sides_of(transport))
    assert set(tabs.values()) == {"client a", "client b", "server"}
    calls = lanes(response.world("default", "R two"), sides_of(response))
    assert set(calls.values()) == {"response c1", "response c2", "credential"}


def test_what_leaves_no_message_is_a_sign_for_whoever_acts_on_it() -> None:
    """A09: the request for a snapshot is a wire with nothing on it, until the server answers."""
    ways = {(type(one.effect).__name__, one.start, one.end) for one in flights(deeds_of("A09"))}
    assert ("OpenStream", 1, 2) in ways
    assert ("AskSnapshot", 3, 4) in ways


def test_a_message_that_is_marked_on_its_way_is_still_the_same() -> None:
    """A09: the snapshot that was overtaken by a submission comes from the server, not from who marked it."""
    done = deeds_of("A09")
    (late,) = (one for one in flights(done) if type(one.token.value) is type(done[-1].input))
    assert (done[late.start - 1].side, late.end) == (None, len(done))
    assert any(deed.remade for deed in done)


def deeds_of(name: str) -> Sequence[Deed]:
    return story(find(DEFECTS[name], progress=False)).deeds
