"""The server's side of a client's identity: it outlives the streams that it was reached by."""

from statemachine import State

from perdure_model.charts.base import Chart


class ServerConnection(Chart):
    """A connection: what the server keeps for one client id, whether a stream is attached or not.

    States:
        active: a stream is attached
        inactive: the stream is gone, and the grace timer of that loss runs
        expired: forgotten: receipts, watched sessions and ownership are given up

    Events:
        attach: a stream request with this id
        lost: a stream of this id is seen to be closed
        elapsed: a grace timer has run out
        close: the client says that it is done

    Guards:
        newer: the request carries a later attempt than the one attached last
        current: the input was made for the generation attached last

    Actions:
        end_stream: the server ends the stream attached before
        cancel_grace: the grace timer is stopped
        open_stream: the new stream is registered, welcomed, and begins at the client's cursor
        start_grace: the grace timer starts, for the generation that was lost
        release: sessions that it still owns are freed, observers removed, receipts dropped
    """

    active = State(initial=True)
    inactive = State()
    expired = State(final=True)

    attach = active.to.itself(internal=True, cond="newer", on=["end_stream", "open_stream"]) | inactive.to(
        active, cond="newer", on=["cancel_grace", "open_stream"]
    )
    lost = active.to(inactive, cond="current", on="start_grace")
    elapsed = inactive.to(expired, cond="current", on="release")
    close = active.to(expired, cond="current", on=["end_stream", "release"]) | inactive.to(
        expired, cond="current", on=["cancel_grace", "release"]
    )
