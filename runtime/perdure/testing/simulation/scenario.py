"""What happens in a run, as text that a person can read and change: one line for each step.

    # what it shows
    seed 17
    connect a
    send a 3
    cut a 0.5
    wait 20
    ---
    the transcript of what came of it, if it is kept (`transcript`)

The seed decides all that the steps leave open: delays, where bytes are cut, jitter, ids, the order of tasks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

Argument: TypeAlias = str | int | float
TABS: Final = ("a", "b", "c")
KINDS: Final = ("send", "stream")
TRANSCRIPT: Final = "---"
VERBS: Final[dict[str, tuple[str, ...]]] = {
    "wait": ("seconds",),
    "connect": ("tab",),
    "copy": ("tab", "tab"),
    "kill": ("tab",),
    "leave": ("tab",),
    "suspend": ("tab",),
    "resume": ("tab",),
    "send": ("tab", "count"),
    "publish": ("count",),
    "cut": ("tab", "seconds"),
    "half-open": ("tab", "seconds"),
    "late-close": ("tab", "seconds"),
    "lose-request": ("tab", "kind"),
    "lose-response": ("tab", "kind"),
    "hold": ("tab", "kind", "seconds"),
    "double": ("tab", "kind", "seconds"),
    "answer": ("tab", "kind", "status", "seconds"),
    "down": ("seconds",),
    "restart": (),
}
"""The steps and their arguments.

connect: the tab is opened, or comes back under its id. copy: the second tab is opened as a copy of the first.
kill: the tab is gone, without a goodbye. cut: its stream breaks, and the server learns of it so much later.
half-open: nothing passes on its stream, and neither side is told, for so long. late-close: when it closes a
stream itself, the server learns of it so much later. The faults with a kind strike the tab's next request of
that kind; a held one arrives so much later, a doubled one arrives once more so much later. answer: in the
hub's place, with Retry-After if it is not 0. down: nobody reaches the hub for so long. restart: the hub is
gone, with all that it kept in memory, and another is there at once.
"""
STATUSES: Final = {"send": (404, 429, 500, 503), "stream": (429, 500, 503)}


class ScenarioError(ValueError):
    """A text that is no scenario: where, and why."""


@dataclass(frozen=True)
class Step:
    """One step: a verb of `VERBS` and its arguments."""

    verb: str
    args: tuple[Argument, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.verb, *(str(one).removesuffix(".0") for one in self.args)])


@dataclass(frozen=True)
class Scenario:
    """A seed and steps."""

    seed: int
    steps: tuple[Step, ...]

    def text(self, *comments: str) -> str:
        """The file's text."""
        return "\n".join([*(f"# {one}" for one in comments), f"seed {self.seed}", *map(str, self.steps), ""])


def parse(text: str) -> Scenario:
    """The scenario that a text is. Raises ScenarioError."""
    seed, steps = None, []
    for number, line in enumerate(text.splitlines(), 1):
        if line == TRANSCRIPT:
            break
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            if seed is None:
                seed = seed_of(words)
            else:
                steps.append(step_of(words))
        except ValueError as error:
            raise ScenarioError(f"line {number}, {line.strip()!r}: {error}") from error
    if seed is None:
        raise ScenarioError("it is empty: the first line says the seed, such as `seed 1`")
    return Scenario(seed, tuple(steps))


def read(path: Path) -> Scenario:
    """The scenario in a file. Raises OSError, ScenarioError."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ScenarioError(f"it is no text: {error}") from error


def seed_of(words: list[str]) -> int:
    """The seed."""
    if len(words) != 2 or words[0] != "seed":
        raise ValueError("the first line says the seed, such as `seed 1`")
    return int(words[1])


def step(text: str) -> Step:
    """The step that a line is. Raises ValueError."""
    return step_of(text.split())


def step_of(words: list[str]) -> Step:
    """The step that these words are. Raises ValueError."""
    verb, args = words[0] if words else "", words[1:]
    if verb not in VERBS:
        raise ValueError(f"there is no step {verb!r}; there are {', '.join(VERBS)}")
    kinds = VERBS[verb]
    if len(args) != len(kinds):
        raise ValueError(f"{verb} takes {len(kinds)} arguments: {' '.join(kinds) or 'none'}")
    return Step(verb, tuple(argument(kind, arg) for kind, arg in zip(kinds, args, strict=True)))


def argument(kind: str, text: str) -> Argument:
    """One argument. Raises ValueError."""
    if kind in ("tab", "kind"):
        choices = TABS if kind == "tab" else KINDS
        if text not in choices:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}")
        return text
    if kind == "seconds":
        seconds = float(text)
        if not 0 <= seconds <= 3600:
            raise ValueError(f"{text} s is not between 0 and 3600")
        return seconds
    count = int(text)
    if not (200 <= count < 600 if kind == "status" else 1 <= count <= 1000):
        raise ValueError(f"{text} is no {kind}")
    return count


WEIGHTS: Final = {"wait": 8, "connect": 6, "send": 5, "publish": 4, "cut": 3, "restart": 1, "down": 1}
"""How often a verb is drawn; the others 2."""


PLOT_CHANCE: Final = 0.15
PLOTS: Final = (
    ("hold a send 20", "send a 2", "wait 1", "cut a 0", "wait 4"),
    ("answer a send 503 0", "send a 2", "wait 0.2", "cut a 0", "wait 10"),
    ("answer a send 404 0", "send a 2", "wait 30"),
    ("lose-response a send", "send a 3", "wait 30"),
    ("send a 1", "wait 1", "kill a", "connect b", "send b 1", "wait 40"),
    ("send a 1", "wait 1", "suspend a", "wait 30", "resume a", "send a 1"),
    ("late-close a 15", "suspend a", "wait 1", "resume a", "wait 30"),
    ("connect b", "copy a c", "send a 1", "send c 1", "wait 5"),
    ("half-open a 60", "publish 14", "wait 60"),
)
"""Sequences that rarely come together by chance, and then matter."""


def draw(chance: Random, count: int) -> tuple[Step, ...]:
    """So many steps by chance; the first opens a tab. Usual ones come more often than rare ones."""
    verbs = [verb for verb in VERBS for _ in range(WEIGHTS.get(verb, 2))]
    steps = [Step("connect", (TABS[0],))]
    while len(steps) < count:
        if chance.random() < PLOT_CHANCE:
            steps += draw_plot(chance)
        else:
            steps.append(draw_step(chance, chance.choice(verbs)))
    return tuple(steps[:count])


def draw_plot(chance: Random) -> list[Step]:
    """A sequence by chance, by tabs of chance."""
    tabs = dict(zip(TABS, chance.sample(TABS, len(TABS)), strict=True))
    plot = [step(line) for line in chance.choice(PLOTS)]
    return [Step(one.verb, tuple(tabs.get(str(arg), arg) for arg in one.args)) for one in plot]


def draw_step(chance: Random, verb: str) -> Step:
    """A step by chance."""
    args: list[Argument] = []
    for kind in VERBS[verb]:
        if kind == "tab":
            args.append(chance.choice([tab for tab in TABS if tab not in args]))
        elif kind == "kind":
            args.append(chance.choice(KINDS))
        elif kind == "status":
            args.append(chance.choice(STATUSES[str(args[1])]))
        elif kind == "count":
            args.append(chance.choice((1, 1, 2, 3, 8)))
        else:
            args.append(draw_seconds(chance))
    return Step(verb, tuple(args))


def draw_seconds(chance: Random) -> float:
    """Mostly short; sometimes longer than the grace time."""
    return round(chance.choice((0.0, 0.05, 0.5, 1.0, 4.0, 15.0, 60.0)) * chance.random(), 3)


def without(steps: tuple[Step, ...], begin: int, end: int) -> tuple[Step, ...]:
    """The steps but for these."""
    return steps[:begin] + steps[end:]
