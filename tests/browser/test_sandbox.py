"""The sandbox's own page: a session is scanned and broken by clicks, and heals before one's eyes."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opened
from tests.browser.installed import Unavailable, axe, left_out
from tests.browser.stage import Stage
from tests.browser.test_every_page import WIDEST, faults


def test_a_session_is_broken_with_a_click_and_heals_before_ones_eyes(stage: Stage, opened: Opened) -> None:
    stage.server()
    stage.ask("POST", "/v1/sessions", {"name": "shop", "server": "evo"}, 201)
    page = opened(logged_in=False)
    page.goto(stage.sandbox_page)
    row = page.locator("#line-evolution-shop")
    row.get_by_role("button", name="Scan the QR code").click()
    expect(page.get_by_role("status")).to_contain_text("The phone has scanned the code.")
    expect(row).to_contain_text("socket alive")
    stage.until(lambda: stage.ask("GET", "/v1/sessions/shop")["state"] == "connected")
    row.get_by_role("button", name="Kill its socket").click()
    expect(row).to_contain_text("socket dead")
    expect(row).to_contain_text("▲ Ghost")
    expect(row).to_contain_text("open")
    expect(row).to_contain_text("socket alive", timeout=90_000)
    expect(row).not_to_contain_text("▲")
    expect(page.locator("#received")).to_contain_text("restart")
    row.get_by_role("link", name="More faults").click()
    page.get_by_role("button", name="Half-open connection", exact=True).click()
    expect(page.get_by_role("heading", name="What shall happen to shop?")).to_be_visible()
    expect(row).to_contain_text("▲ Half-open connection")


@pytest.mark.parametrize(("width", "dark", "language"), [(390, True, "pt-BR"), (1280, False, "en")])
def test_nothing_serious_is_wrong_with_it(
    stage: Stage, opened: Opened, shared: Path, width: int, dark: bool, language: str
) -> None:
    try:
        script = axe(shared)
    except Unavailable as why:
        left_out(why)
    page = opened(width=width, dark=dark, language=language, logged_in=False)
    for query in ("", "?server=evolution"):
        page.goto(stage.sandbox_page + query)
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), page.evaluate(WIDEST)
        assert faults(page, script) == []
