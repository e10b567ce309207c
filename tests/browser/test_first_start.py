"""From the first start to a connected number, as a person does it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Opened
from tests.browser.stage import Stage


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    found = Stage(tmp_path_factory.mktemp("first"), key="")
    yield found
    found.close()


def test_the_printed_link_lets_in_once(stage: Stage, opened: Opened) -> None:
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


def test_a_logout_holds_after_a_restart(stage: Stage, opened: Opened) -> None:
    stage.key = re.search(r"esk_\w+", stage.gateway.said("esk_"))[0]  # type: ignore[index]  # it was waited for
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
