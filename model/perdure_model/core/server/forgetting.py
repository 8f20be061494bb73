"""Sessions that are over are forgotten: first their events, then that they have been.

What a connection has sent is not forgotten with the session: its receipts are the connection's, and live as
long as it does. A send that is repeated to a name that is free again is still known, and handled once (N41).
"""

from __future__ import annotations

from perdure_model.core.common import refuse
from perdure_model.core.rule import Decision
from perdure_model.core.server.book import SERVER
from perdure_model.core.server.desk import Owners, Watches
from perdure_model.core.server.effects import Drop, StartForget
from perdure_model.core.server.inputs import ForgetDue
from perdure_model.core.server.parts import LOG, OWNER, SETTINGS, TOMBSTONES, WATCH, Log, ServerSettings
from perdure_model.core.value import replace


@SERVER.rule(
    ForgetDue,
    LOG.one,
    OWNER.every("session"),
    TOMBSTONES.one,
    reads=(WATCH.every("session"), SETTINGS.one),
    emits=(Drop, StartForget),
)
def on_forget_due(
    i: ForgetDue,
    log: Log | None,
    owners: Owners,
    tombstones: int | None,
    watches: Watches,
    settings: ServerSettings,
) -> Decision:
    """The events of a session that is over go, and who owned it; its tombstone still tells who comes late how
    it ended. Later that goes, too, and the name is free.

    Who watches and was not told yet is waited for. Beyond the bound of tombstones none is put up.
    """
    if log is None or log.epoch != i.epoch:
        return refuse("the time of a session that was lost", log, owners, tombstones)
    count = tombstones or 0
    if not log.buried:
        drop = Drop(i.session, i.epoch)
        if count >= settings.tombstones_max and not watches:
            return (None, {}, tombstones), (drop,)
        buried = replace(log, gone=log.head, buried=True)
        return (buried, {}, count + 1), (drop, StartForget(i, settings.tombstone_s))
    if watches:
        return (log, owners, tombstones), (StartForget(i, settings.tombstone_s),)
    return (None, owners, count - 1 or None), ()
