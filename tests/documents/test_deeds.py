"""A counterexample told as deeds: who decided on what, and what travelled in between."""

from __future__ import annotations

from dataclasses import replace

import pytest
from perdure_model.checker import Violation
from perdure_model.core.server.inputs import StreamClosed, StreamRequested
from perdure_model.documents.counterexamples import sides_of, story
from perdure_model.documents.deeds import Flag, deeds, items, wires
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
    before, after = close.changes["connection[c]"]
    assert (before.state, after.state) == ("active", "inactive")


def test_what_travels_is_followed_from_step_to_step(late_close: Story) -> None:
    ways = {(one.token.component, one.start, one.end, one.lost) for one in flights(late_close.deeds)}
    assert ("wire.requests", 1, 3, False) in ways
    assert ("wire.closes", 3, 7, False) in ways, "late: the next stream was attached in step 6"
    assert ("wire.requests", 5, 6, False) in ways
    assert ("timer.reconnect", 4, 5, False) in ways
    assert ("timer.grace", 7, None, False) in ways


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
    with pytest.raises(LookupError, match="on_stream_closed does not lead from step 6 to the next"):
        deeds(right, finding.violation, sides_of(model))


def test_a_trace_without_a_step_tells_nothing() -> None:
    finding = find(DEFECTS["T02"], progress=False)
    model = model_of(finding.defect)
    assert isinstance(finding.violation, Violation)
    nothing = replace(finding.violation, trace=finding.violation.trace[:1])
    assert deeds(model.world("default", finding.world), nothing, sides_of(model)) == []


def test_items_of_wires() -> None:
    from perdure_model.core.client.inputs import Left, Welcomed
    from perdure_model.world.transport.world import Channel

    assert list(items(frozenset({(1, 1)}))) == [(1, 1)]
    assert list(items((Left(), Left()))) == [Left(), Left()]
    assert list(items((1, 1))) == [], "an attempt is no queue"
    channel = Channel((1, 1), (1, 1), (Welcomed((1, 1), "e"),), status=409, cut=True)
    assert list(items(channel)) == [Welcomed((1, 1), "e"), Flag("status", 409), Flag("cut", True)]
    assert list(items(None)) == []


def test_wires_are_what_is_put_and_taken() -> None:
    (transport,) = (model for model in MODELS if model.name == "T")
    found = wires(transport.world("default", "T losses"))
    assert {"wire.requests", "wire.stream", "wire.closes", "wire.posts", "timer.grace"} <= found
    assert not {"app.seen", "app.opened", "budget.cuts", "connection[c]"} & found
