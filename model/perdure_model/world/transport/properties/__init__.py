"""What must hold of system T's worlds: each property of the specification that these worlds can break.

Law of this folder: a property is a function from a world to its statement; its docstring is the living text,
its name the stable id. It looks at components and changes none. Beside every `always` stands the `sometimes`
that keeps it from holding for want of occasion.

Each file has one theme, with its PROPERTIES; this one lists the files. `common.py` has what they share,
`rest.py` also where stopping is right.
"""

from perdure_model.world.model import Properties
from perdure_model.world.transport.properties import (
    ends,
    events,
    expiry,
    identity,
    ownership,
    queue,
    receipts,
    rest,
    retries,
    shown,
    streams,
    watching,
)
from perdure_model.world.transport.properties.rest import at_rest

FILES = (
    streams,
    expiry,
    ownership,
    watching,
    identity,
    queue,
    retries,
    receipts,
    events,
    shown,
    ends,
    rest,
)

ORDER = """
P-STALE-CLOSE P-TTL P-OWNER P-TAKEOVER P-EXPIRE-SCOPE P-CLOSE P-WATCH
P-NO-HIJACK P-ONE-STREAM P-ONE-HOLDER P-IDENTITY
P-FIFO P-SINGLE-FLIGHT P-QUEUE-BOUND P-RETRY-BUDGET P-CLASS P-SPACED P-EFFECT-ONCE P-UNCERTAIN
P-NO-DUP P-NO-LOSS P-RUNNING P-NOTICE P-VISIBLE P-TERMINAL-ONCE P-OUTCOME P-NO-LEAK P-BOUNDED P-ERRORS
P-SETTLE P-NO-STUCK P-RECONVERGE P-TERMINATES P-EXPIRES
"""
"""The order in which worlds declare them and reports tell them: at the end what must come, not only hold.

What is newer follows, file by file.
"""

PROPERTIES = Properties.joined((file.PROPERTIES for file in FILES), first=ORDER.split())

__all__ = ["PROPERTIES", "at_rest"]
