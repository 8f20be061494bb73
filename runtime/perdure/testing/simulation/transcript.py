"""A run told line by line, so that a person can read it and a change of it shows: the golden transcripts.

    connect a
      a    Started kept=id1
             OpenStream 1.1 id1 cursors=the beginning
      hub  StreamRequested id1 1.1 cursors=the beginning
             Attach id1 1.1 epoch=E1

Each step, the faults that struck, and each decision with what was decided. Ids, incarnations and epochs are
numbered as they come, and what chance alone decides is left out, so that a transcript changes where the
behaviour does. It ends where the faults do; how all is well again after that is one line.

A scenario's file holds the steps, then a line `---`, then the transcript that they gave:
`perdure simulate --replay FILE --save FILE` writes it again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from perdure_model.conformance.parts import Parts
from perdure_model.conformance.sides import SIDES

from perdure.testing.simulation.runs import Run
from perdure.testing.simulation.scenario import TRANSCRIPT
from perdure.trace import Record, plain

Said: TypeAlias = dict[str, Any]
Decide: TypeAlias = Callable[[Record], list[Said]]
LEFT_OUT: Final = frozenset(
    {"type", "chance", "fresh", "token", "principal", "size", "session", "due", "input", "answer"}
)
"""Fields that say nothing here: chance, what is the same throughout, and what is told by itself."""
INNER: Final = ("due", "input", "answer")
NUMBERED: Final = frozenset({"attempt", "generation", "key"})
IDS: Final = {"cid": "id", "kept": "id", "epoch": "E"}
USUALLY: Final = frozenset({"readable", "sent"})
QUIET: Final = frozenset({"Heard", "EventsDue", "TokenReplaced"})
"""Inputs that come all the time: they are told where something came of them."""
EFFECT: Final = " " * 9
"""What the line of an effect begins with."""
SHOWS: Final = "# shows: "


def recorded(record: Record) -> list[Said]:
    """The effects as the running code recorded them."""
    effects: list[Said] = record["effects"]
    return effects


class Core:
    """The effects as the rules alone decide them on the recorded inputs, with no running code between.

    Call it with each record, in order.
    """

    def __init__(self) -> None:
        self._parts: dict[str, Parts] = {}

    def __call__(self, record: Record) -> list[Said]:
        """The effects of this decision."""
        side = SIDES[record["side"]]
        parts = self._parts.get(record["run"])
        if parts is None:
            settings = {side.settings[0]: side.read_settings(record["settings"])} if side.settings else {}
            parts = self._parts[record["run"]] = Parts(side.book, settings)
        return [plain(effect) for effect in parts.decided(side.read_input(record["input"]))]


def transcript(run: Run, decide: Decide = recorded) -> str:
    """The run as text. `decide` gives the effects of a record: those recorded, or a `Core`'s."""
    return "\n".join([*Teller(decide).lines(run.trace), ending(run), ""])


def ending(run: Run) -> str:
    """The last line: what came of it."""
    if run.broken is not None:
        return f"broken: {run.broken}"
    counts = [f"{count} {name}" for name, count in run.accounts.items() if count]
    return f"in the end all is well: {', '.join(counts) or 'nothing happened'}"


class Teller:
    """Tells one run. Names are given as they come up: id1, E1, and 1 for the first incarnation."""

    def __init__(self, decide: Decide) -> None:
        self._decide = decide
        self._names: dict[tuple[str, Any], str] = {}

    def lines(self, trace: tuple[str, ...]) -> Iterator[str]:
        """The lines of a run's trace, up to where the faults stop."""
        for line in trace:
            _, who, said = line.split(" ", 2)
            if who == "step:" and said == "the faults stop":
                return
            if who == "step:":
                yield said
            elif who.endswith(":"):
                yield f"  {who[:-1]:4} {said}"
            else:
                yield from self._decision(who, json.loads(said))

    def _decision(self, who: str, record: Record) -> Iterator[str]:
        i, effects = record["input"], self._decide(record)
        if i["type"] not in QUIET or effects:
            yield f"  {who:4} {self._told(i)}"
        for effect in effects:
            yield f"{EFFECT}{self._told(effect)}"

    def _told(self, said: Said) -> str:
        """An input or effect: its name, and its fields but for those that say nothing."""
        if said["type"] == "Moved":
            return f"{said['machine']}: {said['source']} to {said['target']} by {said['event']}"
        inner = [self._told(said[name]) for name in INNER if name in said]
        fields = [self._field(name, value) for name, value in said.items() if name not in LEFT_OUT]
        return " ".join([said["type"], *inner, *filter(None, fields)])

    def _field(self, name: str, value: Any) -> str:
        """One field; "" where it says nothing."""
        if isinstance(value, bool):
            return self._truth(name, value)
        if value is None or (name, value) == ("count", 1) or (value in ([], "", 0) and name != "status"):
            return ""
        if name == "why":
            return f"({value})"
        if name in NUMBERED and isinstance(value, list):
            return self._pair(value)
        if name in IDS:
            named = self._name(IDS[name], value)
            return named if name == "cid" else f"{name}={named}"
        return f"{name}={self._value(name, value)}"

    def _truth(self, name: str, value: bool) -> str:
        """What is as it usually is goes without saying."""
        if name in USUALLY:
            return "" if value else f"not {name}"
        return name if value else ""

    def _value(self, name: str, value: Any) -> str:
        match name:
            case "keys":
                return ",".join(map(self._pair, value))
            case "verdicts":
                return ",".join(f"{self._pair(key)} {verdict}" for key, verdict in value)
            case "cursors":
                return ",".join(self._cursor(cursor) for _session, cursor in value)
            case "cursor" if isinstance(value, list):
                return self._cursor(value)
            case "unsent":
                return ",".join(self._pair(one[1]) for one in value)
            case "seconds" | "retry_after_s":
                return f"{value:.4g}"
        return str(value)

    def _cursor(self, cursor: list[Any]) -> str:
        epoch, position = cursor
        return f"{self._name('E', epoch)}@{position}" if epoch is not None else "the beginning"

    def _pair(self, pair: list[int]) -> str:
        incarnation, count = pair
        return f"{self._name('', incarnation)}.{count}"

    def _name(self, kind: str, value: Any) -> str:
        taken = sum(known == kind for known, _ in self._names)
        return self._names.setdefault((kind, value), f"{kind}{taken + 1}")


# -- files ---------------------------------------------------------------------------------------------


def file_text(run: Run, *comments: str) -> str:
    """A scenario's file: comments, seed and steps, and the transcript."""
    return f"{run.scenario.text(*comments)}{TRANSCRIPT}\n{transcript(run)}"


def golden(text: str) -> str:
    """The transcript in a file's text; "" where it holds none."""
    return text.partition(f"\n{TRANSCRIPT}\n")[2]


def comments(text: str) -> list[str]:
    """What a file's text begins with: its comments, without their signs."""
    steps = text.partition(f"\n{TRANSCRIPT}\n")[0]
    return [line[1:].strip() for line in steps.splitlines() if line.startswith("#")]


def rarest(told: str) -> str:
    """The effect that a transcript tells least often, the last one of those; "" where it tells of none.

    That is what a run most likely is about; who knows better writes another line.
    """
    words = [line.split()[0] for line in told.splitlines() if line.startswith(EFFECT)]
    kinds = Counter(word for word in reversed(words) if not word.endswith(":"))
    return min(kinds, key=kinds.__getitem__, default="")


def unshown(text: str) -> list[str]:
    """What a file's comments say that it shows (`# shows: …`), and no line of its transcript holds."""
    told = golden(text)
    promised = [line.removeprefix(SHOWS) for line in text.splitlines() if line.startswith(SHOWS)]
    return [line for line in promised if line not in told]
