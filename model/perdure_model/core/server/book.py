"""The server's rule book, and the table that it runs."""

from perdure_model.charts.server_connection import ServerConnection
from perdure_model.core.rule import Book
from perdure_model.table import compile_chart

SERVER = Book("server")
CONNECTION_TABLE = compile_chart(ServerConnection)
