"""From the first start to a connected number, as a person does it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Opened
from tests.browser.stage import SANDBOX_KEY, Stage


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    found = Stage(tmp_path_factory.mktemp("first"), key="")
    yield found
    found.close()


def test_from_the_printed_link_to_a_connected_number(stage: Stage, opened: Opened) -> None:
    said = stage.gateway.said("/login/")
    link = re.search(r"http://\S+/login/\S+", said)
    assert link is not None
    page = opened(logged_in=False)
    page.goto(link[0])
    expect(page).to_have_url(stage.url + "/")
    expect(page.get_by_role("navigation")).to_contain_text("Sessions")
    expect(page.locator("#connection")).to_have_text("live")
    again = opened(logged_in=False)
    again.goto(link[0])
    expect(again.get_by_role("alert")).to_be_visible()

    page.get_by_role("link", name="Add a server").first.click()
    page.get_by_label("Name", exact=True).fill("evolution")
    page.get_by_label("Address", exact=True).fill(stage.address_of("evolution"))
    page.get_by_label("apikey").fill(SANDBOX_KEY)
    page.get_by_role("button", name="Add a server").click()
    expect(page.locator("#live .state.up")).to_be_visible()
    page.get_by_role("link", name="Sessions", exact=True).click()
    page.get_by_role("link", name="Create session").first.click()
    page.get_by_label("Name", exact=True).fill("shop")
    page.get_by_role("button", name="Create session").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    page.wait_for_timeout(
        1100
    )  # nobody scans sooner, and what comes sooner is taken for a word about the code's socket
    stage.sandbox("scan", session="shop")
    expect(page).to_have_url(re.compile("/sessions/shop(?!/pair)"))
    expect(page.locator("#head .state")).to_contain_text("connected")


def test_a_logout_holds_after_a_restart(stage: Stage, opened: Opened) -> None:
    stage.key = re.search(r"esk_[\w-]+", stage.gateway.said("esk_"))[0]  # type: ignore[index]  # it was waited for
    page = opened()
    page.goto(stage.url)
    copy = page.context.cookies()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{stage.url}/login")
    stage.stop()
    stage.start()
    page.context.add_cookies([{"name": one["name"], "value": one["value"], "url": stage.url} for one in copy])
    page.goto(stage.url)
    expect(page).to_have_url(f"{stage.url}/login")
