"""The rules of a session that follows remote state: a stream with its snapshot, and what is submitted.

`FOLLOW` is the book. Parts, inputs and effects stand in the files of those names; `desk.py` is what the
rules that change the session share. Fields of states never come here: a state is a serial number, with its
version, its cursor and the outcome that it stands for. Whether it is newer is decided here; what its fields
make of those before is data.
"""

from perdure_model.core.follow import session, submission
from perdure_model.core.follow.book import FOLLOW

__all__ = ["FOLLOW", "session", "submission"]
