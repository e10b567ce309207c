"""Words that others chose, as bad as they come: markup, quotes, marks that turn the direction, no blank in thousands of
characters. Nothing breaks out, nothing is wider than a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Opened
from tests.browser.stage import Stage
from tests.browser.test_every_page import places
from tests.cli.cli_processes import free_port

EVIL = "\u202e<script>globalThis.broken = 1</script><img src=x onerror='globalThis.broken = 1'>\"' --> "
LONG = "W" * 64
ENDLESS = "M" * 4000


WIDEST = """[...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth)
    .map(one => one.cloneNode().outerHTML.replace(/[WKMh]{9,}/g, 'W…').slice(0, 90)).slice(-4)"""


@pytest.fixture(scope="module")
def peopled(stage: Stage) -> Stage:
    """Something of others on every page."""
    stage.server(LONG)
    stage.session("shop", LONG)
    stage.session(LONG, LONG)
    stage.ask("POST", "/v1/sessions", {"name": "new", "server": LONG}, 201)
    hook = {"url": f"http://127.0.0.1:{free_port()}/{'h' * 900}?a={'%3C' * 200}", "sessions": [LONG, "shop", "*"]}
    stage.marks["{webhook}"] = stage.ask("POST", "/v1/webhooks", hook, 201)["id"]
    for number, name in enumerate((EVIL, "K" * 128)):
        globs = ["*", LONG] if number else [LONG]
        stage.ask("POST", "/v1/keys", {"name": name, "role": "read", "sessions": globs}, 201)
    to = "+5511912345678"
    sent = failed = ""
    for text in (EVIL + ENDLESS, ENDLESS):
        sent = stage.ask("POST", f"/v1/sessions/{LONG}/messages", {"to": to, "text": text}, 202)["id"]
        failing = {"to": to, "text": text, "on_down": "fail"}
        failed = stage.ask("POST", "/v1/sessions/new/messages", failing, 200)["id"]
    stage.marks["/messages/{id}"] = f"/messages/{sent}"
    for page in ("preview", "result"):
        stage.marks[f"/dead-letters/{page}"] = f"/dead-letters/{page}?ids={failed}"
    stage.status_page("padaria", LONG, EVIL[:60])
    stage.ask("POST", "/v1/tenants", {"name": "k" * 32, "title": EVIL[:60]}, 201)
    stage.marks |= {"{page}": "padaria", "{name}": LONG, "{server}": LONG, "{tenant}": "k" * 32}
    stage.marks["{incident}"] = stage.unlinked(LONG)
    return stage


def test_nothing_breaks_out_and_nothing_is_wider_than_a_phone(peopled: Stage, opened: Opened) -> None:
    page = opened(width=390)
    wrong: dict[str, object] = {}
    found = [re.sub(r"/shop|/evo\b", f"/{LONG}", place) for place in places(peopled)]
    for place in found:
        answer = page.goto(peopled.url + place)
        assert answer is not None
        assert answer.status == 200, place
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong[place] = page.evaluate(WIDEST)
        assert not page.evaluate("globalThis.broken ?? document.querySelector('main img[src=x]')"), place
    assert wrong == {}, "\n".join(f"{place[:30]} {parts}" for place, parts in wrong.items())


TYPED = "(one, word) => { one.removeAttribute('maxlength'); one.type = 'text'; one.value = word; }"


def test_forms_come_back_with_what_was_typed(peopled: Stage, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for place, field in (("/settings", "name"), ("/webhooks/new", "url"), ("/settings/status", "title")):
        page.goto(peopled.url + place)
        typed = page.locator(f"main form[method=post] [name={field}]").first
        typed.evaluate(TYPED, EVIL + LONG * 4)
        typed.evaluate("one => one.form.noValidate = true")
        typed.press("Enter")
        page.locator("#refused").wait_for()
        assert page.locator(f"main form[method=post] [name={field}]").first.input_value() == (EVIL + LONG * 4).strip()
        assert not page.evaluate("globalThis.broken ?? (document.documentElement.scrollWidth > innerWidth)"), place
