"""Long jobs behind a FastAPI app: started by a request, watched as they go on, whatever the network does.

uvicorn --app-dir examples jobs_fastapi:app
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import anyio
from anyio.abc import TaskGroup
from fastapi import FastAPI
from perdure import Hub, HubSession, Send
from pydantic import BaseModel

STEP_S = 0.01


class Job(BaseModel):
    """What is to be done."""

    steps: int = 5


class Progress(BaseModel):
    """How far it is."""

    done: int
    of: int


class Command(BaseModel):
    """What a watcher may ask of a job."""

    cancel: bool = False


def make_app() -> FastAPI:
    """The app, with a hub of its own."""
    hub = Hub()
    cancelled: set[str] = set()
    running: list[TaskGroup] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with hub.lifespan(), anyio.create_task_group() as group:
            running.append(group)
            yield
            running.clear()
            group.cancel_scope.cancel()

    app = FastAPI(lifespan=lifespan)
    app.mount("/live", hub.asgi())

    @hub.on_send(data=Command)
    async def command(send: Send, session: HubSession) -> None:
        if send.data.cancel:
            cancelled.add(session.name)

    async def work(name: str, job: Job) -> None:
        session = hub.session(name)
        for done in range(1, job.steps + 1):
            await anyio.sleep(STEP_S)
            if name in cancelled:
                await session.end("failed")
                return
            await session.publish(Progress(done=done, of=job.steps))
        await session.end("succeeded")

    @app.post("/jobs")
    async def start(job: Job) -> dict[str, str]:
        name = f"job-{uuid4()}"
        running[0].start_soon(work, name, job)
        return {"session": name}

    return app


app = make_app()
