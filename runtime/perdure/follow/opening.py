"""`follow`: what it takes, and what it refuses."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from typing import Final

import anyio
import httpx2
from perdure_model.core.follow import FOLLOW
from perdure_model.core.follow.parts import FollowSettings
from perdure_model.core.rule import Book

from perdure import states
from perdure.bounds import at_least, counts, functions, needed, of_type
from perdure.callbacks import Callbacks
from perdure.credentials import Credential
from perdure.errors import PerdureError, UsageError
from perdure.follow.session import Followed
from perdure.follow.status import Closed, FollowStatus
from perdure.follow.tokens import Given
from perdure.remote import Fetch, Outcome, Read, Remote, Send, check
from perdure.source import Source
from perdure.states import Field, State
from perdure.tasks import ending_tasks
from perdure.trace import Sink
from perdure.transport import Limits

DEFAULTS: Final = FollowSettings()
LIMITS: Final = Limits()


@asynccontextmanager
async def follow(
    *,
    snapshot: str | Fetch,
    events: str,
    outcome: Outcome,
    submit: Send | None = None,
    version: Field | None = "version",
    cursor: Field | None = None,
    volatile: Collection[str] = (),
    read: Read = states.read,
    credential: Given = None,
    settings: FollowSettings = DEFAULTS,
    limits: Limits = LIMITS,
    silence_s: float = 90.0,
    on_state: Callable[[State], object] | None = None,
    on_status: Callable[[FollowStatus], object] | None = None,
    on_error: Callable[[PerdureError], object] | None = None,
    on_close: Callable[[Closed], object] | None = None,
    trace: Sink | None = None,
    http: httpx2.AsyncClient | None = None,
    book: Book = FOLLOW,
) -> AsyncIterator[Followed]:
    """Follow remote state until the `async with` is left: a snapshot, and a stream of events merged into it.

    Entering does not wait for the server. A server that stays away ends the session, once the bounds of
    `settings` are spent.

    snapshot: the whole state: an address that answers with a JSON object, or a function (async or not) that
        is called with the token to use (None: there is none) and gives a dict.
    events: the address of the stream: server-sent events that carry JSON objects. One named `error` says what
        went wrong: `status`, `message`, and `fatal` (true unless it says false).
    outcome: the outcome that a state stands for: succeeded, failed, expired, or None while it goes on.
    submit: called with the data and the token; gives the state that came of it, or None.
    version: the field, or a function of the state, that orders states: an int that grows. Without one, states
        are shown as they come, which is right as far as the server keeps their order.
    cursor: for a server that resumes after Last-Event-ID: the field, or a function of a snapshot, with the id
        of the event that the snapshot stands for.
    volatile: fields that an event clears by leaving them out; all others stay until something brings them.
    read: the fields that an event carries, if they are not simply its data.
    credential: a bearer token, a function that gives one, or a `Credential`, which is refreshed once where it
        is refused.
    silence_s: seconds of silence, comments included, after which a stream counts as lost; math.inf: never.
    on_state, on_status, on_error, on_close: see the session's methods of these names.
    http: an httpx2 client to use; it is not closed. `trace`: called with a record of each decision.

    Raises UsageError where an address is none, or something cannot be called as it would be.
    """
    remote = Remote(snapshot, events, outcome, submit, version, cursor, volatile, read)
    check(remote)
    check_rest(settings, limits, silence_s, book)
    if not (credential is None or isinstance(credential, str | Credential) or callable(credential)):
        raise UsageError(
            f"{type(credential).__name__} is no credential",
            hint="give a token as a str, a function that returns one, or a perdure.Credential",
        )
    if callable(credential):
        needed(waits=True, credential=credential)
    functions("state", on_state=on_state)
    functions("status", on_status=on_status)
    functions("error", on_error=on_error)
    functions("closed", on_close=on_close)
    functions("record", trace=trace)
    if http is not None:
        of_type(httpx2.AsyncClient, http=http)
    known = {"resumes": cursor is not None, "renews": isinstance(credential, Credential)}
    bounds = FollowSettings(**{**asdict(settings), **known})
    callbacks = Callbacks(on_state=on_state, on_status=on_status, on_error=on_error, on_close=on_close)
    async with AsyncExitStack() as stack:
        client = http if http is not None else await stack.enter_async_context(await http_client(events))
        tasks = await stack.enter_async_context(ending_tasks())
        followed = Followed(
            remote,
            Source(client, limits),
            tasks,
            credential,
            settings=bounds,
            limits=limits,
            silence_s=silence_s,
            callbacks=callbacks,
            trace=trace,
            book=book,
        )
        try:
            yield followed
        finally:
            followed.leave()
            if isinstance(credential, Credential):
                with anyio.CancelScope(shield=True):  # a refresh that was cancelled ends soon
                    await credential.quiet()


def check_rest(settings: FollowSettings, limits: Limits, silence_s: float, book: Book) -> None:
    """Raises UsageError for bounds that nothing could keep to."""
    of_type(FollowSettings, settings=settings)
    of_type(Limits, limits=limits)
    of_type(Book, book=book)
    s = settings
    counts(3, numbers=s.numbers)
    counts(0, attempts_max=s.attempts_max)
    at_least(0, again_first_s=s.again_first_s, again_cap_s=s.again_cap_s, steady_s=s.steady_s)
    at_least(0, settle_s=s.settle_s)
    if s.total_s != math.inf:  # never, of these two
        at_least(0, total_s=s.total_s)
    if silence_s != math.inf:
        at_least(0.001, silence_s=silence_s)


async def http_client(url: str) -> httpx2.AsyncClient:
    """An HTTP client; the certificates, which take their time to load, only where they are used."""
    return await anyio.to_thread.run_sync(lambda: httpx2.AsyncClient(verify=url.startswith("https:")))
