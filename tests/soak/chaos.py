"""Faults at random, from a seed: the same seed draws the same faults, at the same distances in time."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import anyio
from perdure.testing import (
    Answer,
    CutStream,
    DelayClose,
    Fault,
    FaultProxy,
    HalfDead,
    HoldRequest,
    LoseRequest,
    LoseResponse,
    RepeatRequest,
)

Draw = Callable[[random.Random], Fault]
WAITING_MAX: Final = 20
"""Faults that have not struck yet: a proxy whose clients are all away is not given more."""

DRAWS: Final[dict[str, tuple[int, Draw]]] = {
    "cut": (6, lambda _: CutStream()),
    "cut within an event": (4, lambda _: CutStream(torn=True)),
    "cut, the server learns late": (4, lambda r: CutStream(server_learns_after_s=r.uniform(0.1, 2))),
    "half dead": (2, lambda r: HalfDead(for_s=r.uniform(0.5, 3))),
    "close delayed": (2, lambda r: DelayClose(for_s=r.uniform(0.1, 2))),
    "request lost": (4, lambda r: LoseRequest(on=r.choice(("stream", "send")))),
    "response lost": (6, lambda r: LoseResponse(on=r.choice(("stream", "send", "send")))),
    "repeated": (4, lambda r: RepeatRequest(on=r.choice(("stream", "send", "send")))),
    "held up": (4, lambda r: HoldRequest(on=r.choice(("stream", "send")), for_s=r.uniform(0.1, 3))),
    "slow": (4, lambda r: HoldRequest(for_s=r.uniform(0.01, 0.5), until_overtaken=False)),
    "5xx": (4, lambda r: Answer(on=r.choice(("stream", "send")), status=r.choice((500, 502, 503, 504)))),
    "later, please": (2, lambda r: Answer(status=r.choice((425, 429)), retry_after_s=r.choice((None, 1)))),
    "timeout": (1, lambda r: Answer(on=r.choice(("stream", "send")), status=408)),
    "no": (1, lambda r: Answer(status=r.choice((400, 404, 422)))),
}
"""Each kind of fault, its weight, and how one is made."""


def draw(chance: random.Random, each_s: float) -> tuple[Fault, float]:
    """The next fault, and how many seconds to wait after it: `each_s` in the mean."""
    (kind,) = chance.choices(list(DRAWS), [weight for weight, _ in DRAWS.values()])
    return DRAWS[kind][1](chance), chance.expovariate(1 / each_s)


async def break_things(proxy: FaultProxy, seed: int, each_s: float, scope: anyio.CancelScope) -> None:
    """Inject faults until the scope is cancelled."""
    chance = random.Random(seed)
    with scope:
        while True:
            fault, wait_s = draw(chance, each_s)
            if len(proxy.waiting) < WAITING_MAX:
                proxy.inject(fault)
            await anyio.sleep(wait_s)
