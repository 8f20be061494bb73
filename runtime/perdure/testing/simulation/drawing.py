"""Scenarios by chance: usual steps come more often than rare ones, and some sequences come whole."""

from __future__ import annotations

from random import Random
from typing import Final

from perdure.testing.simulation.scenario import Argument, Step, step
from perdure.testing.simulation.verbs import (
    CHOICES,
    CLIENTS,
    FORGED,
    ISSUER,
    KINDS_OF,
    STATUSES,
    TABS,
    TOKEN_VERBS,
    VERBS,
    VERBS_OF,
    WIRE_VERBS,
)

WEIGHTS: Final = {
    "wait": 8,
    "connect": 6,
    "send": 5,
    "publish": 4,
    "cut": 3,
    "follow": 5,
    "change": 6,
    "submit": 4,
    "ask": 8,
    "botch": 3,
    "expire": 1,
    "refresh": 1,
    "give": 1,
    "restart": 1,
    "down": 1,
    "remote-down": 1,
    "model-down": 1,
    "conclude": 1,
    "err": 1,
    "flap": 1,
}
"""How often a verb is drawn; the others 2."""
PLOT_CHANCE: Final = 0.15
PLOTS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "T": (
        ("hold a send 20", "send a 2", "wait 1", "cut a 0", "wait 4"),
        ("answer a send 503 0", "send a 2", "wait 0.2", "cut a 0", "wait 10"),
        ("answer a send 404 0", "send a 2", "wait 30"),
        ("answer a send 503 8", "send a 2", "wait 0.5", "cut a 0", "wait 10"),
        ("lose-response a send", "send a 3", "wait 30"),
        ("lose-request a send", "send a 3", "wait 10"),
        ("send a 1", "wait 1", "kill a", "connect b", "send b 1", "wait 40"),
        ("send a 1", "wait 1", "suspend a", "wait 30", "resume a", "send a 1"),
        ("late-close a 15", "suspend a", "wait 1", "resume a", "wait 30"),
        ("connect b", "copy a c", "send a 1", "send c 1", "wait 5"),
        ("connect a", "wait 1", "copy a b", "wait 3", "publish 2", "wait 1"),
        ("half-open a 60", "publish 14", "wait 60"),
        ("hold a word 3", "suspend a", "wait 0.5", "resume a", "wait 6"),
        ("send a 1", "wait 1", "connect b", "wait 1", "kill a", "wait 20", "send b 1", "wait 1"),
        ("send a 1", "wait 1", "connect b", "wait 1", "kill a", "wait 19.98", "send b 1", "wait 1"),
        ("cut a 6", "wait 9", "publish 1", "wait 3"),
        ("answer a send 503 0", "send a 2", "wait 0.3", "down 8", "wait 25"),
        ("old-hub", "wait 3", "suspend a", "wait 3", "resume a", "restart"),
        ("answer a word 503 0", "suspend a", "wait 1", "resume a", "wait 3"),
        (
            "hold a word 20",
            "suspend a",
            "wait 0.5",
            "resume a",
            "wait 0.5",
            "suspend a",
            "wait 10",
            "resume a",
        ),
        ("echo a stream 0.5", "cut a 0", "wait 4"),
        ("echo a send 0.5", "send a 2", "wait 4"),
        ("hold a send 2", "send a 2", "copy a b", "wait 0.5", "wait 4"),
        ("echo a send 3", "send a 1", "wait 0.5", "cut a 0", "wait 2", "cut a 0", "wait 12"),
        (
            "watch a",
            "wait 1",
            "slow a send 3",
            "send a 1",
            "wait 0.2",
            "expire",
            "send-aside a 1",
            "hold a send 4",
            "wait 3.2",
            "expire",
            "wait 3",
        ),
        ("hold a stream 30", "send a 1", "cut a 0", "wait 1", "suspend a", "wait 25", "wait 10", "resume a"),
        ("send a 1", "wait 1", "suspend a", "wait 25", "stranger a", "wait 1", "resume a", "wait 3"),
        ("hold a word 2", "watch a", "wait 0.1", "unwatch a", "wait 3", "publish-aside 1", "wait 3"),
        ("watch a", "wait 1", "end-aside succeeded", "send-aside a 1", "wait 3"),
        ("watch a", "wait 1", "slow a send 3", "send-last a", "wait 5"),
        ("watch a", "wait 1", "slow a send 4", "send-aside a 2", "wait 0.2", "end-aside failed", "wait 6"),
        ("watch a", "publish-aside 2", "wait 1", "end-aside expired", "wait 25", "send-aside a 1", "wait 3"),
        (
            "watch a",
            "wait 1",
            "unwatch a",
            "lose-response a send",
            "answer a send 503 20",
            "send-aside a 1",
            "wait 1",
            "end-aside succeeded",
            "wait 45",
        ),
        (
            "watch a",
            "publish-aside 2",
            "wait 1",
            "end-aside succeeded",
            "wait 20",
            "watch a",
            "publish-aside 2",
            "wait 3",
            "end-aside failed",
            "wait 2",
        ),
        (
            "watch a",
            "publish-aside 2",
            "wait 1",
            "suspend a",
            "publish-aside 1",
            "end-aside failed",
            "wait 10",
            "resume a",
            "wait 3",
        ),
        (
            "publish-aside 3",
            "end-aside succeeded",
            "wait 1",
            "look-back a",
            "wait 8",
            "look-back b",
            "wait 12",
        ),
        ("answer a word 503 0", "watch a", "wait 1", "publish-aside 2", "wait 3"),
        ("hold a stream 2", "cut a 0", "wait 1.5", "watch a", "wait 5", "publish-aside 2", "wait 2"),
        ("send a 3", "kill a", "connect a", "send a 2", "wait 5"),
        ("answer a send 503 0", "send a 2", "wait 0.5", "restart", "send a 1", "wait 20"),
        ("stall a 30", "publish 12", "wait 1", "publish 12", "wait 1", "publish 12", "wait 40"),
        ("answer a send 401 0", "answer a send 401 0", "send a 1", "wait 3"),
        ("watch a", "wait 1", "send-aside a 1", "wait 1", "unwatch a", "wait 1", "kill a", "wait 25"),
        ("send a 14", "wait 1"),
        ("old-hub", "wait 3", "send a 2", "cut a 0", "wait 3", "send a 1", "wait 5", "restart"),
        ("garble a repeat", "publish 3", "wait 1", "publish 1"),
        ("send a 1", "send-unfit a", "send a 1", "wait 2"),
        (
            "watch a",
            "wait 1",
            "expire",
            "slow a send 0",
            "slow a send 3",
            "send-last a",
            "wait 5",
            "expire",
            "send a 1",
            "wait 5",
        ),
        ("hold a send 3", "send a 1", "wait 0.2", "suspend a", "wait 28", "resume a", "send a 1", "wait 3"),
        ("old-hub", "wait 4", "echo a send 1", "send a 1", "wait 0.8", "cut a 0", "wait 12", "restart"),
        ("garble a skip", "publish 2", "wait 1", "publish 1"),
        ("connect b", "send a 1", "watch b", "wait 1", "send-aside b 1", "wait 1", "kill b", "wait 25"),
        (
            "copy a c",
            "down 3",
            "send a 1",
            "kill a",
            "connect a",
            "kill a",
            "wait 20",
            "send c 1",
            "wait 1",
            "connect a",
            "wait 3",
        ),
    ),
    "A": (
        ("submit f brings", "wait 1", "cut f 0", "wait 10"),
        ("hold f snapshot 1", "cut f 0", "wait 3", "submit f changes", "change f 1", "wait 4"),
        ("hold f snapshot 3", "cut f 0", "wait 2", "submit f nothing", "wait 5"),
        (
            "cut f 0",
            "wait 2",
            "cut f 0",
            "wait 2",
            "cut f 0",
            "wait 25",
            "cut f 0",
            "wait 3",
            "cut f 0",
            "wait 20",
        ),
        ("flap f 8", "cut f 0", "wait 30", "wait 30", "wait 30"),
        (
            "flap f 8",
            "cut f 0",
            "wait 4",
            "submit f brings",
            "wait 6",
            "submit f brings",
            "wait 30",
            "wait 30",
        ),
        ("remote-down 100", "wait 50", "wait 60"),
        ("submit f nothing", "wait 2", "cut f 0", "wait 5"),
        ("hold f snapshot 1", "follow f", "change f 2", "wait 3"),
        ("cut f 0", "hold f stream 1", "wait 3", "change f 1", "wait 3"),
        ("err f passing", "err f garbled", "change f 1", "wait 1"),
        ("err f fatal", "change f 1", "wait 1", "follow f"),
        ("hold f submit 3", "submit f changes", "wait 1", "conclude f succeeded", "wait 5", "follow f"),
        ("cut f 0", "conclude f expired", "wait 20", "follow f"),
        ("expire", "cut f 0", "wait 5", "expire", "cut f 0", "wait 5"),
        ("submit h brings", "wait 1", "submit h brings", "change h 1", "wait 2"),
        ("follow h", "wait 1", "slow h submit 2", "submit h brings", "wait 0.5", "change h 2", "wait 3"),
        ("follow f", "wait 1", "slow f snapshot 2", "cut f 0", "wait 1.5", "change f 2", "wait 3"),
    ),
    "R": (
        ("expire", "ask x 3", "ask y 3", "ask z 2", "wait 3"),
        ("expire", "hold issuer refresh 2", "ask x 2", "wait 0.5", "ask y 2", "quit x", "wait 4"),
        ("expire", "hold issuer refresh 2", "ask x 2", "wait 0.5", "quit x", "wait 4"),
        ("expire", "hold issuer refresh 2", "ask x 2", "wait 0.5", "give fresh", "wait 4"),
        ("hold x call 2", "ask x 2", "wait 0.1", "expire", "ask y 2", "wait 1", "wait 4"),
        ("expire", "refresh same", "ask x 2", "wait 1", "give refused", "ask y 2", "wait 2"),
        ("expire", "hold x call 1", "ask x 2", "give fresh", "expire", "refresh older", "ask y 2", "wait 5"),
        ("expire", "refresh fails", "hold issuer refresh 2", "ask x 2", "wait 0.5", "give fresh", "wait 4"),
        ("botch x well 1", "ask x 2", "wait 2"),
        ("botch x denied 1", "ask x 2", "wait 2"),
        ("botch x denied 3", "ask x 4", "wait 2"),
        ("botch x error-raised 1", "ask x 2", "wait 2"),
        ("botch x denied 1", "botch x denied-raised 1", "ask x 2", "wait 2"),
    ),
}
"""Sequences that rarely come together by chance, and then matter."""
FORGED_CHANCE: Final = 0.25
"""Whether they come at all in a scenario."""
FIRST: Final = {"T": "connect a", "A": "follow f", "R": "ask x 2"}


def draw(chance: Random, count: int, systems: str = "T") -> tuple[Step, ...]:
    """So many steps by chance; in the first, each system has its first client."""
    forged = chance.random() < FORGED_CHANCE
    steps = [step(FIRST[system]) for system in systems]
    steps += draw_more(chance, count - len(steps), systems, forged=forged)
    return tuple(steps[:count])


def draw_more(chance: Random, count: int, systems: str, *, forged: bool = False) -> list[Step]:
    """So many steps by chance, for a world that has begun. Only if `forged`, somebody lies in them."""
    verbs = [verb for verb in verbs_of(systems) for _ in range(WEIGHTS.get(verb, 2))]
    plots = [plot for system in systems for plot in PLOTS[system]]
    if not forged:
        verbs = [verb for verb in verbs if verb not in FORGED]
        plots = [plot for plot in plots if all(line.split()[0] not in FORGED for line in plot)]
    steps: list[Step] = []
    while len(steps) < count:
        if plots and chance.random() < PLOT_CHANCE:
            steps += draw_plot(chance, plots)
        else:
            steps.append(draw_step(chance, chance.choice(verbs), systems))
    return steps[: max(count, 0)]


def verbs_of(systems: str) -> list[str]:
    """The verbs that these systems know."""
    own = [verb for system in systems for verb in VERBS_OF[system]]
    return ["wait", *own, *WIRE_VERBS, *TOKEN_VERBS]


def draw_plot(chance: Random, plots: list[tuple[str, ...]]) -> list[Step]:
    """A sequence by chance, by clients of chance."""
    names: dict[str, Argument] = {}
    for clients in CLIENTS.values():
        names |= dict(zip(clients, chance.sample(clients, len(clients)), strict=True))
    plot = [step(line) for line in chance.choice(plots)]
    return [Step(one.verb, tuple(names.get(str(arg), arg) for arg in one.args)) for one in plot]


def draw_step(chance: Random, verb: str, systems: str) -> Step:
    """A step by chance."""
    args: list[Argument] = []
    for kind in VERBS[verb]:
        args.append(draw_argument(chance, kind, args, systems))
    return Step(verb, tuple(args))


def draw_argument(chance: Random, kind: str, args: list[Argument], systems: str) -> Argument:
    """The next argument after these, by chance."""
    match kind:
        case "tab":
            return chance.choice([tab for tab in TABS if tab not in args])
        case "who":
            clients = [one for system in systems for one in CLIENTS[system]]
            return ISSUER if chance.random() < 0.05 else chance.choice(clients)
        case "kind":
            return chance.choice(KINDS_OF[str(args[0])])
        case "status":
            return chance.choice(STATUSES[str(args[1])])
        case "count":
            return chance.choice((1, 1, 2, 3, 8))
        case "seconds":
            return draw_seconds(chance)
    return chance.choice(CHOICES[kind])


def draw_seconds(chance: Random) -> float:
    """Mostly short; sometimes longer than the grace time."""
    return round(chance.choice((0.0, 0.05, 0.5, 1.0, 4.0, 15.0, 60.0)) * chance.random(), 3)
