"""The client's credential: asked for once when it is refused, and what happens then."""

from __future__ import annotations

from collections.abc import Mapping

from perdure_model.core.client.book import CLIENT
from perdure_model.core.client.desk import Desk
from perdure_model.core.client.effects import Next, OpenStream, SessionOver
from perdure_model.core.client.inputs import Bar, CredentialGiven, CredentialRefused, Flush
from perdure_model.core.client.parts import (
    ACCESS,
    CURSOR,
    LINK,
    ME,
    OUTBOX,
    STATE,
    WATCHING,
    Access,
    ClientState,
    Link,
    Me,
    Outbox,
    Watching,
)
from perdure_model.core.common import Cursor, refuse
from perdure_model.core.rule import Decision, Key


@CLIENT.rule(
    CredentialGiven,
    STATE.one,
    LINK.one,
    ACCESS.one,
    WATCHING.one,
    reads=(ME.one, CURSOR.every(), OUTBOX.every()),
    emits=(OpenStream, Next),
)
def on_credential_given(
    i: CredentialGiven,
    state: ClientState,
    link: Link,
    access: Access,
    watching: Watching,
    me: Me,
    cursors: Mapping[Key, Cursor],
    outboxes: Mapping[Key, Outbox],
) -> Decision:
    """What waited for it goes on under it: the stream, and the sends. The very credential that was refused
    is none."""
    if i.token == access.token:
        return refuse("the credential that is in use already", state, link, access, watching)
    given = Access(i.token, unproven=access.asked)
    desk = Desk(state, link, me=me, access=given, watching=watching, cursors=cursors)
    desk.step("credited", waiting=link.phase == "credential", stale="no stream waits for a credential")
    desk.effects += [Next(Flush(str(session), new_stream=False)) for (session,) in outboxes]
    return desk.decided(desk.state, desk.link, desk.access, desk.watching)


@CLIENT.rule(
    CredentialRefused,
    STATE.one,
    LINK.one,
    ACCESS.one,
    reads=(WATCHING.one, OUTBOX.every()),
    emits=(Next, SessionOver),
)
def on_credential_refused(
    i: CredentialRefused,
    state: ClientState,
    link: Link,
    access: Access,
    watching: Watching,
    outboxes: Mapping[Key, Outbox],
) -> Decision:
    """There is no other: a stream that waited for one ends the session, and sends that did are dropped."""
    if i.token != access.token or not access.asked:
        return refuse("word of a credential that is not in use", state, link, access)
    desk = Desk(state, link, watching=watching, outboxes=outboxes)
    waiting = link.phase == "credential"
    desk.step("discredited", waiting=waiting, outcome="expired", stale="no stream waits for a credential")
    desk.effects += [Next(Bar(str(session))) for (session,) in outboxes]
    return desk.decided(desk.state, desk.link, Access(access.token, unproven=True))
