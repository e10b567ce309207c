"""A message that failed is found, previewed, sent again before one's eyes, and arrives once."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Opened
from tests.browser.stage import Stage

TEXT = "Seu pedido 17 saiu para entrega"


def test_a_failed_message_is_replayed_with_a_preview_and_arrives(stage: Stage, opened: Opened) -> None:
    stage.server()
    stage.session("shop")
    stage.ask("POST", "/v1/sessions/shop/pause", {})
    body = {"to": "+5511912345678", "text": TEXT, "on_down": "fail"}
    message = stage.ask("POST", "/v1/sessions/shop/messages", body)
    assert message["state"] == "failed"
    stage.ask("POST", "/v1/sessions/shop/resume", {})
    page = opened(width=390)
    page.goto(stage.url + "/messages")
    page.get_by_label("Search for").fill("pedido 17")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=TEXT)).to_be_visible()
    page.get_by_role("link", name="Dead letters").click()
    page.get_by_label("all of these").check()
    expect(page.get_by_label("tick 5511912345678")).to_be_checked()
    page.get_by_role("button", name="Preview ticked").click()
    expect(page.get_by_text("Nothing has been sent yet")).to_be_visible()
    assert delivered(stage) == 0
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("listitem").filter(has_text=TEXT)).to_contain_text(re.compile("delivered|read"))
    assert delivered(stage) == 1
    page.get_by_role("link", name=TEXT).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("5511912345678")
    expect(page.locator("#life")).to_contain_text("sent")
    expect(page.locator("#attempts")).to_contain_text("taken by the server")


def delivered(stage: Stage) -> int:
    """How often it reached the recipient, by the sandbox's own book."""
    return sum(one["text"] == TEXT for one in stage.ledger()["delivered"])


def test_a_picture_is_shown_and_a_held_message_taken_back(stage: Stage, page: Page) -> None:
    picture = {"kind": "image", "base64": PIXEL, "mime": "image/png", "filename": "foto.png"}
    sent = stage.ask("POST", "/v1/sessions/shop/messages", {"to": "+5511912345678", "media": picture})
    page.goto(f"{stage.url}/messages/{sent['id']}")
    drawn = page.get_by_role("img", name="foto.png")
    expect(drawn).to_be_visible()
    page.wait_for_function("document.querySelector('img.media').naturalWidth > 0")
    stage.ask("POST", "/v1/sessions/shop/pause", {})
    held = stage.ask("POST", "/v1/sessions/shop/messages", {"to": "+5511912345678", "text": "Espere"})
    page.goto(f"{stage.url}/messages/{held['id']}")
    expect(page.locator("#head")).to_contain_text("held")
    page.locator("summary", has_text="Take back").click()
    page.get_by_role("button", name="Do not send it").click()
    expect(page.locator("#head")).to_contain_text("cancelled")


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
