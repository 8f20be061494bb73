"""The drawings of the defects: of each the shortest counterexample, found by a search."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from perdure_model.documents.deeds import deeds, readers
from perdure_model.documents.script import story_to_mermaid
from perdure_model.documents.sequence import Story, story_to_svg
from perdure_model.world import DEFECTS, Finding, Model
from perdure_model.world.models import model_of
from perdure_model.world.run import find_defects

FOLDER = "defects"


def search(
    ids: Iterable[str] = tuple(DEFECTS), done: Callable[[str], None] = lambda _id: None, jobs: int = 1
) -> dict[str, Finding]:
    """Search for each defect, `jobs` at a time. `done` hears of each after its search."""
    findings = {}
    for finding in find_defects(ids, progress=False, jobs=jobs):
        findings[finding.defect.id] = finding
        done(finding.defect.id)
    return findings


def drawings(finding: Finding) -> dict[str, str]:
    """The drawings of a defect that was found, by their paths in the folder. None of one that was missed."""
    if finding.violation is None:
        return {}
    told = story(finding)
    path = f"{FOLDER}/{finding.defect.id}"
    return {f"{path}.svg": story_to_svg(told), f"{path}.mmd": story_to_mermaid(told)}


def story(finding: Finding) -> Story:
    """What the counterexample tells. Raises ValueError for a defect that was missed."""
    if finding.violation is None:
        raise ValueError(f"{finding.defect.id} was not found: there is nothing to tell")
    defect, model = finding.defect, model_of(finding.defect)
    books = defect.plant({book.side: book for book in model.books})
    world = model.world("default", finding.world, books)
    sides = sides_of(model)
    return Story(
        title=f"{defect.id}: {defect.says}",
        ends=f"This breaks {defect.breaks}: {text(model, defect.breaks)}",
        deeds=deeds(world, finding.violation, sides),
        sides=[book.side for book in model.books],
        readers=readers(world, sides),
        loop=finding.violation.loop,
    )


def sides_of(model: Model) -> dict[str, str]:
    """Whose each rule is."""
    return {rule.name: book.side for book in model.books for rule in book}


def text(model: Model, name: str) -> str:
    """The first paragraph of a property's living text, in one line."""
    return " ".join((model.properties[name].__doc__ or "").strip().split("\n\n")[0].split())
