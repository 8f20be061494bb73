"""The client's rule book, and the tables that it runs."""

from perdure_model.charts.client_session import ClientSession
from perdure_model.charts.send_item import SendItem
from perdure_model.core.rule import Book
from perdure_model.table import compile_chart

CLIENT = Book("client")
SESSION_TABLE = compile_chart(ClientSession)
ITEM_TABLE = compile_chart(SendItem)
