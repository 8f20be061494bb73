"""The defects of system T: small variants of rules, each of which breaks a property.

Law of this folder: a defect overrides rules by name, and is known to nothing else. Where it only takes a
fence away, it does so by making the input look as if it were of the generation that the part holds. Those
from N01 on are findings of our own: the checker found them in the designs as they were described.

Each file has one theme, a part of the protocol, with its DEFECTS; this one lists the files.
"""

from perdure_model.world.defect import Catalogue
from perdure_model.world.transport.defects import (
    away,
    credentials,
    events,
    expiry,
    forgetting,
    identity,
    queue,
    receipts,
    retries,
    shown,
    streams,
    watching,
)

FILES = (
    identity,
    streams,
    expiry,
    away,
    watching,
    queue,
    retries,
    credentials,
    receipts,
    shown,
    events,
    forgetting,
)

ORDER = """
T01 T25 T25b T26b T28 T29 T30 T33
T02 T03 T04 T07 T20 T24b T24 T26 T38 T39
T05 T06 T06b T31 T32
T08 T09 T10 T11 T12 T13 T14 T14b T15d T15c T15 T08b T23c T34b T16 T17 T18 T23 T23b T34
T22 T22d N45 T22b T27 T22c T35d T35c T35
N41 N42 N44 N43 N01 N02 N03 N04 N05 N06 N07 N08 N30 N33 N35 N34 N36 N09
"""
"""The order that the committed table of planted defects has; what is newer follows, file by file."""

DEFECTS = Catalogue.joined((file.DEFECTS for file in FILES), first=ORDER.split())

__all__ = ["DEFECTS"]
