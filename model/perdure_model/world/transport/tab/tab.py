"""A client in its world: its parts, its wires and timers, and the application that uses it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING, Any

from perdure_model.checker import Component
from perdure_model.core.client import inputs as ask
from perdure_model.core.client import parts as mine
from perdure_model.core.common import SendKey
from perdure_model.world.bind import Arrival
from perdure_model.world.transport.tab.app import app_rules, app_sinks
from perdure_model.world.transport.tab.farewells import farewell_sinks
from perdure_model.world.transport.tab.noted import NEW, OWN, Answers, Parting, Refresh
from perdure_model.world.transport.tab.sends import send_rules, send_sinks
from perdure_model.world.transport.tab.streams import stream_rules, stream_sinks
from perdure_model.world.transport.tab.timers import timer_sinks
from perdure_model.world.transport.wires import NOTHING, Channel

if TYPE_CHECKING:
    from perdure_model.world.transport.world import Transport

CAUSES: dict[type, Callable[[Any], str]] = {
    ask.StreamLost: lambda i: {401: "expired", 410: "expired", 409: "taken over"}.get(i.status, "failed"),
    ask.EndArrived: lambda i: str(i.outcome),
    ask.TakenOver: lambda _i: "taken over",
    ask.Left: lambda _i: "closed",
    ask.CredentialRefused: lambda _i: "expired",
    ask.Desynced: lambda _i: "failed",
}
"""What each input that can end a session would have to be told as."""


class Tab:
    """One client. `home` is the server's name for the id that it begins with."""

    def __init__(self, world: Transport, name: str, home: str, lives: tuple[int, ...]) -> None:
        self.world, self.name, self.lives = world, name, lives
        self.ids: dict[Hashable, str] = {OWN: home}
        if world.bounds.copied or world.bounds.spare:
            self.ids |= {NEW: f"{name}2"}
        self.ids |= {cid: cid for cid in world.made}
        self.session = world.bounds.sessions[0]
        self.keys: tuple[SendKey, ...] = tuple(
            (life, n + 1) for life in lives for n in range(world.bounds.sends)
        )
        self.of: dict[tuple[str, str], Component] = {}
        self._parts()
        self._wires()
        self._app()

    @property
    def components(self) -> list[Component]:
        """All that this client consists of, in the order of declaration."""
        mine = f"{self.name}."
        return [one for one in self.world.system.components if one.name.startswith(mine)]

    def declare(self) -> None:
        """Say where effects go, and bind the rules."""
        stream_sinks(self)
        farewell_sinks(self)
        send_sinks(self)
        app_sinks(self)
        timer_sinks(self)
        stream_rules(self)
        send_rules(self)
        app_rules(self)

    def _parts(self) -> None:
        b, part = self.world.bounds, self.world.part
        scope = self.name
        self.state = part(mine.STATE, scope=scope)
        self.me = part(mine.ME, scope=scope)
        self.access = part(mine.ACCESS, scope=scope)
        self.link = part(mine.LINK, scope=scope)
        self.watching = part(mine.WATCHING, scope=scope)
        self.cursors = {s: part(mine.CURSOR, (s,), scope=scope) for s in b.sessions}
        self.outbox = part(mine.OUTBOX, (self.session,), scope=scope)
        self.items = {key: part(mine.ITEM, (self.session, key), scope=scope) for key in self.keys}
        settings = mine.ClientSettings(
            attempts_max=b.attempts_max,
            retries_max=b.retries_max,
            queue_max=b.queue_max,
            batch_max=b.batch_max,
            renews=b.renews,
            refreshes=b.tokens > 0,
        )
        part(mine.SETTINGS, (), settings, scope=scope)

    def _add(self, name: str, initial: Any) -> Component:
        return self.world.system.component(f"{self.name}.{name}", initial)

    def _wires(self) -> None:
        self.requests = self._add("requests", NOTHING)
        self.channel = self._add("stream", None)
        self.posts = self._add("posts", ())
        self.held = self._add("posts held up", ())
        self.words = self._add("words", ())
        self.farewells = self._add("farewells", NOTHING)
        self.following = self._add("next", ())
        self.reconnect = self._add("reconnect timer", NOTHING)
        self.retry = self._add("retry timer", NOTHING)
        self.late = self._add("came too late", NOTHING)

    def _app(self) -> None:
        b = self.world.bounds
        self.opened = self._add("app", (0, ""))
        self.asked = self._add("app.asked", 0)
        self.outcomes = {key: self._add(f"app.outcome{key}", None) for key in self.keys}
        self.answers = {key: self._add(f"app.answer{key}", Answers()) for key in self.keys}
        self.noted = {key: self._add(f"app.noted{key}", None) for key in self.keys} if b.kills else {}
        self.seen = {s: self._add(f"app.seen[{s}]", ()) for s in b.sessions}
        self.handled = self._add("app.handled", ())
        self.drives = self._add("app.drives", None)
        self.shown = self._add("app.shown", (False, False))
        self.known_as = self._add("app.known as", (OWN, ""))
        self.lost_id = self._add("app.lost its id", False)
        self.welcome = self._add("app.welcome", None)
        self.cause = self._add("app.cause", "")
        self.away = self._add("app.away", "")
        self.parting = self._add("app.parting", Parting())
        self.wants = self._add("app.wants", (self.session,))
        self.told_no = self._add("app.told no", NOTHING)
        self.credential = self._add("app.credential", Refresh())

    def noticed(self, channel: Channel, seen: tuple[Any, ...]) -> tuple[Any, ...]:
        """What the server will see closed, by the ids of this client."""
        cids = dict.fromkeys(self.ids.values())
        if not channel.flows:
            return seen
        mine = self.ids[channel.cid]
        return tuple(
            s | {channel.generation} if cid == mine else s for cid, s in zip(cids, seen, strict=True)
        )

    @property
    def proofs(self) -> list[Component]:
        """Where it is noted that the server took a credential, in worlds where one can die."""
        return [self.credential] if self.world.bounds.tokens else []

    def sink(self, effect: type, *components: Component) -> Callable[[Any], Any]:
        """Where an effect of this client goes."""
        return self.world.sink(effect, *components, address={"tab": self.name})

    def bind(
        self, i: type, sources: list[Component], arrivals: Any, name: str = "", *, fair: bool = True
    ) -> None:
        """What follows from a client's decision comes before all else, as in the runtime."""
        world = self.world
        rule = world.client[i]
        name = f"{self.name}: {name or rule.name}"
        address = {"tab": self.name}

        def at_leisure(following: tuple[Any, ...], *states: Any) -> Iterator[Arrival]:
            for arrived, left, to in () if following else arrivals(*states):
                yield arrived, (following, *left), to

        if i in CAUSES:
            sources, arrivals = [self.cause, self.state, *sources], self._causing(arrivals)
        if self.following not in sources:
            sources, arrivals_now = [self.following, *sources], at_leisure
        else:
            arrivals_now = arrivals
        world.bind(
            world.client, i, sources, arrivals_now, name=name, fair=fair, address=address, scope=self.name
        )

    def _causing(self, arrivals: Any) -> Any:
        """Note what arrived last before the end: the outcome has to be this one's."""

        def noting(cause: str, state: Any, *states: Any) -> Iterator[Arrival]:
            for i, left, to in arrivals(*states):
                over = state is not None and state.state == "terminal"
                yield i, (cause if over else CAUSES[type(i)](i), state, *left), to

        return noting
