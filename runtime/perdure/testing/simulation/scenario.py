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
from typing import Final, TypeAlias

from perdure.testing.simulation.stepper import ORDER_BASE
from perdure.testing.simulation.verbs import CHOICES, CLIENTS, FORGED, SYSTEMS, VERBS, VERBS_OF, WIRE_VERBS
from perdure.testing.simulation.verbs import TABS as TABS

Argument: TypeAlias = str | int | float
ORDERS: Final = ORDER_BASE**8
"""Orders of tasks are smaller numbers."""
TRANSCRIPT: Final = "---"


class ScenarioError(ValueError):
    """A text that is no scenario: where, and why."""


@dataclass(frozen=True)
class Step:
    """One step: a verb of `VERBS` and its arguments."""

    verb: str
    args: tuple[Argument, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.verb, *(str(one).removesuffix(".0") for one in self.args)])

    @property
    def system(self) -> str:
        """The system in which it happens; "" for what may happen in any world."""
        of: str = SYSTEM_OF.get(self.args[0] if self.verb in WIRE_VERBS else self.verb, "")
        return of


SYSTEM_OF: Final[dict[Argument, str]] = {
    **{verb: name for name, verbs in VERBS_OF.items() for verb in verbs},
    **{who: name for name, clients in CLIENTS.items() for who in clients},
}
"""The system of each verb, and of who is in it."""


@dataclass(frozen=True)
class Scenario:
    """A seed and steps, and the systems that are there: some of `SYSTEMS`."""

    seed: int
    steps: tuple[Step, ...]
    systems: str = "T"

    @property
    def honest(self) -> bool:
        """Whether all that tabs and hub hear of each other was sent by who is recorded.

        Else `perdure conform` has to refuse it. What followers and callers hear comes of servers that are not
        recorded: it may have been garbled, and they have to make of it what the model does.
        """
        return not any(one.verb in FORGED and one.args[0] in TABS for one in self.steps)

    def of(self, steps: tuple[Step, ...]) -> Scenario:
        """The same with other steps."""
        return Scenario(self.seed, steps, self.systems)

    def text(self, *comments: str) -> str:
        """The file's text."""
        head = f"seed {self.seed}" if self.systems == "T" else f"seed {self.seed} {self.systems}"
        return "\n".join([*(f"# {one}" for one in comments), head, *map(str, self.steps), ""])


def parse(text: str) -> Scenario:
    """The scenario that a text is. Raises ScenarioError."""
    head, steps, lines = None, [], []
    for number, line in enumerate(text.splitlines(), 1):
        if line == TRANSCRIPT:
            break
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            if head is None:
                head = head_of(words)
            else:
                steps.append(step_of(words))
                lines.append(f"line {number}, {line.strip()!r}")
        except ValueError as error:
            raise ScenarioError(f"line {number}, {line.strip()!r}: {error}") from error
    if head is None:
        raise ScenarioError("it is empty: the first line says the seed, such as `seed 1`")
    check_systems(head[0], head[1], steps, lines)
    return Scenario(head[0], tuple(steps), head[1])


def check_systems(seed: int, systems: str, steps: list[Step], lines: list[str]) -> None:
    """Each step happens in a system that is there: in another it would do nothing. Raises ScenarioError."""
    needed = {*systems, *(one.system for one in steps)}
    named = "".join(one for one in SYSTEMS if one in needed)
    for step, line in zip(steps, lines, strict=True):
        if step.system not in systems:
            raise ScenarioError(
                f"{line}: it happens in system {step.system}, and there is only {systems}; "
                f"begin with `seed {seed} {named}`"
            )


def read(path: Path) -> Scenario:
    """The scenario in a file. Raises OSError, ScenarioError."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ScenarioError(f"it is no text: {error}") from error


def head_of(words: list[str]) -> tuple[int, str]:
    """The seed, and the systems: those of T, where the line does not say."""
    if len(words) not in (2, 3) or words[0] != "seed":
        raise ValueError("the first line says the seed, such as `seed 1`")
    return int(words[1]), systems_of(words[2]) if len(words) == 3 else "T"


def systems_of(text: str) -> str:
    """The systems that are named. Raises ScenarioError."""
    if not text or "".join(one for one in SYSTEMS if one in text) != text:
        raise ScenarioError(f"there are no systems {text!r}; say some of {SYSTEMS}, in this order")
    return text


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
    choices = CHOICES.get(kind)
    if choices is not None:
        if text not in choices:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}")
        return text
    if kind == "seconds":
        seconds = float(text)
        if not 0 <= seconds <= 3600:
            raise ValueError(f"{text} s is not between 0 and 3600")
        return seconds
    count = int(text)
    if kind == "order":
        if not 0 <= count < ORDERS:
            raise ValueError(f"{text} is no number from 0 to {ORDERS - 1}")
        return count
    if not (200 <= count < 600 if kind == "status" else 1 <= count <= 1000):
        raise ValueError(f"{text} is no {kind}")
    return count


def without(steps: tuple[Step, ...], begin: int, end: int) -> tuple[Step, ...]:
    """The steps but for these."""
    return steps[:begin] + steps[end:]
