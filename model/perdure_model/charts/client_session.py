"""The client's side of a session: is there a stream, is one coming, or is it over."""

from statemachine import State

from perdure_model.charts.base import Chart


class ClientSession(Chart):
    """A client session: one stream at a time, and one outcome at the end.

    States:
        connecting: the first stream is asked for, and no welcome has come yet
        awaiting: a stream is open and welcomed; events arrive, sends may go out
        reconnecting: the stream is lost; a timer runs, or the next one is asked for
        terminal: over, with one outcome: succeeded, failed, expired, closed or taken over

    Events:
        welcomed: the server's first event on the stream: who we are to it, and whether it still knows us
        lost: the stream ended, broke, fell silent, or was answered with a status that may pass
        due: the reconnect timer has run out
        desync: the server no longer knows this connection, or the stream skipped an event
        ended: the server says that the session is over
        refused: the stream was answered with a status that will not pass
        closed: the application leaves

    Guards:
        current: the input was made for the latest attempt, and that attempt still waits for it
        spent: as many attempts as allowed have failed since the last progress

    Actions:
        open_stream: ask for a stream, as the next attempt
        end_stream: close our end of the stream
        schedule: start the reconnect timer, backed off
        flush: every session posts what is queued, and what waits for its retry
        abandon: every send that is still open ends: uncertain where an attempt may have been taken
        say_goodbye: tell the server that we are done, so that it need not wait for us
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
    ended = awaiting.to(terminal, cond="current", on=["end_stream", "abandon", "say_goodbye"])
    refused = connecting.to(terminal, cond="current", on="abandon") | reconnecting.to(
        terminal, cond="current", on="abandon"
    )
    closed = terminal.from_(connecting, awaiting, reconnecting, on=["end_stream", "abandon", "say_goodbye"])
