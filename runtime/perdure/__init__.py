"""Sessions that outlive their connections.

Law of this package: it performs, and decides nothing. The rules of `perdure_model.core` decide, and they are
reached through one function, `perdure.feed.Feed`. Await, clock, chance and sockets are here, and only here.

`connect` is the client, `Hub` the server; PROTOCOL.md says what goes over the wire between them. `follow`
shows the state behind any event stream; `refreshing` is for streams of other servers whose credential, a
`Credential` that many share, may expire.
"""

from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.follow.parts import FollowSettings
from perdure_model.core.server.parts import ServerSettings

from perdure.client import Event, Gap, HandlerFailed, Item, Receipt, Returned, Session, Status, connect
from perdure.credentials import Credential
from perdure.errors import (
    BadConnectionId,
    BadToken,
    ErrorFrame,
    FarewellNotTaken,
    FollowError,
    FrameError,
    IdentityWarning,
    NoCredential,
    NotAnEventStream,
    NotStored,
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
    SnapshotFailed,
    StreamBroken,
    StreamError,
    StreamRefused,
    SubmitFailed,
    SubmitUncertain,
    TakenOver,
    Unauthenticated,
    UnreadableState,
    UsageError,
)
from perdure.follow import Closed, Followed, FollowStatus, follow
from perdure.identity import FileIdentity, Identity, IdentitySource, MemoryIdentity
from perdure.observe import Logged, Telemetry, sinks
from perdure.response import Refreshing, kind_of_error, refreshing
from perdure.routes import HubLimits
from perdure.server import Arrival, Hub, HubSession, Send
from perdure.store import MemoryStore, Store
from perdure.trace import JsonLines
from perdure.transport import Limits

__all__ = [
    "Arrival",
    "BadConnectionId",
    "BadToken",
    "ClientSettings",
    "Closed",
    "Credential",
    "ErrorFrame",
    "Event",
    "FarewellNotTaken",
    "FileIdentity",
    "FollowError",
    "FollowSettings",
    "FollowStatus",
    "Followed",
    "FrameError",
    "Gap",
    "HandlerFailed",
    "Hub",
    "HubLimits",
    "HubSession",
    "Identity",
    "IdentitySource",
    "IdentityWarning",
    "Item",
    "JsonLines",
    "Limits",
    "Logged",
    "MemoryIdentity",
    "MemoryStore",
    "NoCredential",
    "NotAnEventStream",
    "NotStored",
    "PayloadError",
    "PerdureError",
    "Receipt",
    "Refreshing",
    "Returned",
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
    "SnapshotFailed",
    "Status",
    "Store",
    "StreamBroken",
    "StreamError",
    "StreamRefused",
    "SubmitFailed",
    "SubmitUncertain",
    "TakenOver",
    "Telemetry",
    "Unauthenticated",
    "UnreadableState",
    "UsageError",
    "connect",
    "follow",
    "kind_of_error",
    "refreshing",
    "sinks",
]
