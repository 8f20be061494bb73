"""The specification leaves nothing out, and every link in it leads somewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from perdure_model.charts import SendItem
from perdure_model.documents import Data, specification
from perdure_model.documents.coverage import chart_of, coverage_to_dot
from perdure_model.documents.folder import Made
from perdure_model.documents.markdown import linked, paragraphs, table
from perdure_model.documents.overview import overview, plain
from perdure_model.documents.record import Found, Record
from perdure_model.table import compile_chart, meanings
from perdure_model.world import DEFECTS, MODELS, statements

from .conftest import DATA, SPECIFICATION


def test_every_chart_state_event_guard_and_action_is_there_with_its_meaning(made: Made) -> None:
    for model in MODELS:
        for one in model.tables:
            words = meanings(chart_of(one))
            assert f"### {one.name} in system {model.name}" in made.specification
            for name, meaning in {**words.states, **words.events, **words.guards, **words.actions}.items():
                assert f"`{name}`" in made.specification
                assert meaning in without_links(made.specification), name


def without_links(text: str) -> str:
    return re.sub(r"\[([^\[\]]+)\]\(#[^)]+\)", r"\1", text)


def test_every_transition_is_a_line(made: Made) -> None:
    for model in MODELS:
        for one in model.tables:
            _, _, rest = made.specification.partition(f"### {one.name} in system {model.name}\n")
            chapter = rest.partition("\n### ")[0]
            for (state, event), rows in one.rows.items():
                line = f"| `{state}` | `{event}` |"
                assert chapter.count(line) == len(rows), line


def test_every_rule_is_there_in_its_own_words(made: Made) -> None:
    text = without_links(made.specification)
    for model in MODELS:
        for book in model.books:
            for rule in book:
                told = f"#### `{rule.name}`\n\n{paragraphs(rule.decide.__doc__)}\n"
                assert f"{told}\n- on `{rule.input.__name__}`" in text


def test_every_property_has_its_text_and_what_breaks_it(made: Made) -> None:
    text = without_links(made.specification)
    for name, declares in statements().items():
        assert f"### {name}\n" in made.specification
        for declare in declares:
            assert paragraphs(declare.__doc__).replace("\n\n", " ") in text
    for one in DATA.statements:
        assert one.says in text


def test_every_defect_is_there_with_its_drawing_or_its_case(made: Made) -> None:
    for name in DEFECTS:
        (row,) = re.findall(rf'^\| <a id="{name.lower()}"></a>.*', made.specification, re.M)
        assert f"(../diagrams/defects/{name}.svg)" in row
    for one in DATA.defects:
        (row,) = re.findall(rf'^\| <a id="{one.id.lower()}"></a>.*', made.specification, re.M)
        assert "property-based test" in row


def test_every_link_leads_somewhere(made: Made) -> None:
    anchors = set(re.findall(r'<a id="([^"]+)">', made.specification))
    headings = re.findall(r"^#+ (.*)", made.specification, re.M)
    anchors |= {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(([^)]+)\)", made.specification)
    assert len(links) > 50
    missing = {
        link
        for link in links
        if (link[1:] not in anchors if link.startswith("#") else not (SPECIFICATION.parent / link).exists())
    }
    assert missing == set()


def test_no_line_names_who_or_where_it_was_made(made: Made) -> None:
    for text in (made.specification, *made.drawings.values()):
        assert not re.search(r"/work|/tmp|/home|site-packages", text)


@dataclass(frozen=True)
class One:
    """A statement or defect of data."""

    id: str
    says: str
    breaks: str = ""


def test_data_is_told_beside_the_model() -> None:
    data = Data((One("P-DATA", "it adds up"),), (One("A99", "it does not", "P-DATA"),))
    text = specification(Record({}, {}), data)
    assert "### P-DATA\n\n- Data, whatever the case: it adds up\n\nBroken by [A99](#a99).\n" in text
    row = '| <a id="a99"></a>A99 | it does not | [P-DATA](#p-data) | property-based test | '
    assert row + "a case: `perdure defects --only A99` |" in text


def test_what_was_not_searched_is_not_claimed() -> None:
    text = specification(Record({}, {"T02": Found("T losses", 99)}), Data())
    assert "[99 steps](../diagrams/defects/T02.svg)" in text
    assert text.count("not searched yet") == len(DEFECTS) - 1


def test_coverage_counts_worlds_and_shows_what_is_missed() -> None:
    one = compile_chart(SendItem)
    move = ("SendItem", "queued", "post", "sending")
    dot = coverage_to_dot(one, {"one": frozenset({move}), "two": frozenset({move}), "three": frozenset()})
    assert dot.count("<b>2</b>") == 1
    assert "<b>0</b>" in dot
    assert "how many of 3 worlds" in dot


def test_a_table_of_no_chart_is_refused() -> None:
    class Stranger:
        name = "Stranger"

    with pytest.raises(LookupError, match="Stranger is not among CHARTS: enter it"):
        chart_of(Stranger())  # type: ignore[arg-type] # that is what is tested


def test_an_overview_is_read_off_the_actions() -> None:
    (transport,) = (model for model in MODELS if model.name == "T")
    found = overview(transport)
    assert list(found.parts) == ["client", "server"]
    assert "Post" in found.puts["client", "posts"]
    assert "PostArrived" in found.takes["posts", "server"]
    assert "the stream is cut" in found.faults["stream"]
    assert "retry timer" in found.own("client")
    assert "server.grace timer" in found.own("server")
    assert "Published" in found.takes["outside", "server"]
    assert "Started" in found.takes["outside", "client"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wire.posts", "wire.posts"),
        ("a.stream", "stream"),
        ("a: the stream is cut", "the stream is cut"),
        ("item[s][(1, 1)]", "item"),
        ("wire.open 2", "wire.open"),
        ("app.outcome(1, 2)", "app.outcome"),
    ],
)
def test_keys_are_left_out(name: str, said: str) -> None:
    assert plain(name, ["a"]) == said


def test_markdown() -> None:
    assert table(("a",), []) == ""
    assert table(("a", "b"), [("1|2", "x\ny")]) == "| a | b |\n|---|---|\n| 1\\|2 | x y |\n"
    assert linked("see T02, T99 and P-TTL.", {"T02", "P-TTL"}) == "see [T02](#t02), T99 and [P-TTL](#p-ttl)."
    assert paragraphs("One\n    line.\n\n    Two.\n    ") == "One line.\n\nTwo."
