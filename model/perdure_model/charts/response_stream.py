"""A streaming call whose credential may turn out to be dead, seen by its consumer as one clean stream."""

from statemachine import State

from perdure_model.charts.base import Chart


class ResponseStream(Chart):
    """A response stream: prefix events are held until the stream is proven alive.

    States:
        holding: an attempt runs, and nothing has proven it alive; prefix events are held back
        refreshing: the first attempt failed authentication; a new token is awaited
        streaming: live events pass; the stream is never restarted from here
        ended: over, with one outcome: completed, failed or cancelled

    Events:
        prefix: an event that proves nothing, such as a start made before the request
        live: an event that proves the stream alive
        auth_error: the attempt failed authentication, emitted as an event or raised
        error: any other error, emitted or raised
        finished: the attempt ended normally
        refreshed: the credential has another token
        refresh_failed: the credential has none
        cancelled: the consumer leaves

    Guards:
        current: the event is of the attempt that runs, not of an earlier one
        room: fewer prefix events are held than the bound allows
        first: this is the first attempt

    Actions:
        hold: keep the prefix event back
        discard: drop what is held; the consumer never sees it
        release: hand over what is held, in order
        forward: hand the event over
        end_attempt: end the attempt from our side, whatever else it would bring
        ask: report the token as refused, and wait for another
        restart: make the second attempt
        surface: hand over the attempt's error, once
        surface_original: hand over the first attempt's error, once
        finish: end the consumer's stream
        leave: wait for no token any more
    """

    holding = State(initial=True)
    refreshing = State()
    streaming = State()
    ended = State(final=True)

    prefix = (
        holding.to.itself(internal=True, cond=["current", "room"], on="hold")
        | holding.to(streaming, cond="current", on=["release", "forward"])
        | streaming.to.itself(internal=True, cond="current", on="forward")
    )
    live = holding.to(streaming, cond="current", on=["release", "forward"]) | streaming.to.itself(
        internal=True, cond="current", on="forward"
    )
    auth_error = (
        holding.to(refreshing, cond=["current", "first"], on=["discard", "end_attempt", "ask"])
        | holding.to(ended, cond="current", on=["discard", "end_attempt", "surface_original"])
        | streaming.to(ended, cond="current", on=["end_attempt", "surface"])
    )
    error = holding.to(ended, cond="current", on=["release", "end_attempt", "surface"]) | streaming.to(
        ended, cond="current", on=["end_attempt", "surface"]
    )
    finished = holding.to(ended, cond="current", on=["release", "finish"]) | streaming.to(
        ended, cond="current", on="finish"
    )
    refreshed = refreshing.to(holding, on="restart")
    refresh_failed = refreshing.to(ended, on="surface_original")
    cancelled = (
        holding.to(ended, on=["discard", "end_attempt"])
        | streaming.to(ended, on="end_attempt")
        | refreshing.to(ended, on="leave")
    )
