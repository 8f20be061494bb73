"""A streaming call whose credential may turn out to be dead, seen by its consumer as one clean stream."""

from statemachine import State

from perdure_model.charts.base import Chart


class ResponseStream(Chart):
    """A response stream: prefix events are held until the stream is proven alive.

    States:
        holding: an attempt runs, and nothing has proven it alive; prefix events are held back
        refreshing: the first attempt failed authentication; a new credential is awaited
        streaming: live events pass; the stream is never restarted from here
        ended: over, with one outcome: completed, failed or cancelled

    Events:
        prefix: an event that proves nothing, such as a start made before the request
        live: an event that proves the stream alive
        auth_error: the attempt failed authentication, emitted as an event or raised
        error: any other error, emitted or raised
        finished: the attempt ended normally
        refreshed: the refresh brought a credential
        refresh_failed: the refresh brought none
        cancelled: the consumer leaves

    Guards:
        room: fewer prefix events are held than the bound allows
        first: this is the first attempt
        changed: the credential is another than the one that was refused

    Actions:
        hold: keep the prefix event back
        discard: drop what is held; the consumer never sees it
        release: hand over what is held, in order
        forward: hand the event over
        refresh: ask for another credential
        restart: make the second attempt
        surface: hand over the original error, once
        finish: end the consumer's stream
        stop: cancel the attempt, and the refresh if no other call waits for it
    """

    holding = State(initial=True)
    refreshing = State()
    streaming = State()
    ended = State(final=True)

    prefix = (
        holding.to.itself(internal=True, cond="room", on="hold")
        | holding.to(streaming, on=["release", "forward"])
        | streaming.to.itself(internal=True, on="forward")
    )
    live = holding.to(streaming, on=["release", "forward"]) | streaming.to.itself(internal=True, on="forward")
    auth_error = (
        holding.to(refreshing, cond="first", on=["discard", "refresh"])
        | holding.to(ended, on=["discard", "surface"])
        | streaming.to(ended, on="surface")
    )
    error = holding.to(ended, on=["release", "surface"]) | streaming.to(ended, on="surface")
    finished = holding.to(ended, on=["release", "finish"]) | streaming.to(ended, on="finish")
    refreshed = refreshing.to(holding, cond="changed", on="restart") | refreshing.to(ended, on="surface")
    refresh_failed = refreshing.to(ended, on="surface")
    cancelled = ended.from_(holding, refreshing, streaming, on="stop")
