"""What the stream brings: events in order, once each, or word that some are gone for good."""

from __future__ import annotations

from perdure_model.core.client.book import CLIENT
from perdure_model.core.client.effects import Deliver, DeliverGap, Next
from perdure_model.core.client.inputs import Desynced, EventArrived, GapArrived
from perdure_model.core.client.parts import CURSOR, LINK, STATE, WATCHING, ClientState, Link, Watching
from perdure_model.core.common import START, Attempt, Cursor, refuse
from perdure_model.core.rule import Decision
from perdure_model.core.value import replace


def wanted(state: ClientState, link: Link, watching: Watching, attempt: Attempt, session: str) -> bool:
    """Whether what this stream brings of this session is for us."""
    ours = link.open and link.attempt == attempt and state.state == "awaiting"
    return ours and session in watching.sessions


@CLIENT.rule(EventArrived, LINK.one, CURSOR.one, reads=(STATE.one, WATCHING.one), emits=(Deliver, Next))
def on_event_arrived(
    i: EventArrived, link: Link, cursor: Cursor, state: ClientState, watching: Watching
) -> Decision:
    """The next event is handed over, a known one is not, and one that skips means to ask again.

    Of several that came together it is the same for each: those that are known stand first.
    """
    if not wanted(state, link, watching, i.attempt, i.session):
        return refuse("an event of a stream or a session that is no longer ours", link, cursor)
    same_log, last = i.epoch == cursor.epoch, i.position + i.count - 1
    if same_log and last <= cursor.position:
        return refuse("an event that was handed over before", link, cursor)
    following = cursor.position + 1
    if i.position <= following <= last and (same_log or cursor == START):
        parts = (replace(link, failures=0) if link.failures else link, Cursor(i.epoch, last))
        return parts, (Deliver(i.session, i.epoch, following, last - cursor.position),)
    return (link, cursor), (Next(Desynced(i.attempt, i.chance)),)


@CLIENT.rule(GapArrived, CURSOR.one, reads=(STATE.one, LINK.one, WATCHING.one), emits=(DeliverGap,))
def on_gap_arrived(
    i: GapArrived, cursor: Cursor, state: ClientState, link: Link, watching: Watching
) -> Decision:
    """The application is told, and goes on from the snapshot."""
    if not wanted(state, link, watching, i.attempt, i.session):
        return refuse("a gap on a stream or of a session that is no longer ours", cursor)
    return (Cursor(i.epoch, i.position),), (DeliverGap(i.session, i.epoch, i.position),)
