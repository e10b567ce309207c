"""A public status page: an admin switches it on, a stranger reads it on a phone and sees a fall come by itself."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Opened
from tests.browser.stage import Stage


def test_a_page_is_made_shown_to_strangers_and_taken_back(stage: Stage, page: Page, opened: Opened) -> None:
    stage.server()
    stage.session("internal-name")
    stranger = opened(width=390, logged_in=False)
    missing = stranger.goto(f"{stage.url}/status/shop")
    assert missing is not None
    assert missing.status == 404

    page.goto(f"{stage.url}/settings/status")
    page.get_by_label("Title").fill("The Shop")
    page.get_by_label("Name in the address").fill("shop")
    page.get_by_role("button", name="Create").click()
    page.get_by_label("internal-name", exact=True).check()
    page.get_by_label("Public name of internal-name").fill("Orders")
    page.get_by_label("Everybody may read this page").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Everybody can read this page now")).to_be_visible()

    stranger.goto(f"{stage.url}/status/shop")
    expect(stranger.get_by_role("heading", level=1)).to_have_text("The Shop")
    expect(stranger.get_by_role("status")).to_have_text("Everything is up.")
    expect(stranger.get_by_role("img", name="Last 30 days")).to_be_visible()
    assert "internal-name" not in stranger.content()
    assert not stranger.evaluate("document.documentElement.scrollWidth > innerWidth")

    stage.unlinked("internal-name")
    # What an open page does by itself every half minute.
    stage.until(lambda: "down" in stage.http.get(f"{stage.url}/status/shop").text)
    stranger.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(stranger.get_by_role("status")).to_have_text("1 of 1 is down.")

    page.reload()
    page.get_by_label("Everybody may read this page").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Off: nobody can read it.")).to_be_visible()
    gone = stranger.reload()
    assert gone is not None
    assert gone.status == 404
