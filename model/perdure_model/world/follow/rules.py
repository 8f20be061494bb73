"""The rules of the session: what arrives, from the wires, the application and the timers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from perdure_model.core.follow import inputs as told
from perdure_model.world.bind import Arrival
from perdure_model.world.follow.wires import (
    NOTHING,
    App,
    Cause,
    Channel,
    Late,
    Post,
    Snap,
    Wallet,
    aged,
    judged,
    refused,
    ruled,
)

if TYPE_CHECKING:
    from perdure_model.world.follow.world import Following

FOLLOWERS = (
    told.StateBrought,
    told.Condemned,
    told.ResyncWanted,
    told.SubmitAnswered,
    told.SubmitAbandoned,
)
BY_ALL = (
    told.StreamOpened,
    told.StateArrived,
    told.FollowLost,
    told.SnapshotReplied,
    told.AgainDue,
    told.GiveUpDue,
    told.SteadyDue,
)
BY_ERRORS = (told.ErrorArrived,)
BY_CREDENTIALS = (told.CredentialGiven,)
BY_SUBMISSIONS = (told.SubmitReplied, told.SettleDue)
BY_BOTH = (told.SubmitCredentialGiven,)
"""What may be called off too late, by what a world has."""


def arrival_rules(world: Following) -> None:
    """Bind what begins and ends the session, and what the wires bring."""

    def starting(asked: int, started: Any) -> Iterator[Arrival]:
        if started.last is None:
            yield told.FollowStarted(), (asked, Cause(last="started")), None

    def leaving(left: int, app: App, cause: Cause) -> Iterator[Arrival]:
        if left and cause.last is not None:
            after = cause if app.finished else ruled(cause, "closed")
            yield told.FollowLeft(), (left - 1, app, after), None

    def arriving(kind: type) -> Any:
        def arrivals(channel: Channel | None, owed: Any, cause: Cause) -> Iterator[Arrival]:
            if channel is not None and channel.messages and isinstance(channel.messages[0], kind):
                i, rest = channel.messages[0], channel._replace(messages=channel.messages[1:])
                status = i.status if isinstance(i, told.ErrorArrived) else owed
                yield i, (rest, status, judged(cause, i)), None

        return arrivals

    def losing(channel: Channel | None, _owed: Any, cause: Cause) -> Iterator[Arrival]:
        if channel is not None and channel.over and not channel.messages:
            i = told.FollowLost(channel.attempt, channel.status)
            yield i, (None, channel.status, judged(cause, i)), None

    def replied(snap: Snap | None, owed: Any, cause: Cause) -> Iterator[Arrival]:
        if snap is not None and snap.reply is not None:
            i = snap.reply
            yield i, (None, owed if i.status == 200 else i.status, judged(cause, i)), None

    world.bind_at_leisure(told.FollowStarted, [world.asked, world.cause], starting)
    if world.bounds.leaves:
        sources = [world.budget["leaves"], world.app, world.cause]
        world.bind_at_leisure(told.FollowLeft, sources, leaving, fair=False)
    brought = [told.StreamOpened, told.StateArrived] + [told.ErrorArrived] * bool(world.bounds.errors)
    for kind in brought:
        world.bind_at_leisure(kind, [world.channel, world.owed, world.cause], arriving(kind))
    world.bind_at_leisure(told.FollowLost, [world.channel, world.owed, world.cause], losing)
    world.bind_at_leisure(told.SnapshotReplied, [world.snap, world.owed, world.cause], replied)
    if world.bounds.submits:
        _submission_rules(world)
    if world.bounds.renews:
        _credential_rules(world)


def _submission_rules(world: Following) -> None:
    def submitting(asked: int, app: App, snap: Snap | None, cause: Cause) -> Iterator[Arrival]:
        if asked < world.bounds.submits and cause.last is not None:
            first = app.base is None and app.finished is None
            after = app._replace(base=app.shown, taken=False) if first else app
            held_up = snap._replace(early=True) if snap else snap
            if snap and snap.reply and first:
                held_up = aged(snap)
            i = told.SubmitRequested(asked + 1)
            yield i, (asked + 1, after, held_up if first else snap, cause), None

    def replied(post: Post | None, cause: Cause) -> Iterator[Arrival]:
        if post is not None and post.reply is not None:
            yield post.reply, (None, judged(cause, post.reply)), None

    sources = [world.asked, world.app, world.snap, world.cause]
    world.bind_at_leisure(told.SubmitRequested, sources, submitting, fair=False)
    world.bind_at_leisure(told.SubmitReplied, [world.post, world.cause], replied)
    for follower in FOLLOWERS:
        world.bind(world.book, follower, [world.following], following(follower))


def _credential_rules(world: Following) -> None:
    def given(kind: type) -> Any:
        def arrivals(wallet: Wallet, cause: Cause) -> Iterator[Arrival]:
            for i in sorted(wallet.asked, key=repr):
                if isinstance(i, kind):
                    last = "renewed" if cause.last in (None, 401) else cause.last
                    left = wallet._replace(asked=wallet.asked - {i})
                    yield i, (left, cause._replace(last=last)), None
                    yield refused(i), (left, ruled(cause, "expired")), None

        return arrivals

    asking = (told.CredentialGiven, *[told.SubmitCredentialGiven] * bool(world.bounds.submits))
    for kind in asking:
        world.bind_at_leisure(kind, [world.credential, world.cause], given(kind))


def timer_rules(world: Following) -> None:
    """Bind that timers run out."""

    def running_out(running: frozenset[Any]) -> Iterator[Arrival]:
        for due, seconds in sorted(running, key=repr):
            yield due, (running - {(due, seconds)},), None

    def giving_up(running: frozenset[Any], cause: Cause) -> Iterator[Arrival]:
        for i, _, _ in running_out(running):
            yield i, (NOTHING, cause._replace(last="elapsed")), None

    def steady(
        running: frozenset[Any], channel: Channel | None, cause: Cause, wallet: Wallet
    ) -> Iterator[Arrival]:
        if channel is not None and channel.flows:  # one that is over has not stayed up
            for i, (left,), _ in running_out(running):
                after = left, channel, cause._replace(last="steady"), wallet._replace(used=0)
                yield i, after, None

    world.bind_at_leisure(told.AgainDue, [world.again], running_out)
    world.bind_at_leisure(told.GiveUpDue, [world.give_up, world.cause], giving_up)
    world.bind_at_leisure(
        told.SteadyDue, [world.steady, world.channel, world.cause, world.credential], steady
    )
    if world.bounds.submits:
        world.bind_at_leisure(told.SettleDue, [world.settle], running_out)


def late_rules(world: Following) -> None:
    """Bind what was called off, and comes all the same."""

    def too_late(kind: type) -> Any:
        def arrivals(late: Late) -> Iterator[Arrival]:
            for i in sorted(late.due, key=repr):
                if isinstance(i, kind):
                    yield i, (late._replace(due=late.due - {i}),), None

        return arrivals

    b = world.bounds
    lately = (
        *BY_ALL,
        *BY_ERRORS * bool(b.errors),
        *BY_CREDENTIALS * b.renews,
        *BY_SUBMISSIONS * bool(b.submits),
        *BY_BOTH * (b.renews and bool(b.submits)),
    )
    for kind in lately if b.late else ():
        world.bind_at_leisure(
            kind, [world.late], too_late(kind), name=f"{kind.__name__}: called off too late"
        )


def following(kind: type) -> Any:
    """The input that comes before all others, if it is of this kind."""

    def arrivals(waiting: tuple[Any, ...]) -> Iterator[Arrival]:
        if waiting and isinstance(waiting[0], kind):
            yield waiting[0], (waiting[1:],), None

    return arrivals
