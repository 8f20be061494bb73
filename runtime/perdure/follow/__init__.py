"""System A: a session that follows remote state; `follow` gives it.

Law of this folder: all decisions are the rules'. `session.py` feeds them what happens, and performs what they
ask for; what takes time is in `requests.py`, the tokens that requests carry in `tokens.py`.
"""

from perdure.follow.opening import follow
from perdure.follow.session import Followed
from perdure.follow.status import Closed, FollowStatus

__all__ = ["Closed", "FollowStatus", "Followed", "follow"]
