"""The client's side of a session: is there a stream, is one coming, or is it over."""

from statemachine import State

from perdure_model.charts.base import Chart


class ClientSession(Chart):
    """A client session: one stream at a time, and one outcome at the end.

    States:
        connecting: the first stream is asked for, and no welcome has come yet
        awaiting: a stream is open and welcomed; events arrive, sends may go out
        reconnecting: the stream is lost; a timer, a credential, the application or the next one is awaited
        terminal: over, with one outcome: succeeded, failed, expired, closed or taken over

    Events:
        welcomed: the server's first event on the stream: who we are to it, and whether it still knows us
        lost: the stream ended, broke, fell silent, or was answered with a status that may pass
        due: the reconnect timer has run out
        desync: the server no longer knows this connection, or the stream skipped an event
        ended: the server says that a session is over
        refused: the stream was answered with a status that will not pass
        denied: the stream request's credential was refused
        credited: the credential in use is another one
        discredited: there is no other credential
        usurped: the server says that another client goes on under our id
        outbid: the stream request was refused, since a later attempt holds our id
        suspend: the application goes to the background
        resume: the application is back
        closed: the application leaves

    Guards:
        current: the input was made for the latest attempt, and that attempt still waits for it
        spent: as many attempts as allowed have failed since the last progress
        replaced: the credential in use is not the one that was refused
        renewable: another credential can be asked for, and was not asked for in vain
        renews: a client that lost its id goes on under another
        last: no other session is watched
        waiting: a credential is awaited
        resting: the application is in the background

    Actions:
        open_stream: ask for a stream, as the next attempt
        end_stream: close our end of the stream, or stop the reconnect timer
        schedule: start the reconnect timer, backed off
        flush: every session posts what is queued, and what waits for its retry
        abandon: every send that is still open ends: uncertain where an attempt may have been taken
        say_goodbye: tell the server that we are done, so that it need not wait for us
        ask_credential: ask for another credential
        renew: take an id that nobody has, and say so
        say_suspended: tell the server that we will be away, so that it keeps our sessions
        rest: do nothing until the application is back
        drop_session: a session is over, and the others go on
    """

    connecting = State(initial=True)
    awaiting = State()
    reconnecting = State()
    terminal = State(final=True)

    welcomed = connecting.to(awaiting, cond="current", on="flush") | reconnecting.to(
        awaiting, cond="current", on="flush"
    )
    lost = (
        connecting.to(terminal, cond=["current", "spent"], on="abandon")
        | connecting.to(reconnecting, cond="current", on="schedule")
        | awaiting.to(terminal, cond=["current", "spent"], on=["abandon", "say_goodbye"])
        | awaiting.to(reconnecting, cond="current", on="schedule")
        | reconnecting.to(terminal, cond=["current", "spent"], on=["abandon", "say_goodbye"])
        | reconnecting.to.itself(internal=True, cond="current", on="schedule")
    )
    due = reconnecting.to.itself(internal=True, cond="current", on="open_stream")
    desync = awaiting.to(
        terminal, cond=["current", "spent"], on=["end_stream", "abandon", "say_goodbye"]
    ) | awaiting.to(reconnecting, cond="current", on=["end_stream", "schedule"])
    ended = awaiting.to(
        terminal, cond=["current", "last"], on=["end_stream", "abandon", "say_goodbye"]
    ) | awaiting.to.itself(internal=True, cond="current", on="drop_session")
    refused = connecting.to(terminal, cond="current", on="abandon") | reconnecting.to(
        terminal, cond="current", on="abandon"
    )
    denied = (
        connecting.to(reconnecting, cond=["current", "replaced"], on="open_stream")
        | connecting.to(reconnecting, cond=["current", "renewable"], on="ask_credential")
        | connecting.to(terminal, cond="current", on="abandon")
        | reconnecting.to.itself(internal=True, cond=["current", "replaced"], on="open_stream")
        | reconnecting.to.itself(internal=True, cond=["current", "renewable"], on="ask_credential")
        | reconnecting.to(terminal, cond="current", on="abandon")
    )
    credited = reconnecting.to.itself(internal=True, cond="waiting", on="open_stream")
    discredited = reconnecting.to(terminal, cond="waiting", on="abandon")
    usurped = (
        awaiting.to(terminal, cond=["current", "spent"], on=["end_stream", "abandon"])
        | awaiting.to(reconnecting, cond=["current", "renews"], on=["end_stream", "renew", "schedule"])
        | awaiting.to(terminal, cond="current", on=["end_stream", "abandon"])
    )
    outbid = (
        connecting.to(terminal, cond=["current", "spent"], on="abandon")
        | connecting.to(reconnecting, cond=["current", "renews"], on=["renew", "schedule"])
        | connecting.to(terminal, cond="current", on="abandon")
        | reconnecting.to(terminal, cond=["current", "spent"], on="abandon")
        | reconnecting.to.itself(internal=True, cond=["current", "renews"], on=["renew", "schedule"])
        | reconnecting.to(terminal, cond="current", on="abandon")
    )
    suspend = (
        connecting.to(reconnecting, on=["end_stream", "say_suspended", "rest"])
        | awaiting.to(reconnecting, on=["end_stream", "say_suspended", "rest"])
        | reconnecting.to.itself(internal=True, on=["end_stream", "say_suspended", "rest"])
    )
    resume = reconnecting.to.itself(internal=True, cond="resting", on="open_stream")
    closed = terminal.from_(connecting, awaiting, reconnecting, on=["end_stream", "abandon", "say_goodbye"])
