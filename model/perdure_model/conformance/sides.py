"""The five kinds of machines that a trace may hold: their rules, and what each may be told when."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, get_args, get_type_hints

from perdure_model.charts import CHARTS
from perdure_model.conformance.tickets import Step, Steps, Take, gives, shows, taking, tears, uses
from perdure_model.conformance.values import Decode, kinds
from perdure_model.core.client import CLIENT
from perdure_model.core.client import effects as ce
from perdure_model.core.client import inputs as ci
from perdure_model.core.client import parts as cp
from perdure_model.core.credential import CREDENTIAL
from perdure_model.core.credential import effects as ke
from perdure_model.core.credential import inputs as ki
from perdure_model.core.follow import FOLLOW
from perdure_model.core.follow import effects as fe
from perdure_model.core.follow import inputs as fi
from perdure_model.core.follow import parts as fp
from perdure_model.core.response import RESPONSE
from perdure_model.core.response import effects as re
from perdure_model.core.response import inputs as ri
from perdure_model.core.response import parts as rp
from perdure_model.core.rule import Book, Family
from perdure_model.core.server import SERVER
from perdure_model.core.server import effects as se
from perdure_model.core.server import inputs as si
from perdure_model.core.server import parts as sp
from perdure_model.table import Table, compile_chart

TABLES: dict[str, Table] = {table.name: table for table in map(compile_chart, CHARTS)}
"""What may follow in each chart, for runs of which the parts are not known."""


TIMER: Final = "a timer"


@dataclass(frozen=True, slots=True)
class Timing:
    """The effects that start and cancel timers, each with a `due`, and the inputs that those feed."""

    starts: frozenset[type]
    cancels: frozenset[type]
    feeds: frozenset[type]


def concerned(steps: Steps, verb: str) -> frozenset[type]:
    """What does this with a timer."""
    return frozenset(
        kind for kind, of in steps.items() if any((one.verb, one.kind) == (verb, TIMER) for one in of)
    )


@dataclass(frozen=True)
class Side:
    """A kind of machine: its rules, what it is told first, its settings, and the tickets that it goes by."""

    book: Book
    opens: type
    effects: Any
    """The union of what its rules can ask for."""
    settings: tuple[Family, type] | None
    on_input: Steps
    on_effect: Steps
    again: bool = False
    """Whether what it is told first may be told again."""
    goes_on: Callable[[Any], bool] = lambda _i: False
    """Whether, told this first or again, it goes on with what it knew, and without its timers and streams."""
    follows: type | None = None
    """The effect that names what it must be told next."""

    @cached_property
    def followers(self) -> frozenset[type]:
        """What it is told only because a decision asked for it."""
        return frozenset(get_args(get_type_hints(self.follows)["input"]) if self.follows else ())

    @cached_property
    def notable(self) -> frozenset[type]:
        """The effects of which something may come."""
        return frozenset({*self.on_effect, ce.Renamed, *((self.follows,) if self.follows else ())})

    @cached_property
    def takes_on_input(self) -> Mapping[type, Take]:
        """What each input does with the tickets that are held."""
        return {kind: taking(steps) for kind, steps in self.on_input.items()}

    @cached_property
    def takes_on_effect(self) -> Mapping[type, Take]:
        """What each effect does with them."""
        return {kind: taking(steps) for kind, steps in self.on_effect.items()}

    @cached_property
    def timing(self) -> Timing:
        """Its timers."""
        starts, cancels = concerned(self.on_effect, "gives"), concerned(self.on_effect, "tears")
        return Timing(starts, cancels, concerned(self.on_input, "uses"))

    @cached_property
    def read_input(self) -> Decode:
        """Makes inputs."""
        return kinds({rule.input for rule in self.book})

    @cached_property
    def read_effect(self) -> Decode:
        """Makes effects."""
        return kinds(set(get_args(self.effects)))

    @cached_property
    def read_settings(self) -> Decode:
        """Makes settings."""
        return kinds({self.settings[1]} if self.settings else set())


def answer_for(answer: fi.CredentialGiven | fi.SubmitCredentialGiven) -> Hashable:
    """Whose credential it is: a stream's or a submission's."""
    return type(answer), answer.attempt if isinstance(answer, fi.CredentialGiven) else answer.submit


CREDENTIAL_ASKED = Step("gives", "a credential asked for", lambda asked: answer_for(asked.answer))
CREDENTIAL_LEFT = Step("tears", "a credential asked for", lambda left: answer_for(left.answer))
CREDENTIAL_ANSWERED = Step("uses", "a credential asked for", answer_for)

STREAM: dict[type, tuple[Step, ...]] = {
    kind: (shows("a stream that was welcomed", "attempt"),)
    for kind in (ci.Heard, ci.EventArrived, ci.GapArrived, ci.EndArrived, ci.TakenOver)
}

SIDES: dict[str, Side] = {
    "client": Side(
        CLIENT,
        ci.Started,
        ce.ClientEffect,
        (cp.SETTINGS, cp.ClientSettings),
        {
            ci.Welcomed: (
                uses("a stream to welcome", "attempt"),
                gives("a stream that was welcomed", "attempt"),
            ),
            **STREAM,
            ci.StreamLost: (
                uses("a stream", "attempt"),
                tears("a stream to welcome", "attempt"),
                tears("a stream that was welcomed", "attempt"),
            ),
            ci.ReconnectDue: (uses(TIMER),),
            ci.RetryDue: (uses(TIMER),),
            ci.PostReplied: (uses("a POST", "session", "post"),),
            ci.FarewellReplied: (uses("a farewell", "word", "attempt"),),
            ci.WatchReplied: (uses("a word", "attempt", "serial", "session"),),
            ci.CredentialRefused: (uses("a credential asked for", "token"),),
        },
        {
            ce.OpenStream: (gives("a stream", "attempt"), gives("a stream to welcome", "attempt")),
            ce.StartTimer: (gives(TIMER, "due", most=1),),
            ce.CancelTimer: (tears(TIMER, "due"),),
            ce.Post: (gives("a POST", "session", "post"),),
            ce.SayGoodbye: (Step("gives", "a farewell", lambda said: ("close", said.attempt)),),
            ce.SaySuspended: (Step("gives", "a farewell", lambda said: ("suspend", said.attempt)),),
            ce.Tell: (gives("a word", "attempt", "serial", "session"),),
            ce.AskCredential: (gives("a credential asked for", "token"),),
        },
        follows=ce.Next,
    ),
    "server": Side(
        SERVER,
        si.ServerStarted,
        se.ServerEffect,
        (sp.SETTINGS, sp.ServerSettings),
        {
            si.StreamClosed: (uses("a stream", "cid", "generation"),),
            si.StreamStalled: (shows("a stream", "cid", "generation"),),
            si.EventsDue: (
                shows("a stream", "cid", "generation"),
                uses("a stream woken", "cid", "generation", "session"),
            ),
            si.GraceElapsed: (uses(TIMER),),
            si.ForgetDue: (uses(TIMER),),
        },
        {
            se.Attach: (gives("a stream", "cid", "generation"),),
            # While a stream looks at what it was woken for, it may be woken once more.
            se.Wake: (gives("a stream woken", "cid", "generation", "session", most=2),),
            se.StartGrace: (gives(TIMER, "due", most=1),),
            se.CancelGrace: (tears(TIMER, "due"),),
            se.StartForget: (gives(TIMER, "due", most=1),),
        },
        goes_on=lambda i: type(i) is si.ServerStarted and i.kept,
    ),
    "follow": Side(
        FOLLOW,
        fi.FollowStarted,
        fe.FollowEffect,
        (fp.SETTINGS, fp.FollowSettings),
        {
            fi.StreamOpened: (uses("a stream to open", "attempt"), gives("an open stream", "attempt")),
            fi.StateArrived: (shows("an open stream", "attempt"),),
            fi.ErrorArrived: (shows("an open stream", "attempt"),),
            fi.FollowLost: (
                uses("a stream", "attempt"),
                tears("a stream to open", "attempt"),
                tears("an open stream", "attempt"),
            ),
            fi.SnapshotReplied: (uses("a snapshot asked for", "attempt"),),
            fi.AgainDue: (uses(TIMER),),
            fi.GiveUpDue: (uses(TIMER),),
            fi.SteadyDue: (uses(TIMER),),
            fi.SettleDue: (uses(TIMER),),
            fi.SubmitReplied: (uses("a submission", "submit"),),
            fi.CredentialGiven: (CREDENTIAL_ANSWERED,),
            fi.SubmitCredentialGiven: (CREDENTIAL_ANSWERED,),
        },
        {
            fe.OpenStream: (gives("a stream", "attempt"), gives("a stream to open", "attempt")),
            fe.AskSnapshot: (gives("a snapshot asked for", "attempt"),),
            fe.StartTimer: (gives(TIMER, "due", most=1),),
            fe.CancelTimer: (tears(TIMER, "due"),),
            fe.PostSubmit: (gives("a submission", "submit"),),
            fe.AskCredential: (CREDENTIAL_ASKED,),
            fe.LeaveCredential: (CREDENTIAL_LEFT,),
        },
        follows=fe.Next,
    ),
    "response": Side(
        RESPONSE,
        ri.CallStarted,
        re.ResponseEffect,
        (rp.SETTINGS, rp.ResponseSettings),
        {
            ri.PrefixArrived: (shows("an attempt", "call", "attempt"),),
            ri.LiveArrived: (shows("an attempt", "call", "attempt"),),
            ri.AttemptFailed: (uses("an attempt", "call", "attempt"),),
            ri.AttemptFinished: (uses("an attempt", "call", "attempt"),),
            ri.TokenBrought: (uses("a token asked for", "call"),),
            ri.TokenDenied: (uses("a token asked for", "call"),),
        },
        {
            re.OpenAttempt: (gives("an attempt", "call", "attempt"),),
            re.RejectToken: (gives("a token asked for", "call"),),
            re.LeaveToken: (tears("a token asked for", "call"),),
        },
    ),
    "credential": Side(
        CREDENTIAL,
        ki.TokenReplaced,
        ke.CredentialEffect,
        None,
        {
            ki.TokenRefreshed: (uses("a refresh", "refresh"),),
            ki.RefreshFailed: (uses("a refresh", "refresh"),),
        },
        {ke.RefreshToken: (gives("a refresh", "refresh"),)},
        again=True,
    ),
}
