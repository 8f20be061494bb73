"""What goes wrong on the way: each fault within its budget, but for a server that never returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure_model.core.follow import inputs as told
from perdure_model.world.follow.wires import Channel, Post, Snap, Step

if TYPE_CHECKING:
    from perdure_model.world.follow.world import Following


def faults(world: Following) -> None:
    """Declare what goes wrong."""
    action, budget, b = world.system.action, world.budget, world.bounds

    @action(world.channel, budget["cuts"], name="the stream is cut")
    def cut(channel: Channel | None, left: int) -> Step:
        if channel is not None and left and not channel.over:
            for messages in {channel.messages, ()}:
                yield channel._replace(messages=messages, over=True), left - 1

    @action(world.channel, budget["ends"], name="the server ends the stream")
    def end(channel: Channel | None, left: int) -> Step:
        if channel is not None and left and channel.flows:
            yield channel._replace(over=True, status=200), left - 1

    def worn(left: int) -> int:
        """A server that never returns may fail for ever."""
        return left if b.gone else left - 1

    @action(world.channel, budget["answers"], name="a stream request is answered on the way")
    def answer_stream(channel: Channel | None, left: int) -> Step:
        if channel is not None and left and not channel.open and not channel.over:
            for status in b.statuses:
                yield channel._replace(over=True, status=status), worn(left)

    @action(world.snap, budget["answers"], name="a snapshot request is answered on the way")
    def answer_snapshot(snap: Snap | None, left: int) -> Step:
        if snap is not None and left and snap.reply is None:
            for status in b.statuses:
                yield snap._replace(reply=told.SnapshotReplied(snap.attempt, status)), worn(left)

    @action(world.post, budget["answers"], name="a submission is answered on the way")
    def answer_post(post: Post | None, left: int) -> Step:
        if post is not None and left and post.reply is None:
            for status in b.statuses:
                yield Post(post.submit, told.SubmitReplied(post.submit, status)), worn(left)

    @action(world.post, budget["answers"], name="the answer to a submission is lost")
    def lose_answer(post: Post | None, left: int) -> Step:
        if post is not None and left and post.reply is not None and post.reply.status == 200:
            yield Post(post.submit, told.SubmitReplied(post.submit, 0)), left - 1

    @action(world.channel, budget["errors"], name="the stream brings an error")
    def frame(channel: Channel | None, left: int) -> Step:
        if channel is not None and left and channel.flows:
            for status, fatal in ((0, False), (0, True), (401, True), (410, True)):
                error = told.ErrorArrived(channel.attempt, status, fatal)
                yield channel._replace(messages=(*channel.messages, error)), left - 1
