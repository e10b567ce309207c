"""An agency's bad minute: one number is a ghost, six of another server fall together, a new one is being paired.

With ESTEIO_PICTURES=FOLDER it leaves the pictures that the README shows, in both languages (`make browse` does).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opened
from tests.browser.stage import Stage

PICTURES = os.environ.get("ESTEIO_PICTURES", "")
LANGUAGES = ("en", "pt-BR")
FALLING = ("academia-forte", "mercado-bom", "otica-visao", "pet-feliz", "pizzaria-bella", "salao-bela")
STANDING = ("auto-pecas-sul", "clinica-sorriso", "padaria-central")
SLOW = {"server": "evolution", "seconds": [4, 4], "verbs": "control"}


@pytest.fixture
def agency(stage: Stage) -> Stage:
    """Its numbers, on two servers."""
    stage.server("evolution-sp")
    stage.server("baileys-rio", "baileys")
    for name in STANDING:
        stage.session(name, "evolution-sp")
    for name in FALLING:
        stage.session(name, "baileys-rio")
    return stage


@pytest.mark.long
def test_an_agency_s_bad_minute(agency: Stage, opened: Opened) -> None:
    pages = {language: opened(language=language) for language in LANGUAGES}
    for page in pages.values():
        page.set_viewport_size({"width": 1280, "height": 1060})
    message = {"to": "+55 11 91234-5678", "text": "Sua consulta é amanhã às 9h."}

    agency.sandbox("fault", kind="slow", **SLOW)
    agency.sandbox("fault", kind="ghost", session="clinica-sorriso")
    shown(pages, f"{agency.url}/sessions/clinica-sorriso")
    agency.ask("POST", "/v1/sessions/clinica-sorriso/messages", message, 202)
    for page in pages.values():
        expect(page.locator("#ladder li.open")).to_be_visible()
    taken(pages, "session")
    agency.sandbox("heal", server="evolution", kind="slow")

    made = agency.ask("POST", "/v1/sessions", {"name": "floricultura-lirio", "server": "evolution-sp"}, 201)
    assert made["state"] in ("awaiting_qr", "connecting")
    shown(pages, f"{agency.url}/sessions/floricultura-lirio/pair")
    for page in pages.values():
        expect(page.locator("#view img")).to_be_visible()
    taken(pages, "pairing")

    shown(pages, agency.url)
    agency.sandbox("restart-server", server="baileys", down_s=20, boot_s=4, flap_s=0)
    for page in pages.values():
        expect(page.locator("#incidents li")).to_contain_text("baileys-rio")
    taken(pages, "fleet")

    agency.until(lambda: all(agency.ask("GET", f"/v1/sessions/{one}")["state"] == "connected" for one in FALLING))
    shown(pages, f"{agency.url}/incidents")
    for page in pages.values():
        page.locator("main a[href^='/incidents/']").filter(has_text="baileys-rio").first.click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    taken(pages, "incident")


def shown(pages: dict[str, Page], address: str) -> None:
    for page in pages.values():
        page.goto(address)


def taken(pages: dict[str, Page], name: str) -> None:
    if PICTURES:
        for language, page in pages.items():
            page.screenshot(path=Path(PICTURES) / "readme" / f"{name}.{language}.png")
