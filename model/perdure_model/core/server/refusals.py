"""Requests that are refused before any other rule is asked: malformed, unauthenticated, over a limit."""

from __future__ import annotations

from perdure_model.core.common import Refused
from perdure_model.core.rule import Decision
from perdure_model.core.server.book import SERVER
from perdure_model.core.server.inputs import RequestRefused


@SERVER.rule(RequestRefused)
def on_request_refused(i: RequestRefused) -> Decision:
    """It changes nothing, and is in the trace like what a rule refuses: a bad connection id, say (T19)."""
    return (), (Refused(i.problem),)
