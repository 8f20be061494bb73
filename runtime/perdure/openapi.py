"""The hub's addresses as an OpenAPI 3.1 description.

Bodies, parameters and problems are taken from what checks and answers the requests. Only which address
answers with which of the problems is said here; a fuzzer that asks holds it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from perdure import wire
from perdure.problems import KINDS, TYPE

REF: Final = "#/components/schemas/{model}"
SAYS: Final = (
    "Sessions that outlive their connections: events down, sends up. PROTOCOL.md of perdure says what a "
    "client has to do. Authentication is the application's; perdure's client sends `Authorization: Bearer`."
)
EVERYWHERE: Final = ("unauthenticated", "hook-failed", "several-workers", "shutting-down")
OF_BODIES: Final = (
    "bad-connection-id",
    "malformed-json",
    "bad-request",
    "body-too-large",
    "body-too-slow",
    "too-much-at-once",
    "unsupported-media-type",
)
OF_WORDS: Final = ("other-principal", "stale-attempt", "unknown-connection")


class Post(NamedTuple):
    """A POST: its body, what it answers with (None: 204), and the problems that are not every body's."""

    body: type[wire.Body]
    answer: type[wire.Body] | None
    problems: tuple[str, ...]


POSTS: Final = {
    "/send": Post(wire.SendBody, wire.SendReply, (*OF_WORDS, "batch-too-large", "not-allowed")),
    "/close": Post(wire.CloseBody, None, OF_WORDS),
    "/suspend": Post(wire.SuspendBody, None, (*OF_WORDS, "server-made-id")),
    "/watch": Post(wire.WatchBody, None, (*OF_WORDS, "not-allowed", "too-many-sessions")),
    "/unwatch": Post(wire.UnwatchBody, None, OF_WORDS),
}
OF_EVENTS: Final = (
    *("bad-connection-id", "bad-request", "not-allowed", "other-principal", "stale-attempt"),
    *("repeated-attempt", "too-many-sessions", "too-many-connections", "too-many-awaited"),
)


def description() -> dict[str, Any]:
    """The whole description; `servers` is where it was found."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "A perdure hub", "version": str(wire.VERSION), "description": SAYS},
        "servers": [{"url": "."}],
        "paths": {
            "/events": {"get": get_events()},
            **{path: {"post": post(path, said)} for path, said in POSTS.items()},
        },
        "components": {"schemas": schemas()},
    }


def schemas() -> dict[str, Any]:
    """The bodies' schemas, by their names."""
    posted = [(said.body, "validation") for said in POSTS.values()]
    answered = [(said.answer, "serialization") for said in POSTS.values() if said.answer]
    of_problems = [(wire.ProblemBody, "serialization")]
    models: list[Any] = [*posted, *answered, *of_problems]
    _, defined = models_json_schema(models, ref_template=REF)
    found: dict[str, Any] = defined["$defs"]
    return found


def post(path: str, said: Post) -> dict[str, Any]:
    """The operation of one POST."""
    taken: dict[str, Any] = {"204": {"description": "Taken."}}
    if said.answer is not None:
        taken = {"200": {"description": "Taken, with receipts.", "content": json(said.answer)}}
    return {
        "operationId": path[1:],
        "summary": (said.body.__doc__ or "").partition(": ")[2].partition("\n")[0],
        "requestBody": {"required": True, "content": json(said.body)},
        "responses": taken | problems(*EVERYWHERE, *OF_BODIES, *said.problems),
    }


def get_events() -> dict[str, Any]:
    """The operation of the stream."""
    sessions = {
        "type": "array",
        "items": schema_of(wire.SessionName),
        "minItems": 1,
        "maxItems": wire.SESSIONS_MAX,
    }
    return {
        "operationId": "events",
        "summary": "A stream of the sessions' events.",
        "parameters": [
            parameter("cid", schema_of(wire.ConnectionId)),
            parameter("attempt", schema_of(wire.Pair)),
            parameter("session", sessions, required=True),
            parameter("cursor", schema_of(wire.Cursors)),
            parameter("Last-Event-ID", schema_of(wire.Cursors), where="header"),
        ],
        "responses": {
            "200": {"description": "The stream.", "content": {"text/event-stream": {}}},
            **problems(*EVERYWHERE, *OF_EVENTS),
        },
    }


def schema_of(kind: Any) -> dict[str, Any]:
    """The schema of one of the wire's values."""
    return TypeAdapter(kind).json_schema()


def parameter(
    name: str, schema: dict[str, Any], *, where: str = "query", required: bool = False
) -> dict[str, Any]:
    """A parameter of a request."""
    return {"name": name, "in": where, "required": required, "schema": schema}


def json(model: type[wire.Body]) -> dict[str, Any]:
    """JSON of this model, as content."""
    return {"application/json": {"schema": {"$ref": REF.format(model=model.__name__)}}}


def problems(*names: str) -> dict[str, Any]:
    """The responses for these problems, by status."""
    by_status: dict[str, list[str]] = {}
    for name in names:
        by_status.setdefault(str(KINDS[name].status), []).append(name)
    return {status: problem(by_status[status]) for status in sorted(by_status)}


def problem(names: list[str]) -> dict[str, Any]:
    """The response for one of these problems."""
    told = {"type": {"enum": [TYPE + name for name in names]}}
    schema = {"$ref": REF.format(model="ProblemBody"), "properties": told}
    return {
        "description": " ".join(f"{KINDS[name].title}." for name in names),
        "content": {"application/problem+json": {"schema": schema}},
    }
