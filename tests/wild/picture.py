"""Takes the README's picture of the demo's page: `python -m tests.wild.picture`. Needs Chromium."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.demo.page import running
from tests.wild.programs import find
from tests.wild.test_demo_page import Shown

PICTURE = Path(__file__).parents[2] / "docs" / "demo.png"


def scene(shown: Shown) -> None:
    """A talk through faults, and the moment in which one has just struck."""
    shown.say("a", "Are you there?")
    shown.say("b", "Always.")
    shown.hears("a", "Always.")
    shown.page.get_by_role("button", name="Expire its token").click()
    shown.say("a", "is anybody else there", button="Ask")
    shown.stands("ResponseStream", "server", "ended")
    shown.press("b", "Delay a close")
    shown.tells("changes nothing: the close of a stream that was replaced", "b")
    shown.press("a", "Expire")
    shown.tells("the request is held", "a")
    shown.say("a", "Sent while the stream is down.")
    shown.stands("SendItem", "a", "queued")
    shown.page.wait_for_timeout(300)  # colours take their time


def main() -> None:
    """Write the picture."""
    with sync_playwright() as playwright, running() as address:
        browser = playwright.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
        shown = Shown(browser.new_context(viewport={"width": 1440, "height": 900}), address)
        scene(shown)
        shown.page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
