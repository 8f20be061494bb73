"""What becomes of a send: taken at most once, and reported as it is."""

from __future__ import annotations

from typing import Any

from perdure_model.world.model import Properties
from perdure_model.world.transport.properties.common import living, sometimes
from perdure_model.world.transport.tab import AWAY, DEAD, Tab
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states
PASSING = (None, 0, 401, 409, 429, 500, 503)


@states("P-CLASS")
def status_class(w: Transport) -> None:
    """A send is delivered only if the server took it, which it does not if its data is none; a permanent
    status ends it at once, a transient one only when retries are spent, or with the session. A credential
    that the server has taken counts as good: when it is refused, another is asked for, if there is one."""
    for tab in w.tabs:
        status_class_of(w, tab)

        @w.always(tab.access, tab.credential, name="P-CLASS")
        def proven(access: Any, credential: Any) -> bool:
            known = access is None or not access.unproven or access.token not in credential.taken
            return bool(known or credential.none)

    tab = w.tabs[0]

    @sometimes(w, "P-CLASS", *tab.answers.values())
    def refused(*answers: Any) -> bool:
        return any(answer.latest not in (*PASSING, 200) for answer in answers)


def status_class_of(w: Transport, tab: Tab) -> None:
    """The statement for each send of a client."""
    for key in tab.keys:

        @w.always(tab.outcomes[key], tab.handled, name="P-CLASS")
        def delivered(outcome: Any, handled: Any, key: Any = key) -> bool:
            return outcome != "delivered" or key in handled

        if w.bounds.unfit and key[1] == 1:

            @w.always(tab.outcomes[key], tab.handled, name="P-CLASS")
            def unfit(outcome: Any, handled: Any, key: Any = key) -> bool:
                return outcome != "delivered" and key not in handled

        @w.always(tab.outcomes[key], tab.answers[key], tab.following, name="P-CLASS")
        def at_once(outcome: Any, answer: Any, following: Any) -> bool:
            return answer.latest in PASSING or bool(following) or outcome is not None

    for key in tab.keys:
        looks = [tab.opened, tab.state, tab.credential, tab.outcomes[key], tab.answers[key]]

        @w.always(*looks, name="P-CLASS")
        def passing(opened: Any, state: Any, credential: Any, outcome: Any, answer: Any) -> bool:
            if outcome != "failed" or not living(opened) or state.state == "terminal":
                return True
            return bool(answer.latest != 401 or credential.times > 0)

        @w.always(tab.outcomes[key], name="P-CLASS")
        def spent(outcome: Any) -> bool:
            return bool(outcome != "early")


@states("P-EFFECT-ONCE")
def effect_once(w: Transport) -> None:
    """A send takes effect at most once, however often it was posted, also across a restart of either side."""
    for tab in w.tabs:

        @w.always(tab.handled, name="P-EFFECT-ONCE")
        def once(handled: Any) -> bool:
            return len(handled) == len(set(handled))

    tab = w.tabs[0]

    @sometimes(w, "P-EFFECT-ONCE", tab.handled, *tab.items.values())
    def repeated(handled: Any, *items: Any) -> bool:
        again = dict(zip(tab.keys, items, strict=True))
        return any(again[key] is not None and again[key].tries > 1 for key in handled)


@states("P-UNCERTAIN")
def uncertain(w: Transport) -> None:
    """A dropped send is reported failed only if no attempt can have been accepted; else uncertain, and that
    only if one may have been."""
    for tab in w.tabs:

        @w.always(tab.handled, *tab.outcomes.values(), name="P-UNCERTAIN")
        def honest(handled: Any, *outcomes: Any, tab: Tab = tab) -> bool:
            reported = dict(zip(tab.keys, outcomes, strict=True))
            wrong = any(outcome == "failed" and key in handled for key, outcome in reported.items())
            return not wrong and "groundless" not in outcomes

    @sometimes(w, "P-UNCERTAIN", *w.tabs[0].outcomes.values())
    def in_doubt(*outcomes: Any) -> bool:
        return "uncertain" in outcomes


@states("P-SETTLE")
def settle(w: Transport) -> None:
    """Every send of a client that lives ends as delivered, failed or uncertain, and is reported once."""
    for tab in w.tabs:

        @w.always(*tab.outcomes.values(), name="P-SETTLE")
        def reported_once(*outcomes: Any) -> bool:
            return "twice" not in outcomes

    if w.liveness:
        for tab in w.tabs:
            settle_of(w, tab)

    @sometimes(w, "P-SETTLE", *w.tabs[0].outcomes.values())
    def settled(*outcomes: Any) -> bool:
        return any(outcomes)


def settle_of(w: Transport, tab: Tab) -> None:
    """The statement for each send of a client: of this life, or taken up from an earlier one that wrote it
    down. While the client is in the background its sends wait."""
    for key in tab.keys:
        written = [tab.noted[key]] if tab.noted else []  # who cannot be killed need write nothing down

        def asked(asked: int, opened: Any, _outcome: Any, *note: Any, key: Any = key) -> bool:
            return living(opened) and (note[0] is not None if note else asked >= key[1])

        def reported(_asked: int, opened: Any, outcome: Any, *_note: Any) -> bool:
            return outcome is not None or opened[1] in (DEAD, AWAY)

        looks = (tab.asked, tab.opened, tab.outcomes[key], *written)
        w.leads_to(*looks, when=asked, then=reported, name="P-SETTLE")
