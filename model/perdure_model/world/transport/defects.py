"""The defects of system T: small variants of rules, each of which breaks a property.

A defect overrides rules by name. Where it only takes a fence away, it does so by making the input look as
if it were of the generation that the part holds. Those from N01 on are findings of our own: the checker
found them in the designs as they were described.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.client import events, outbox, stream
from perdure_model.core.client.effects import CancelTimer, Deliver, Shown, StartTimer
from perdure_model.core.client.inputs import StreamLost
from perdure_model.core.client.parts import Access, ClientState, Me, Watching
from perdure_model.core.client.queue import view
from perdure_model.core.common import NEVER, START, Cursor, classify
from perdure_model.core.rule import Decide, Decision
from perdure_model.core.server import SERVER, connection, forgetting, log, sends
from perdure_model.core.server import watching as watched
from perdure_model.core.server.effects import CutStream, Reject, StartGrace, Wake, WriteEnd, WriteEvents
from perdure_model.core.server.inputs import (
    CloseRequested,
    ForgetDue,
    GraceElapsed,
    Published,
    StreamClosed,
    SuspendRequested,
)
from perdure_model.core.server.parts import (
    CONNECTION,
    OWNER,
    WATCH,
    WINDOW,
    Owner,
    ServerSettings,
    Watch,
)
from perdure_model.world.defect import Catalogue
from perdure_model.world.transport.tab import NEW

DEFECTS = Catalogue()
defect = DEFECTS.enter
UNKNOWN = 409
EVERYBODYS = (CONNECTION.one, WATCH.every("cid"), OWNER.every(), WINDOW.every("cid"))
"""A connection, what it holds, and what others own."""


def without(decision: Decision, *kinds: type) -> Decision:
    """The decision without its effects of these kinds."""
    parts, effects = decision
    return parts, tuple(effect for effect in effects if not isinstance(effect, kinds))


# -- who the client is ---------------------------------------------------------------------------------


def _another_id(i: Any, state: Any, link: Any, watching: Any, _me: Any, *more: Any) -> Decision:
    return stream.on_reconnect_due(i, state, link, watching, Me(NEW), *more)


def _forgets_id(i: Any, *more: Any) -> Decision:
    return stream.on_started(replace(i, kept=None), *more)


def _busy(i: Any, held: Any, *more: Any) -> Decision:
    if held is not None and held.state == "active":
        return (held, *more), (Reject(409, "stale-attempt"),)
    return connection.on_stream_requested(i, held, *more)


def _comes_back_all_the_same(i: Any, state: Any, link: Any, me: Any, settings: Any, boxes: Any) -> Decision:
    lost = StreamLost(i.attempt, 0)
    parts, effects = stream.on_stream_lost(lost, state, link, me, Access(), Watching(), settings, boxes, {})
    return parts[:3], effects


def _leaves_the_old_stream(i: Any, *more: Any) -> Decision:
    return without(connection.on_stream_requested(i, *more), CutStream)


def _welcome_is_progress(i: Any, state: Any, link: Any, *more: Any) -> Decision:
    return stream.on_welcomed(i, state, replace(link, failures=0), *more)


def _grace_for_all(i: Any, *more: Any) -> Decision:
    return connection.on_stream_requested(replace(i, made=False), *more)


def _posts_unwelcomed(i: Any, box: Any, items: Any, _state: Any, *more: Any) -> Decision:
    return outbox.on_send_requested(i, box, items, ClientState("awaiting"), *more)


def _keeps_its_own_id(i: Any, state: Any, link: Any, me: Any, *more: Any) -> Decision:
    return stream.on_welcomed(replace(i, cid=me.cid), state, link, me, *more)


defect("T01", "each reconnect makes a new id", "P-OWNER", where="T spare", on_reconnect_due=_another_id)
defect(
    "T25",
    "an id made by the server has a grace time",
    "P-IDENTITY",
    "T old",
    on_stream_requested=_grace_for_all,
)
defect(
    "T25b",
    "an id that the server made is not adopted",
    "P-IDENTITY",
    where="T old",
    on_welcomed=_keeps_its_own_id,
)
defect(
    "T26b",
    "a stream that was replaced is not ended",
    "P-STALE-CLOSE",
    where="T copied",
    on_stream_requested=_leaves_the_old_stream,
)
defect("T28", "a stream that looks attached blocks the next", "P-OWNER", "T spare", on_stream_requested=_busy)
defect("T29", "a client that starts again has forgotten its id", "P-OWNER", "T spare", on_started=_forgets_id)
defect(
    "T30",
    "a client that was taken over comes back under the same id",
    "P-ONE-HOLDER",
    where="T copied",
    on_taken_over=_comes_back_all_the_same,
)
defect("T33", "sends are posted before the welcome", "P-IDENTITY", on_send_requested=_posts_unwelcomed)


# -- streams, closes and grace -------------------------------------------------------------------------


def _unfenced_close(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_stream_closed(replace(i, generation=held.generation) if held else i, held, *more)


def _close_arms_anyway(i: Any, held: Any, *more: Any) -> Decision:
    parts, effects = connection.on_stream_closed(i, held, *more)
    armed = any(isinstance(effect, StartGrace) for effect in effects)
    if held is None or armed:
        return parts, effects
    return parts, (*effects, StartGrace(GraceElapsed(i.cid, i.generation), 60.0))


def _close_never_arms(i: Any, *more: Any) -> Decision:
    return without(connection.on_stream_closed(i, *more), StartGrace)


def _any_grace_timer_ends(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_grace_elapsed(replace(i, generation=held.generation) if held else i, held, *more)


def _observer_stays(i: Any, held: Any, watches: Any, *more: Any) -> Decision:
    (after, _, *rest), effects = connection.on_stream_closed(i, held, watches, *more)
    return (after, watches, *rest), effects


def _older_request_takes_over(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_stream_requested(i, replace(held, generation=NEVER) if held else held, *more)


def _late_suspend(i: Any, held: Any) -> Decision:
    return connection.on_suspend_requested(replace(i, attempt=held.generation) if held else i, held)


def _suspend_forgotten(i: Any, held: Any) -> Decision:
    _, effects = connection.on_suspend_requested(i, held)
    return (held,), effects


def _close_waits(i: Any, *held: Any) -> Decision:
    return connection.on_stream_closed(StreamClosed(i.cid, i.attempt), *held, ServerSettings())


def _any_principal(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_stream_requested(i, replace(held, principal=i.principal) if held else held, *more)


defect(
    "T02",
    "an old stream's late close detaches the new one",
    "P-STALE-CLOSE",
    on_stream_closed=_unfenced_close,
)
defect("T03", "a stale close starts a grace timer all the same", "P-TTL", on_stream_closed=_close_arms_anyway)
defect(
    "T04",
    "an earlier wait's grace timer ends the present one",
    "P-TTL",
    where="T timers",
    on_grace_elapsed=_any_grace_timer_ends,
)
defect("T07", "a lost stream stays among the observers", "P-NO-LEAK", on_stream_closed=_observer_stays)
defect(
    "T20",
    "an id answers to another principal",
    "P-NO-HIJACK",
    "T strangers",
    on_stream_requested=_any_principal,
)
defect(
    "T24b",
    "a suspend is taken, and not remembered",
    "P-EXPIRE-SCOPE",
    where="T away",
    on_suspend_requested=_suspend_forgotten,
)
closing = SERVER[CloseRequested]
defect(
    "T24",
    "a client that is done is waited for",
    "P-CLOSE",
    where="T timers",
    on_close_requested=replace(closing, emits=(*closing.emits, StartGrace), decide=_close_waits),
)
defect(
    "T26",
    "a stream request that was held up takes over a later stream",
    "P-STALE-CLOSE",
    on_stream_requested=_older_request_takes_over,
)
defect(
    "T38",
    "a late suspend counts after the return",
    "P-STALE-CLOSE",
    "T twice away",
    on_suspend_requested=_late_suspend,
)
defect(
    "T39", "a lost stream starts no grace timer", "P-EXPIRES", "T return", on_stream_closed=_close_never_arms
)


# -- who drives a session ------------------------------------------------------------------------------


def _detaches_others(i: Any, held: Any, watches: Any, owners: Any, windows: Any) -> Decision:
    mine = {key: owner for key, owner in owners.items() if key[1] == i.cid}
    (kept, after, still, windows), effects = connection.on_grace_elapsed(i, held, watches, mine, windows)
    freed = {key[0] for key in watches} if kept is None else set()
    others = {key: owner for key, owner in owners.items() if key[1] != i.cid and key[0] not in freed}
    return (kept, after, {**others, **still}, windows), effects


CHECKED = -1
"""The number by which the next variant knows that it has looked already."""


def _checks_first(i: Any, held: Any, watches: Any, owners: Any, windows: Any) -> Decision:
    if held is None or held.state != "inactive" or held.generation != i.generation:
        return (held, watches, owners, windows), ()
    if held.serial == CHECKED:
        return _detaches_others(i, held, watches, owners, windows)
    if not any(key[1] == i.cid for key in owners):
        mine: dict[Any, Any] = {}
        (kept, after, _, windows), effects = connection.on_grace_elapsed(i, held, watches, mine, windows)
        return (kept, after, owners, windows), effects
    return (replace(held, serial=CHECKED), watches, owners, windows), (StartGrace(i, 0.0),)


def _expires_who_is_away(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_grace_elapsed(i, replace(held, said_away=NEVER) if held else held, *more)


def _detaches_what_was_left(i: Any, held: Any, watches: Any, owners: Any, windows: Any) -> Decision:
    all_watched = {key: Watch(i.generation, None) for key in owners}
    (kept, after, *rest), effects = connection.on_grace_elapsed(
        i, held, {**all_watched, **watches}, owners, windows
    )
    return (kept, after if kept is None else watches, *rest), effects


def _returns_unwatching(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_stream_requested(replace(i, cursors=()) if held else i, held, *more)


elapsing = replace(SERVER[GraceElapsed], parts=EVERYBODYS)
defect(
    "T05",
    "expiry detaches a session that another connection has taken over",
    "P-TAKEOVER",
    where="T two",
    on_grace_elapsed=replace(elapsing, decide=_detaches_others),
)
defect(
    "T06",
    "expiry detaches suspended sessions, too",
    "P-EXPIRE-SCOPE",
    "T away",
    on_grace_elapsed=_expires_who_is_away,
)
defect(
    "T06b",
    "expiry detaches what was no longer watched",
    "P-EXPIRE-SCOPE",
    where="T unwatched",
    on_grace_elapsed=_detaches_what_was_left,
)
defect("T31", "a reconnect forgets what was watched", "P-WATCH", on_stream_requested=_returns_unwatching)
defect(
    "T32",
    "expiry looks who owns a session, and detaches it in a later step",
    "P-TAKEOVER",
    where="T two",
    on_grace_elapsed=replace(elapsing, emits=(*elapsing.emits, StartGrace), decide=_checks_first),
)


# -- sends ---------------------------------------------------------------------------------------------


def _retries_for_ever(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    first = {key: replace(item, tries=min(item.tries, 1)) for key, item in items.items()}
    (box, *rest), effects = outbox.on_post_replied(i, box, first, *more)
    return (replace(box, post=0), *rest), effects


def _never_retries(i: Any, *more: Any) -> Decision:
    return without(outbox.on_post_replied(i, *more), StartTimer)


def _timer_vanishes(i: Any, box: Any, items: Any, state: Any, *more: Any) -> Decision:
    if state.state != "awaiting":
        return (box, items), ()
    return outbox.on_retry_due(i, box, items, state, *more)


def _reconnect_shortens_any_wait(i: Any, box: Any, *more: Any) -> Decision:
    return outbox.on_flush(i, replace(box, asked=False), *more)


def _all_drops(outcome: str) -> Decide:
    def variant(i: Any, *more: Any) -> Decision:
        parts, effects = outbox.on_post_replied(i, *more)
        dropped = ("failed", "uncertain")
        told = (
            replace(effect, outcome=outcome) if getattr(effect, "outcome", "") in dropped else effect
            for effect in effects
        )
        return parts, tuple(told)

    return variant


def _gives_up_at_once(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    *others, settings = more
    return outbox.on_post_replied(i, box, items, *others, replace(settings, retries_max=0))


def _flushes_the_queued(i: Any, *more: Any) -> Decision:
    return outbox.on_flush(replace(i, new_stream=False), *more)


def _posts_while_down(i: Any, box: Any, items: Any, _state: Any, *more: Any) -> Decision:
    return outbox.on_retry_due(i, box, items, ClientState("awaiting"), *more)


def _posts_all_at_once(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    (box, alone), effects = outbox.on_send_requested(i, box, {}, *more)
    return (box, {**items, **alone}), effects


def _requeues_what_flies(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    again = {
        key: replace(item, state="queued") if item.state == "sending" else item for key, item in items.items()
    }
    return outbox.on_flush(i, box, again, *more)


def _one_too_many(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    *around, settings = more
    wider = replace(settings, queue_max=settings.queue_max + 1)
    return outbox.on_send_requested(i, box, items, *around, wider)


def _throws_out_the_oldest(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    *_, settings = more
    room = dict(list(items.items())[1:]) if len(items) >= settings.queue_max else items
    return outbox.on_send_requested(i, box, room, *more)


def _gives_up_without_asking(i: Any, *more: Any) -> Decision:
    *others, settings = more
    return outbox.on_post_replied(i, *others, replace(settings, refreshes=False))


def _asks_again_and_again(i: Any, box: Any, items: Any, link: Any, access: Any, *more: Any) -> Decision:
    return outbox.on_post_replied(i, box, items, link, replace(access, unproven=False), *more)


def _proven_by_any(i: Any, box: Any, items: Any, link: Any, access: Any, *more: Any) -> Decision:
    """A credential counts as good once anything was taken, whatever it went out with.

    The answer to a POST made with the credential before comes after the refresh, and vouches for the new one;
    when that is refused in turn, another is asked for in its place, and so on. Cured by letting an answer
    speak for the credential that its request went out with, and for no other.
    """
    token = access.token if classify(i.status) == "taken" else i.token
    return outbox.on_post_replied(replace(i, token=token), box, items, link, access, *more)


def _all_may_pass(i: Any, *more: Any) -> Decision:
    return outbox.on_post_replied(replace(i, status=500) if classify(i.status) == "final" else i, *more)


def _shows_it_still(i: Any, *more: Any) -> Decision:
    return without(outbox.on_post_replied(i, *more), Shown)


def _notice_cleared_early(i: Any, *more: Any) -> Decision:
    (box, items), effects = outbox.on_flush(i, *more)
    return (box, items), (*effects, Shown(i.session, view(items)[0], delayed=False))


def _waits_for_the_servers_retry(
    i: Any, box: Any, items: Any, link: Any, access: Any, *more: Any
) -> Decision:
    if any(said not in outbox.VERDICT_EVENTS for _, said in i.verdicts):
        return (box, items, link, access), ()
    return outbox.on_post_replied(i, box, items, link, access, *more)


def _forgets_receipts(i: Any, _window: Any, *more: Any) -> Decision:
    return sends.on_post_arrived(i, None, *more)


def _any_retry_timer(i: Any, box: Any, *more: Any) -> Decision:
    return outbox.on_retry_due(replace(i, post=box.post), box, *more)


defect("T08", "retries have no bound", "P-SETTLE", where="T never", on_post_replied=_retries_for_ever)
defect(
    "T09", "only a reconnect retries what has failed", "P-SETTLE", "T never", on_post_replied=_never_retries
)
defect(
    "T10",
    "a retry timer that finds the stream down vanishes",
    "P-SETTLE",
    where="T never",
    on_retry_due=_timer_vanishes,
    on_flush=_flushes_the_queued,
)
defect("T11", "retries are spent while the stream is down", "P-RETRY-BUDGET", on_retry_due=_posts_while_down)
defect(
    "T12", "each send is posted at once, past those before it", "P-FIFO", on_send_requested=_posts_all_at_once
)
defect("T13", "a reconnect posts again what is in flight", "P-SINGLE-FLIGHT", on_flush=_requeues_what_flies)
defect(
    "T14",
    "the queue takes one more than its bound",
    "P-QUEUE-BOUND",
    "T tight",
    on_send_requested=_one_too_many,
)
defect(
    "T14b",
    "a full queue makes room by throwing out what it had accepted",
    "P-QUEUE-BOUND",
    where="T tight",
    on_send_requested=_throws_out_the_oldest,
)
defect(
    "T15d",
    "a send whose credential is refused is dropped, and no other credential is asked for",
    "P-CLASS",
    where="T credentials",
    on_post_replied=_gives_up_without_asking,
)
defect(
    "T15c",
    "a credential that was refused as soon as it came is replaced again",
    "P-RETRY-BUDGET",
    where="T credentials",
    on_post_replied=_asks_again_and_again,
)
defect("T15", "a permanent status is retried", "P-CLASS", where="T answers", on_post_replied=_all_may_pass)
defect("T08b", "a send that failed once is given up", "P-CLASS", on_post_replied=_gives_up_at_once)
defect(
    "T23c",
    "every drop is called uncertain",
    "P-UNCERTAIN",
    "T answers",
    on_post_replied=_all_drops("uncertain"),
)
defect(
    "T34b",
    "a reconnect shortens the wait that the server asked for",
    "P-SPACED",
    where="T answers",
    on_flush=_reconnect_shortens_any_wait,
)
defect("T16", "what has ended is shown as running", "P-RUNNING", on_post_replied=_shows_it_still)
defect("T17", "a reconnect clears the notice of a delay", "P-NOTICE", on_flush=_notice_cleared_early)
defect(
    "T18",
    "a refusal that does not say whether it will be tried again is waited on",
    "P-NO-STUCK",
    where="T watched ends",
    on_post_replied=_waits_for_the_servers_retry,
)
defect("T23", "receipts are not looked up", "P-EFFECT-ONCE", on_post_arrived=_forgets_receipts)
defect(
    "T23b",
    "a send that is dropped after an attempt whose answer was lost is reported as failed",
    "P-UNCERTAIN",
    where="T losses",
    on_post_replied=_all_drops("failed"),
)
defect(
    "T34",
    "an earlier POST's retry timer ends the present wait",
    "P-SPACED",
    where="T answers",
    on_retry_due=_any_retry_timer,
)


# -- events --------------------------------------------------------------------------------------------


def _takes_any_event(i: Any, link: Any, cursor: Any, state: Any, watching: Any) -> Decision:
    if not events.wanted(state, link, watching, i.attempt, i.session):
        return events.on_event_arrived(i, link, cursor, state, watching)
    last = i.position + i.count - 1
    return (link, Cursor(i.epoch, last)), (Deliver(i.session, i.epoch, i.position, i.count),)


def _takes_what_skips(i: Any, link: Any, cursor: Any, state: Any, watching: Any) -> Decision:
    skips = (i.epoch == cursor.epoch or cursor == START) and i.position > cursor.position + 1
    before = Cursor(i.epoch, i.position - 1) if skips else cursor
    (link, after), effects = events.on_event_arrived(i, link, before, state, watching)
    return (link, after if effects and isinstance(effects[0], Deliver) else cursor), effects


def _writes_to_all_at_once(i: Any, held: Any, watches: Any, settings: Any) -> Decision:
    (after, _), effects = log.on_published(i, held, {}, settings)
    writes, sent = [], {}
    for key, watch in watches.items():
        sent[key] = watch
        if watch.sent is not None:
            sent[key] = replace(watch, sent=Cursor(after.epoch, after.head))
            head = (str(key[1]), watch.generation, i.session, after.epoch)
            writes.append(WriteEvents(*head, watch.sent.position + 1, after.head))
    return (after, sent), (*effects, *writes)


def _begins_at_the_head(i: Any, held: Any, watches: Any, owners: Any, logs: Any) -> Decision:
    heads = {key[0]: Cursor(one.epoch, one.head) for key, one in logs.items() if one is not None}
    cursors = tuple((session, heads.get(session, cursor)) for session, cursor in i.cursors)
    return connection.on_stream_requested(replace(i, cursors=cursors), held, watches, owners, logs)


def _forgets_farewell(_i: Any, _link: Any) -> Decision:
    return (), ()


def _any_farewell(i: Any, link: Any) -> Decision:
    return stream.on_farewell_replied(replace(i, attempt=link.attempt), link)


def _swallows(_i: Any, watching: Any, _link: Any) -> Decision:
    return (watching,), ()


def _hands_over_whole(i: Any, link: Any, cursor: Any, state: Any, watching: Any) -> Decision:
    """Of events that come together the first decides for all."""
    parts, effects = events.on_event_arrived(i, link, cursor, state, watching)
    return parts, tuple(
        replace(e, position=i.position, count=i.count) if isinstance(e, Deliver) else e for e in effects
    )


def _stays_woken(i: Any, watch: Any, *more: Any) -> Decision:
    """A stream that has asked is still taken for one that will.

    Who was woken is not woken again before the stream has asked. If the asking does not put that back, the
    first event is the last that is written. Cured by deciding both in one rule.
    """
    (after,), effects = log.on_events_due(i, watch, *more)
    return (after and replace(after, woken=watch.woken),), effects


publishing = SERVER[Published]
defect(
    "T22",
    "every event is handed over, known or not",
    "P-NO-DUP",
    "T garbled",
    on_event_arrived=_takes_any_event,
)
defect(
    "T22d",
    "of events that come together those that are known are handed over, too",
    "P-NO-DUP",
    where="T garbled",
    on_event_arrived=_hands_over_whole,
)
defect(
    "N45",
    "a stream that has asked for its events still counts as woken, and hears of no other",
    "P-RECONVERGE",
    where="T forgotten",
    on_events_due=_stays_woken,
)
defect(
    "T22b",
    "an event that skips others is handed over",
    "P-NO-LOSS",
    where="T garbled",
    on_event_arrived=_takes_what_skips,
)
defect(
    "T27",
    "what is published is written to all, read or not",
    "P-BOUNDED",
    where="T stalls",
    on_published=replace(publishing, emits=(*publishing.emits, WriteEvents), decide=_writes_to_all_at_once),
)
defect(
    "T22c",
    "a stream begins with what is published from then on",
    "P-RECONVERGE",
    where="T return",
    on_stream_requested=_begins_at_the_head,
)
defect(
    "T35d",
    "a suspend that was not taken is forgotten",
    "P-ERRORS",
    where="T away",
    on_farewell_replied=_forgets_farewell,
)
defect(
    "T35c",
    "the reply to an earlier suspend counts for the present one",
    "P-ERRORS",
    where="T twice away",
    on_farewell_replied=_any_farewell,
)
defect("T35", "a watch that failed is forgotten", "P-RECONVERGE", "T not watched", on_watch_replied=_swallows)


# -- findings of our own -------------------------------------------------------------------------------


def _another_clients(i: Any, held: Any, *more: Any) -> Decision:
    """A stream request that is not newer than the attached one is another client's, or a late one.

    Something on the way (a browser whose kept-alive connection broke, a proxy) repeats the request that the
    server has attached already; the repetition is refused with the word that another holds the id, and the
    client gives its id up. Cured by telling the same attempt apart from an earlier one: it may pass, and the
    next attempt takes the stream over.
    """
    parts, effects = connection.on_stream_requested(i, held, *more)
    return parts, connection.STALE if effects == connection.REPEATED else effects


def _surely_not_taken(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    """A POST that is answered with 409 was not taken, and is posted again under another epoch.

    Of a POST that something on the way repeats, one copy is taken, and the other one comes after the server
    has forgotten the connection. Its 409 is the answer that the client hears; the next attempt is a second
    effect. Cured by leaving such a send in doubt: posted again only where the receipts are still known.
    """
    if i.status != UNKNOWN:
        return outbox.on_post_replied(i, box, items, *more)
    before = {key: item.doubt for key, item in items.items()}
    (box, after, *rest), effects = outbox.on_post_replied(i, box, items, *more)
    return (box, {key: replace(item, doubt=before[key]) for key, item in after.items()}, *rest), effects


def _keeps_for_nobody(i: Any, held: Any) -> Decision:
    """A suspend is taken under an id that the server made, like any other.

    Such a connection has no grace time: it expires with its stream, and what it owned goes with it, though
    its client was told that it is kept. Cured by saying no: the client knows that nothing waits for it.
    """
    if held is None:
        return connection.on_suspend_requested(i, held)
    (after,), effects = connection.on_suspend_requested(i, replace(held, fleeting=False))
    return (replace(after, fleeting=held.fleeting),), effects


def _begins_no_log(i: Any, held: Any, watches: Any, owners: Any, logs: Any) -> Decision:
    """A session comes into being with the first event only.

    A client returns with a cursor of the log that the restart has lost. There is nothing to compare it with,
    so nothing is said; the client believes to be up to date until somebody publishes. Cured by beginning the
    log when a stream asks for it: the cursor is then of another log, and the gap is told at once.
    """
    (after, watching, *parts, _), effects = connection.on_stream_requested(i, held, watches, owners, logs)
    silent = [effect for effect in effects if isinstance(effect, Wake) and logs[(effect.session,)] is None]
    asleep = {(effect.session, effect.cid) for effect in silent}
    watching = {key: replace(w, woken=w.woken and key not in asleep) for key, w in watching.items()}
    return (after, watching, *parts, logs), tuple(effect for effect in effects if effect not in silent)


def _marks_what_it_owns_now(i: Any, held: Any, owners: Any) -> Decision:
    """The suspend marks the sessions that the connection owns at that moment.

    A send that was under way when the client went to the background arrives after it, and makes its session
    the client's without the mark; expiry then detaches what the client was to find again. Cured by noting on
    the connection that its client is away, and by looking at what it owns when it expires.
    """
    (_,), effects = connection.on_suspend_requested(i, held)
    if held is None or any(isinstance(effect, Reject) for effect in effects):
        return (held, owners), effects
    return (held, {key: replace(owner, suspended=i.attempt) for key, owner in owners.items()}), effects


def _keeps_what_is_marked(i: Any, held: Any, watches: Any, owners: Any, windows: Any) -> Decision:
    marked = {key: owner for key, owner in owners.items() if owner.suspended != NEVER}
    others = {key: owner for key, owner in owners.items() if owner.suspended == NEVER}
    (kept, after, still, windows), effects = connection.on_grace_elapsed(i, held, watches, others, windows)
    return (kept, after, {**marked, **still}, windows), effects


def _new_sends_first(rule: Decide) -> Decide:
    def variant(i: Any, box: Any, items: Any, *more: Any) -> Decision:
        """What an earlier life wrote down is asked for again like anything else, in whatever order.

        The first POST of the new life raises the floor below which all keys count as settled, and what was
        never sent is below it: "duplicate". Cured by handing it over with the start, so that it goes first.
        """
        life = max([key[1][0] for key in items], default=0)
        earlier = {key: one for key, one in items.items() if key[1][0] < life and one.state == "queued"}
        later = {key: item for key, item in items.items() if key not in earlier}
        (box, after, *rest), effects = rule(i, box, later, *more)
        return (box, {**earlier, **after}, *rest), effects

    return variant


def _any_life_posts(i: Any, window: Any, owners: Any, log: Any, held: Any) -> Decision:
    """A POST is taken by its epoch alone, whatever life of the client made it.

    Two copies of one client share the connection, its epoch and its receipts. The winner's POST raises the
    floor below which all keys count as settled; the loser's, still under way, is below it: "duplicate", so
    it is reported as delivered, and nobody ever handled it. Cured by letting a POST carry the attempt that it
    was welcomed under, and by rejecting those of an earlier life.
    """
    now = replace(i, attempt=held.generation) if held else i
    return sends.on_post_arrived(now, window, owners, log, held)


def _any_request_brings_it_back(i: Any, held: Any, watches: Any, owners: Any, logs: Any) -> Decision:
    """The fence by attempt goes with the connection, when it expires.

    A stream request that was held up all the while finds nobody, and is taken for a newcomer's: the sessions
    that the client left suspended are its again, and go with it when its stream is seen to be dead. Cured by
    keeping, with what is suspended, the attempt since which its client has been away.
    """
    awake = {key: replace(owner, suspended=NEVER) for key, owner in owners.items()}
    return connection.on_stream_requested(i, held, watches, awake, logs)


def _inherits(i: Any, held: Any, watches: Any, owners: Any, logs: Any) -> Decision:
    """The id is bound to its principal by the connection alone, which expires.

    A client that is away leaves sessions that outlive its connection. Whoever comes next under that id, with
    whatever principal, finds them. Cured by binding what is left behind to the principal, too.
    """
    given = {key: Owner(i.principal) for key in owners} if held is None else owners
    return connection.on_stream_requested(i, held, watches, given, logs)


def _tells_nothing_more(
    i: Any, state: Any, link: Any, me: Any, access: Any, watching: Any, *more: Any
) -> Decision:
    """A session that is watched or unwatched while the stream's request is under way is only noted.

    The request has left without it, and the next one may be hours away. Cured by telling, at the welcome, of
    all that differs from what the request said.
    """
    told = replace(watching, told=watching.sessions)
    return stream.on_welcomed(i, state, link, me, access, told, *more)


def _timer_outlives_the_doubt(i: Any, *more: Any) -> Decision:
    """What a lost epoch leaves in doubt is settled, and the timer of its wait runs on.

    The next POST's wait then finds an older timer beside its own. Cured by cancelling the timer where the
    last send that waited is settled.
    """
    return without(outbox.on_flush(i, *more), CancelTimer)


def _hears_in_any_order(i: Any, held: Any, *more: Any) -> Decision:
    """Words about what is watched carry the attempt alone, as the other requests do.

    "Watch" and "unwatch" of one stream travel on two connections, and the first arrives last. Cured by
    numbering them: one that was overtaken is refused, and its client says all of it anew on another stream.
    """
    return watched.on_watch_requested(replace(i, serial=held.serial + 1) if held else i, held, *more)


def _unhears_in_any_order(i: Any, held: Any, *more: Any) -> Decision:
    return watched.on_unwatch_requested(replace(i, serial=held.serial + 1) if held else i, held, *more)


def _renews_for_ever(i: Any, state: Any, link: Any, *more: Any) -> Decision:
    """A client that lost its id takes another, as often as it is told so.

    Something between answers 409 to everything: each id is said to be another's. Cured by counting it as a
    failed attempt, so that the bound on those holds.
    """
    first = replace(link, failures=0) if i.status == 409 else link
    (state, link, *rest), effects = stream.on_stream_lost(i, state, first, *more)
    return (state, replace(link, attempt=(1, link.attempt[1] % 3)), *rest), effects


def _receipts_go_with_it(i: Any, held: Any, owners: Any, stones: Any, receipts: Any, *more: Any) -> Decision:
    """A session that is forgotten is forgotten whole, with its receipts.

    An answer is lost, and the session ends. The client sits out its waits, longer than the session is kept:
    the name is free again, the epoch of the connection is the same, and nobody knows the key. It is handled
    twice. Cured by leaving receipts with their connection: they go when it goes, and its epoch with it.
    """
    (log_, owners, stones), effects = forgetting.on_forget_due(i, held, owners, stones, *more)
    return (log_, owners, stones, {} if log_ is None else receipts), effects


def _told_still_watches(i: Any, watch: Any, held: Any, *more: Any) -> Decision:
    """Who was told of the end counts among those who watch, as long as the stream lasts.

    A client of many sessions keeps its stream for days, and with it everything that has ended on it. Cured
    by taking the end for the end: who was told of it watches no more.
    """
    (after,), effects = log.on_events_due(i, watch, held, *more)
    told = any(isinstance(effect, WriteEnd) for effect in effects)
    return (Watch(i.generation, Cursor(held.epoch, held.head)) if told else after,), effects


def _takes_any_data(i: Any, *more: Any) -> Decision:
    """Typed data is looked at when it is handled.

    The sender has its receipt by then; that its data was no good is an event of the session, which it may
    not watch. Cured by looking at it when it is posted, and by refusing that send alone.
    """
    return sends.on_post_arrived(replace(i, unfit=()), *more)


def _abandons_what_it_has_receipts_for(i: Any, *more: Any) -> Decision:
    """The end of a session ends its sends; what is in flight is uncertain.

    A handler that ends the session at once is told of by the stream, before the answer to the POST: the
    client hears of the end, and calls the very send uncertain that brought it about. Cured by writing the
    receipts with the end.
    """
    return outbox.on_abandon(replace(i, verdicts=()), *more)


suspending = SERVER[SuspendRequested]
forgets = SERVER[ForgetDue]
defect(
    "N41",
    "what is forgotten with a session are its receipts, too: a send that is repeated is handled twice",
    "P-EFFECT-ONCE",
    where="T forgets",
    on_forget_due=replace(
        forgets, parts=(*forgets.parts, WINDOW.every("session")), decide=_receipts_go_with_it
    ),
)
defect(
    "N42",
    "who was told that a session is over keeps the server from forgetting it",
    "P-EXPIRES",
    where="T forgets one",
    on_events_due=_told_still_watches,
)
defect(
    "N44",
    "data that the application cannot take is accepted, and fails where nobody who sent it looks",
    "P-CLASS",
    where="T unfit",
    on_post_arrived=_takes_any_data,
)
defect(
    "N43",
    "a send that ended its session is called uncertain, since the end comes before the answer",
    "P-UNCERTAIN",
    where="T ends",
    on_abandon=_abandons_what_it_has_receipts_for,
)
defect(
    "N01",
    "a client that comes back to a server that has lost its log hears of it only with the next event",
    "P-RECONVERGE",
    where="T forgotten",
    on_stream_requested=_begins_no_log,
)
defect(
    "N02",
    "a send that comes after the suspend makes its session one that expiry takes",
    "P-EXPIRE-SCOPE",
    where="T away",
    on_suspend_requested=replace(
        suspending, parts=(CONNECTION.one, OWNER.every("cid")), decide=_marks_what_it_owns_now
    ),
    on_grace_elapsed=_keeps_what_is_marked,
)
defect(
    "N03",
    "what an earlier life had not settled goes behind new sends, and passes for a duplicate",
    "P-CLASS",
    where="T spare",
    on_send_requested=_new_sends_first(outbox.on_send_requested),
    on_flush=_new_sends_first(outbox.on_flush),
    on_post_replied=_new_sends_first(outbox.on_post_replied),
)
defect(
    "N04",
    "of two copied clients, the loser's send passes for a duplicate of the winner's, and is lost",
    "P-CLASS",
    where="T copied",
    on_post_arrived=_any_life_posts,
)
defect(
    "N05",
    "what an id left suspended falls to the next principal that comes with it",
    "P-NO-HIJACK",
    where="T strangers",
    on_stream_requested=_inherits,
)
defect(
    "N06",
    "what is watched between the request and the welcome is never told",
    "P-WATCH",
    where="T watching",
    on_welcomed=_tells_nothing_more,
)
defect(
    "N07",
    "a retry timer outlives the wait that a lost epoch has ended",
    "P-SPACED",
    where="T restart",
    on_flush=_timer_outlives_the_doubt,
)
defect(
    "N08",
    "of two words about one session, the one that was overtaken counts",
    "P-WATCH",
    where="T watching",
    on_watch_requested=_hears_in_any_order,
    on_unwatch_requested=_unhears_in_any_order,
)
defect(
    "N30",
    "a request from before the client went away brings it back, and what it left is lost",
    "P-EXPIRE-SCOPE",
    where="T away",
    on_stream_requested=_any_request_brings_it_back,
)
defect(
    "N33",
    "a stream request that was repeated on the way costs its client the id",
    "P-OWNER",
    where="T repeated",
    on_stream_requested=_another_clients,
)
defect(
    "N35",
    "of a POST that was repeated on the way the copy that was refused counts, and it is handled twice",
    "P-EFFECT-ONCE",
    where="T doubled",
    on_post_replied=_surely_not_taken,
)
defect(
    "N34",
    "a credential that nobody has taken passes for a good one",
    "P-RETRY-BUDGET",
    where="T credentials",
    on_post_replied=_proven_by_any,
)
defect(
    "N36",
    "a suspend under an id that the server made is taken, and nothing is kept",
    "P-EXPIRE-SCOPE",
    where="T old away",
    on_suspend_requested=_keeps_for_nobody,
)
defect(
    "N09",
    "a client whose every id is said to be another's takes new ones for ever, and at once",
    "P-TERMINATES",
    where="T outbid",
    on_stream_lost=_renews_for_ever,
)
