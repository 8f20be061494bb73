"""System A's world: a session and the remote state that it follows, the wires between, and what can go wrong.

The remote is a version that grows and an outcome that comes once. The wires: the latest stream, the latest
snapshot, the submission's request, the credential that is asked for. A state's serial number says what it
truly is: where it came from, its version, and whether it may be from before a submission. Timers may fire
at any moment once started; one that is cancelled may, within a budget, have just run out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perdure_model.checker import Component
from perdure_model.core.follow import effects as do
from perdure_model.core.follow import inputs as told
from perdure_model.core.follow import parts as mine
from perdure_model.world.bind import Arrival, World
from perdure_model.world.defect import Books
from perdure_model.world.follow.wires import (
    NOTHING,
    App,
    Bounds,
    Cause,
    Channel,
    Late,
    Post,
    Remote,
    Snap,
    Wallet,
    aged,
    judged,
    refused,
    ruled,
    seen,
)

Step = Iterator[tuple[Any, ...]]


class Following(World):
    """The world of one session that is followed; the book may have a defect."""

    def __init__(self, bounds: Bounds, name: str, books: Books) -> None:
        super().__init__(name)
        self.bounds, self.book = bounds, books["follow"]
        self._parts()
        self._wires()
        self._request_sinks()
        self._app_sinks()
        self._timers()
        self._arrivals()
        self._timer_rules()
        self._late_rules()
        self._server()
        self._faults()

    # -- components --------------------------------------------------------------------------------

    def _parts(self) -> None:
        b = self.bounds
        self.settings = mine.FollowSettings(
            attempts_max=b.attempts_max, resumes=b.resumes, renews=b.renews, numbers=b.numbers
        )
        self.state = self.part(mine.STATE)
        self.tried = self.part(mine.ATTEMPT)
        self.view = self.part(mine.VIEW)
        self.held = self.part(mine.HELD)
        self.submit = self.part(mine.SUBMIT)
        self.part(mine.SETTINGS, (), self.settings)

    def _wires(self) -> None:
        add, b = self.system.component, self.bounds
        self.remote = add("remote", Remote())
        self.channel = add("wire.stream", None)
        self.snap = add("wire.snapshot", None)
        self.post = add("wire.submission", None)
        self.credential = add("wire.credential", Wallet())
        self.following = add("session.next", ())
        self.again = add("timer.again", NOTHING)
        self.give_up = add("timer.give up", NOTHING)
        self.steady = add("timer.steady", NOTHING)
        self.settle = add("timer.settle", NOTHING)
        self.late = add("timer.late", Late(b.late))
        self.app = add("app", App())
        self.asked = add("app.asked", 0)
        self.requests = add("app.requests", NOTHING)
        self.owed = add("app.error", None)
        self.cause = add("cause", Cause())
        self.budget = {
            name: add(f"budget.{name}", left)
            for name, left in {
                "changes": b.changes,
                "leaves": b.leaves,
                "cuts": b.cuts,
                "ends": b.ends,
                "answers": b.answers if b.statuses else 0,
                "errors": b.errors,
            }.items()
        }

    # -- where effects go --------------------------------------------------------------------------

    def _request_sinks(self) -> None:
        @self.sink(do.OpenStream, self.channel, self.requests)
        def open_stream(e: do.OpenStream, _to: object, _old: object, requests: frozenset[Any]) -> Step:
            again = {"twice"} if e.attempt in requests else set()
            yield Channel(e.attempt, e.cursor), requests | {e.attempt} | again

        @self.sink(do.EndStream, self.channel, self.late)
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

        @self.sink(do.StreamClosed, self.requests)
        def stream_closed(e: do.StreamClosed, _to: object, requests: frozenset[Any]) -> Step:
            yield (requests - {e.attempt} if e.attempt in requests else requests | {"twice"},)

        @self.sink(do.AskSnapshot, self.snap, self.app)
        def ask_snapshot(e: do.AskSnapshot, _to: object, _old: object, app: App) -> Step:
            yield Snap(e.attempt, early=app.base is not None and not app.taken), app

        @self.sink(do.DropSnapshot, self.snap, self.late)
        def drop_snapshot(e: do.DropSnapshot, _to: object, snap: Snap | None, late: Late) -> Step:
            answered = snap is not None and snap.attempt == e.attempt and snap.reply is not None
            yield from called_off(late, *([snap.reply] if answered and snap else ()))

        @self.sink(do.PostSubmit, self.post)
        def post_submit(e: do.PostSubmit, _to: object, _old: object) -> Step:
            yield (Post(e.submit),)

        @self.sink(do.DropSubmit, self.post, self.late)
        def drop_submit(_e: do.DropSubmit, _to: object, post: Post | None, late: Late) -> Step:
            yield from called_off(late, *([post.reply] if post and post.reply else ()))

        @self.sink(do.AskCredential, self.credential)
        def ask_credential(e: do.AskCredential, _to: object, wallet: Wallet) -> Step:
            asked = wallet.asked | {e.answer}
            if isinstance(e.answer, told.CredentialGiven):
                yield (Wallet(asked, min(2, wallet.used + 1), wallet.submits),)
            else:
                yield (Wallet(asked, wallet.used, min(3, wallet.submits + 1)),)

        @self.sink(do.LeaveCredential, self.credential, self.late)
        def leave_credential(e: do.LeaveCredential, _to: object, wallet: Wallet, late: Late) -> Step:
            left = wallet._replace(asked=wallet.asked - {e.answer})
            yield left, late
            if late.left and left != wallet:
                yield left, Late(late.left - 1, late.due | {e.answer})

        @self.sink(do.Next, self.following)
        def follow(e: do.Next, _to: object, following: tuple[Any, ...]) -> Step:
            yield ((*following, e.input),)

    def _app_sinks(self) -> None:
        @self.sink(do.Show, self.app, self.credential)
        def show(e: do.Show, _to: object, app: App, wallet: Wallet) -> Step:
            after = seen(app, e.serial)
            progress = after.shown != app.shown and e.serial[0] != "brought"  # type: ignore[index]
            yield after, wallet._replace(used=0) if progress else wallet

        @self.sink(do.Submitted, self.app)
        def submitted(e: do.Submitted, _to: object, app: App) -> Step:
            if e.outcome == "taken":
                yield (app._replace(taken=app.base is not None),)
            else:
                yield (app._replace(base=None, taken=False),)

        @self.sink(do.Finish, self.app)
        def finish(e: do.Finish, _to: object, app: App) -> Step:
            yield (app._replace(finished=e.outcome if app.finished is None else "twice"),)

        @self.sink(do.Report, self.owed)
        def report(e: do.Report, _to: object, owed: int | None) -> Step:
            yield (None if owed == e.status else "another",)

        self.ignore(do.Hold, do.Skip)

    def _timers(self) -> None:
        timers = {
            told.AgainDue: self.again,
            told.GiveUpDue: self.give_up,
            told.SteadyDue: self.steady,
            told.SettleDue: self.settle,
        }
        kinds = list(timers)

        @self.sink(do.StartTimer, *timers.values())
        def start_timer(e: do.StartTimer, _to: object, *running: frozenset[Any]) -> Step:
            n = kinds.index(type(e.due))
            started = running[n] | {(e.due, e.seconds)}
            yield (*running[:n], started, *running[n + 1 :])

        @self.sink(do.CancelTimer, self.late, *timers.values())
        def cancel_timer(e: do.CancelTimer, _to: object, late: Late, *running: frozenset[Any]) -> Step:
            n = kinds.index(type(e.due))
            left = frozenset(one for one in running[n] if one[0] != e.due)
            stopped = (*running[:n], left, *running[n + 1 :])
            yield late, *stopped
            if late.left and left != running[n]:
                yield Late(late.left - 1, late.due | {e.due}), *stopped

    # -- the rules ---------------------------------------------------------------------------------

    def _bind(self, i: type, sources: list[Component], arrivals: Any, **how: Any) -> None:
        """What follows from a decision comes before all else, as in the runtime."""

        def at_leisure(following: tuple[Any, ...], *states: Any) -> Iterator[Arrival]:
            for i, left, to in () if following else arrivals(*states):
                yield i, (following, *left), to

        self.bind(self.book, i, [self.following, *sources], at_leisure, **how)

    def _arrivals(self) -> None:
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

        self._bind(told.FollowStarted, [self.asked, self.cause], starting)
        if self.bounds.leaves:
            sources = [self.budget["leaves"], self.app, self.cause]
            self._bind(told.FollowLeft, sources, leaving, fair=False)
        brought = [told.StreamOpened, told.StateArrived] + [told.ErrorArrived] * bool(self.bounds.errors)
        for kind in brought:
            self._bind(kind, [self.channel, self.owed, self.cause], arriving(kind))
        self._bind(told.FollowLost, [self.channel, self.owed, self.cause], losing)
        self._bind(told.SnapshotReplied, [self.snap, self.owed, self.cause], replied)
        if self.bounds.submits:
            self._submission_rules()
        if self.bounds.renews:
            self._credential_rules()

    def _submission_rules(self) -> None:
        def submitting(asked: int, app: App, snap: Snap | None, cause: Cause) -> Iterator[Arrival]:
            if asked < self.bounds.submits and cause.last is not None:
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

        sources = [self.asked, self.app, self.snap, self.cause]
        self._bind(told.SubmitRequested, sources, submitting, fair=False)
        self._bind(told.SubmitReplied, [self.post, self.cause], replied)
        for follower in FOLLOWERS:
            self.bind(self.book, follower, [self.following], following(follower))

    def _credential_rules(self) -> None:
        def given(kind: type) -> Any:
            def arrivals(wallet: Wallet, cause: Cause) -> Iterator[Arrival]:
                for i in sorted(wallet.asked, key=repr):
                    if isinstance(i, kind):
                        last = "renewed" if cause.last in (None, 401) else cause.last
                        left = wallet._replace(asked=wallet.asked - {i})
                        yield i, (left, cause._replace(last=last)), None
                        yield refused(i), (left, ruled(cause, "expired")), None

            return arrivals

        asking = (told.CredentialGiven, *[told.SubmitCredentialGiven] * bool(self.bounds.submits))
        for kind in asking:
            self._bind(kind, [self.credential, self.cause], given(kind))

    def _timer_rules(self) -> None:
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

        self._bind(told.AgainDue, [self.again], running_out)
        self._bind(told.GiveUpDue, [self.give_up, self.cause], giving_up)
        self._bind(told.SteadyDue, [self.steady, self.channel, self.cause, self.credential], steady)
        if self.bounds.submits:
            self._bind(told.SettleDue, [self.settle], running_out)

    def _late_rules(self) -> None:
        def too_late(kind: type) -> Any:
            def arrivals(late: Late) -> Iterator[Arrival]:
                for i in sorted(late.due, key=repr):
                    if isinstance(i, kind):
                        yield i, (late._replace(due=late.due - {i}),), None

            return arrivals

        b = self.bounds
        lately = (
            *BY_ALL,
            *BY_ERRORS * bool(b.errors),
            *BY_CREDENTIALS * b.renews,
            *BY_SUBMISSIONS * bool(b.submits),
            *BY_BOTH * (b.renews and bool(b.submits)),
        )
        for kind in lately if b.late else ():
            self._bind(kind, [self.late], too_late(kind), name=f"{kind.__name__}: called off too late")

    # -- the server --------------------------------------------------------------------------------

    def _server(self) -> None:
        action, b = self.system.action, self.bounds

        @action(self.channel, self.remote, name="the server opens the stream", fair=True)
        def opening(channel: Channel | None, remote: Remote) -> Step:
            if channel is not None and not channel.open and not channel.over:
                begun = (told.StreamOpened(channel.attempt), *self.missed(channel, remote))
                yield channel._replace(open=True, messages=begun, over=b.gone), remote

        @action(self.snap, self.remote, name="the server answers the request for a snapshot", fair=True)
        def answering(snap: Snap | None, remote: Remote) -> Step:
            if snap is not None and snap.reply is None:
                serial = ("snapshot", remote.version, snap.early)
                handles = self.handles(remote.version)
                reply = told.SnapshotReplied(snap.attempt, 200, serial, *handles, remote.outcome)
                yield snap._replace(reply=reply), remote

        @action(self.remote, self.channel, self.budget["changes"], name="the remote state changes")
        def changing(remote: Remote, channel: Channel | None, left: int) -> Step:
            if left and remote.outcome is None:
                yield *self.moved_on(remote, channel, None), left - 1

        @action(self.remote, self.channel, name="the remote state comes to its end")
        def concluding(remote: Remote, channel: Channel | None) -> Step:
            for outcome in b.outcomes if remote.outcome is None else ():
                yield self.moved_on(remote, channel, outcome)

        @action(self.post, self.remote, self.channel, name="the server takes what is submitted", fair=True)
        def taking(post: Post | None, remote: Remote, channel: Channel | None) -> Step:
            if post is None or post.reply is not None:
                return
            if remote.outcome is not None:
                yield Post(post.submit, told.SubmitReplied(post.submit, 409)), remote, channel
                return
            for outcome in (None, *b.outcomes):
                after, written = self.moved_on(remote, channel, outcome)
                yield Post(post.submit, self.taken(post, after)), after, written
            if b.idle_submits:
                yield Post(post.submit, self.taken(post, remote)), remote, channel

    def handles(self, version: int) -> tuple[int | None, int | None]:
        """A state's version and cursor, as far as this server has them."""
        b = self.bounds
        return (version if b.ordered else None), (version if b.resumes else None)

    def taken(self, post: Post, remote: Remote) -> told.SubmitReplied:
        """The answer to a submission that was taken."""
        if not self.bounds.brings:
            return told.SubmitReplied(post.submit, 200)
        serial = ("brought", remote.version, False)
        version, _ = self.handles(remote.version)
        return told.SubmitReplied(post.submit, 200, True, serial, version, remote.outcome)

    def missed(self, channel: Channel, remote: Remote) -> tuple[Any, ...]:
        """What a stream begins with: the states behind its cursor."""
        if channel.cursor is None:
            return ()
        versions = range(channel.cursor + 1, remote.version + 1)
        outcomes = [None] * (len(versions) - 1) + [remote.outcome]
        return tuple(
            self.event(channel, version, outcome)
            for version, outcome in zip(versions, outcomes[-len(versions) :], strict=False)
        )

    def event(self, channel: Channel, version: int, outcome: str | None) -> told.StateArrived:
        """What the stream says of a state."""
        return told.StateArrived(channel.attempt, ("event", version, False), *self.handles(version), outcome)

    def moved_on(
        self, remote: Remote, channel: Channel | None, outcome: str | None
    ) -> tuple[Remote, Channel | None]:
        """The next state of the remote, written to the stream, which ends with the last one."""
        after = Remote(remote.version + 1, outcome)
        if channel is None or not channel.flows:
            return after, channel
        messages = (*channel.messages, self.event(channel, after.version, outcome))
        return after, channel._replace(messages=messages, over=outcome is not None)

    # -- what goes wrong ---------------------------------------------------------------------------

    def _faults(self) -> None:
        action, budget, b = self.system.action, self.budget, self.bounds

        @action(self.channel, budget["cuts"], name="the stream is cut")
        def cut(channel: Channel | None, left: int) -> Step:
            if channel is not None and left and not channel.over:
                for messages in {channel.messages, ()}:
                    yield channel._replace(messages=messages, over=True), left - 1

        @action(self.channel, budget["ends"], name="the server ends the stream")
        def end(channel: Channel | None, left: int) -> Step:
            if channel is not None and left and channel.flows:
                yield channel._replace(over=True, status=200), left - 1

        def worn(left: int) -> int:
            """A server that never returns may fail for ever."""
            return left if b.gone else left - 1

        @action(self.channel, budget["answers"], name="a stream request is answered on the way")
        def answer_stream(channel: Channel | None, left: int) -> Step:
            if channel is not None and left and not channel.open and not channel.over:
                for status in b.statuses:
                    yield channel._replace(over=True, status=status), worn(left)

        @action(self.snap, budget["answers"], name="a snapshot request is answered on the way")
        def answer_snapshot(snap: Snap | None, left: int) -> Step:
            if snap is not None and left and snap.reply is None:
                for status in b.statuses:
                    yield snap._replace(reply=told.SnapshotReplied(snap.attempt, status)), worn(left)

        @action(self.post, budget["answers"], name="a submission is answered on the way")
        def answer_post(post: Post | None, left: int) -> Step:
            if post is not None and left and post.reply is None:
                for status in b.statuses:
                    yield Post(post.submit, told.SubmitReplied(post.submit, status)), worn(left)

        @action(self.post, budget["answers"], name="the answer to a submission is lost")
        def lose_answer(post: Post | None, left: int) -> Step:
            if post is not None and left and post.reply is not None and post.reply.status == 200:
                yield Post(post.submit, told.SubmitReplied(post.submit, 0)), left - 1

        @action(self.channel, budget["errors"], name="the stream brings an error")
        def frame(channel: Channel | None, left: int) -> Step:
            if channel is not None and left and channel.flows:
                for status, fatal in ((0, False), (0, True), (401, True), (410, True)):
                    error = told.ErrorArrived(channel.attempt, status, fatal)
                    yield channel._replace(messages=(*channel.messages, error)), left - 1


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


def following(kind: type) -> Any:
    """The input that comes before all others, if it is of this kind."""

    def arrivals(waiting: tuple[Any, ...]) -> Iterator[Arrival]:
        if waiting and isinstance(waiting[0], kind):
            yield waiting[0], (waiting[1:],), None

    return arrivals
