"""perdure.js in a real browser, against a real hub: what the Python client does, and what only pages meet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.wild.certificates import Certificates
from tests.wild.nginx import nginx
from tests.wild.page import Served, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [
    pytest.mark.wild,
    pytest.mark.tried(what="perdure.js in Chromium", package="chromium", http="1.1", way="uvicorn"),
]
TEXTS = "events.map((event) => event.data.text)"


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # the other tests are run without it

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def server() -> Iterator[Served]:
    with served() as one:
        yield one


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    one = browser.new_context()
    one.set_default_timeout(10_000)
    yield one
    one.close()


@pytest.fixture
def tab(context: BrowserContext, server: Served) -> Page:
    return opened(context, server)


def opened(context: BrowserContext, server: Served) -> Page:
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_function("window.ready")
    return page


def begin(page: Page, options: str = "{}") -> None:
    page.evaluate(f'begin("chat", {options})')
    page.wait_for_function('session.status.state === "awaiting"')


def send(page: Page, text: str) -> Any:
    return page.evaluate("(text) => session.send({text})", text)


def wait_for_texts(page: Page, *texts: str) -> None:
    page.wait_for_function(f"(wanted) => {TEXTS}.length >= wanted", arg=len(texts))
    assert page.evaluate(TEXTS) == list(texts)


@pytest.mark.tried(case="a conversation")
def test_a_send_is_answered_on_the_stream(tab: Page, server: Served) -> None:
    begin(tab)
    receipt = send(tab, "hello")
    wait_for_texts(tab, "HELLO")
    assert receipt["key"].endswith(".1")
    assert server.took(1) == ["hello"]


@pytest.mark.tried(case="cut streams")
def test_a_cut_stream_comes_back_under_its_id_and_misses_nothing(tab: Page, server: Served) -> None:
    begin(tab)
    send(tab, "before")
    wait_for_texts(tab, "BEFORE")
    cid = tab.evaluate("session.connectionId")
    server.shut()
    tab.wait_for_function('session.status.state === "reconnecting"')
    server.publish("chat", "one", "two")
    waiting = tab.evaluate("(window.later = session.send({text: 'later'}), session.pending)")
    assert waiting == 1
    server.gate.shut = False
    tab.evaluate("later")
    wait_for_texts(tab, "BEFORE", "one", "two", "LATER")
    assert tab.evaluate("session.connectionId") == cid
    assert server.took(2) == ["before", "later"]
    streams = [(query, headers) for path, query, headers in server.gate.asked if path == "/events"]
    assert streams[-1][1]["last-event-id"].endswith(":1")


@pytest.mark.tried(case="lost answers")
def test_an_answer_that_gets_lost_has_no_second_effect(tab: Page, server: Served) -> None:
    begin(tab)
    server.gate.lose = 2
    send(tab, "once")
    wait_for_texts(tab, "ONCE")
    assert server.took(1) == ["once"]
    assert server.gate.paths().count("/send") == 3
    assert tab.evaluate("statuses.some((status) => status.delayed)")
    assert tab.evaluate("session.status.delayed") is False


def test_sends_arrive_in_order(tab: Page, server: Served) -> None:
    begin(tab)
    server.gate.lose = 1
    texts = [str(number) for number in range(40)]
    tab.evaluate("(texts) => Promise.all(texts.map((text) => session.send({text})))", texts)
    wait_for_texts(tab, *texts)
    assert server.took(len(texts)) == texts


def frozen(name: str) -> str:
    """The browser stops a tab ("freeze"), or lets it run again ("resume")."""
    return f'document.dispatchEvent(new Event("{name}"))'


def put_by(name: str) -> str:
    """A page that the browser keeps goes, or comes again."""
    return f'dispatchEvent(new PageTransitionEvent("{name}", {{persisted: true}}))'


@pytest.mark.tried(case="a frozen tab")
def test_a_frozen_tab_is_suspended_and_comes_back(tab: Page, server: Served) -> None:
    """The events are ours: a headless browser is never hidden, so it freezes no tab."""
    begin(tab)
    tab.evaluate(frozen("freeze"))
    wait_until(tab, server, "/suspend")
    server.publish("chat", "meanwhile")
    tab.evaluate(frozen("resume"))
    wait_for_texts(tab, "meanwhile")
    assert tab.evaluate("session.status.state") == "awaiting"
    assert server.gate.paths().count("/events") == 2


def test_a_client_that_its_application_suspended_is_not_resumed_by_the_page(
    tab: Page, server: Served
) -> None:
    begin(tab)
    tab.evaluate("session.suspend()")
    for name in ("freeze", "resume"):
        tab.evaluate(frozen(name))
    assert tab.evaluate("session.status.state") == "reconnecting"
    tab.evaluate("session.resume()")
    tab.wait_for_function('session.status.state === "awaiting"')
    assert server.gate.paths().count("/events") == 2


@pytest.mark.parametrize(
    ("away", "back"),
    [(frozen("freeze"), frozen("resume")), (put_by("pagehide"), put_by("pageshow"))],
    ids=["frozen", "put by"],
)
def test_a_client_that_its_application_suspends_while_the_page_is_away_stays_so(
    away: str, back: str, tab: Page, server: Served
) -> None:
    """As an application does that hears the same event after us."""
    begin(tab)
    attempt = tab.evaluate("session.status.attempt")
    tab.evaluate(f"({away}, session.suspend(), {back})")
    assert tab.evaluate("session.status.attempt") == attempt
    tab.evaluate("session.resume()")
    tab.wait_for_function('session.status.state === "awaiting"')
    assert tab.evaluate("session.status.attempt") == attempt + 1


def test_a_page_that_is_put_by_is_suspended_and_restored(tab: Page, server: Served) -> None:
    begin(tab)
    for name in ("pagehide", "pagehide"):
        tab.evaluate(put_by(name))
    wait_until(tab, server, "/suspend")
    server.publish("chat", "meanwhile")
    assert tab.evaluate("session.status.state") == "reconnecting"
    tab.evaluate(put_by("pageshow"))
    wait_for_texts(tab, "meanwhile")
    assert server.gate.paths().count("/suspend") == 1


def wait_until(page: Page, server: Served, path: str) -> None:
    for _ in range(100):
        if path in server.gate.paths():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{path} was not asked; {server.gate.paths()}")


def test_a_reload_returns_under_the_tabs_id_in_a_later_life(tab: Page, server: Served) -> None:
    begin(tab)
    send(tab, "first")
    wait_for_texts(tab, "FIRST")
    cid = tab.evaluate("session.connectionId")
    tab.reload()
    tab.wait_for_function("window.ready")
    begin(tab)
    assert tab.evaluate("session.connectionId") == cid
    send(tab, "second")
    wait_for_texts(tab, "FIRST", "SECOND")
    assert server.took(2) == ["first", "second"]
    attempts = [query["attempt"] for path, query, _ in server.gate.asked if path == "/events"]
    lives = [int(attempt.split(".")[0]) >> 20 for attempt in attempts]
    assert lives == [1, 2]


def test_another_tab_has_an_id_of_its_own(tab: Page, context: BrowserContext, server: Served) -> None:
    begin(tab)
    other = opened(context, server)
    begin(other)
    assert tab.evaluate("session.connectionId") != other.evaluate("session.connectionId")
    send(tab, "to all")
    wait_for_texts(tab, "TO ALL")
    wait_for_texts(other, "TO ALL")


@pytest.mark.tried(case="takeover")
def test_a_copied_tab_takes_an_id_of_its_own(tab: Page, context: BrowserContext, server: Served) -> None:
    begin(tab)
    kept = tab.evaluate("sessionStorage.perdure")
    copy = opened(context, server)
    copy.evaluate("(kept) => { sessionStorage.perdure = kept; }", kept)
    begin(copy)
    tab.wait_for_function('session.status.identity === "renewed" && session.status.state === "awaiting"')
    assert tab.evaluate("session.connectionId") != copy.evaluate("session.connectionId")
    assert tab.evaluate("JSON.parse(sessionStorage.perdure).cid") == tab.evaluate("session.connectionId")
    send(tab, "mine")
    send(copy, "yours")
    wait_for_texts(tab, "MINE", "YOURS")
    wait_for_texts(copy, "MINE", "YOURS")


def test_a_session_that_ends_ends_the_iteration(tab: Page, server: Served) -> None:
    begin(tab)
    server.publish("chat", "last")
    server.call(server.hub.session("chat").end, "succeeded")
    assert tab.evaluate("over") == "succeeded"
    wait_for_texts(tab, "last")
    said = tab.evaluate("session.send({text: 'late'}).catch((error) => [error.name, error.why])")
    assert said == ["SendFailed", "the session is over"]


def test_another_session_is_watched_on_the_same_stream(tab: Page, server: Served) -> None:
    begin(tab)
    tab.evaluate(
        """window.other = session.watch("side");
        window.heard = (async () => { for await (const event of other) return event.data.text; })();
        null"""
    )
    server.publish("side", "over here")
    assert tab.evaluate("heard") == "over here"
    assert server.gate.paths().count("/events") == 1
    assert server.gate.paths().count("/watch") == 1


@pytest.mark.parametrize(
    ("options", "then", "why"),
    [
        ("{onError: again}", "session.suspend()", "it is watched already"),
        ("{onError: again}", "session.leave()", "the client is done with all its sessions"),
        (
            "{trace: ({type}) => type === 'Suspended' && again()}",
            "session.suspend()",
            "it is watched already",
        ),
        ("{credential: () => (again(), 'token')}", "null", "it is watched already"),
        ("{onStatus: again}", "null", "it is watched already"),
    ],
)
def test_the_functions_of_the_application_are_told_at_once_why_a_session_cannot_be_watched(
    options: str, then: str, why: str, tab: Page, server: Served
) -> None:
    server.gate.deaf |= {"/suspend", "/close"}
    tab.evaluate(
        """window.again = () => {
            if (window.said) return;
            try { session.watch("chat"); window.said = "watched"; }
            catch (error) { window.said = error.message; }
        };
        null"""
    )
    begin(tab, options)
    tab.evaluate(then)
    tab.wait_for_function("window.said")
    assert tab.evaluate("said") == f"session chat cannot be watched: {why}"


def test_a_session_that_is_watched_again_shows_the_delay_of_its_open_sends(tab: Page, server: Served) -> None:
    begin(tab, "{settings: {retry_first_s: 60}}")
    tab.evaluate('window.other = session.watch("side"); null')
    server.gate.lose = 1
    tab.evaluate("window.sent = other.send({text: 'late'}).catch(() => null); null")
    tab.wait_for_function("other.status.delayed")
    again = tab.evaluate('(other.unwatch(), window.again = session.watch("side"), again.status)')
    assert (again["pending"], again["delayed"]) == (1, True)


def test_in_the_background_no_next_try_is_shown(tab: Page, server: Served) -> None:
    begin(tab, "{settings: {reconnect_first_s: 1000, reconnect_cap_s: 1000}}")
    server.shut()
    tab.wait_for_function("session.status.nextTryS !== null")
    assert tab.evaluate("(session.suspend(), session.status.nextTryS)") is None
    server.gate.shut = False


def test_a_credential_function_that_failed_is_asked_again(tab: Page, server: Served) -> None:
    tab.evaluate(
        """window.asked = 0;
        window.credential = () => { if (++asked === 1) throw new Error("not yet"); return "a token"; };
        null"""
    )
    begin(tab, "{credential}")
    assert tab.evaluate("asked") == 2
    assert server.gate.asked[-1][2]["authorization"] == "Bearer a token"
    send(tab, "let in")
    assert server.took(1) == ["let in"]
    assert tab.evaluate("asked") == 2


def test_a_storage_that_fails_is_told_and_nothing_stops(tab: Page, server: Served) -> None:
    warned: list[str] = []
    tab.on("console", lambda message: warned.append(message.text))
    tab.evaluate("window.nowhere = new perdure.TabIdentity('id', () => { throw new Error('denied'); })")
    begin(tab, "{identity: nowhere}")
    send(tab, "still here")
    wait_for_texts(tab, "STILL HERE")
    assert tab.evaluate("nowhere.kept") is False
    assert any("keeps no id" in text for text in warned)
    assert server.took(1) == ["still here"]


@pytest.mark.tried(case="EventSource in place of fetch")
def test_without_streams_from_fetch_the_browsers_event_source_serves(tab: Page, server: Served) -> None:
    begin(tab, "{eventSource: true}")
    send(tab, "one")
    wait_for_texts(tab, "ONE")
    server.shut()
    tab.wait_for_function('session.status.state === "reconnecting"')
    server.publish("chat", "two")
    server.gate.shut = False
    wait_for_texts(tab, "ONE", "two")
    streams = [query for path, query, _ in server.gate.asked if path == "/events"]
    assert streams[-1]["cursor"].endswith(":1")


@pytest.mark.tried(case="resuming by Last-Event-ID", what="Chromium's EventSource")
def test_the_browsers_own_event_source_resumes_by_last_event_id(tab: Page, server: Served) -> None:
    """Without perdure.js, and without an id: the browser asks again by itself, after its 3 s."""
    tab.evaluate(
        """window.heard = [];
        window.source = new EventSource("/live/events?session=chat");
        source.onmessage = ({data}) => heard.push(JSON.parse(data).text);
        null"""
    )
    server.publish("chat", "one")
    tab.wait_for_function("heard.length === 1")
    server.call(server.gate.cut)
    server.publish("chat", "two", "three")
    tab.wait_for_function("heard.length >= 3")
    assert tab.evaluate("heard") == ["one", "two", "three"]
    streams = [headers for path, _, headers in server.gate.asked if path == "/events"]
    assert [headers.get("last-event-id", "").rpartition(":")[2] for headers in streams] == ["", "1"]


@pytest.mark.tried(case="a conversation, a cut, a reload", http="2", way="nginx with TLS, uvicorn")
def test_through_nginx_in_http_2_all_shares_one_connection(
    browser: Browser, server: Served, tmp_path: Path
) -> None:
    context = browser.new_context(ignore_https_errors=True)
    with nginx(server.uvicorn.port, certificates=Certificates(tmp_path)) as proxy:
        tab = context.new_page()
        tab.goto(proxy.url)
        tab.wait_for_function("window.ready")
        begin(tab)
        send(tab, "one")
        server.call(server.gate.cut)
        server.publish("chat", "two")
        wait_for_texts(tab, "ONE", "two")
        tab.reload()
        tab.wait_for_function("window.ready")
        begin(tab)
        send(tab, "three")
        wait_for_texts(tab, "ONE", "two", "THREE")
        protocols = "performance.getEntriesByType('resource').map((one) => one.nextHopProtocol)"
        assert set(tab.evaluate(protocols)) == {"h2"}
        context.close()
    assert server.took(2) == ["one", "three"]
