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
        stalled: a stream of this id takes no more, because nobody reads it
        restarted: the server starts again, with what it knew, but without its streams and timers
        elapsed: a grace timer has run out
        suspend: the client says that it will be away
        watch: the client wants the events of one more session
        unwatch: the client no longer wants the events of a session
        close: the client says that it is done

    Guards:
        newer: the request carries a later attempt than the one attached last
        current: the input was made for the generation attached last
        latest: no later stream has been attached since the client said it
        fleeting: the id was made by the server, for a client that will not bring it back
        ordered: the client has said nothing later of what it watches

    Actions:
        end_stream: the server ends the stream attached before
        cancel_grace: the grace timer is stopped
        open_stream: the new stream is registered, welcomed, and begins at the client's cursors
        start_grace: the grace timer starts, for the generation that was lost
        release: what it holds is freed: receipts, observer places, and the sessions of who is not away
        keep: the client is away: the sessions that it owns outlive its expiry
        add: the session is watched from the client's cursor on
        drop: the session is watched no longer
    """

    active = State(initial=True)
    inactive = State()
    expired = State(final=True)

    attach = active.to.itself(internal=True, cond="newer", on=["end_stream", "open_stream"]) | inactive.to(
        active, cond="newer", on=["cancel_grace", "open_stream"]
    )
    lost = active.to(expired, cond=["current", "fleeting"], on="release") | active.to(
        inactive, cond="current", on="start_grace"
    )
    stalled = active.to(expired, cond=["current", "fleeting"], on=["end_stream", "release"]) | active.to(
        inactive, cond="current", on=["end_stream", "start_grace"]
    )
    restarted = (
        active.to(expired, cond="fleeting", on=["end_stream", "release"])
        | active.to(inactive, on=["end_stream", "start_grace"])
        | inactive.to.itself(internal=True, on=["cancel_grace", "start_grace"])
    )
    elapsed = inactive.to(expired, cond="current", on="release")
    suspend = active.to.itself(internal=True, cond="latest", on="keep") | inactive.to.itself(
        internal=True, cond="latest", on="keep"
    )
    watch = active.to.itself(internal=True, cond=["current", "ordered"], on="add") | inactive.to.itself(
        internal=True, cond=["current", "ordered"], on="add"
    )
    unwatch = active.to.itself(internal=True, cond=["current", "ordered"], on="drop") | inactive.to.itself(
        internal=True, cond=["current", "ordered"], on="drop"
    )
    close = active.to(expired, cond="latest", on=["end_stream", "release"]) | inactive.to(
        expired, cond="latest", on=["cancel_grace", "release"]
    )
