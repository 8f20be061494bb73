"""Where what the session asks for goes: requests, the application, timers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure_model.core.follow import effects as do
from perdure_model.core.follow import inputs as told
from perdure_model.world.follow.wires import App, Channel, Late, Post, Snap, Step, Wallet, seen

if TYPE_CHECKING:
    from perdure_model.world.follow.world import Following


def request_sinks(world: Following) -> None:
    """Say where requests go, and what calls them off."""

    @world.sink(do.OpenStream, world.channel, world.requests)
    def open_stream(e: do.OpenStream, _to: object, _old: object, requests: frozenset[Any]) -> Step:
        again = {"twice"} if e.attempt in requests else set()
        yield Channel(e.attempt, e.cursor), requests | {e.attempt} | again

    @world.sink(do.EndStream, world.channel, world.late)
    def end_stream(e: do.EndStream, _to: object, channel: Channel | None, late: Late) -> Step:
        yield from called_off(late, told.FollowLost(e.attempt, 0), *read_already(channel, e.attempt))

    def read_already(channel: Channel | None, attempt: int) -> tuple[Any, ...]:
        """What our end may have taken off the wire when we closed it."""
        return channel.messages[:1] if channel is not None and channel.attempt == attempt else ()

    def called_off(late: Late, *inputs: Any) -> Step:
        """The wire is empty; one of these may come all the same."""
        yield None, late
        for i in inputs if late.left else ():
            yield None, Late(late.left - 1, late.due | {i})

    @world.sink(do.StreamClosed, world.requests)
    def stream_closed(e: do.StreamClosed, _to: object, requests: frozenset[Any]) -> Step:
        yield (requests - {e.attempt} if e.attempt in requests else requests | {"twice"},)

    @world.sink(do.AskSnapshot, world.snap, world.app)
    def ask_snapshot(e: do.AskSnapshot, _to: object, _old: object, app: App) -> Step:
        yield Snap(e.attempt, early=app.base is not None and not app.taken), app

    @world.sink(do.DropSnapshot, world.snap, world.late)
    def drop_snapshot(e: do.DropSnapshot, _to: object, snap: Snap | None, late: Late) -> Step:
        answered = snap is not None and snap.attempt == e.attempt and snap.reply is not None
        yield from called_off(late, *([snap.reply] if answered and snap else ()))

    @world.sink(do.PostSubmit, world.post)
    def post_submit(e: do.PostSubmit, _to: object, _old: object) -> Step:
        yield (Post(e.submit),)

    @world.sink(do.DropSubmit, world.post, world.late)
    def drop_submit(_e: do.DropSubmit, _to: object, post: Post | None, late: Late) -> Step:
        yield from called_off(late, *([post.reply] if post and post.reply else ()))

    @world.sink(do.AskCredential, world.credential)
    def ask_credential(e: do.AskCredential, _to: object, wallet: Wallet) -> Step:
        asked = wallet.asked | {e.answer}
        if isinstance(e.answer, told.CredentialGiven):
            yield (Wallet(asked, min(2, wallet.used + 1), wallet.submits),)
        else:
            yield (Wallet(asked, wallet.used, min(3, wallet.submits + 1)),)

    @world.sink(do.LeaveCredential, world.credential, world.late)
    def leave_credential(e: do.LeaveCredential, _to: object, wallet: Wallet, late: Late) -> Step:
        left = wallet._replace(asked=wallet.asked - {e.answer})
        yield left, late
        if late.left and left != wallet:
            yield left, Late(late.left - 1, late.due | {e.answer})

    @world.sink(do.Next, world.following)
    def follow(e: do.Next, _to: object, following: tuple[Any, ...]) -> Step:
        yield ((*following, e.input),)


def app_sinks(world: Following) -> None:
    """Say what the application is shown and told."""

    @world.sink(do.Show, world.app, world.credential)
    def show(e: do.Show, _to: object, app: App, wallet: Wallet) -> Step:
        after = seen(app, e.serial)
        progress = after.shown != app.shown and e.serial[0] != "brought"  # type: ignore[index]
        yield after, wallet._replace(used=0) if progress else wallet

    @world.sink(do.Submitted, world.app)
    def submitted(e: do.Submitted, _to: object, app: App) -> Step:
        if e.outcome == "taken":
            yield (app._replace(taken=app.base is not None),)
        else:
            yield (app._replace(base=None, taken=False),)

    @world.sink(do.Finish, world.app)
    def finish(e: do.Finish, _to: object, app: App) -> Step:
        yield (app._replace(finished=e.outcome if app.finished is None else "twice"),)

    @world.sink(do.Report, world.owed)
    def report(e: do.Report, _to: object, owed: int | None) -> Step:
        yield (None if owed == e.status else "another",)

    world.ignore(do.Hold, do.Skip, do.Blame, do.Recovered)


def timer_sinks(world: Following) -> None:
    """Say which timers start and stop; one that is cancelled may come all the same."""
    timers = {
        told.AgainDue: world.again,
        told.GiveUpDue: world.give_up,
        told.SteadyDue: world.steady,
        told.SettleDue: world.settle,
    }
    kinds = list(timers)

    @world.sink(do.StartTimer, *timers.values())
    def start_timer(e: do.StartTimer, _to: object, *running: frozenset[Any]) -> Step:
        n = kinds.index(type(e.due))
        started = running[n] | {(e.due, e.seconds)}
        yield (*running[:n], started, *running[n + 1 :])

    @world.sink(do.CancelTimer, world.late, *timers.values())
    def cancel_timer(e: do.CancelTimer, _to: object, late: Late, *running: frozenset[Any]) -> Step:
        n = kinds.index(type(e.due))
        left = frozenset(one for one in running[n] if one[0] != e.due)
        stopped = (*running[:n], left, *running[n + 1 :])
        yield late, *stopped
        if late.left and left != running[n]:
            yield Late(late.left - 1, late.due | {e.due}), *stopped
