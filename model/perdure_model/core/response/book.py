"""The response stream's rule book, and the table that it runs."""

from perdure_model.charts.response_stream import ResponseStream
from perdure_model.core.rule import Book
from perdure_model.table import compile_chart

RESPONSE = Book("response")
RESPONSE_TABLE = compile_chart(ResponseStream)
