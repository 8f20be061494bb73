"""The rules of both sides, with a defect of the catalogue in them if one is asked for."""

from __future__ import annotations

from collections.abc import Mapping

from perdure_model.core.client import CLIENT
from perdure_model.core.rule import Book
from perdure_model.core.server import SERVER
from perdure_model.world.transport import TRANSPORT


def planted(defect: str) -> Mapping[str, Book]:
    """The books of `client` and `server`. Raises KeyError for a defect that there is not."""
    books = {"client": CLIENT, "server": SERVER}
    return TRANSPORT.defects[defect].plant(books) if defect else books
