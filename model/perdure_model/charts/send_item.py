"""One send, from the application's call to its one outcome."""

from statemachine import State

from perdure_model.charts.base import Chart


class SendItem(Chart):
    """A send item: it leaves the outbox as delivered or dropped, and by nothing else.

    States:
        queued: waits for its turn, for a stream, or both
        sending: one attempt is in flight
        retrying: an attempt failed in a way that may pass; its backoff runs
        delivered: the server stored it, and said so
        dropped: given up, with a reason; uncertain where an attempt may have been taken

    Events:
        post: its attempt goes out
        accepted: the server's receipt: stored now, or by an earlier attempt
        refused: the server's no to this item, or a status that will not pass
        failed: no answer, or a status that may pass
        unknown: the server no longer knows the connection, and did not take this copy of the POST
        due: the backoff is over, or a new stream makes waiting pointless
        doubted: the server that may have taken it has lost its receipts
        denied: the POST's credential was refused
        barred: there is no other credential
        abandon: the session is over

    Guards:
        renewable: another credential is in use by now, or can be asked for
        spent: every try that the bound allows was made
        orphaned: an attempt may have been taken under an epoch whose receipts are gone
        taken: the word of the session's end brings its receipt

    Actions:
        transmit: it goes out with its idempotency key
        forgive: the try that a dead credential cost does not count
        report: the application is told the outcome, once
    """

    queued = State(initial=True)
    sending = State()
    retrying = State()
    delivered = State(final=True)
    dropped = State(final=True)

    post = queued.to(sending, on="transmit")
    accepted = sending.to(delivered, on="report")
    refused = sending.to(dropped, on="report")
    failed = (
        sending.to(dropped, cond="orphaned", on="report")
        | sending.to(dropped, cond="spent", on="report")
        | sending.to(retrying)
    )
    unknown = (
        sending.to(dropped, cond="orphaned", on="report")
        | sending.to(dropped, cond="spent", on="report")
        | sending.to(queued)
    )
    denied = sending.to(queued, cond="renewable", on="forgive") | sending.to(dropped, on="report")
    barred = queued.to(dropped, on="report")
    due = retrying.to(queued)
    doubted = dropped.from_(queued, retrying, cond="orphaned", on="report")
    abandon = delivered.from_(queued, sending, retrying, cond="taken", on="report") | dropped.from_(
        queued, sending, retrying, on="report"
    )
