"""The server of the remote state: how it answers, and what its streams bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure_model.core.follow import inputs as told
from perdure_model.world.follow.wires import Channel, Post, Remote, Snap, Step

if TYPE_CHECKING:
    from perdure_model.world.follow.world import Following


def server(world: Following) -> None:
    """Declare what the server does."""
    action, b = world.system.action, world.bounds

    @action(world.channel, world.remote, name="the server opens the stream", fair=True)
    def opening(channel: Channel | None, remote: Remote) -> Step:
        if channel is not None and not channel.open and not channel.over:
            begun = (told.StreamOpened(channel.attempt), *missed(world, channel, remote))
            yield channel._replace(open=True, messages=begun, over=b.gone), remote

    @action(world.snap, world.remote, name="the server answers the request for a snapshot", fair=True)
    def answering(snap: Snap | None, remote: Remote) -> Step:
        if snap is not None and snap.reply is None:
            serial = ("snapshot", remote.version, snap.early)
            held = handles(world, remote.version)
            reply = told.SnapshotReplied(snap.attempt, 200, serial, *held, remote.outcome)
            yield snap._replace(reply=reply), remote

    @action(world.remote, world.channel, world.budget["changes"], name="the remote state changes")
    def changing(remote: Remote, channel: Channel | None, left: int) -> Step:
        if left and remote.outcome is None:
            yield *moved_on(world, remote, channel, None), left - 1

    @action(world.remote, world.channel, name="the remote state comes to its end")
    def concluding(remote: Remote, channel: Channel | None) -> Step:
        for outcome in b.outcomes if remote.outcome is None else ():
            yield moved_on(world, remote, channel, outcome)

    @action(world.post, world.remote, world.channel, name="the server takes what is submitted", fair=True)
    def taking(post: Post | None, remote: Remote, channel: Channel | None) -> Step:
        if post is None or post.reply is not None:
            return
        if remote.outcome is not None:
            yield Post(post.submit, told.SubmitReplied(post.submit, 409)), remote, channel
            return
        for outcome in (None, *b.outcomes):
            after, written = moved_on(world, remote, channel, outcome)
            yield Post(post.submit, taken(world, post, after)), after, written
        if b.idle_submits:
            yield Post(post.submit, taken(world, post, remote)), remote, channel


def handles(world: Following, version: int) -> tuple[int | None, int | None]:
    """A state's version and cursor, as far as this server has them."""
    b = world.bounds
    return (version if b.ordered else None), (version if b.resumes else None)


def taken(world: Following, post: Post, remote: Remote) -> told.SubmitReplied:
    """The answer to a submission that was taken."""
    if not world.bounds.brings:
        return told.SubmitReplied(post.submit, 200)
    serial = ("brought", remote.version, False)
    version, _ = handles(world, remote.version)
    return told.SubmitReplied(post.submit, 200, True, serial, version, remote.outcome)


def missed(world: Following, channel: Channel, remote: Remote) -> tuple[Any, ...]:
    """What a stream begins with: the states behind its cursor."""
    if channel.cursor is None:
        return ()
    versions = range(channel.cursor + 1, remote.version + 1)
    outcomes = [None] * (len(versions) - 1) + [remote.outcome]
    return tuple(
        event(world, channel, version, outcome)
        for version, outcome in zip(versions, outcomes[-len(versions) :], strict=False)
    )


def event(world: Following, channel: Channel, version: int, outcome: str | None) -> told.StateArrived:
    """What the stream says of a state."""
    return told.StateArrived(channel.attempt, ("event", version, False), *handles(world, version), outcome)


def moved_on(
    world: Following, remote: Remote, channel: Channel | None, outcome: str | None
) -> tuple[Remote, Channel | None]:
    """The next state of the remote, written to the stream, which ends with the last one."""
    after = Remote(remote.version + 1, outcome)
    if channel is None or not channel.flows:
        return after, channel
    messages = (*channel.messages, event(world, channel, after.version, outcome))
    return after, channel._replace(messages=messages, over=outcome is not None)
