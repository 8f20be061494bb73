"""What the documents are made of, once for all tests here."""

from __future__ import annotations

from pathlib import Path

import pytest
from perdure.testing.data import DATA_DEFECTS, DATA_PROPERTIES
from perdure_model.documents import Data
from perdure_model.documents.counterexamples import story
from perdure_model.documents.folder import Made, make
from perdure_model.documents.sequence import Story
from perdure_model.world import DEFECTS
from perdure_model.world.run import find

ROOT = Path(__file__).parents[2]
DRAWINGS = ROOT / "diagrams"
SPECIFICATION = ROOT / "docs/spec.md"
DATA = Data(DATA_PROPERTIES, tuple(DATA_DEFECTS.values()))


@pytest.fixture(scope="session")
def made() -> Made:
    """All but what takes a search."""
    return make(DRAWINGS, DATA, search_defects=False, explore_worlds=False)


@pytest.fixture(scope="session")
def late_close() -> Story:
    """How an old stream's late close detaches the new stream."""
    return story(find(DEFECTS["T02"], progress=False))
