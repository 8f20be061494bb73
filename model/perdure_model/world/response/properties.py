"""What must hold of system R's world: each property of the specification that this world can break.

A property is a function from a world to its statement; its docstring is the living text, its name the
stable id. Beside every `always` stands the `sometimes` that keeps it from holding for want of occasion.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perdure_model.world.model import Properties
from perdure_model.world.response.world import Response, Try

PROPERTIES = Properties()
states = PROPERTIES.states


def at_rest(w: Response) -> None:
    """Where stopping is right: every call has ended, and nobody waits for anything.

    Every other state without a next step is a deadlock: a call that nobody answers.
    """

    @w.system.terminal(*w.calls.values(), w.running, *w.up.values())
    def rest(*all_of: Any) -> bool:
        n = len(w.names)
        calls, running, up = all_of[:n], all_of[n], all_of[n + 1 :]
        return all(call is not None and call.outcome for call in calls) and not running and not any(up)


def together(w: Response, *wires: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The states of several wires, call by call."""
    flat, n = [one for wire in wires for one in wire], len(w.names)
    yield from zip(*(flat[start : start + n] for start in range(0, len(flat), n)), strict=True)


def events(seen: Any) -> list[tuple[int, int]]:
    """The events that the consumer was handed."""
    return [one for one in seen if isinstance(one[1], int)]


def proven(w: Response, tried: Try) -> bool:
    """Whether the attempt was alive: a live event, or one more prefix event than are held."""
    return tried.live > 0 or tried.prefix > w.bounds.prefix_max


def dead(w: Response, tried: Try) -> bool:
    """Whether the attempt failed authentication before it was proven alive."""
    return tried.end == "auth" and not proven(w, tried)


@states("P-NO-PHANTOM")
def no_phantom(w: Response) -> None:
    """At most one `start`, none before an authentication error that was cured; all events from one attempt.

    An authentication error that surfaces before any live event has no `start` before it either.
    """

    @w.system.always(*w.tries.values(), *w.seen.values(), name="P-NO-PHANTOM")
    def one_attempt(*wires: Any) -> bool:
        return all(
            all(attempt == len(tries) and not dead(w, tries[-1]) for attempt, _ in events(seen))
            for tries, seen in together(w, wires)
        )

    @w.system.sometimes(*w.tries.values(), *w.seen.values(), name="P-NO-PHANTOM has occasion")
    def cured(*wires: Any) -> bool:
        return any(len(tries) == 2 and tries[0].prefix and events(seen) for tries, seen in together(w, wires))


@states("P-PREFIX")
def prefix(w: Response) -> None:
    """At most the prefix bound is held; it comes first, in order: once alive, at the end, before an error."""

    def right(call: Any, tries: Any, seen: Any) -> bool:
        if call is None:
            return True
        had, brought = events(seen), tries[-1].events
        if call.state == "holding":
            return not had and call.held == brought and len(brought) <= w.bounds.prefix_max
        if call.held:
            return False
        if call.state == "refreshing" or call.outcome == "cancelled" or dead(w, tries[-1]):
            return had == [(len(tries), event) for event in brought[: len(had)]]
        return had == [(len(tries), event) for event in brought]

    @w.system.always(*w.calls.values(), *w.tries.values(), *w.seen.values(), name="P-PREFIX")
    def in_order(*wires: Any) -> bool:
        return all(right(*each) for each in together(w, wires))

    @w.system.sometimes(*w.calls.values(), name="P-PREFIX has occasion")
    def holds(*calls: Any) -> bool:
        return any(call is not None and len(call.held) == w.bounds.prefix_max for call in calls)


@states("P-REFRESH")
def refresh(w: Response) -> None:
    """A call asks for a token exactly when its first attempt fails authentication before any live event.

    A second attempt needs another token; else the original error surfaces, and only where no token that the
    application has given is left untried. (The last clause is ours: without it a token that is given while a
    refresh runs may be lost.)
    """

    def right(tries: Any, answer: Any, seen: Any) -> bool:
        if not tries:
            return True
        first, error = tries[0], next((attempt for attempt, what in seen if what == "error"), 0)
        if not dead(w, first):
            return answer is None and len(tries) == 1 and error in (0, 1)
        if len(tries) == 1:
            return not error or (error == 1 and answer == "denied")
        again = len(tries) == 2 and tries[1].token == answer != first.token
        return again and (not error or error == (1 if dead(w, tries[1]) else 2))

    @w.system.always(*w.tries.values(), *w.answers.values(), *w.seen.values(), name="P-REFRESH")
    def when_and_only_when(*wires: Any) -> bool:
        return all(right(*each) for each in together(w, wires))

    @w.system.sometimes(*w.tries.values(), *w.seen.values(), name="P-REFRESH has occasion")
    def twice_refused(*wires: Any) -> bool:
        return any(len(tries) == 2 and tries[1].end == "auth" and seen for tries, seen in together(w, wires))


@states("P-ONE-REFRESH")
def one_refresh(w: Response) -> None:
    """One refresh at a time, only of a token that was refused, and once for each time that it came into use.

    A refresh that was cancelled because nobody waited for it any more does not count. A token comes into use
    again where the application, or a refresh of another token, brings it back.
    """

    @w.system.always(w.running, w.begun, w.refused, name="P-ONE-REFRESH")
    def once(running: Any, begun: Any, refused: Any) -> bool:
        return len(running) <= 1 and len(begun) == len(set(begun)) and refused >= set(begun)

    @w.system.sometimes(*w.waiters.values(), name="P-ONE-REFRESH has occasion")
    def shared(*waiters: Any) -> bool:
        return len(w.names) == 1 or sum(waiter is not None for waiter in waiters) > 1


@states("P-NO-LEAK")
def no_leak(w: Response) -> None:
    """A call that ended has no attempt open and waits for no token; a refresh runs only where one waits."""

    @w.system.always(
        *w.calls.values(), *w.open.values(), *w.waiters.values(), *w.up.values(), w.running, name="P-NO-LEAK"
    )
    def nothing_held(*wires: Any) -> bool:
        *each, running = wires
        waits = False
        for call, is_open, waiter, up in together(w, tuple(each)):
            attempts = (
                {call.attempt} if call is not None and call.state in ("holding", "streaming") else set()
            )
            if is_open - attempts or (waiter and call.state != "refreshing" and not up):
                return False
            waits = waits or waiter is not None
        return waits or not running

    @w.system.sometimes(*w.calls.values(), w.running, name="P-NO-LEAK has occasion")
    def others_wait(*wires: Any) -> bool:
        *calls, running = wires
        left = any(call is not None and call.outcome == "cancelled" for call in calls)
        return bool(running) and left


@states("P-TERMINAL-ONCE")
def terminal_once(w: Response) -> None:
    """A call ends with one outcome, which is its cause's, and its consumer is handed nothing after it."""

    def right(call: Any, seen: Any) -> bool:
        if call is None:
            return True
        last = [what for _, what in seen if isinstance(what, str)]
        if last and seen[-1][1] != last[0]:
            return False
        return last == {"completed": ["finished"], "failed": ["error"]}.get(call.outcome, [])

    @w.system.always(*w.calls.values(), *w.seen.values(), name="P-TERMINAL-ONCE")
    def one_outcome(*wires: Any) -> bool:
        return all(right(*each) for each in together(w, wires))

    @w.system.sometimes(*w.calls.values(), name="P-TERMINAL-ONCE has occasion")
    def every_outcome(*calls: Any) -> bool:
        return all(call is not None and call.outcome for call in calls)


@states("P-CALL-ENDS")
def call_ends(w: Response) -> None:
    """Every call ends, whatever other calls' streams do; but for one whose own stream never does."""
    mortal = [w.calls[call] for call in w.names[w.bounds.endless :]]

    @w.system.eventually(*mortal, name="P-CALL-ENDS")
    def ended(*calls: Any) -> bool:
        return all(call is not None and call.outcome is not None for call in calls)

    @w.system.sometimes(*w.calls.values(), name="P-CALL-ENDS has occasion")
    def another_streams(*calls: Any) -> bool:
        states = {None if call is None else call.state for call in calls}
        return len(w.names) == 1 or {"streaming", "refreshing"} <= states
