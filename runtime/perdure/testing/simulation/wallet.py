"""Who may speak: the issuer of tokens, and the one credential that all clients of a world share."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from perdure import Credential
from perdure.errors import Unauthenticated
from perdure.testing.simulation.network import Books, Network
from perdure.testing.simulation.stepper import Tasks
from perdure.testing.simulation.verbs import ISSUER
from perdure.trace import Sink

USER: Final = "user"
STRANGER: Final = "stranger"
"""Who carries this for a token is another principal."""
TIMEOUT_S: Final = 10.0
Breaks = Callable[[str, str], None]


class Wallet:
    """The credential, and the issuer that it is refreshed from, over the network. Some tokens are dead."""

    def __init__(self, network: Network, breaks: Breaks, told: Sink, books: Books) -> None:
        self._network, self._breaks = network, breaks
        self._count = 0
        self._alive: set[str] = set()
        self._issued: list[str] = []
        self._plans: deque[str] = deque()
        self._given = ""
        self.shared = False
        """Whether others than callers use the credential, too."""
        self._used: Counter[str] = Counter()
        self._refreshed: Counter[str] = Counter()
        self.running = 0
        self.credential = Credential(
            self.fresh(), self._refresh, timeout_s=TIMEOUT_S, trace=told, book=books["credential"]
        )
        self._used[self.credential.token] += 1

    # -- the issuer ------------------------------------------------------------------------------------

    def fresh(self) -> str:
        """A token that is good."""
        self._count += 1
        token = f"token-{self._count}"
        self._alive.add(token)
        self._issued.append(token)
        return token

    def principal(self, request: Request) -> str:
        """Who asks, by the token: what a hub's `authenticate` is. Raises Unauthenticated."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token == STRANGER:
            return STRANGER
        if not self.good(token):
            raise Unauthenticated("the token is dead")
        return USER

    def good(self, token: str) -> bool:
        """Whether this token is."""
        return token in self._alive

    def expire(self) -> None:
        """All tokens die."""
        self._network.strike(ISSUER, "expire")
        self._alive.clear()

    def plan(self, how: str) -> None:
        """What comes of the next refresh: `same`, `older` or `fails`."""
        self._network.strike(ISSUER, f"refresh {how}")
        self._plans.append(how)

    def heal(self) -> None:
        """From now on each refresh brings a good token; who was refused for good is given one."""
        self._plans.clear()
        self.renew()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The issuer's address: POST /token."""
        assert scope["type"] == "http"
        await receive()
        how = self._plans.popleft() if self._plans else "fresh"
        status = 500 if how == "fails" else 200
        body = b"" if how == "fails" else json.dumps(self._token(how)).encode()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    def _token(self, how: str) -> str:
        match how:
            case "same":
                return self.credential.token
            case "older":
                return self._issued[max(0, len(self._issued) - 2)]
        return self.fresh()

    def serve(self, tasks: Tasks) -> None:
        """Answer requests."""
        self._network.attach(self.app, tasks, ISSUER)

    # -- the clients' side -----------------------------------------------------------------------------

    def give(self, how: str) -> None:
        """The application gives a token: a `fresh` one, the one `refused`, or an `older` one."""
        token = self.fresh() if how == "fresh" else self._token("same" if how == "refused" else "older")
        self._given = token
        self._use(token)
        self.credential.replace(token)

    @property
    def untried(self) -> bool:
        """Whether the application has given a good token, and nobody was refused with it."""
        return self.good(self._given) and self._given not in self._network.refused

    def renew(self) -> None:
        """Who was refused for good is given another token."""
        if self.credential.state == "refused":
            self.give("fresh")

    def unwell(self) -> list[str]:
        """What is not as it should be once all is well."""
        return ["a refresh is under way"] if self.credential.state == "refreshing" else []

    def _use(self, token: str) -> None:
        """One that comes into use anew may be refreshed anew."""
        self._used[token] += token != self.credential.token

    async def _refresh(self) -> str:
        refused = self.credential.token
        if self.running:
            self._breaks("P-ONE-REFRESH", "two refreshes run at once")
        if refused not in self._network.refused:
            self._breaks("P-REFRESH", f"{refused} is refreshed, and nobody was refused with it")
        self.running += 1
        try:
            answer = await self._network.link(ISSUER).http.post(f"http://{ISSUER}/token", timeout=None)
        finally:
            self.running -= 1
        self._refreshed[refused] += 1
        if self._refreshed[refused] > self._used[refused]:
            self._breaks("P-ONE-REFRESH", f"{refused} was refreshed {self._refreshed[refused]} times")
        token: str = answer.raise_for_status().json()
        self._use(token)
        return token
