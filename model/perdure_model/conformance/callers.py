"""What a shared credential and the calls that share it hear from each other: that the other one said it.

A record of a call does not say which credential it shares, and names are of one credential alone. So a call
and a credential belong together where the one says that a token was refused and the other one hears of it
under the same name, at once. What is heard under that name is looked at when all has been replayed. Of a
call that belongs to no credential that one is not recorded; and of a caller that is no recorded call, a
client's or the follower of a state, nobody can say what it told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from perdure_model.conformance.lines import Record
from perdure_model.conformance.replay import Misfit
from perdure_model.core.credential import effects as ke
from perdure_model.core.credential import inputs as ki
from perdure_model.core.response import effects as re
from perdure_model.core.response import inputs as ri

AT_ONCE_S: Final = 0.02
"""A refusal is heard in the moment in which it is told; a machine may pause in between."""
SHARING: Final = frozenset({"response", "credential"})
Word: TypeAlias = tuple[Hashable, ...]
"""What was said: its kind, and the token."""

HEARD: Final[dict[type, Callable[[Any], Word]]] = {
    ki.TokenRejected: lambda i: ("refused", i.token),
    ki.CallerLeft: lambda _i: ("left",),
    ri.TokenBrought: lambda i: ("use", i.token),
    ri.TokenDenied: lambda _i: ("give up",),
}
SAID: Final[dict[type, Callable[[Any], Word]]] = {
    re.RejectToken: lambda effect: ("refused", effect.token),
    re.LeaveToken: lambda _effect: ("left",),
    ke.UseToken: lambda effect: ("use", effect.token),
    ke.GiveUpToken: lambda _effect: ("give up",),
}
SAYING: Final = frozenset({ri.AttemptFailed, ri.CallCancelled, ki.TokenReplaced, ki.TokenRefreshed})
CALLING: Final = frozenset({*HEARD, *SAYING, ki.RefreshFailed})
"""The inputs with which something is heard or said."""
HEARD_NAMES: Final = frozenset(kind.__name__ for kind in HEARD)
SAID_NAMES: Final = frozenset(kind.__name__ for kind in SAID)
CALLING_NAMES: Final = frozenset(kind.__name__ for kind in CALLING)


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that was heard in a record, and by or of which caller."""

    record: Record
    name: Hashable
    word: Word
    input: Any

    def answers(self, word: Word) -> bool:
        """Whether this is said where the other could have been: so its recording goes as far as that."""
        return word[0] in ("use", "give up") and self.word[0] in ("use", "give up")


class Callers:
    """What all calls and credentials said and heard."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, Hashable], list[tuple[Word, float]]] = {}
        """By run, and by the caller's name."""
        self._runs: dict[Hashable, dict[str, str]] = {}
        """By the caller's name the runs that say anything, and their sides."""
        self._heard: list[Heard] = []

    def tell(self, record: Record, i: Any, effects: tuple[Any, ...]) -> None:
        """Something was heard or said in this record, by these effects."""
        word = HEARD.get(type(i))
        if word is not None:
            self._heard.append(Heard(record, name_of(i), word(i), i))
        for effect in effects:
            word = SAID.get(type(effect))
            if word is not None:
                name = name_of(effect)
                self._said.setdefault((record.run, name), []).append((word(effect), record.t))
                self._runs.setdefault(name, {})[record.run] = record.side

    def misfits(
        self, own: Collection[str], whole: Callable[[str], bool], last_t: Callable[[str], float]
    ) -> Iterator[tuple[Record, Misfit]]:
        """Each record in which one of its `own` runs hears what nobody of those that it belongs to said.

        `whole` says whether all of a run is recorded, `last_t` until when.
        """
        partners = self._partners()
        for heard in self._heard:
            record, others = heard.record, partners.get((heard.record.run, heard.name), set())
            if not others or record.run not in own or not all(map(whole, [record.run, *others])):
                continue
            said = [self._said[run, heard.name] for run in others if (run, heard.name) in self._said]
            words = [word for one in said for word, _t in one]
            if not took(heard, said) and (
                any(map(heard.answers, words)) or max(map(last_t, others)) >= record.t
            ):
                yield record, misfit_of(heard, words)

    def _partners(self) -> dict[tuple[str, Hashable], set[str]]:
        """Of each run, and each name, the runs on the other side that it belongs to."""
        found: dict[tuple[str, Hashable], set[str]] = {}
        for heard in self._heard:
            if heard.word[0] != "refused":
                continue
            for run, side in self._runs.get(heard.name, {}).items():
                if side == "response" and self._told_at(run, heard):
                    found.setdefault((run, heard.name), set()).add(heard.record.run)
                    found.setdefault((heard.record.run, heard.name), set()).add(run)
        return found

    def _told_at(self, run: str, heard: Heard) -> bool:
        return any(
            word[0] == "refused" and abs(t - heard.record.t) <= AT_ONCE_S
            for word, t in self._said[run, heard.name]
        )


def took(heard: Heard, said: list[list[tuple[Word, float]]]) -> bool:
    """Whether it had been said; if so it is taken, as what was said once is heard once."""
    for one in said:
        for at, (word, t) in enumerate(one):
            if word == heard.word and t <= heard.record.t + AT_ONCE_S:
                del one[at]
                return True
    return False


def name_of(said: Any) -> Hashable:
    """The caller's name in an input or effect: a call's own, or the one that a credential has for it."""
    name: Hashable = getattr(said, "call", None) if hasattr(said, "call") else said.caller
    return name


def misfit_of(heard: Heard, said: list[Word]) -> Misfit:
    """That it was not said, and what was."""
    other = "credential" if heard.record.side == "response" else "call"
    shown = tuple(" ".join(map(str, word)) for word in said)
    why = f"a {heard.record.side} heard what its {other} did not say"
    return Misfit(why, (repr(heard.input),), shown or ("nothing",))
