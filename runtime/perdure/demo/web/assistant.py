"""A pretend assistant whose token expires when a button says so: what `refreshing` is for.

It answers in the server's own process, word by word, as a model's streaming interface would: a start that is
made before the request is, then a refusal of a dead token, or the answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

import anyio

from perdure import Credential, kind_of_error, refreshing
from perdure.response import Kind
from perdure.trace import Sink

WORD_S: Final = 0.12
REFRESH_S: Final = 0.8
START: Final = ""


class TokenExpired(Exception):
    """The refusal of a dead token, as an HTTP client would raise it."""

    status_code = HTTPStatus.UNAUTHORIZED


class Issuer:
    """Who gives out tokens, and lets them expire. One is good at a time."""

    def __init__(self) -> None:
        self._count = 1
        self.good = "token-1"

    def expire(self) -> None:
        """From now on the token that was given out last is dead."""
        self.good = ""

    async def issue(self) -> str:
        """Another token; it takes its time, so that the page shows it."""
        await anyio.sleep(REFRESH_S)
        self._count += 1
        self.good = f"token-{self._count}"
        return self.good


class Assistant:
    """Answers questions; all answers share one credential."""

    def __init__(self, trace: Sink) -> None:
        self._trace = trace
        self.issuer = Issuer()
        self._credential = Credential(self.issuer.good, self.issuer.issue, trace=trace)

    async def answer(self, question: str) -> AsyncIterator[str]:
        """The words of an answer, whatever becomes of the token."""

        async def ask(token: str) -> AsyncIterator[str]:
            yield START
            await anyio.sleep(REFRESH_S)
            if token != self.issuer.good:
                raise TokenExpired("the token is dead")
            for word in words(question):
                await anyio.sleep(WORD_S)
                yield word

        async with refreshing(ask, self._credential, classify=kind_of, trace=self._trace) as events:
            async for word in events:
                yield word


def kind_of(item: str | Exception) -> Kind:
    """The start proves nothing, a word proves the token good."""
    if isinstance(item, Exception):
        return kind_of_error(item)
    return "prefix" if item == START else "live"


def words(question: str) -> list[str]:
    """What a pretend assistant has to say."""
    turned = " ".join(reversed(question.split()))
    return f"I only pretend to think. Read backwards, that is: {turned}".split()
