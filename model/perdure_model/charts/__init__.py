"""What states there are, and what may follow.

Law of this folder: charts declare and do nothing. Guards and actions are names; what a guard reads and an
action does is decided by the rules in `core/`.
"""

from perdure_model.charts.base import Chart
from perdure_model.charts.client_session import ClientSession
from perdure_model.charts.credential import Credential
from perdure_model.charts.follow_session import FollowSession
from perdure_model.charts.response_stream import ResponseStream
from perdure_model.charts.send_item import SendItem
from perdure_model.charts.server_connection import ServerConnection
from perdure_model.charts.submission import Submission

CHARTS: tuple[type[Chart], ...] = (
    ClientSession,
    ServerConnection,
    SendItem,
    FollowSession,
    Submission,
    ResponseStream,
    Credential,
)

__all__ = [
    "CHARTS",
    "Chart",
    "ClientSession",
    "Credential",
    "FollowSession",
    "ResponseStream",
    "SendItem",
    "ServerConnection",
    "Submission",
]
