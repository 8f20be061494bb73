"""The demo's page: what is served, to whom, and what its server's side tells. The page itself: tests/wild."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import anyio
import httpx2
import pytest
from perdure.cli import USAGE
from perdure.cli import app as command_line
from perdure.demo.web import assistant, board, charts
from perdure.demo.web.assistant import Assistant
from perdure.demo.web.board import Board
from perdure.demo.web.network import FAULTS
from perdure.demo.web.site import HOSTS, PAGE
from perdure.trace import Record
from perdure_model.table import compile_chart
from typer.testing import CliRunner

from tests.demo.page import running

FILES = sorted(path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*") if path.is_file())
SCRIPTS = [name for name in FILES if name.endswith(".js")]


# -- what is served ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running() as one:
        yield one


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=address, trust_env=False) as client:
        yield client


def test_every_file_is_served_and_nothing_may_be_loaded_from_elsewhere(page: httpx2.Client) -> None:
    for name in ["", *FILES, "perdure/perdure.js", "perdure/tables.js"]:
        answer = page.get(name)
        assert answer.status_code == 200, name
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; ")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert page.get("").text == (PAGE / "index.html").read_text(encoding="utf-8")
    assert page.get("app.js").headers["content-type"].startswith("text/javascript")
    assert page.get("nowhere").status_code == 404


def test_each_client_has_a_proxy_before_the_hub_that_lets_this_page_in(
    page: httpx2.Client, address: str
) -> None:
    hubs = page.get("config.json").json()["hubs"]
    assert set(hubs) == {"a", "b", "c", "copy"}
    assert len({*hubs.values(), f"{address}live"}) == 5
    allowed = re.findall(r"http://\S+?(?=[ ;])", page.get("").headers["content-security-policy"])
    assert [f"{origin}/live" for origin in allowed] == list(hubs.values())
    own = address.rstrip("/")
    for hub in hubs.values():
        for origin, answer in {
            own: own,
            own.replace(*HOSTS): own.replace(*HOSTS),
            "http://evil.example": None,
        }.items():
            got = httpx2.get(f"{hub}/nowhere", headers={"origin": origin}, trust_env=False)
            assert got.headers.get("access-control-allow-origin") == answer


def test_a_host_that_is_not_this_machine_is_refused(page: httpx2.Client) -> None:
    """A name of somebody else's that leads here: its page would be of the same origin."""
    assert page.get("", headers={"host": "evil.example"}).status_code == 400
    assert page.get("", headers={"host": "localhost:1"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"client": "a", "fault": "cut"}, 204, ""),
        ({"fault": "expire-token"}, 204, ""),
        ({"client": "d", "fault": "cut"}, 400, "the clients are a, b, c, copy"),
        ({"client": "a", "fault": "burn"}, 400, "The faults are cut, lose-response, delay-close, expire"),
        ({"client": "a"}, 400, "Field required"),
        ([], 400, "Send client and fault"),
    ],
)
def test_a_button_strikes_or_is_told_why_not(
    page: httpx2.Client, body: object, status: int, says: str
) -> None:
    answer = page.post("strike", json=body)
    assert answer.status_code == status
    assert says in (answer.json()["detail"] if status != 204 else "")


def test_another_sites_form_strikes_nothing(page: httpx2.Client) -> None:
    plain = page.post("strike", content=json.dumps({"fault": "cut"}), headers={"content-type": "text/plain"})
    assert plain.status_code == 415
    asked = page.options(
        "strike", headers={"origin": "http://evil.example", "access-control-request-method": "POST"}
    )
    assert "access-control-allow-origin" not in asked.headers


def test_a_struck_fault_is_told_on_the_board(page: httpx2.Client) -> None:
    with page.stream("GET", "board", timeout=5) as told:
        assert told.headers["content-type"].startswith("text/event-stream")
        page.post("strike", json={"client": "b", "fault": "lose-response"})
        notices = (
            json.loads(line.removeprefix("data: ")) for line in told.iter_lines() if line.startswith("data: ")
        )
        armed = next(one for one in notices if one["kind"] == "armed" and one["client"] == "b")
    assert armed["faults"] == ["LoseResponse"]


# -- what the files hold -------------------------------------------------------------------------------------


def test_the_page_needs_nothing_from_elsewhere() -> None:
    for name in FILES:
        text = (PAGE / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"^\s*//( .*)?$", "", text, flags=re.MULTILINE), f"{name} names an address"


def test_the_scripts_make_no_markup_of_texts() -> None:
    for name in SCRIPTS:
        text = (PAGE / name).read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), name


def test_the_scripts_import_what_is_served() -> None:
    for name in SCRIPTS:
        imported = re.findall(
            r'^import .* from "\./(.*)";$', (PAGE / name).read_text(encoding="utf-8"), re.MULTILINE
        )
        assert set(imported) <= {*SCRIPTS, "perdure/perdure.js"}, name


def test_every_button_has_a_fault() -> None:
    buttons = re.findall(r'data-fault="([a-z-]+)"', (PAGE / "index.html").read_text(encoding="utf-8"))
    assert set(buttons) == {*FAULTS, "take-over"}


# -- the charts ----------------------------------------------------------------------------------------------


def test_the_charts_are_fresh() -> None:
    for name, text in charts.render().items():
        assert (charts.FOLDER / name).read_text(encoding="utf-8") == text, (
            "run `python -m perdure.demo.web.charts`"
        )


def test_every_state_and_every_way_between_two_is_drawn() -> None:
    for name, text in charts.render().items():
        table = next(one for one in map(compile_chart, charts.SHOWN) if f'data-chart="{one.name}"' in text)
        drawn = set(re.findall(r'data-source="(\w+)" data-target="(\w+)"', text))
        ways = {
            (state, row.target)
            for (state, _), rows in table.rows.items()
            for row in rows
            if row.target != state
        }
        assert set(re.findall(r'data-state="(\w+)"', text)) == set(table.states), name
        assert drawn == ways, name


# -- the board -----------------------------------------------------------------------------------------------


def notices(events: bytes) -> list[dict[str, object]]:
    return [json.loads(line[6:]) for line in events.decode().splitlines() if line.startswith("data: ")]


async def first(events: AsyncIterator[bytes]) -> bytes:
    with anyio.fail_after(2):
        return await anext(events)


@pytest.mark.anyio
async def test_a_page_that_comes_later_gets_what_was_told_and_one_that_comes_back_what_it_missed() -> None:
    told = Board()
    told.tell("one", t=1.0)
    async with aclosing(told.watch()) as late:
        kept = await first(late)
        assert [one["kind"] for one in notices(kept)] == ["one"]
        told.tell("two")
        assert [one["kind"] for one in notices(await first(late))] == ["two"]
    last_id = re.findall(rb"id: (\S+)", kept)[-1].decode()
    async with aclosing(told.watch(last_id)) as back, aclosing(told.watch("another-run.1")) as new:
        assert [one["kind"] for one in notices(await first(back))] == ["two"]
        assert len(notices(await first(new))) == 2
    assert not told._watching


@pytest.mark.anyio
async def test_a_page_that_reads_nothing_is_let_go_and_nobody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(board, "BEHIND_MAX", 2)
    told = Board()
    async with aclosing(told.watch()) as stalled, aclosing(told.watch()) as reading:
        await first(stalled)
        await first(reading)
        for number in range(4):
            told.tell(str(number))
            assert notices(await first(reading))[0]["kind"] == str(number)
        assert [notices(one)[0]["kind"] async for one in stalled] == ["0", "1"]


@pytest.mark.anyio
async def test_a_board_that_is_closed_ends_its_streams() -> None:
    told = Board()
    before = told.watch()
    await first(before)
    told.close()
    assert [one async for one in before] == []
    assert len([one async for one in told.watch()]) == 1


def test_the_board_tells_decisions_but_not_each_event() -> None:
    told = Board()
    kinds = ["Published", "StreamRequested", "EventsDue"]
    for kind in kinds:
        told.trace({"t": 1.0, "input": {"type": kind}, "effects": []})
    assert len(told._kept) == 1


# -- the assistant -------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_an_expired_token_is_refreshed_under_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assistant, "WORD_S", 0)
    monkeypatch.setattr(assistant, "REFRESH_S", 0)
    records: list[Record] = []
    one = Assistant(records.append)
    whole = " ".join([word async for word in one.answer("who goes there")])
    assert whole.strip().endswith("there goes who")
    assert not refreshes(records)
    one.issuer.expire()
    assert " ".join([word async for word in one.answer("who goes there")]) == whole
    assert refreshes(records) == 1
    assert one.issuer.good == "token-2"


def refreshes(records: list[Record]) -> int:
    return sum(effect["type"] == "RefreshToken" for record in records for effect in record["effects"])


# -- the command ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--web", "--json"), "--json, --record and --seed are not for --web"),
        (("--web", "--seed", "1"), "--json, --record and --seed are not for --web"),
        (("--web", "--record", "trace"), "--json, --record and --seed are not for --web"),
        (("--port", "1"), "give --web, too"),
        (("--web", "--port", "70000"), "port 70000 cannot be had"),
    ],
)
def test_what_does_not_go_together_is_refused(words: tuple[str, ...], says: str) -> None:
    result = CliRunner().invoke(command_line, ["demo", *words])
    assert result.exit_code == USAGE
    assert says in result.stderr


def test_a_port_that_is_taken_is_told_with_the_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(command_line, ["demo", "--web", "--port", str(port)])
    assert result.exit_code == USAGE
    assert f"port {port} cannot be had" in result.stderr
    assert "0 for any that is free" in result.stderr
