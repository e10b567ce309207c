"""Every page that can be opened, at both widths, light and dark, in both languages.

Nothing serious by axe-core, nothing wider than the screen, no error in the console (the fixtures see to that).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from esteio.api.dashboard.app import TABLE
from tests.browser.conftest import Opened
from tests.browser.installed import Unavailable, axe, left_out
from tests.browser.stage import Stage
from tests.cli.cli_processes import free_port

ELSEWHERE = {"/login/{token}", "/pair/{token}", "/sessions/{name}/export", "/messages/{id}/media", "/sandbox"}
"""Addresses that their own journeys open, and what is no page."""
FACES = [
    (390, True, "pt-BR"),
    (1280, False, "en"),
    pytest.param(390, False, "en", marks=pytest.mark.long),
    pytest.param(1280, True, "pt-BR", marks=pytest.mark.long),
]
"""Width, dark, language."""
PICTURES = os.environ.get("ESTEIO_PICTURES", "")


@pytest.fixture(scope="module")
def peopled(stage: Stage) -> Stage:
    """Something to see on every page."""
    stage.server("evo")
    stage.server("loja", "baileys")
    stage.session("shop")
    stage.session("balcao", "loja")
    stage.ask("POST", "/v1/sessions", {"name": "new", "server": "evo"}, 201)
    stage.marks["{incident}"] = stage.unlinked("balcao")
    # Nobody listens there: it fails.
    webhook = {"url": f"http://127.0.0.1:{free_port()}/hook", "events": ["message.state_changed"]}
    stage.marks["{webhook}"] = stage.ask("POST", "/v1/webhooks", webhook, 201)["id"]
    sends(stage)
    stage.status_page("padaria", "shop", "Pedidos")
    stage.marks["{page}"] = "padaria"
    quotas = {"sessions": 3, "messages_per_day": 2000, "webhooks": 0}
    stage.ask("POST", "/v1/tenants", {"name": "oficina", "title": "Oficina do Zé", "quotas": quotas}, 201)
    stage.ask("POST", "/v1/tenants", {"name": "floricultura", "title": "Floricultura Jardim das Acácias"}, 201)
    stage.ask("PATCH", "/v1/tenants/floricultura", {"enabled": False}, 200)
    stage.marks["{tenant}"] = "oficina"
    return stage


def sends(stage: Stage) -> None:
    """A message that goes, and one that fails at once."""
    to = "+5511912345678"
    sent = stage.ask("POST", "/v1/sessions/shop/messages", {"to": to, "text": "Bom dia"}, 202)["id"]
    failing = {"to": to, "text": "Seu pedido saiu", "on_down": "fail"}
    failed = stage.ask("POST", "/v1/sessions/new/messages", failing, 200)["id"]
    stage.marks["/messages/{id}"] = f"/messages/{sent}"
    for page in ("preview", "result"):
        stage.marks[f"/dead-letters/{page}"] = f"/dead-letters/{page}?ids={failed}"


def places(stage: Stage) -> list[str]:
    filled = {"{name}": "shop", "{server}": "evo", **stage.marks}
    found = ["/sessions/new/pair", "/sessions/new/pair?by=code"]
    for route in TABLE:
        if route.method == "GET" and route.path not in ELSEWHERE:
            path = route.path
            for mark, word in filled.items():
                path = path.replace(mark, word)
            found.append(path)
    return found


@pytest.mark.parametrize(("width", "dark", "language"), FACES)
def test_page(peopled: Stage, opened: Opened, shared: Path, width: int, dark: bool, language: str) -> None:
    try:
        script = axe(shared)
    except Unavailable as why:
        left_out(why)
    page = opened(width=width, dark=dark, language=language)
    wrong = {}
    for place in places(peopled):
        answer = page.goto(peopled.url + place)
        assert answer is not None
        assert answer.status == 200, place
        picture(page, place, width, dark)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong[place, "wider than the screen"] = page.evaluate(WIDEST)
        for one in faults(page, script):
            wrong[place, one["id"]] = [node["html"][:200] + " " + node["failureSummary"] for node in one["nodes"][:3]]
    assert wrong == {}


WIDEST = """[...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > innerWidth)
    .map(one => one.outerHTML.slice(0, 160)).slice(0, 3)"""


def faults(page: Page, script: str) -> list[Any]:
    """What axe-core calls serious or critical."""
    page.evaluate(script)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [one for one in found["violations"] if one["impact"] in ("serious", "critical")]


def picture(page: Page, place: str, width: int, dark: bool) -> None:
    if PICTURES:
        name = place.strip("/").replace("/", "-") or "fleet"
        face = "dark" if dark else "light"
        page.screenshot(path=Path(PICTURES) / f"{name}-{width}-{face}.png", full_page=True)
