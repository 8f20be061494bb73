"""The server's rules: connections that outlive their streams, ordered logs, sends taken at most once.

`SERVER` is the book. The generation of a stream is the attempt that asked for it: unique for a client
id, and later for every later stream, even across a connection's expiry.
"""

from perdure_model.core.server import connection, forgetting, log, refusals, restart, sends, watching
from perdure_model.core.server.book import SERVER

__all__ = ["SERVER", "connection", "forgetting", "log", "refusals", "restart", "sends", "watching"]
