"""The response stream's rules: two attempts at most, and one clean stream for the consumer.

`RESPONSE` is the book. A call makes attempts; each attempt brings events, an error or an end, under its
number, which fences it. Events are handles (the n-th of their attempt); payloads and errors stay with the
runtime. The credential is another book's: a call reports a refused token, and hears of another or of none.
"""

from perdure_model.core.response import call, upstream
from perdure_model.core.response.book import RESPONSE

__all__ = ["RESPONSE", "call", "upstream"]
