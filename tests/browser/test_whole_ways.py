"""Whole ways through the pages without a mouse, and on a phone in Portuguese: nothing is opened by its address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opened
from tests.browser.stage import Stage
from tests.browser.test_session import TO, tabbed_to


@pytest.fixture(scope="module")
def served(stage: Stage) -> Stage:
    """One server, and a session that waits for a person's yes."""
    stage.server("evo")
    stage.session("asks")
    stage.sandbox("fault", kind="banned", session="asks")
    stage.ask("POST", "/v1/sessions/asks/messages", {"to": TO, "text": "held"}, 202)
    stage.until(lambda: stage.ask("GET", "/v1/sessions/asks")["state"] == "disconnected")
    stage.ask("POST", "/v1/sessions/asks/pair", {"wait_s": 0})
    stage.until(lambda: stage.ask("GET", "/v1/approvals")["items"])
    return stage


def test_by_keyboard_alone_from_the_login_to_an_approval(served: Stage, visitor: Page) -> None:
    visitor.goto(served.url)
    expect(visitor.get_by_label("API key")).to_be_focused()
    visitor.keyboard.type(served.key)
    visitor.keyboard.press("Enter")
    tabbed_to(visitor, "#tile-asks a >> nth=0")
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("heading", level=1)).to_contain_text("asks")
    tabbed_to(visitor, "#act-recover")
    visitor.keyboard.press("Enter")
    expect(visitor.locator(".done")).to_contain_text("being looked at now")
    tabbed_to(visitor, "#approvals button.danger")
    visitor.keyboard.press("Enter")
    expect(visitor.locator(".done")).to_contain_text("the step is being taken")
    expect(visitor.locator("#approvals")).to_have_count(0)


def fits(page: Page) -> None:
    """Nothing is wider than the screen."""
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), page.url


def test_on_a_phone_the_language_stays_and_a_number_is_connected(served: Stage, opened: Opened) -> None:
    page = opened(width=390)
    page.goto(served.url)
    page.get_by_role("button", name="Português").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sessões")
    fits(page)
    page.get_by_role("link", name="Criar sessão").click()
    expect(page.locator("#nav [aria-current]")).to_have_text("Sessões")
    page.get_by_label("Nome", exact=True).fill("padaria")
    fits(page)
    page.get_by_role("button", name="Criar sessão").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    fits(page)
    served.sandbox("scan", session="padaria")
    expect(page).to_have_url(re.compile("/sessions/padaria(?!/pair)"))
    expect(page.locator("#head .state")).to_contain_text("conectada")
    fits(page)
    page.locator("#nav").get_by_role("link", name="Configurações").click()
    page.get_by_role("button", name="Sair").click()
    expect(page.get_by_role("button", name="Entrar")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
