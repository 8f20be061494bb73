"""The layers hold: who imports whom, what no decision may know, and who writes parts.

Everything is read from the sources' syntax trees; nothing is imported. Each law is a function from sources to
what breaks it, and stands beside a source that does, so that no law can pass because it finds nothing.
"""

from __future__ import annotations

import ast
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Source:
    """A module: its dotted name, whether it is a package, and its syntax tree."""

    name: str
    package: bool
    tree: ast.Module

    def below(self, *prefixes: str) -> bool:
        return any(self.name == prefix or self.name.startswith(prefix + ".") for prefix in prefixes)


def source(name: str, text: str, *, package: bool = False) -> Source:
    return Source(name, package, ast.parse(textwrap.dedent(text)))


def read(root: str) -> list[Source]:
    """All modules below a source root."""
    found = []
    for path in sorted((ROOT / root).rglob("*.py")):
        parts = path.relative_to(ROOT / root).with_suffix("").parts
        package = parts[-1] == "__init__"
        found.append(Source(".".join(parts[:-1] if package else parts), package, ast.parse(path.read_text())))
    return found


MODEL, RUNTIME = read("model"), read("runtime")


def imports(of: Source, *, type_checking: bool = True) -> Iterator[str]:
    """The dotted names that a module imports, at its top or in a function; `from a import b` gives a.b."""
    for node in walk(of.tree, type_checking=type_checking):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = of.name.split(".") if of.package else of.name.split(".")[:-1]
            above = here[: len(here) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def walk(node: ast.AST, *, type_checking: bool) -> Iterator[ast.AST]:
    """Every node; those under `if TYPE_CHECKING` only if asked for."""
    yield node
    for child in ast.iter_child_nodes(node):
        only_types = isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")
        if type_checking or not only_types:
            yield from walk(child, type_checking=type_checking)


def test_the_sources_were_found() -> None:
    packages = {one.name for one in MODEL if one.package}
    assert {f"perdure_model.{layer}" for layer in LAYERS} <= packages
    assert len(MODEL) > 50
    assert {"perdure.feed", "perdure.client", "perdure.server"} <= {one.name for one in RUNTIME}


# -- who imports whom ----------------------------------------------------------------------------------

LAYERS: dict[str, set[str]] = {
    "table": set(),
    "charts": {"table"},
    "core": {"charts", "table"},
    "checker": set(),
    "world": {"core", "checker", "charts", "table"},
    "diagrams": {"charts", "table"},
    "documents": {"charts", "checker", "core", "diagrams", "table", "world"},
    "conformance": {"charts", "core", "table"},
}
"""Each folder of the model, and the folders beside itself that it may import."""

FROM_OUTSIDE: dict[str, set[str]] = {
    "table": {"statemachine"},
    "charts": {"statemachine"},
    "core": set(),
    "checker": {"graphviz", "llvmlite", "numba", "numpy", "psutil", "rich", "scipy"},
    "world": set(),
    "diagrams": {"graphviz"},
    "documents": {"graphviz"},
    "conformance": {"pydantic_core"},
}
"""The libraries beside Python's own that each folder may import."""


def upward_imports(sources: list[Source]) -> list[str]:
    wrong = []
    for one in sources:
        layer = one.name.split(".")[1] if "." in one.name else ""
        for name in imports(one):
            top, _, rest = name.partition(".")
            if top == "perdure_model":
                fine = rest.split(".")[0] in LAYERS.get(layer, set()) | {layer}
            else:
                fine = top in sys.stdlib_module_names or top in FROM_OUTSIDE.get(layer, set())
            if not fine:
                wrong.append(f"{one.name} imports {name}")
    return wrong


def test_each_folder_of_the_model_imports_only_what_lies_below_it() -> None:
    assert upward_imports(MODEL) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("perdure_model.checker.plain", "from perdure_model.core.rule import Book"),
        ("perdure_model.checker.plain", "from ..table import compile_chart"),
        ("perdure_model.table.rows", "from perdure_model.charts import SendItem"),
        ("perdure_model.charts.credential", "from perdure_model.core.client import CLIENT"),
        ("perdure_model.core.common", "from perdure_model.world import MODELS"),
        ("perdure_model.core.common", "def late():\n    import numpy"),
        ("perdure_model.diagrams.graph", "import perdure_model.world"),
        ("perdure_model.diagrams.graph", "from perdure_model import core"),
        ("perdure_model.world.run", "from perdure_model.documents import specification"),
        ("perdure_model.documents.demands", "from perdure.testing.data import DATA_DEFECTS"),
        ("perdure_model.world.bind", "from perdure.feed import Feed"),
        ("perdure_model.conformance.replay", "from perdure.feed import Feed"),
        ("perdure_model.conformance.replay", "from perdure_model.world import DEFECTS"),
        ("perdure_model.checker.show.text", "import perdure"),
    ],
)
def test_an_upward_import_is_seen(name: str, text: str) -> None:
    assert len(upward_imports([source(name, text)])) == 1


TOOLS = ("perdure.cli", "perdure.demo", "perdure.testing")
"""What runs the model's other folders for people; production does not."""


def heavy_imports(sources: list[Source]) -> list[str]:
    """What production imports of the model beside the rules: they are all it needs, and bring no extra."""
    return [
        f"{one.name} imports {name}"
        for one in sources
        for name in imports(one)
        if not one.below(*TOOLS)
        and name.startswith("perdure_model")
        and not name.startswith("perdure_model.core.")
    ]


def test_production_imports_nothing_of_the_model_but_the_rules() -> None:
    assert heavy_imports(RUNTIME) == []


def test_production_that_imports_a_world_is_seen() -> None:
    assert heavy_imports([source("perdure.server", "from perdure_model.world import MODELS")])


def cycles(sources: list[Source]) -> list[str]:
    """Modules that import each other, be it through others; names imported for types alone do not count."""
    known = {one.name for one in sources}
    needs = {
        one.name: {target for name in imports(one, type_checking=False) if (target := module_of(name, known))}
        for one in sources
    }
    done: set[str] = set()
    found: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            found.append(" -> ".join((*path[path.index(name) :], name)))
        elif name not in done:
            for target in sorted(needs[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in sorted(known):
        visit(name, ())
    return found


def module_of(name: str, known: set[str]) -> str | None:
    """The module that an imported name is, or is in."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name or None


def test_no_two_modules_import_each_other() -> None:
    assert cycles(MODEL) == []
    assert cycles(RUNTIME) == []


def test_a_cycle_is_seen_and_told() -> None:
    a = source("p.a", "from p.b import x")
    b = source("p.b", "def f():\n    from .c import y")
    c = source("p.c", "import p.a")
    assert cycles([a, b, c]) == ["p.a -> p.b -> p.c -> p.a"]
    only_for_types = source("p.c", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import p.a")
    assert cycles([a, b, only_for_types]) == []


# -- what no decision may know -------------------------------------------------------------------------

CLOCKS = {"time", "datetime", "calendar", "zoneinfo", "sched"}
CHANCE = {"random", "uuid", "secrets"}
WAITING = {"anyio", "asyncio", "trio", "threading", "concurrent", "multiprocessing", "queue", "selectors"}
OUTSIDE = {"socket", "ssl", "http", "urllib", "subprocess"}
IMPURE = CLOCKS | CHANCE | WAITING | OUTSIDE

EXEMPT: dict[tuple[str, str], str] = {
    ("perdure_model.checker.check", "time"): "reports how long a search took",
    ("perdure_model.checker.plain", "time"): "reports how long a search took, and its progress",
    ("perdure_model.checker.simulate", "time"): "walks for as long as it is asked to",
    ("perdure_model.checker.simulate", "random"): "walks at random, from a seed that it reports",
    ("perdure_model.checker.engine.driver", "time"): "reports how long each phase took",
    ("perdure_model.checker.engine.search", "time"): "reports how long a search took, and its progress",
    ("perdure_model.checker.engine.search", "concurrent"): "explores on several cores",
    ("perdure_model.checker.engine.store", "concurrent"): "spreads its work over the pool that it is handed",
    ("perdure_model.checker.interrupts", "threading"): "only the main thread hears of Ctrl-C",
    ("perdure_model.world.run", "time"): "reports how long the search for a defect took",
    ("perdure_model.world.side_by_side", "multiprocessing"): "a search each on several processors",
    ("perdure_model.world.side_by_side", "concurrent"): "a search each on several processors",
    ("perdure_model.conformance.check", "time"): "reports how long judging a trace took",
    ("perdure_model.conformance.processes", "multiprocessing"): "judges shares on several processors",
    ("perdure_model.conformance.processes", "concurrent"): "judges shares on several processors",
}
"""Who may use what all the same, and why. Nothing of charts, table or core."""

ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}
ASYNC = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)


def impure_imports(sources: list[Source]) -> set[tuple[str, str]]:
    """Each module that imports a clock, chance, a way to wait or the outside, and which."""
    tops = {(one.name, name.split(".")[0]) for one in sources for name in imports(one)}
    return {(name, top) for name, top in tops if top in IMPURE}


def asynchronous(sources: list[Source]) -> list[str]:
    """What waits."""
    return [
        f"{one.name}: {ast.unparse(node)}"
        for one in sources
        for node in ast.walk(one.tree)
        if isinstance(node, ASYNC) or (isinstance(node, ast.comprehension) and node.is_async)
    ]


def environment(sources: list[Source]) -> list[str]:
    """What reads the environment."""
    used = [
        f"{one.name}:{node.lineno}"
        for one in sources
        for node in ast.walk(one.tree)
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT
    ]
    return used + [one.name for one in sources for name in imports(one) if name.split(".")[-1] in ENVIRONMENT]


def test_no_clock_chance_or_socket_in_the_model() -> None:
    assert impure_imports(MODEL) - set(EXEMPT) == set()


def test_every_exemption_is_needed_and_none_is_for_what_decides() -> None:
    assert set(EXEMPT) - impure_imports(MODEL) == set()
    deciding = ("perdure_model.core.", "perdure_model.charts.", "perdure_model.table.")
    assert [name for name, _ in EXEMPT if name.startswith(deciding)] == []


def test_nothing_waits_in_the_model() -> None:
    assert asynchronous(MODEL) == []


def test_nothing_reads_the_environment_in_the_model() -> None:
    assert environment(MODEL) == []


@pytest.mark.parametrize(
    "text",
    [
        "import random",
        "from time import monotonic",
        "import datetime as d",
        "from uuid import uuid4",
        "def f():\n    import secrets",
        "import socket",
        "from anyio.abc import TaskGroup",
        "import threading",
        "import concurrent.futures",
    ],
)
def test_an_impure_import_is_seen(text: str) -> None:
    assert len(impure_imports([source("perdure_model.core.common", text)])) == 1


@pytest.mark.parametrize(
    "text",
    [
        "async def f(): pass",
        "async def f():\n    await g()",
        "async def f():\n    async with g(): pass",
        "async def f():\n    return [x async for x in g()]",
    ],
)
def test_what_waits_is_seen(text: str) -> None:
    assert asynchronous([source("perdure_model.core.common", text)])


@pytest.mark.parametrize(
    "text", ["import os\nos.environ['A']", "from os import getenv", "import os; os.getenv('A')"]
)
def test_what_reads_the_environment_is_seen(text: str) -> None:
    assert environment([source("perdure_model.core.common", text)])


# -- who writes parts ----------------------------------------------------------------------------------

PARTS_MODULES = {one.name for one in MODEL if one.below("perdure_model.core") and one.name.endswith(".parts")}
PARTS = {
    node.name
    for one in MODEL
    if one.name in PARTS_MODULES
    for node in one.tree.body
    if isinstance(node, ast.ClassDef) and not node.name.endswith("Settings")
}
"""The classes of parts. A `Cursor` is one, too, but it also travels on the wire; settings come in."""


def is_catalogue(of: Source) -> bool:
    """Whether a module holds defects of a model, which may do what nobody else may."""
    return of.below("perdure_model.world") and "defects" in of.name.split(".")


def outside_core() -> list[Source]:
    return [one for one in MODEL + RUNTIME if not one.below("perdure_model.core") and not is_catalogue(one)]


def aliases(of: Source) -> dict[str, str]:
    """What each imported name stands for."""
    named: dict[str, str] = {}
    for node in ast.walk(of.tree):
        if isinstance(node, ast.Import):
            named |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            named |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return named


def called(of: Source) -> Iterator[tuple[str, int]]:
    """The full dotted name of each function or class that is called by a name, and the line."""
    named = aliases(of)
    for node in ast.walk(of.tree):
        if isinstance(node, ast.Call):
            first, dot, rest = ast.unparse(node.func).partition(".")
            yield named.get(first, first) + dot + rest, node.lineno


PART_NAMES = {f"{module}.{part}" for module in PARTS_MODULES for part in PARTS}


def part_makers(sources: list[Source]) -> list[str]:
    """Who makes a part."""
    return [f"{one.name}:{line}" for one in sources for name, line in called(one) if name in PART_NAMES]


def part_changers(sources: list[Source]) -> list[str]:
    """Who makes another of a frozen value: in the runtime or a world it could only be of a part."""
    return [
        f"{one.name}:{line}"
        for one in sources
        for name, line in called(one)
        if name in {"dataclasses.replace", "copy.replace", "object.__setattr__"}
    ]


def deciders(sources: list[Source]) -> set[str]:
    """Who reaches a rule's function: by `decide`, or by its own name."""
    by_name = {
        one.name
        for one in sources
        for name, _ in called(one)
        if name.startswith("perdure_model.core.") and ".on_" in name
    }
    by_decide = {
        one.name
        for one in sources
        if not one.below("perdure_model.documents")  # which tells what a rule's function says of itself
        for node in ast.walk(one.tree)
        if isinstance(node, ast.Attribute) and node.attr == "decide"
    }
    return by_name | by_decide


def test_the_part_classes_were_found() -> None:
    assert {"ClientState", "Link", "Outbox", "Item", "Connection", "Watch", "Window", "Log"} <= PARTS


def test_only_the_core_makes_parts() -> None:
    assert part_makers(outside_core()) == []


def test_only_the_core_changes_parts() -> None:
    watched = [
        one
        for one in outside_core()
        if one.below("perdure", "perdure_model.world") and not one.name.endswith(".sizes")  # bounds, no parts
    ]
    assert part_changers(watched) == []


def test_a_rule_is_reached_through_bind_and_feed_only() -> None:
    replaying = {one.name for one in MODEL if one.below("perdure_model.conformance")}
    assert deciders(outside_core()) - replaying == {"perdure_model.world.bind", "perdure.feed"}


def test_the_defects_do_what_nobody_else_may() -> None:
    catalogues = [one for one in MODEL if is_catalogue(one) and not one.package]
    systems = {one.name.split(".")[2] for one in catalogues}
    assert systems == {"follow", "response", "transport"}
    assert {changer.split(".")[2] for changer in part_changers(catalogues)} == systems
    assert deciders(catalogues) == {one.name for one in catalogues}


@pytest.mark.parametrize(
    ("law", "text"),
    [
        (part_makers, "from perdure_model.core.client.parts import Link\nx = Link()"),
        (part_makers, "from perdure_model.core.server.parts import Log as L\ndef f(): return L('e')"),
        (part_makers, "from perdure_model.core.client import parts as mine\nx = mine.Item('queued')"),
        (part_makers, "import perdure_model.core.server.parts\nperdure_model.core.server.parts.Window()"),
        (part_changers, "from dataclasses import replace\nx = replace(link, open=True)"),
        (part_changers, "import dataclasses as d\nx = d.replace(link, open=True)"),
        (part_changers, "object.__setattr__(link, 'open', True)"),
        (deciders, "def f(book): return book[Left].decide(Left())"),
        (deciders, "from perdure_model.core.client import outbox\noutbox.on_flush(i)"),
        (deciders, "from perdure_model.core.server.log import on_published as p\np(i)"),
    ],
)
def test_who_writes_or_decides_elsewhere_is_seen(law: Callable[[list[Source]], object], text: str) -> None:
    assert law([source("perdure.server", text)])


def test_a_class_of_the_same_name_is_no_part() -> None:
    assert part_makers([source("perdure.store.memory", "class Log: pass\nx = Log()")]) == []


# -- each folder's law ---------------------------------------------------------------------------------


def lawless(sources: list[Source]) -> list[str]:
    """The model's folders whose docstring states no law, and packages below them that say nothing."""
    wrong = []
    for one in sources:
        says = ast.get_docstring(one.tree) or ""
        folder = one.package and one.name.count(".") == 1
        if one.package and (
            not says or (folder and "Law of this" not in says and "Laws of this" not in says)
        ):
            wrong.append(one.name)
    return wrong


def test_every_folder_states_its_law() -> None:
    assert lawless(MODEL) == []


def test_a_folder_without_a_law_is_seen() -> None:
    assert lawless([source("perdure_model.core", '"""Rules."""', package=True)]) == ["perdure_model.core"]
    assert lawless([source("perdure_model.core.client", "x = 1", package=True)]) == [
        "perdure_model.core.client"
    ]
