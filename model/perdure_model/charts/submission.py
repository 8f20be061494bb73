"""What the application submits: from its call until the state that the server made of it is shown."""

from statemachine import State

from perdure_model.charts.base import Chart


class Submission(Chart):
    """A submission: shown as under way until the state has moved on, or it is known that it will not.

    States:
        submitting: the request is on its way
        renewing: the server refused the credential; another one is asked for
        settling: the server took it, and the state that it made of it has not arrived
        settled: the state has moved on
        failed: it was not taken, or nobody can tell; the state stays what it is

    Events:
        taken: a status that says that the server took it
        denied: the request was answered with 401
        refused: any other answer, or none
        renewed: another credential is there
        gone: the session is gone, or there is no other credential
        answered: a newer state is shown, or one that was asked for after the server took it
        due: the state takes long to arrive
        abandon: the session is over

    Guards:
        moved: a newer state was shown while the request was on its way
        renewable: there may be another credential, and none was asked for on behalf of this one
        up: the session's stream is up

    Actions:
        post: the request goes out
        report_taken: the application is told that the server took it
        report_failed: the application is told that it was not taken, or that nobody can tell
        note: remember that the state has moved on
        renew: ask for another credential
        condemn: the session is over, as its credential is
        wait: start the timer after which the state is asked for
        cancel: stop what runs for it
        ask_state: have the session ask for the state anew
    """

    submitting = State(initial=True)
    renewing = State()
    settling = State()
    settled = State(final=True)
    failed = State(final=True)

    taken = submitting.to(settled, cond="moved", on="report_taken") | submitting.to(
        settling, on=["report_taken", "wait"]
    )
    denied = submitting.to(renewing, cond="renewable", on="renew") | submitting.to(
        failed, on=["report_failed", "condemn"]
    )
    refused = submitting.to(failed, on="report_failed")
    renewed = renewing.to(submitting, on="post")
    gone = failed.from_(submitting, renewing, on=["report_failed", "condemn"])
    answered = (
        submitting.to.itself(internal=True, on="note")
        | renewing.to.itself(internal=True, on="note")
        | settling.to(settled, on="cancel")
    )
    due = settling.to.itself(internal=True, cond="up", on=["wait", "ask_state"]) | settling.to.itself(
        internal=True, on="wait"
    )
    abandon = (
        submitting.to(failed, on=["cancel", "report_failed"])
        | renewing.to(failed, on=["cancel", "report_failed"])
        | settling.to(settled, on="cancel")
    )
