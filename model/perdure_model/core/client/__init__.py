"""The client's rules: one stream at a time, an ordered outbox for each session, events once each.

`CLIENT` is the book. Parts, inputs and effects stand in the files of those names; `desk.py` and `queue.py`
are what the rules share: the chart says which actions, the desk and the queue say what each one does.
"""

from perdure_model.core.client import access, events, outbox, stream, watching
from perdure_model.core.client.book import CLIENT

__all__ = ["CLIENT", "access", "events", "outbox", "stream", "watching"]
