"""The demo's client: one life of it. It sends in small groups, and tells each receipt and each event."""

from __future__ import annotations

import argparse
import random

import anyio

from perdure import ClientSettings, Event, FileIdentity, Limits, Session, connect
from perdure.demo.lines import tell
from perdure.demo.server import HEARTBEAT_S, SESSION
from perdure.errors import SendFailed, SendUncertain

GROUP = 2
PAUSE_S = 0.02
SETTINGS = ClientSettings(reconnect_first_s=0.1, reconnect_cap_s=1.0, retry_first_s=0.2, retry_cap_s=1.0)
LIMITS = Limits(heartbeat_s=HEARTBEAT_S, post_s=3.0)


async def send(session: Session, n: int, last: bool) -> None:
    """Send number n, and tell what became of it."""
    outcome, why = "delivered", ""
    try:
        await session.send({"n": n, "last": last})
    except SendFailed as failed:
        outcome, why = "failed", failed.why
    except SendUncertain as uncertain:
        outcome, why = "uncertain", uncertain.why
    tell("sent", n=n, outcome=outcome, why=why)


async def send_all(session: Session, first: int, last: int, ends: bool) -> None:
    """Send first to last, a few at a time; the very last one asks the server to end the session."""
    for start in range(first, last + 1, GROUP):
        async with anyio.create_task_group() as group:
            for n in range(start, min(start + GROUP, last + 1)):
                group.start_soon(send, session, n, ends and n == last)
        await anyio.sleep(PAUSE_S)


async def live(url: str, identity: str, first: int, last: int, ends: bool) -> None:
    """One life: connect under the kept id, send, and take events until the session is over."""
    record = lambda record: tell("trace", record=record)  # noqa: E731
    async with connect(
        url, session=SESSION, identity=FileIdentity(identity), settings=SETTINGS, limits=LIMITS, trace=record
    ) as session:
        tell("id", cid=session.connection_id)
        async with anyio.create_task_group() as group:
            group.start_soon(send_all, session, first, last, ends)
            async for item in session:
                if isinstance(item, Event):
                    tell("event", n=item.data["n"], part=item.data["part"])
                else:
                    tell("gap", what=type(item).__name__)
        tell("over", outcome=session.outcome)


def main() -> None:
    """Read the arguments and live."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url")
    arguments.add_argument("identity", help="the file that keeps the id")
    arguments.add_argument("first", type=int)
    arguments.add_argument("last", type=int)
    arguments.add_argument("--ends", action="store_true", help="the last send ends the session")
    arguments.add_argument("--seed", type=int, default=1, help="of the jitter")
    given = arguments.parse_args()
    random.seed(given.seed)
    anyio.run(live, given.url, given.identity, given.first, given.last, given.ends)


if __name__ == "__main__":
    main()
