"""Tools to test a session through real faults; for users' own tests too.

The proxy's law: nothing of it knows the client or the server. It stands between them and sees HTTP and
server-sent events, as anybody on the wire would, and so it also serves clients and servers that are not
ours, in any language. What a fault is and when it strikes (`faults`, `ledger`), and where HTTP messages
end (`messages`), is decided without sockets; `peer`, `relay` and `proxy` perform it. Every fault that
struck is in the proxy's log: a test that asks for a fault can see that it came.

Beside it, and not imported here because they need the extra `check`: `data`, the properties that are about
data rather than interleavings, with the defects that break them; `catalogue`, all defects there are; and
`simulation`, client and hub together in one process and in virtual time; `remote`, the same demands made of
anybody's server and client; and `fixtures`, what the pytest plugin gives.
"""

from perdure.testing.faults import (
    Answer,
    CutStream,
    DelayClose,
    Fault,
    HalfDead,
    HoldRequest,
    Kind,
    LoseRequest,
    LoseResponse,
    RepeatRequest,
)
from perdure.testing.ledger import Entry
from perdure.testing.proxy import FaultProxy, kind_by_path

__all__ = [
    "Answer",
    "CutStream",
    "DelayClose",
    "Entry",
    "Fault",
    "FaultProxy",
    "HalfDead",
    "HoldRequest",
    "Kind",
    "LoseRequest",
    "LoseResponse",
    "RepeatRequest",
    "kind_by_path",
]
