"""The defects of system R: small variants of rules, each of which breaks a property.

A defect overrides rules by name. Where it only takes a guard away, it does so by making the input or the
part look as if the guard held.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.credential import sharing
from perdure_model.core.credential.effects import RefreshToken, UseToken
from perdure_model.core.credential.parts import Waiter
from perdure_model.core.response import call as calls
from perdure_model.core.response import upstream
from perdure_model.core.response.effects import EndAttempt, HandOver, LeaveToken
from perdure_model.core.rule import Decision
from perdure_model.world.defect import Catalogue

DEFECTS = Catalogue()
defect = DEFECTS.enter


# -- the response stream -------------------------------------------------------------------------------


def _start_counts(i: Any, call: Any) -> Decision:
    proven = i.auth and call.state == "holding" and call.held
    return upstream.on_attempt_failed(i, replace(call, state="streaming") if proven else call)


def _prefix_at_once(i: Any, call: Any, settings: Any) -> Decision:
    (after,), effects = upstream.on_prefix_arrived(i, call, settings)
    if after.held == call.held:
        return (after,), effects
    return (replace(after, held=call.held),), (*effects, HandOver(i.call, i.attempt, (i.event,)))


def _end_forgets_held(i: Any, call: Any) -> Decision:
    return upstream.on_attempt_finished(i, replace(call, held=()))


def _any_error_refreshes(i: Any, call: Any) -> Decision:
    return upstream.on_attempt_failed(replace(i, auth=True), call)


def _raised_passes_through(i: Any, call: Any) -> Decision:
    return upstream.on_attempt_failed(replace(i, auth=i.auth and not i.raised), call)


def _leaves_all_running(i: Any, call: Any) -> Decision:
    parts, effects = calls.on_call_cancelled(i, call)
    return parts, tuple(e for e in effects if not isinstance(e, (EndAttempt, LeaveToken)))


def _restarts_after_live(i: Any, call: Any) -> Decision:
    if not i.auth or call.state != "streaming" or call.attempt != i.attempt or call.attempt > 1:
        return upstream.on_attempt_failed(i, call)
    return upstream.on_attempt_failed(i, replace(call, state="holding"))


def _any_attempts_event(i: Any, call: Any) -> Decision:
    """A stream that was ended may have handed one thing more to its reader by then.

    Without the attempt's number it counts as the second attempt's: the consumer is handed what the dead
    attempt said, ahead of the second one's start or amid its text.
    """
    return upstream.on_live_arrived(replace(i, attempt=call.attempt), call)


def _ends_again(i: Any, call: Any) -> Decision:
    """Where errors are events, a stream is still to be closed after its error.

    Its end, heard of a moment later, ends the call once more: a consumer that was told of a failure is
    then told that all went well.
    """
    over = call.state == "ended" and call.attempt == i.attempt
    return upstream.on_attempt_finished(i, replace(call, state="streaming") if over else call)


# -- the credential ------------------------------------------------------------------------------------


def _everyone_refreshes(i: Any, shared: Any, waiters: Any) -> Decision:
    if shared.state != "refreshing":
        return sharing.on_token_rejected(i, shared, waiters)
    now = replace(shared, refresh=shared.refresh + 1)
    return (now, {**waiters, (i.caller,): Waiter(i.token)}), (RefreshToken(now.refresh, now.token),)


def _the_same_will_do(i: Any, shared: Any, waiters: Any) -> Decision:
    if i.token != shared.token:
        return sharing.on_token_refreshed(i, shared, waiters)
    unaware = {key: replace(waiter, token=0) for key, waiter in waiters.items()}
    (after, left), effects = sharing.on_token_refreshed(i, replace(shared, token=0), unaware)
    return (replace(after, token=shared.token), left), effects


def _older_will_do(i: Any, shared: Any, waiters: Any) -> Decision:
    """Only the token in use is compared with the one that the refresh brings.

    A refresh from a stale source brings an older one, with which a call was refused that waits as well.
    The call spends its one other attempt on the very token that it knows to be dead.
    """
    unaware = {key: replace(waiter, token=shared.token) for key, waiter in waiters.items()}
    return sharing.on_token_refreshed(i, shared, unaware)


def _replaced_or_not(i: Any, shared: Any, waiters: Any) -> Decision:
    return sharing.on_token_rejected(replace(i, token=shared.token), shared, waiters)


def _tells_one(i: Any, shared: Any, waiters: Any) -> Decision:
    parts, effects = sharing.on_token_refreshed(i, shared, waiters)
    told = [e for e in effects if isinstance(e, UseToken)]
    return parts, tuple(e for e in effects if e not in told[1:])


def _given_in_vain(i: Any, shared: Any, waiters: Any) -> Decision:
    """A credential that is busy with its refresh has no answer to a token that is given meanwhile.

    It is dropped, and where the refresh then fails, every waiting call gets its error, with a good
    token at hand.
    """
    if shared is not None and shared.state == "refreshing":
        return (shared, waiters), ()
    return sharing.on_token_replaced(i, shared, waiters)


def _given_once_more(i: Any, shared: Any, waiters: Any) -> Decision:
    """An application that restores its token from where it had it gives the refused one once more.

    Taken for a new one it is used, refused and refreshed again, however often it is given.
    """
    (after, left), effects = sharing.on_token_replaced(i, shared and replace(shared, token=0), waiters)
    return (after if after.token else replace(after, token=shared.token), left), effects


def _counts_who_leaves(i: Any, shared: Any, waiters: Any) -> Decision:
    """Between the answer to a call and its arrival the call may leave.

    If leaving counts down those who wait, without a look at who they are, then the refresh of somebody
    else is cancelled, who is never answered.
    """
    if (i.caller,) in waiters or len(waiters) != 1:
        return sharing.on_caller_left(i, shared, waiters)
    return sharing.on_caller_left(i, shared, {(i.caller,): next(iter(waiters.values()))})


defect(
    "R01",
    "a start that is held counts as proof that the stream is alive",
    "P-REFRESH",
    where="R one",
    on_attempt_failed=_start_counts,
)
defect(
    "R02",
    "a start is handed over at once, and again by the second attempt",
    "P-NO-PHANTOM",
    where="R one",
    on_prefix_arrived=_prefix_at_once,
)
defect(
    "R03",
    "what is held when the stream ends normally is lost",
    "P-PREFIX",
    where="R one",
    on_attempt_finished=_end_forgets_held,
)
defect(
    "R04",
    "any first error starts a refresh",
    "P-REFRESH",
    where="R one",
    on_attempt_failed=_any_error_refreshes,
)
defect(
    "R05",
    "an authentication error that is raised passes through, behind the start that was held",
    "P-REFRESH",
    where="R one",
    on_attempt_failed=_raised_passes_through,
)
defect(
    "R06",
    "a refresh that returns the refused token is taken for a success",
    "P-REFRESH",
    where="R one",
    on_token_refreshed=_the_same_will_do,
)
defect(
    "R07",
    "every call that is refused refreshes for itself",
    "P-ONE-REFRESH",
    where="R three",
    on_token_rejected=_everyone_refreshes,
)
defect(
    "R08",
    "a consumer that leaves ends neither its attempt nor the refresh that it alone waits for",
    "P-NO-LEAK",
    where="R one",
    on_call_cancelled=_leaves_all_running,
)
defect(
    "R09",
    "a stream that fails after live events is started again",
    "P-NO-PHANTOM",
    where="R one",
    on_attempt_failed=_restarts_after_live,
)
defect(
    "R10",
    "the refusal of a token that was replaced meanwhile refreshes the new one",
    "P-ONE-REFRESH",
    where="R three",
    on_token_rejected=_replaced_or_not,
)
defect(
    "R11",
    "of all the calls that wait for the refresh, one is told",
    "P-CALL-ENDS",
    where="R three",
    on_token_refreshed=_tells_one,
)
defect(
    "N10",
    "a token that the application gives while a refresh runs is lost",
    "P-REFRESH",
    where="R one",
    on_token_replaced=_given_in_vain,
)
defect(
    "N11",
    "the refused token, given once more by the application, is refreshed a second time",
    "P-ONE-REFRESH",
    where="R older",
    on_token_replaced=_given_once_more,
)
defect(
    "N12",
    "an older token, with which one who waits was refused, is taken for a new one",
    "P-REFRESH",
    where="R older",
    on_token_refreshed=_older_will_do,
)
defect(
    "N13",
    "who leaves after it was told is counted as one who waits, and the refresh that another waits for ends",
    "P-CALL-ENDS",
    where="R older",
    on_caller_left=_counts_who_leaves,
)
defect(
    "N14",
    "what the first attempt still brings after it was ended is handed over as the second's",
    "P-PREFIX",
    where="R one",
    on_live_arrived=_any_attempts_event,
)
defect(
    "N15",
    "a stream that is closed after the error that it emitted ends the call a second time",
    "P-TERMINAL-ONCE",
    where="R one",
    on_attempt_finished=_ends_again,
)
