"""The client's rules: one stream at a time, an ordered outbox for each session, events once each.

`CLIENT` is the book. Parts, inputs and effects stand in the files of those names; `desk.py` is what the
rules that change the client's state share: the chart says which actions, the desk says what each one does.
"""

from perdure_model.core.client import outbox, stream
from perdure_model.core.client.book import CLIENT

__all__ = ["CLIENT", "outbox", "stream"]
