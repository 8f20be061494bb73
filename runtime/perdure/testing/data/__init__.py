"""The properties that are about data rather than interleavings, and the defects that break them.

The folder's law: a property is a function of one case, and says whether it holds. It looks at what production
runs, and compares it with something plainer that is written here; it knows nothing of any defect. A defect
replaces a piece of data code for as long as it is planted; production knows nothing of it. Searches repeat
exactly: the cases tried do not depend on chance.

Each file has one theme, with its PROPERTIES and its DEFECTS; `catalogue` lists the files. Needs Hypothesis
(`pip install 'perdure[check]'`).
"""

from perdure.testing.data.catalogue import DATA_DEFECTS, DATA_PROPERTIES, find_data_defects
from perdure.testing.data.property import DataDefect, DataProperty, instead, states
from perdure.testing.data.search import Counterexample, DataFinding, Search, falsify, find_defect

__all__ = [
    "DATA_DEFECTS",
    "DATA_PROPERTIES",
    "Counterexample",
    "DataDefect",
    "DataFinding",
    "DataProperty",
    "Search",
    "falsify",
    "find_data_defects",
    "find_defect",
    "instead",
    "states",
]
