"""A session that follows remote state: is its stream up and its state whole, is it coming, or is it over."""

from statemachine import State

from perdure_model.charts.base import Chart


class FollowSession(Chart):
    """A followed session: one attempt at a time, each a stream with its snapshot, and one outcome at the end.

    States:
        connecting: the first attempt is made; the application may have been shown nothing yet
        awaiting: the stream is up and nothing is missing; states arrive
        reconnecting: the attempt before is lost, or given up for a fresh snapshot, and no other is up yet
        terminal: over, with one outcome: succeeded, failed, expired or closed

    Events:
        opened: the stream's answer is an event stream
        synced: the snapshot is in
        lost: stream or snapshot ended, broke, or was answered with a status that may pass
        denied: stream or snapshot was answered with 401
        due: the wait is over
        renewed: another credential is there
        elapsed: all the time that reconnecting may take has passed since the last progress
        resync: the state is to be asked for anew
        ended: an outcome is here, whichever of stream, snapshot, submit or credential brought it
        closed: the application leaves

    Guards:
        current: the input was made for the latest attempt, and that attempt still waits for it
        ahead: the snapshot was taken ahead of its stream, which goes on from the snapshot's cursor
        resumed: the stream goes on from a cursor, so that no snapshot is needed
        spent: as many attempts as allowed have failed since the last progress
        renewable: there may be another credential, and none was asked for since the last progress

    Actions:
        begin: ask for the stream, or for the snapshot that it is to go on from
        open_stream: ask for the stream, from the snapshot's cursor
        ask_snapshot: ask for a snapshot, and hold what the stream brings until it is in
        recover: what failed before keeps the session from nothing any more
        release: show what was held and is newer
        steady: start the timer that makes a stream that stays up count as progress
        drop: give up what is open of this attempt
        schedule: start the wait for the next attempt, backed off
        renew: ask for another credential, for the next attempt
        exhaust: no further loss is forgiven until there is progress
        advance: the next attempt is made at once
        stop: nothing is left open, no timer runs, and the outcome is reported
    """

    connecting = State(initial=True)
    awaiting = State()
    reconnecting = State()
    terminal = State(final=True)

    opened = (
        connecting.to(awaiting, cond=["current", "resumed"], on=["recover", "steady"])
        | connecting.to.itself(internal=True, cond="current", on="ask_snapshot")
        | reconnecting.to(awaiting, cond=["current", "resumed"], on=["recover", "steady"])
        | reconnecting.to.itself(internal=True, cond="current", on="ask_snapshot")
    )
    synced = (
        connecting.to.itself(internal=True, cond=["current", "ahead"], on="open_stream")
        | connecting.to(awaiting, cond="current", on=["recover", "release", "steady"])
        | reconnecting.to.itself(internal=True, cond=["current", "ahead"], on="open_stream")
        | reconnecting.to(awaiting, cond="current", on=["recover", "release", "steady"])
    )
    lost = (
        connecting.to(terminal, cond=["current", "spent"], on="stop")
        | connecting.to(reconnecting, cond="current", on=["drop", "schedule"])
        | awaiting.to(terminal, cond=["current", "spent"], on="stop")
        | awaiting.to(reconnecting, cond="current", on=["drop", "schedule"])
        | reconnecting.to(terminal, cond=["current", "spent"], on="stop")
        | reconnecting.to.itself(internal=True, cond="current", on=["drop", "schedule"])
    )
    denied = (
        connecting.to(reconnecting, cond=["current", "renewable"], on=["drop", "renew"])
        | connecting.to(terminal, cond="current", on="stop")
        | awaiting.to(reconnecting, cond=["current", "renewable"], on=["drop", "renew"])
        | awaiting.to(terminal, cond="current", on="stop")
        | reconnecting.to.itself(internal=True, cond=["current", "renewable"], on=["drop", "renew"])
        | reconnecting.to(terminal, cond="current", on="stop")
    )
    due = reconnecting.to.itself(internal=True, cond="current", on="begin")
    renewed = reconnecting.to.itself(internal=True, cond="current", on="begin")
    elapsed = (
        connecting.to(terminal, cond="current", on="stop")
        | awaiting.to.itself(internal=True, cond="current", on="exhaust")
        | reconnecting.to(terminal, cond="current", on="stop")
    )
    resync = awaiting.to(reconnecting, cond="current", on=["drop", "advance", "begin"])
    ended = terminal.from_(connecting, awaiting, reconnecting, cond="current", on="stop")
    closed = terminal.from_(connecting, awaiting, reconnecting, on="stop")
