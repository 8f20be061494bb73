"""The requests of a followed session: what takes time. Each ends with an input that tells how it went."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from itertools import count
from typing import Any

import anyio
from perdure_model.core.follow.inputs import (
    FollowInput,
    FollowLost,
    SnapshotReplied,
    StreamOpened,
    SubmitReplied,
)

from perdure import states
from perdure.errors import NoCredential, StreamBroken, StreamError
from perdure.follow.tokens import Tokens
from perdure.remote import FedLast, Reading, Remote, Token, outcome_of, snapshot_error
from perdure.source import Source
from perdure.sse import Parser
from perdure.states import Arrived, State
from perdure.transport import NOT_CONNECTED, Limits


@dataclass(frozen=True)
class Ended:
    """How a stream has ended by itself; goes with the input that tells it, and with no other."""

    error: StreamError


class Requests:
    """The requests of one session; `feed` is called with what a stream brings, `room` waited for after it."""

    def __init__(
        self,
        remote: Remote,
        source: Source,
        tokens: Tokens,
        *,
        limits: Limits,
        silence_s: float,
        feed: Callable[[FollowInput, Any], None],
        room: Callable[[], Awaitable[None]],
    ) -> None:
        self._remote, self._source, self._tokens = remote, source, tokens
        self._limits, self._silence_s = limits, silence_s
        self._feed, self._room = feed, room
        self._serials = count(1)

    async def follow(self, attempt: int, cursor: str | None) -> FedLast:
        """Open a stream, and feed what comes by it until it ends."""
        parser = Parser(event_bytes_max=self._limits.event_bytes_max)
        reading = Reading(attempt, self._remote, parser, self._feed, self._serials)
        try:
            token = await self._tokens.token("stream")
            async with self._source.stream(self._remote.events, cursor, token, self._silence_s) as read:
                self._feed(StreamOpened(attempt), None)
                while chunk := await read():
                    reading.take(chunk)
                    await self._room()
            ended: StreamError = StreamBroken("the server ended the stream", status=200)
        except StreamError as error:
            ended = error
        wait_s = ended.retry_after_s if ended.retry_after_s is not None else reading.retry_s
        return FollowLost(attempt, ended.status, wait_s, random.random()), Ended(ended)

    async def ask(self, attempt: int) -> FedLast:
        """Ask for a snapshot."""
        remote = self._remote
        try:
            token = await self._tokens.token("stream")
            with anyio.fail_after(self._limits.post_s):
                fields = await self._snapshot(token)
            return (
                SnapshotReplied(
                    attempt,
                    200,
                    next(self._serials),
                    states.version_of(fields, remote.version),
                    states.cursor_of(fields, remote.cursor),
                    outcome_of(remote.outcome, fields),
                ),
                Arrived(fields, whole=True),
            )
        except Exception as error:
            failed = snapshot_error(error)
            wait_s = failed.retry_after_s if isinstance(failed, StreamError) else None
            reply = SnapshotReplied(attempt, failed.status, retry_after_s=wait_s, chance=random.random())
            return reply, failed

    async def _snapshot(self, token: Token) -> State:
        if isinstance(self._remote.snapshot, str):
            return await self._source.snapshot(self._remote.snapshot, token)
        fields = self._remote.snapshot(token)
        return dict(await fields if isawaitable(fields) else fields)

    async def post(self, number: int, data: Any) -> FedLast:
        """Submit."""
        remote = self._remote
        assert remote.submit is not None
        try:
            token = await self._tokens.token("submit")
            with anyio.fail_after(self._limits.post_s):
                told = remote.submit(data, token)
                fields = await told if isawaitable(told) else told
            if fields is None:
                return SubmitReplied(number, 200), None
            version = states.version_of(dict(fields), remote.version)
            outcome = outcome_of(remote.outcome, dict(fields))
            reply = SubmitReplied(number, 200, True, next(self._serials), version, outcome)
            return reply, Arrived(dict(fields), whole=False)
        except Exception as error:
            sent = not isinstance(error, (*NOT_CONNECTED, NoCredential))
            return SubmitReplied(number, states.status_of(error), sent), error
