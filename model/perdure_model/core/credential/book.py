"""The credential's rule book, and the table that it runs."""

from perdure_model.charts.credential import Credential
from perdure_model.core.rule import Book
from perdure_model.table import compile_chart

CREDENTIAL = Book("credential")
CREDENTIAL_TABLE = compile_chart(Credential)
