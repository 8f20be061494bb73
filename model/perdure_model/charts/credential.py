"""A credential that many calls share, and that is refreshed at most once for each refusal."""

from statemachine import State

from perdure_model.charts.base import Chart


class Credential(Chart):
    """A credential: one refresh at a time, whoever asks.

    States:
        usable: the current token may be used
        refreshing: the current token was refused, and one refresh is under way for all who wait
        refused: the refresh brought nothing new; only the application can help

    Events:
        rejected: a caller reports that its token was refused
        refreshed: the refresh brought a token
        failed: the refresh failed
        left: a caller does not want a token any more
        replaced: the application gives a token of its own

    Guards:
        in_use: the refused token is the one in use, not one replaced meanwhile
        current: this is the refresh that is under way, not one that was cancelled
        fresh: the token is another than the one in use, and nobody who waits was refused with it
        waits: the caller waits for the refresh
        last: the caller waits for the refresh, and no other does

    Actions:
        join: the caller waits for the refresh under way
        refresh: start the one refresh
        cancel_refresh: stop it
        adopt: the token is the one in use from now on
        use_current: the caller goes on with the token in use
        give_up: the caller is told that there is no other token
        tell_all: all who wait go on with the token in use
        give_up_all: all who wait are told that there is no other token
        forget: the caller waits no longer
    """

    usable = State(initial=True)
    refreshing = State()
    refused = State()

    rejected = (
        usable.to(refreshing, cond="in_use", on=["join", "refresh"])
        | usable.to.itself(internal=True, on="use_current")
        | refreshing.to.itself(internal=True, on="join")
        | refused.to.itself(internal=True, on="give_up")
    )
    refreshed = refreshing.to(usable, cond=["current", "fresh"], on=["adopt", "tell_all"]) | refreshing.to(
        refused, cond="current", on="give_up_all"
    )
    failed = refreshing.to(refused, cond="current", on="give_up_all")
    left = refreshing.to(usable, cond="last", on=["forget", "cancel_refresh"]) | refreshing.to.itself(
        internal=True, cond="waits", on="forget"
    )
    replaced = (
        usable.to.itself(internal=True, on="adopt")
        | refreshing.to(usable, cond="fresh", on=["cancel_refresh", "adopt", "tell_all"])
        | refused.to(usable, cond="fresh", on="adopt")
    )
