"""The chat: a hub with one session, whose handler gives back what it takes, and keeps account of it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Annotated, Final

from anyio.abc import TaskGroup
from pydantic import BaseModel, StringConstraints

from perdure import Hub, HubSession, Send, ServerSettings
from perdure.demo.web.assistant import Assistant
from perdure.demo.web.board import Board

LOG = logging.getLogger("perdure")
SESSION: Final = "chat"
GRACE_S: Final = 4.0
HEARTBEAT_S: Final = 2.0


class Note(BaseModel):
    """What somebody says: under an id of its sender's making, in the order of its number."""

    tab: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    number: int
    who: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    text: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    ask: bool = False


class Chat:
    """The application. Every note that is handled comes back as an event: so the page can count them."""

    def __init__(self, board: Board, origins: Sequence[str], tasks: TaskGroup) -> None:
        self._board, self._tasks = board, tasks
        self._handled: Counter[tuple[str, int]] = Counter()
        self._published = 0
        self._answers = count(1)
        self.assistant = Assistant(board.trace)
        self.hub = Hub(
            settings=ServerSettings(grace_s=GRACE_S),
            heartbeat_s=HEARTBEAT_S,
            cors_origins=origins,
            trace=board.trace,
        )
        self.hub.on_send(data=Note)(self._take)

    async def _take(self, send: Send, session: HubSession) -> None:
        note: Note = send.data
        self._handled[note.tab, note.number] += 1
        said = note.model_dump(exclude={"ask"})
        await self._publish(session, {"kind": "said", "key": send.key, **said})
        if note.ask:  # beside the handler: the answer takes longer than the next send may wait
            self._tasks.start_soon(self._answer, session, note.text)

    async def _answer(self, session: HubSession, question: str) -> None:
        said = {"kind": "answer", "number": next(self._answers), "who": "assistant"}
        try:
            async for word in self.assistant.answer(question):
                if word:
                    await self._publish(session, {**said, "text": word})
        except Exception as error:
            LOG.exception("the assistant could not answer")
            await self._publish(session, {**said, "text": f"({error})"})

    async def _publish(self, session: HubSession, event: dict[str, object]) -> None:
        self._published += 1
        await session.publish(event)
        self._board.tell(
            "account",
            handled=self._handled.total(),
            doubled=self._handled.total() - len(self._handled),
            published=self._published,
        )
