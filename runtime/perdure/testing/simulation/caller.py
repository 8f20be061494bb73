"""A caller: real response streams in a simulated world, one after the other, and what their consumer saw."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import httpx2

from perdure import kind_of_error, refreshing
from perdure.answers import unwinding
from perdure.response import Kind
from perdure.testing.simulation.accounts import Verdict
from perdure.testing.simulation.network import Books, Link
from perdure.testing.simulation.provider import MODEL
from perdure.testing.simulation.stepper import Tasks
from perdure.testing.simulation.wallet import Wallet
from perdure.trace import Record

URL: Final = httpx2.URL(f"http://{MODEL}/answer")
PREFIX_MAX: Final = 1
START: Final = "start"
Told = Callable[[str, Record], None]


@dataclass(frozen=True)
class Item:
    """An event of an answer: of which attempt, which kind, and what it says."""

    attempt: int
    kind: Kind
    says: object


class Denied(Exception):
    """An error of an answer that is raised."""

    def __init__(self, item: Item) -> None:
        super().__init__(item)
        self.item = item


@dataclass
class Try:
    """An attempt as the caller's side of the wire saw it: what it brought, and how it ended."""

    token: str
    brought: list[Item] = field(default_factory=list)
    error: object = None
    auth: bool = False
    ended: bool = False
    open: bool = True

    @property
    def dead(self) -> bool:
        """Whether it failed authentication before it was proven alive."""
        alive = [item for item in self.brought if item.kind == "live"]
        return self.auth and not alive and len(self.brought) <= PREFIX_MAX


@dataclass
class Call:
    """A call as its consumer saw it. `outcome` is None until it has ended."""

    name: str
    tries: list[Try] = field(default_factory=list)
    seen: list[object] = field(default_factory=list)
    outcome: str | None = None


class Caller:
    """One caller over all its calls, at most one at a time."""

    def __init__(
        self, name: str, link: Link, verdict: Verdict, told: Told, books: Books, wallet: Wallet
    ) -> None:
        self.name, self.link = name, link
        self._verdict, self._told, self._book, self._wallet = verdict, told, books["response"], wallet
        self.calls: list[Call] = []
        self._scope = anyio.CancelScope()

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return bool(self.calls) and self.calls[-1].outcome is None

    async def ask(self, words: int, tasks: Tasks) -> None:
        """Begin a call."""
        call = Call(f"call {len(self.calls) + 1} of {self.name}")
        self.calls.append(call)
        self._scope = anyio.CancelScope()
        tasks.start_soon(self._consume, call, words, self._scope)
        await anyio.lowlevel.checkpoint()

    def quit(self) -> None:
        """The consumer leaves."""
        self._scope.cancel()

    async def _consume(self, call: Call, words: int, scope: anyio.CancelScope) -> None:
        stream = refreshing(
            lambda token: self._attempt(call, words, token),
            self._wallet.credential,
            classify=kind_of,
            prefix_max=PREFIX_MAX,
            trace=lambda record: self._told(self.name, record),
            book=self._book,
        )
        with scope:
            try:
                async for item in stream:
                    call.seen.append(item)
            except (Denied, httpx2.HTTPError) as error:
                call.seen.append(error)
        call.outcome = str(stream.outcome or "cancelled")
        self._judge(call)

    async def _attempt(self, call: Call, words: int, token: str) -> AsyncGenerator[Item, None]:
        """One attempt's events: a start that is made before the request, then a word for each line."""
        number, mine = len(call.tries), Try(token)
        call.tries.append(mine)
        try:
            mine.brought.append(Item(number, "prefix", START))
            yield mine.brought[-1]
            async with aclosing(self._answer(number, words, token)) as items:
                async for item in items:
                    if item.kind in ("auth_error", "error"):
                        self._fails(mine, item)
                    else:
                        mine.brought.append(item)
                    yield item
            mine.ended = True
        except (Denied, httpx2.HTTPError) as error:
            self._fails(mine, error)
            raise
        finally:
            mine.open = False

    def _fails(self, mine: Try, error: Item | Exception) -> None:
        mine.error, mine.auth = error, kind_of(error) == "auth_error"
        if mine.auth:
            self.link.network.refused.add(mine.token)

    async def _answer(self, number: int, words: int, token: str) -> AsyncGenerator[Item, None]:
        headers = {"authorization": f"Bearer {token}"}
        body = {"caller": self.name, "words": words}
        async with self.link.http.stream("POST", URL, json=body, headers=headers, timeout=30.0) as answer:
            answer.raise_for_status()
            left = b""
            async with unwinding(answer.aiter_bytes()) as chunks:
                async for chunk in chunks:
                    *lines, left = (left + chunk).split(b"\n")
                    for line in lines:
                        yield item_of(number, json.loads(line))

    # -- what must hold --------------------------------------------------------------------------------

    def _judge(self, call: Call) -> None:
        """What the consumer saw is what one attempt brought."""
        if any(one.open for one in call.tries):
            self._says("P-NO-LEAK", f"{call.name} has ended, and an attempt of it is open")
        if not call.tries:
            return
        first, last = call.tries[0], call.tries[-1]
        if len(call.tries) > 2:
            self._says("P-REFRESH", f"{call.name} asks {len(call.tries)} times")
        if len(call.tries) == 2 and not first.dead:
            self._says("P-REFRESH", f"{call.name} asks again, and was not refused")
        if len(call.tries) == 2 and first.token == last.token:
            self._says("P-REFRESH", f"{call.name} asks again with the very token that was refused")
        if last.dead and len(call.tries) == 1 and call.outcome == "failed" and self._wallet.untried:
            self._says("P-REFRESH", f"{call.name} is given up, though the application has given a good token")
        if last.dead:
            expected: list[object] = [first.error]
        else:
            expected = [*last.brought, *([last.error] if last.error else [])]
        self._compare(call, expected, failed=last.error is not None)

    def _compare(self, call: Call, expected: list[object], *, failed: bool) -> None:
        seen = call.seen
        if call.outcome == "cancelled":
            if seen != expected[: len(seen)]:
                self._says("P-NO-PHANTOM", f"{call.name} was handed {seen}, not {expected}")
            return
        if seen != expected:
            starts = sum(isinstance(item, Item) and item.says == START for item in seen)
            attempts = {item.attempt for item in seen if isinstance(item, Item) and item.kind == "live"}
            phantom = starts > 1 or len(attempts) > 1
            self._says(
                "P-NO-PHANTOM" if phantom else "P-PREFIX", f"{call.name} was handed {seen}, not {expected}"
            )
        if call.outcome != ("failed" if failed else "completed"):
            self._says("P-TERMINAL-ONCE", f"{call.name} has {call.outcome}, and was handed {seen}")

    def _says(self, property: str, what: str) -> None:  # noqa: A002
        self._verdict.breaks(property, what)


def item_of(attempt: int, said: dict[str, Any]) -> Item:
    """The event that a line is. Raises Denied where the provider's client raises errors."""
    if "word" in said:
        return Item(attempt, "live", said["word"])
    item = Item(attempt, "auth_error" if "denied" in said["end"] else "error", said["end"])
    if said["end"].endswith("raised"):
        raise Denied(item)
    return item


def kind_of(item: object) -> Kind:
    """What `refreshing` asks of an event or an error."""
    if isinstance(item, Item):
        return item.kind
    if isinstance(item, Denied):
        return item.item.kind
    assert isinstance(item, Exception)
    return kind_of_error(item)
