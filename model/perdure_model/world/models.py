"""The models that there are."""

from __future__ import annotations

from collections.abc import Iterable

from perdure_model.world.defect import Defect
from perdure_model.world.follow import FOLLOWED
from perdure_model.world.model import Declare, Model
from perdure_model.world.response import RESPONSES
from perdure_model.world.transport import TRANSPORT

MODELS: tuple[Model, ...] = (TRANSPORT, FOLLOWED, RESPONSES)
SIZE_NAMES = ("small", "default", "large")


def by_number(names: Iterable[str]) -> list[str]:
    """Ids such as T02, in the order of their letters, models first, and numbers."""
    return sorted(names, key=lambda name: ("TARN".find(name[0]), name))


DEFECTS: dict[str, Defect] = {
    name: model.defects[name] for model in MODELS for name in by_number(model.defects)
}


def model_of(defect: Defect) -> Model:
    """The model in whose catalogue a defect stands, or else the first with its rules. Raises ValueError."""
    for model in MODELS:
        if model.defects.get(defect.id) is defect:
            return model
    for model in MODELS:
        if set(defect.rules) <= {rule.name for book in model.books for rule in book}:
            return model
    raise ValueError(f"no model has all the rules {', '.join(defect.rules)}")


def statements() -> dict[str, list[Declare]]:
    """Each property's statements, one of each model that states it, by id."""
    found: dict[str, list[Declare]] = {}
    for model in MODELS:
        for name, declare in model.properties.items():
            found.setdefault(name, []).append(declare)
    return found
