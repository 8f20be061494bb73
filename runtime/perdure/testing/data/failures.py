"""P-ERRORS, of requests that fail: none is swallowed, and none is told with a status that nobody said."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any

import httpx2
from hypothesis import strategies as st

from perdure import transport
from perdure.client import Session
from perdure.errors import SendError, ServerUnreachable, SessionError, StreamError
from perdure.testing.data.canned import NO_ANSWER, STREAM, Answer, Canned, asked
from perdure.testing.data.property import DataDefect, instead, states

# -- streams that fail ---------------------------------------------------------------------------------

FAILURES = st.sampled_from(NO_ANSWER).map(lambda failure: Answer(0, failure=failure))
PROBLEMS = st.sampled_from([b"", b"{}", b"[1]", b"<html>", b'{"status": 500, "detail": "no"}'])
REFUSALS = st.builds(Answer, st.integers(201, 599), PROBLEMS)
STRANGERS = st.builds(Answer, st.just(200), PROBLEMS, st.sampled_from(["text/html", "", "application/json"]))


def has_no_answer(answer: Answer) -> bool:
    """There is no status to be told."""
    return answer.status == 0


def is_refused(answer: Answer) -> bool:
    """There is a status, and it is bad news."""
    return answer.status >= 400


@states("P-ERRORS", FAILURES | REFUSALS | STRANGERS, has_no_answer, is_refused)
def a_stream_that_fails_is_told_with_its_status(answer: Answer) -> bool:
    """A session that gets no stream ends in an error of its own type, with the HTTP status, or 0 for none."""

    async def follow(session: Session) -> SessionError | None:
        try:
            async for _ in session:
                pass
        except SessionError as error:
            return error
        return None

    try:
        error = asked(follow, Canned(answer))
    except TimeoutError:  # nothing was told
        return False
    cause = error.__cause__ if error else None
    return (
        isinstance(cause, StreamError) and error is not None and cause.status == error.status == answer.status
    )


# -- sends that fail -----------------------------------------------------------------------------------


def receipt(verdict: str, key: str = "1.1") -> bytes:
    """A reply with a receipt."""
    return json.dumps({"receipts": [{"key": key, "verdict": verdict}]}).encode()


TAKEN = (receipt("accepted"), receipt("duplicate"))
REPLIES = st.sampled_from([*TAKEN, receipt("refused"), receipt("accepted", "1.2"), b"", b"{}", b"<html>"])
ANSWERS = FAILURES | st.builds(Answer, st.integers(200, 599), REPLIES, st.just("application/json"))


def is_taken(answer: Answer) -> bool:
    """The server says that it has stored the send."""
    return 200 <= answer.status < 300 and answer.body in TAKEN


@states("P-ERRORS", ANSWERS, has_no_answer, is_refused, is_taken)
def a_send_that_fails_is_told_with_its_status(answer: Answer) -> bool:
    """A send returns only where the server said that it is stored; else it raises, with the status or 0."""

    async def send(session: Session) -> int | None:
        try:
            await session.send("hello")
        except SendError as error:
            return error.status
        return None

    try:
        status = asked(send, Canned(Answer(200, media=STREAM), answer))
    except TimeoutError:  # nothing was told
        return False
    return status is None if is_taken(answer) else status == answer.status


# -- defects -------------------------------------------------------------------------------------------


def invent_a_status(
    _self: object, _kind: object, error: BaseException | None, _at: TracebackType | None
) -> None:
    """Call it a 500 where nothing answered."""
    if isinstance(error, httpx2.HTTPError):
        raise ServerUnreachable("nothing answered", status=500) from error


async def swallow(*asked: Any) -> transport.Reply:
    """Post, and say nothing of what went wrong."""
    reply = await _post(*asked)
    return reply if reply.status else transport.Reply(204)


_post = transport.Transport.post


PROPERTIES = (a_stream_that_fails_is_told_with_its_status, a_send_that_fails_is_told_with_its_status)
DEFECTS = (
    DataDefect(
        "A02",
        "a stream that nobody answered is told as a 500",
        "P-ERRORS",
        instead(transport.telling, __exit__=invent_a_status),
        where=a_stream_that_fails_is_told_with_its_status,
    ),
    DataDefect(
        "T35b",
        "a request that nobody answered is taken for one that was",
        "P-ERRORS",
        instead(transport.Transport, post=swallow),
        where=a_send_that_fails_is_told_with_its_status,
    ),
)
