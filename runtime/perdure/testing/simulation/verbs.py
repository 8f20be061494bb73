"""The vocabulary of scenarios: who there is, what can happen to them, and with what."""

from __future__ import annotations

from typing import Final

SYSTEMS: Final = "TAR"
"""T: sessions with a hub. A: followed state. R: response streams."""
TABS: Final = ("a", "b", "c")
FOLLOWERS: Final = ("f", "g", "h")
CALLERS: Final = ("x", "y", "z")
ISSUER: Final = "issuer"
CLIENTS: Final = {"T": TABS, "A": FOLLOWERS, "R": CALLERS}
WHO: Final = (*TABS, *FOLLOWERS, *CALLERS, ISSUER)
KINDS_OF: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(TABS, ("send", "stream", "word")),
    **dict.fromkeys(FOLLOWERS, ("stream", "snapshot", "submit")),
    **dict.fromkeys(CALLERS, ("call",)),
    ISSUER: ("refresh",),
}
"""The kinds of requests that each makes: a word is what a tab tells its hub beside sends."""
KINDS: Final = ("send", "stream", "word", "snapshot", "submit", "call", "refresh")
STATUSES: Final = {
    "send": (404, 429, 500, 503, 401),
    "stream": (429, 500, 503, 401),
    "word": (429, 503, 401),
    "snapshot": (404, 429, 503, 401, 410),
    "submit": (404, 429, 503, 401, 410),
    "call": (401, 500),
    "refresh": (401, 503),
}
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "tab": TABS,
    "follower": FOLLOWERS,
    "caller": CALLERS,
    "who": WHO,
    "kind": KINDS,
    "garbling": ("repeat", "skip"),
    "refresh": ("same", "older", "fails"),
    "token": ("fresh", "refused", "older"),
    "effect": ("changes", "brings", "nothing"),
    "outcome": ("succeeded", "failed", "expired"),
    "error": ("passing", "garbled", "fatal"),
    "ending": ("well", "denied", "denied-raised", "error", "error-raised"),
}
"""What an argument of a kind can be, where it is a word."""
WIRE_VERBS: Final[dict[str, tuple[str, ...]]] = {
    "cut": ("who", "seconds"),
    "half-open": ("who", "seconds"),
    "late-close": ("who", "seconds"),
    "garble": ("who", "garbling"),
    "lose-request": ("who", "kind"),
    "lose-response": ("who", "kind"),
    "hold": ("who", "kind", "seconds"),
    "double": ("who", "kind", "seconds"),
    "echo": ("who", "kind", "seconds"),
    "slow": ("who", "kind", "seconds"),
    "answer": ("who", "kind", "status", "seconds"),
}
"""cut: the client's streams break, and the server learns of it so much later. half-open: nothing passes on
them, and neither side is told, for so long. late-close: when it closes a stream itself, the server learns of
it so much later. garble: the next event on its streams comes twice, or not at all. The faults with a kind
strike its next request of that kind; a held one arrives so much later, a doubled one arrives once more so
much later; of an echoed one the answer to the copy that comes later counts; the answer to a slow one is so
much later. answer: in the server's place, with Retry-After if it is not 0."""
TOKEN_VERBS: Final[dict[str, tuple[str, ...]]] = {
    "expire": (),
    "refresh": ("refresh",),
    "give": ("token",),
}
"""expire: all tokens die. refresh: what the next refresh comes to. give: the application gives a token."""
VERBS_OF: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "T": {
        "connect": ("tab",),
        "copy": ("tab", "tab"),
        "kill": ("tab",),
        "leave": ("tab",),
        "suspend": ("tab",),
        "resume": ("tab",),
        "send": ("tab", "count"),
        "watch": ("tab",),
        "unwatch": ("tab",),
        "look-back": ("tab",),
        "send-aside": ("tab", "count"),
        "send-last": ("tab",),
        "send-unfit": ("tab",),
        "stall": ("tab", "seconds"),
        "stranger": ("tab",),
        "visit": ("seconds",),
        "publish": ("count",),
        "publish-aside": ("count",),
        "end-aside": ("outcome",),
        "down": ("seconds",),
        "restart": (),
        "old-hub": (),
    },
    "A": {
        "follow": ("follower",),
        "unfollow": ("follower",),
        "submit": ("follower", "effect"),
        "change": ("follower", "count"),
        "conclude": ("follower", "outcome"),
        "err": ("follower", "error"),
        "flap": ("follower", "count"),
        "remote-down": ("seconds",),
    },
    "R": {
        "ask": ("caller", "count"),
        "quit": ("caller",),
        "botch": ("caller", "ending", "count"),
        "model-down": ("seconds",),
    },
}
"""Of T: connect: the tab is opened, or comes back under its id. copy: the second tab is opened as a copy of
the first. kill: the tab is gone, without a goodbye. watch: it watches a session beside the first one, and
what is named `aside` is of that session; end-aside: that ends, and the next takes its place: its name is the
first that is free, of a session that never was or that the hub has forgotten. send-last: a send to the
session that it watches, whose handler ends that session. send-unfit: a send whose data the hub's application
does not take. look-back: it watches the session that ended last. stall: its application reads nothing for so
long. stranger: another principal comes with the tab's id. visit: a client that names no id is there for so
long. down: nobody reaches the hub for so long. restart: the hub is gone, with all that it kept in memory, and
another is there at once; old-hub: one that knows no clients' ids.

Of A, each follower follows a flow of its own: f by snapshots, g from cursors, h one whose states have no
versions. change: its state changes so many times. conclude: it comes to its last state. err: its streams
bring an error, or what cannot be read. flap: its next streams end as soon as they are open.

Of R: ask: a call, whose answer has so many words. quit: its consumer leaves. botch: its next answer ends like
this, as an event or raised, with that in place of the last of so many words."""
VERBS: Final[dict[str, tuple[str, ...]]] = {
    "wait": ("seconds",),
    "order": ("order",),
    **VERBS_OF["T"],
    **VERBS_OF["A"],
    **VERBS_OF["R"],
    **WIRE_VERBS,
    **TOKEN_VERBS,
}
"""The steps, and the kinds of their arguments. order: whenever several tasks can go on next, the next digit
of this number (to the base 6, from the last one on) says which goes first; without any more, the oldest does.
Until the first such step, chance says it."""
FORGED: Final = frozenset({"stranger", "garble"})
"""Steps in which somebody lies: what is heard then was not sent by who is recorded."""
