"""The defects of system R."""

from perdure_model.world.defect import Catalogue

DEFECTS = Catalogue()
