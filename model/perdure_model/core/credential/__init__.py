"""The credential's rules: one token that many callers share, refreshed once for all of them.

`CREDENTIAL` is the book. A caller is whoever uses the token and hears that it was refused: a response
stream, a session, a client. Tokens are opaque handles; their texts stay with the runtime.
"""

from perdure_model.core.credential import sharing
from perdure_model.core.credential.book import CREDENTIAL

__all__ = ["CREDENTIAL", "sharing"]
