"""The rule book of a followed session, and the tables that it runs."""

from perdure_model.charts.follow_session import FollowSession
from perdure_model.charts.submission import Submission
from perdure_model.core.rule import Book
from perdure_model.table import compile_chart

FOLLOW = Book("follow")
FOLLOW_TABLE = compile_chart(FollowSession)
SUBMISSION_TABLE = compile_chart(Submission)
