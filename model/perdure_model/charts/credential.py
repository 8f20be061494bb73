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
        rejected: a call reports that its token was refused
        refreshed: the refresh brought a token
        failed: the refresh failed
        abandoned: the last call that waited has left
        replaced: the application gives a token of its own

    Guards:
        current: the refused token is the one in use, not one replaced meanwhile
        changed: the token is another than the one that was refused

    Actions:
        refresh: start the one refresh
        cancel_refresh: stop it
        use_current: the caller goes on with the token in use
        join: the caller waits for the refresh under way
        announce: all who wait are told
    """

    usable = State(initial=True)
    refreshing = State()
    refused = State()

    rejected = (
        usable.to(refreshing, cond="current", on="refresh")
        | usable.to.itself(internal=True, on="use_current")
        | refreshing.to.itself(internal=True, on="join")
        | refused.to.itself(internal=True, on="announce")
    )
    refreshed = refreshing.to(usable, cond="changed", on="announce") | refreshing.to(refused, on="announce")
    failed = refreshing.to(refused, on="announce")
    abandoned = refreshing.to(usable, on="cancel_refresh")
    replaced = refused.to(usable) | usable.to.itself(internal=True)
