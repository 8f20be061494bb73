"""The documents that are written from the model: the specification, overviews, coverage, counterexamples.

Law of this folder: nothing is said here that the model does not say; all is read off the charts, rules,
worlds, properties and defects that run, and is the same on every machine. What takes a search is kept in a
record beside the drawings. Nothing imports this folder but what writes and checks the files. Needs the
extras `check` and `diagrams`.
"""

from perdure_model.documents.demands import Data
from perdure_model.documents.spec import specification

__all__ = ["Data", "specification"]
