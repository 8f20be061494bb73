"""Sessions that outlive their connections.

Law of this package: it performs, and decides nothing. The rules of `perdure_model.core` decide, and they are
reached through one function, `perdure.feed.Feed`. Await, clock, chance and sockets are here, and only here.

`connect` is the client, `Hub` the server; PROTOCOL.md says what goes over the wire between them.
"""

from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.server.parts import ServerSettings

from perdure.client import Event, Gap, HandlerFailed, Item, Receipt, Session, Status, connect
from perdure.errors import (
    BadConnectionId,
    IdentityWarning,
    NoCredential,
    NotAnEventStream,
    PayloadError,
    PerdureError,
    SendError,
    SendFailed,
    SendUncertain,
    ServerUnreachable,
    SessionError,
    SessionExpired,
    SessionFailed,
    SessionOver,
    StreamBroken,
    StreamError,
    StreamRefused,
    TakenOver,
    Unauthenticated,
    UsageError,
)
from perdure.identity import FileIdentity, Identity, IdentitySource, MemoryIdentity
from perdure.server import Hub, HubSession, Send
from perdure.store import MemoryStore, Store
from perdure.trace import JsonLines
from perdure.transport import Limits

__all__ = [
    "BadConnectionId",
    "ClientSettings",
    "Event",
    "FileIdentity",
    "Gap",
    "HandlerFailed",
    "Hub",
    "HubSession",
    "Identity",
    "IdentitySource",
    "IdentityWarning",
    "Item",
    "JsonLines",
    "Limits",
    "MemoryIdentity",
    "MemoryStore",
    "NoCredential",
    "NotAnEventStream",
    "PayloadError",
    "PerdureError",
    "Receipt",
    "Send",
    "SendError",
    "SendFailed",
    "SendUncertain",
    "ServerSettings",
    "ServerUnreachable",
    "Session",
    "SessionError",
    "SessionExpired",
    "SessionFailed",
    "SessionOver",
    "Status",
    "Store",
    "StreamBroken",
    "StreamError",
    "StreamRefused",
    "TakenOver",
    "Unauthenticated",
    "UsageError",
    "connect",
]
