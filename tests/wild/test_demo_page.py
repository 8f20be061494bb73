"""The demo's page in a real browser: each button does what it says, and everybody can use it."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from perdure.demo.web.site import PAGE

from tests.demo.page import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

pytestmark = pytest.mark.wild
ROOT = Path(__file__).parents[2]
CONTROLS = "[...document.querySelectorAll('a, button, input, [tabindex]')]"
FAULT = re.compile(r"net::ERR_|status of 409 |perdure: the client goes by another id")
"""What a browser, and the client, say of a connection that a button broke."""


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # the other tests are run without it

    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture
def address() -> Iterator[str]:
    with running() as one:
        yield one


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    one = browser.new_context(viewport={"width": 1440, "height": 900})
    one.set_default_timeout(15_000)
    yield one
    one.close()


class Shown:
    """The page, and what it said on the console."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_selector("body[data-ready=true]")
        for client in ("c",) if "?one" in address else ("a", "b"):
            self.stands("ClientSession", client, "awaiting")

    def tab(self, client: str) -> Locator:
        return self.page.locator(f"#tab-{client}")

    def say(self, client: str, text: str, button: str = "Send") -> None:
        self.tab(client).get_by_role("textbox").fill(text)
        self.tab(client).get_by_role("button", name=button, exact=True).click()

    def press(self, client: str, name: str) -> None:
        self.tab(client).get_by_role("button", name=name).click()

    def stands(self, chart: str, mark: str, state: str) -> None:
        """Wait until a mark stands in a state of a chart."""
        self.page.wait_for_selector(f"#{chart} [data-state={state}][data-lit~={mark}]", state="attached")

    def hears(self, client: str, text: str) -> None:
        """Wait until a tab has heard this, and see that it was once."""
        heard = self.tab(client).locator(".talk .text", has_text=text)
        heard.first.wait_for()
        assert heard.count() == 1

    def tells(self, text: str, lane: str) -> Locator:
        """Wait for a row of the timeline."""
        row = self.page.locator(f"#timeline li[data-lane={lane}]", has_text=text).first
        row.wait_for()
        return row

    def counts(self, client: str, name: str) -> int:
        row = self.page.locator("#counts tr").filter(
            has=self.page.get_by_role("rowheader", name=name, exact=True)
        )
        return int(row.locator("td").nth("ab".index(client)).inner_text())

    def waits_for_count(self, client: str, name: str, wanted: int) -> None:
        for _ in range(100):
            if self.counts(client, name) == wanted:
                return
            self.page.wait_for_timeout(50)
        assert self.counts(client, name) == wanted

    def identity(self, client: str) -> str:
        shown: str = self.tab(client).locator(".identity").inner_text()
        return shown.split("…")[0]

    def is_well(self) -> None:
        """Nothing lost, doubled or told wrongly; nothing said on the console but of broken connections."""
        self.page.wait_for_timeout(100)
        verdict = self.page.locator("#verdict")
        assert verdict.get_attribute("data-good") == "true"
        assert re.findall(r"\d+", verdict.inner_text()) == ["0", "0", "0"]
        assert [text for text in self.said if not FAULT.search(text)] == []


@pytest.fixture
def shown(context: BrowserContext, address: str) -> Iterator[Shown]:
    one = Shown(context, address)
    yield one
    one.is_well()


# -- what it shows -------------------------------------------------------------------------------------------


def test_what_one_says_all_hear_and_the_charts_and_the_wire_show_it(shown: Shown) -> None:
    shown.say("a", "hello")
    shown.hears("b", "hello")
    shown.stands("SendItem", "a", "delivered")
    shown.stands("ServerConnection", "a", "active")
    shown.stands("ServerConnection", "b", "active")
    assert shown.tab("a").locator(".talk small").inner_text() == "handled"
    assert shown.tells("POST send 1.1", "a").get_attribute("data-kind") == "up"
    assert shown.tells("welcome", "a").locator(".gen").inner_text() == "1.1"
    assert shown.tells("event 1", "b").get_attribute("data-kind") == "down"
    kinds = shown.page.locator("#timeline li[data-lane=a] .what").all_inner_texts()
    assert kinds.index("POST send 1.1") < kinds.index("accepted 1.1") < kinds.index("receipts: accepted 1.1")
    assert [shown.counts("a", name) for name in ("sends", "delivered", "events handed over")] == [1, 1, 1]
    assert shown.page.locator("#server-account").inner_text() == "Server: 1 handled, 0 twice, 1 published."
    assert shown.said == []


def test_what_people_say_is_text_and_never_markup(shown: Shown) -> None:
    shown.say("a", "<img src=x onerror=alert(1)>")
    shown.hears("b", "<img src=x onerror=alert(1)>")
    assert shown.page.locator(".talk img").count() == 0
    assert shown.said == []


def test_a_page_that_is_reloaded_comes_back_as_itself_with_the_whole_talk(shown: Shown) -> None:
    shown.say("a", "before")
    shown.hears("a", "before")
    before = shown.identity("a")
    shown.page.reload()
    shown.stands("ClientSession", "a", "awaiting")
    shown.hears("a", "before")
    assert shown.identity("a") == before
    shown.tells("a new connection", "a")  # of the life before: the board keeps what it told
    shown.tells("GET stream from the start", "a")


def test_a_real_second_tab_is_another_client_of_the_same_session(
    shown: Shown, context: BrowserContext, address: str
) -> None:
    with context.expect_page() as opened:
        shown.page.get_by_role("link", name="Open a real second tab").click()
    opened.value.close()
    other = Shown(context, f"{address}?one")
    other.say("c", "from over here")
    shown.hears("a", "from over here")
    assert not other.page.locator(".tab.right").is_visible()
    other.press("c", "Cut the stream")
    other.tells("knows it: resumed", "c")
    shown.say("b", "and back")
    other.hears("c", "and back")
    assert [shown.counts(client, "streams opened again") for client in ("a", "b")] == [0, 0]
    other.is_well()


# -- the buttons ---------------------------------------------------------------------------------------------


def test_a_cut_stream_comes_back_as_itself_and_misses_nothing(shown: Shown) -> None:
    before = shown.identity("a")
    shown.press("a", "Cut the stream")
    way = "#ClientSession [data-source=awaiting][data-target=reconnecting][data-taken=a]"
    shown.page.wait_for_selector(way, state="attached")
    shown.tells("the stream is cut", "a")
    shown.say("b", "meanwhile")
    shown.waits_for_count("a", "resumed by the server", 1)
    shown.hears("a", "meanwhile")
    shown.stands("ClientSession", "a", "awaiting")
    assert shown.identity("a") == before
    assert shown.counts("a", "streams opened again") == 1
    assert shown.counts("b", "streams opened again") == 0
    assert shown.tells("knows it: resumed", "a").locator(".gen").inner_text() == "1.2"


def test_a_lost_response_is_repeated_and_handled_once(shown: Shown) -> None:
    lose = shown.tab("a").get_by_role("button", name="Lose a response")
    lose.click()
    shown.page.wait_for_selector("#tab-a [data-fault=lose-response][aria-pressed=true]")
    shown.say("a", "once")
    shown.tells("the response is lost", "a")
    shown.waits_for_count("a", "delivered", 1)
    shown.hears("b", "once")
    shown.waits_for_count("a", "duplicates suppressed", 1)
    assert lose.get_attribute("aria-pressed") == "false"
    shown.tells("duplicate 1.1", "a")
    assert shown.page.locator("#server-account").inner_text().startswith("Server: 1 handled, 0 twice")


def test_a_late_close_of_the_old_stream_changes_nothing(shown: Shown) -> None:
    shown.press("b", "Delay a close")
    shown.tells("only now the close gets through", "b")
    fenced = shown.tells("changes nothing: the close of a stream that was replaced", "b")
    assert fenced.get_attribute("data-tone") == "fence"
    assert shown.tells("ends the old stream: replaced", "b").locator(".gen").inner_text() == "1.1"
    shown.stands("ServerConnection", "b", "active")
    shown.say("a", "still there")
    shown.hears("b", "still there")


def test_a_copied_tab_takes_the_id_over_and_the_loser_goes_on_under_another(shown: Shown) -> None:
    before = shown.identity("a")
    shown.press("a", "Take over")
    shown.tells("end: taken over", "a")
    shown.stands("ClientSession", "a2", "awaiting")
    shown.stands("ClientSession", "a", "awaiting")
    assert before in shown.tab("a").locator(".copy").inner_text()
    assert shown.identity("a") != before
    shown.say("a", "under another name")
    shown.hears("b", "under another name")
    shown.press("a", "Cut the stream")  # not the copy's, though that is newer
    shown.tells("knows it: resumed", "a")
    shown.waits_for_count("a", "streams opened again", 2)
    shown.press("a", "Close the copy")
    shown.tells("POST close", "a")
    shown.tells("the client is done", "a")
    assert not shown.tab("a").locator(".copy").is_visible()
    assert shown.page.locator("[data-lit~=a2]").count() == 0
    assert shown.tab("a").get_by_role("button", name="Take over").is_visible()


def test_a_connection_that_expires_is_forgotten_and_the_session_goes_on(shown: Shown) -> None:
    shown.press("a", "Expire")
    shown.stands("ServerConnection", "a", "inactive")
    shown.say("a", "while away")
    shown.say("b", "are you there?")
    shown.stands("ServerConnection", "a", "expired")
    shown.tells("grace is over", "a")
    shown.stands("ServerConnection", "a", "active")
    shown.hears("b", "while away")
    shown.hears("a", "are you there?")
    shown.waits_for_count("a", "delivered", 1)
    assert shown.counts("a", "resumed by the server") == 0


def test_an_expired_token_is_refreshed_under_the_assistants_answer(shown: Shown) -> None:
    shown.page.get_by_role("button", name="Expire its token").click()
    shown.say("a", "who goes there", button="Ask")
    shown.stands("ResponseStream", "server", "refreshing")
    shown.tells("assistant: 401, the token is dead", "s")
    shown.stands("ResponseStream", "server", "streaming")
    shown.stands("ResponseStream", "server", "ended")
    for client in ("a", "b"):
        shown.hears(client, "I only pretend to think. Read backwards, that is: there goes who")


def test_talk_goes_on_through_everything_at_once(shown: Shown) -> None:
    shown.page.get_by_label("Keep talking").check()
    for name in ("Cut the stream", "Lose a response", "Delay a close", "Expire"):
        for client in ("a", "b"):
            shown.press(client, name)
        shown.page.wait_for_timeout(1500)
    shown.page.get_by_label("Keep talking").uncheck()
    assert min(shown.counts(client, "sends") for client in ("a", "b")) >= 2
    shown.say("a", "the last of A")
    shown.say("b", "the last of B")
    for client in ("a", "b"):
        shown.hears(client, "the last of A")
        shown.hears(client, "the last of B")
        uncertain = shown.counts(client, "uncertain")  # in doubt when the server forgot the connection
        shown.waits_for_count(client, "delivered", shown.counts(client, "sends") - uncertain)
        assert shown.counts(client, "failed") == 0
        assert uncertain < shown.counts(client, "delivered")
    assert shown.counts("a", "events handed over") == shown.counts("b", "events handed over")


def test_a_server_that_is_gone_is_told_and_one_that_comes_again_is_found(context: BrowserContext) -> None:
    with running() as address:
        shown = Shown(context, address)
        before = shown.identity("a")
        trouble = shown.page.get_by_role("alert")
        assert not trouble.is_visible()
    trouble.wait_for()
    assert "start it again with perdure demo --web" in trouble.inner_text()
    shown.stands("ClientSession", "a", "reconnecting")
    with running(port=int(address.split(":")[2].strip("/"))):
        shown.stands(
            "ClientSession", "a", "awaiting"
        )  # through other proxies: the page has loaded itself again
        assert shown.identity("a") == before
        assert not trouble.is_visible()


COUNTED = """async (cases) => {
    const { Account } = await import("/accounts.js");
    const event = (position, number) => ({ position, data: { kind: "said", tab: "t", number } });
    return cases.map((steps) => {
        const account = new Account();
        for (const [step, ...given] of steps)
            if (step === "event") account.handed(event(...given), "t");
            else if (step === "gap") account.handed({ type: "gap", position: given[0] }, "t");
            else account.settled(given[0], step);
        return [account.lost, account.doubled, account.wrong];
    });
}"""


def test_the_accounts_tell_what_must_not_happen(shown: Shown) -> None:
    """Each case: what happened, and how much of it was lost, doubled, told wrongly."""
    cases: list[tuple[list[tuple[object, ...]], list[int]]] = [
        ([("event", 1, 1), ("event", 2, 2)], [0, 0, 0]),
        ([("event", 1, 1), ("event", 3, 3)], [1, 0, 0]),
        ([("event", 4, 1)], [3, 0, 0]),
        ([("event", 1, 1), ("event", 1, 2)], [0, 1, 0]),
        ([("event", 1, 1), ("event", 2, 1)], [0, 1, 0]),
        ([("gap", 5), ("event", 6, 1)], [0, 0, 0]),
        ([("delivered", 1), ("event", 1, 2)], [1, 0, 0]),
        ([("delivered", 2), ("event", 1, 1)], [0, 0, 0]),
        ([("uncertain", 1), ("event", 1, 1), ("event", 2, 2)], [0, 0, 0]),
        ([("failed", 1), ("event", 1, 1)], [0, 0, 1]),
    ]
    counted = shown.page.evaluate(COUNTED, [steps for steps, _ in cases])
    assert counted == [told for _, told in cases]


TIMED = """async () => {
    const { Timeline } = await import("/timeline.js");
    const list = document.createElement("ol"), timeline = new Timeline(list, {});
    const add = (t, text, more = {}) =>
        timeline.add(t, "a", "a", { side: "client", kind: "down", text, gen: "1.1", tone: "plain", ...more });
    add(2, "second");
    add(1, "first");
    add(3, "event 5", { position: 5, last: 5 });
    add(4, "events 6 to 8", { position: 6, last: 8 });
    add(5, "event 9", { position: 9, last: 9, gen: "1.2" });
    add(6, "other");
    add(7, "event 10", { position: 10, last: 10, gen: "1.2" });
    const rows = [...list.querySelectorAll(".what")].map((one) => one.textContent);
    for (let more = 0; more < 1000; more++) add(8, String(more));
    return [rows, list.childElementCount, list.lastElementChild.querySelector(".what").textContent];
}"""


def test_the_timeline_goes_by_the_clock_joins_events_and_is_bounded(shown: Shown) -> None:
    """What the server tells comes later than what it caused; events in a row of one stream are joined."""
    rows, kept, last = shown.page.evaluate(TIMED)
    assert rows == ["first", "second", "events 5 to 8", "event 9", "other", "event 10"]
    assert kept == 400
    assert last == "999"


# -- for everybody -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing(browser: Browser, address: str, scheme: Any, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    try:
        shown = Shown(context, address)
        shown.say("a", "hello", button="Ask")
        shown.press("a", "Take over")
        shown.press("b", "Lose a response")
        shown.stands("ResponseStream", "server", "ended")
        found = Axe().run(shown.page)
        assert found.violations_count == 0, found.generate_report()
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        context.close()


def test_all_controls_are_reached_by_tab_in_the_order_in_which_they_stand(shown: Shown) -> None:
    reached = []
    for _ in range(60):
        shown.page.keyboard.press("Tab")
        found = shown.page.evaluate(f"{CONTROLS}.indexOf(document.activeElement)")
        if found < 0:
            break
        reached.append(found)
    visible = shown.page.evaluate(f"{CONTROLS}.filter((one) => one.checkVisibility()).length")
    assert reached == sorted(reached)
    assert len(reached) == visible >= 20


def test_the_keyboard_alone_says_something_and_breaks_something(shown: Shown) -> None:
    shown.tab("a").get_by_role("textbox").focus()
    shown.page.keyboard.type("typed")
    shown.page.keyboard.press("Enter")
    shown.hears("b", "typed")
    shown.tab("a").get_by_role("button", name="Cut the stream").focus()
    shown.page.keyboard.press("Enter")
    shown.tells("the stream is cut", "a")
    shown.waits_for_count("a", "resumed by the server", 1)


def test_those_who_do_not_see_the_page_are_told(shown: Shown) -> None:
    shown.page.evaluate(
        """window.told = [];
        new MutationObserver(() => told.push(document.getElementById("news").textContent))
            .observe(document.getElementById("news"), { childList: true })"""
    )
    shown.press("a", "Cut the stream")
    shown.waits_for_count("a", "resumed by the server", 1)
    shown.page.wait_for_function("told.includes('Tab A is connected.')")
    told = shown.page.evaluate("told")
    assert "Tab A is reconnecting." in told
    assert any(text.startswith("Tab A: the stream is cut") for text in told)
    assert "A awaiting" in (shown.page.locator("#ClientSession svg").get_attribute("aria-label") or "")
    row = shown.tells("the stream is cut", "a")
    assert row.locator(".unseen").text_content() == "network, about Tab A: "


# -- what is shipped -----------------------------------------------------------------------------------------


def test_the_wheel_has_every_file_of_the_page(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    files = {f"perdure/demo/web/page/{path.relative_to(PAGE).as_posix()}" for path in PAGE.rglob("*.*")}
    assert len(files) > 10
    assert files <= set(zipfile.ZipFile(wheel).namelist())
