"""The errors of the protocol, as RFC 9457 problems: each says what to do."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from starlette.responses import Response

TYPE: Final = "urn:perdure:problem:"


class Kind(NamedTuple):
    """A type of problem: its status, its title, and what to do about it."""

    status: int
    title: str
    detail: str


KINDS: Final = {
    "bad-connection-id": Kind(
        400,
        "This is no connection id",
        "Make one once and keep it: 'cid-' and a UUID, cid-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx.",
    ),
    "malformed-json": Kind(400, "The body is no JSON", "Send one JSON object, in UTF-8."),
    "bad-request": Kind(400, "The request is not what this address takes", "See PROTOCOL.md."),
    "unauthenticated": Kind(
        401, "The request names nobody", "Get a credential, or a new one, and ask again with it."
    ),
    "not-allowed": Kind(
        403, "This session is not yours", "Ask for a session that you may use, or with another credential."
    ),
    "other-principal": Kind(
        403, "This connection id belongs to somebody else", "Make a connection id of your own."
    ),
    "not-found": Kind(
        404,
        "There is nothing at this address",
        "A hub answers at /events, /send, /watch, /unwatch, /suspend and /close.",
    ),
    "method-not-allowed": Kind(405, "This address does not take that method", "See the Allow header."),
    "stale-attempt": Kind(
        409,
        "A later attempt holds this connection",
        "If it was yours, go on with it; if not, this id was taken over: make another one.",
    ),
    "repeated-attempt": Kind(
        425,
        "The stream of this attempt was asked for before",
        "If you still want it, ask again as the next attempt.",
    ),
    "server-made-id": Kind(
        409,
        "Nothing is kept under an id that the server made",
        "Bring an id of your own with the next stream; until then, what this one owns goes with it.",
    ),
    "unknown-connection": Kind(
        409,
        "The server does not know this connection, or not under this epoch",
        "Ask for a stream again, and repeat the request under the epoch of its welcome.",
    ),
    "too-many-sessions": Kind(
        403, "This connection watches too many sessions", "Watch fewer, or use another connection."
    ),
    "too-many-connections": Kind(
        429, "You have too many connections", "Close one, and ask again after Retry-After."
    ),
    "too-many-awaited": Kind(
        429,
        "You left too many connections, and the server still waits for them",
        "Come back under an id that you have, or close one, and ask again after Retry-After.",
    ),
    "body-too-large": Kind(413, "The body is too large", "Send fewer or smaller items at once."),
    "body-too-slow": Kind(408, "The body did not arrive in time", "Send it faster, or less at once."),
    "too-much-at-once": Kind(
        429, "Too many bytes of yours wait here", "Send fewer requests at once, and this one again."
    ),
    "batch-too-large": Kind(413, "There are too many items", "Send fewer items at once."),
    "hook-failed": Kind(
        500, "The server's application could not look at the request", "Ask again later; its log says more."
    ),
    "several-workers": Kind(
        503,
        "Several processes serve this address, each with a memory of its own",
        "Whoever runs the server: serve with one worker, or, if each client always reaches the same one, say "
        "Hub(routed=True).",
    ),
    "shutting-down": Kind(
        503, "The server is shutting down", "Ask again after Retry-After: another one may answer."
    ),
    "unsupported-media-type": Kind(
        415, "The body is not marked as JSON", "Send it with Content-Type: application/json."
    ),
}


class Refusal(Exception):
    """A request that is answered with a problem."""

    def __init__(
        self, name: str, detail: str = "", headers: dict[str, str] | None = None, *, status: int = 0
    ) -> None:
        super().__init__(name)
        self.name, self.detail, self.headers, self.status = name, detail, headers, status


def problem(
    name: str, detail: str = "", *, status: int = 0, headers: dict[str, str] | None = None
) -> Response:
    """The response for a problem; what is not given is the kind's own."""
    kind = KINDS[name]
    body = {
        "type": TYPE + name,
        "title": kind.title,
        "status": status or kind.status,
        "detail": detail or kind.detail,
    }
    return Response(
        json.dumps(body),
        status_code=status or kind.status,
        media_type="application/problem+json",
        headers={"cache-control": "no-store", **(headers or {})},
    )
