"""How often a send is posted, and when again."""

from __future__ import annotations

from typing import Any

from perdure_model.world.model import Properties
from perdure_model.world.transport.properties.common import sometimes
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states


@states("P-RETRY-BUDGET")
def retry_budget(w: Transport) -> None:
    """A send is posted at most 1 + `retries_max` times, and once more for each refused credential; another
    credential is asked for only in place of one that the server had taken. No attempt is spent while the
    stream is known to be down."""
    for tab in w.tabs:
        for answers in tab.answers.values():

            @w.always(answers, name="P-RETRY-BUDGET")
            def within(answers: Any) -> bool:
                return bool(answers.posted <= 1 + w.bounds.retries_max + answers.denied)

        @w.always(tab.credential, name="P-RETRY-BUDGET")
        def not_in_vain(credential: Any) -> bool:
            return not bool(credential.vain)

        @w.always(tab.posts, name="P-RETRY-BUDGET")
        def up(posts: Any) -> bool:
            return not any(post.down for post in posts)

    @sometimes(w, "P-RETRY-BUDGET", *w.tabs[0].items.values())
    def repeated(*items: Any) -> bool:
        return any(item is not None and item.tries > 1 for item in items)


@states("P-SPACED")
def spaced(w: Transport) -> None:
    """Between two attempts lies the backoff or `Retry-After`, or a reconnect: a send that waits for its retry
    has its timer, of its latest POST, and no other send has one."""
    for tab in w.tabs:

        @w.always(tab.retry, *tab.items.values(), name="P-SPACED")
        def timed(timers: Any, *items: Any) -> bool:
            waiting = {item.post for item in items if item is not None and item.state == "retrying"}
            return {due.post for due in timers} == waiting

        for answers in tab.answers.values():

            @w.always(answers, name="P-SPACED")
            def as_asked(answers: Any) -> bool:
                return bool(answers.wrong != "hasty")

    @sometimes(w, "P-SPACED", w.tabs[0].retry)
    def waits(timers: Any) -> bool:
        return bool(timers)
