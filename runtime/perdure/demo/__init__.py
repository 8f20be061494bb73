"""A conversation through real faults: three processes, real sockets, and accounts kept on both sides.

Law of this folder: it uses the library as anybody would. `server` and `client` are programs of their own that
tell what they see as JSON lines; `conversation` starts them with the fault proxy in between; `accounts`
compares what was sent, taken, published and handed over, and alone says whether anything was lost.
"""

from perdure.demo.accounts import Result, table
from perdure.demo.conversation import run

__all__ = ["Result", "run", "table"]
