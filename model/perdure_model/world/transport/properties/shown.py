"""What the application is shown and told."""

from __future__ import annotations

from typing import Any

from perdure_model.world.model import Properties
from perdure_model.world.transport.properties.common import living, sometimes
from perdure_model.world.transport.tab import DEAD, Tab
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states


@states("P-RUNNING")
def running(w: Transport) -> None:
    """ "Running" is shown only while an attempt is in flight."""
    for tab in w.tabs:

        @w.always(tab.shown, tab.posts, name="P-RUNNING")
        def in_flight(shown: Any, posts: Any) -> bool:
            return not shown[0] or bool(posts)

    @sometimes(w, "P-RUNNING", w.tabs[0].shown)
    def shows(shown: Any) -> bool:
        return bool(shown[0])


@states("P-NOTICE")
def notice(w: Transport) -> None:
    """A "delayed" notice is shown exactly while some send of the session has failed an attempt and is not
    settled."""
    for tab in w.tabs:
        notice_of(w, tab)

    @sometimes(w, "P-NOTICE", w.tabs[0].shown)
    def delayed(shown: Any) -> bool:
        return bool(shown[1])


def notice_of(w: Transport, tab: Tab) -> None:
    """The statement for one client."""
    looks = [tab.opened, tab.shown, *tab.items.values(), *tab.answers.values()]

    @w.always(*looks, name="P-NOTICE")
    def exactly(opened: Any, shown: Any, *rest: Any) -> bool:
        items, answers = rest[: len(tab.keys)], rest[len(tab.keys) :]
        life = tab.lives[max(0, opened[0] - 1)]
        failed = [
            answer.failed
            for key, item, answer in zip(tab.keys, items, answers, strict=True)
            if item is not None and key[0] == life
        ]
        again = any(item is not None and key[0] != life for key, item in zip(tab.keys, items, strict=True))
        return not living(opened) or again or shown[1] == any(failed)


@states("P-VISIBLE")
def visible(w: Transport) -> None:
    """`reconnecting` is shown exactly while a lost stream is not back and no outcome is reached."""
    for tab in w.tabs:

        @w.always(tab.opened, tab.state, tab.channel, tab.welcome, name="P-VISIBLE")
        def shown(opened: Any, state: Any, channel: Any, welcome: Any) -> bool:
            if not living(opened) or state.state == "terminal":
                return True
            served = channel is not None and channel.generation is not None
            welcomed = served and not channel.unwelcomed
            if state.state == "awaiting":
                return welcomed or (served and bool(w.bounds.garbled))
            lost = channel is None or not welcomed or bool(channel.cut)
            return lost and (state.state != "connecting" or (channel is not None and welcome is None))

    @sometimes(w, "P-VISIBLE", w.tabs[0].state)
    def reconnecting(state: Any) -> bool:
        return state is not None and state.state == "reconnecting"


@states("P-ERRORS")
def errors(w: Transport) -> None:
    """Every failure reaches the application: a session that is wanted and not watched is named, and so is a
    suspend or a goodbye that the server did not take."""
    for tab in w.tabs:

        @w.always(tab.opened, tab.state, tab.wants, tab.watching, tab.told_no, name="P-ERRORS")
        def told(opened: Any, state: Any, wants: Any, watching: Any, told_no: Any) -> bool:
            if not living(opened) or state.state == "terminal":
                return True
            return all(session in watching.sessions or session in told_no for session in wants)

        @w.always(tab.opened, tab.parting, name="P-ERRORS")
        def of_parting(opened: Any, parting: Any) -> bool:
            return not living(opened) or parting.said_no == parting.told

    @sometimes(w, "P-ERRORS", w.tabs[0].told_no)
    def named(told_no: Any) -> bool:
        return bool(told_no)


@states("P-NO-STUCK")
def no_stuck(w: Transport) -> None:
    """ "Running" does not last for ever without the server running something."""
    if w.liveness:
        for tab in w.tabs:
            w.leads_to(
                tab.shown,
                tab.opened,
                when=lambda shown, _opened: bool(shown[0]),
                then=lambda shown, opened: not shown[0] or opened[1] == DEAD,
                name="P-NO-STUCK",
            )

    @sometimes(w, "P-NO-STUCK", w.tabs[0].shown)
    def shows(shown: Any) -> bool:
        return bool(shown[0])
