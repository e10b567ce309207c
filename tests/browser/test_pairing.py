"""A phone is linked before one's eyes: the code comes and replaces itself by push, is not shown when it is used or over
or nobody can say, and the page goes on by itself; the same for the phone's owner, who has only a link."""

from __future__ import annotations

import re
import signal
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Opened
from tests.browser.installed import Unavailable, axe, left_out
from tests.browser.stage import SANDBOX_KEY, Stage
from tests.browser.test_every_page import faults
from tests.browser.test_live import HIDE, SHOW

PHONE, OTHER = "5511912345678", "5511988887777"
SOON_MS = 5_000
WATCHED = """() => { window.shown = [];
    const view = document.getElementById('view');
    const look = () => { const img = view.querySelector('img');
        const seen = img && getComputedStyle(img).visibility === 'visible' ? img.src : '';
        if (window.shown.at(-1) !== seen) window.shown.push(seen); requestAnimationFrame(look); };
    look(); }"""
"""Notes each code that is to be seen, at every frame that the browser draws."""


@pytest.fixture(scope="module")
def served(stage: Stage) -> Stage:
    stage.server("evo")
    return stage


def waits(stage: Stage, name: str, **more: Any) -> None:
    """A session that shows a code."""
    stage.ask("POST", "/v1/sessions", {"name": name, "server": "evo", **more}, 201)
    stage.until(lambda: stage.ask("GET", f"/v1/sessions/{name}")["state"] == "awaiting_qr")


def current(stage: Stage, name: str) -> str:
    """The picture of the code that is good now."""
    return "data:image/png;base64," + str(stage.ask("GET", f"/v1/sessions/{name}/qr", status=200)["png_base64"])


def tell(stage: Stage, name: str, event: str, data: dict[str, Any]) -> None:
    """What the server would tell of this session, by its webhook."""
    found = stage.http.get(f"{stage.address_of('evolution')}/webhook/find/{name}", headers={"apikey": SANDBOX_KEY})
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"event": event, "instance": name, "data": data, "date_time": now, "apikey": "x"}
    assert stage.http.post(found.json()["url"], json=body).status_code == 200


def next_code(stage: Stage, name: str, code: str) -> None:
    tell(stage, name, "qrcode.updated", {"qrcode": {"instance": name, "code": code, "base64": "", "count": 2}})


def picture(page: Page) -> str:
    return str(page.locator("#view img").get_attribute("src"))


def shows(page: Page, kind: str) -> None:
    expect(page.locator("#view")).to_have_attribute("data-kind", kind)


def heard(page: Page) -> None:
    """The page's stream has told it something."""
    expect(page.locator("#connection")).to_have_attribute("data-state", "on")


def test_from_the_button_to_a_connected_number_by_push_alone(served: Stage, page: Page) -> None:
    page.goto(served.url)
    page.get_by_role("link", name="Create session").click()
    page.get_by_label("Name").fill("a b")
    page.get_by_label("Phone number").fill(PHONE)
    page.locator("[name=name]").evaluate("one => one.removeAttribute('pattern')")
    page.get_by_role("button", name="Create session").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Phone number")).to_have_value(PHONE)
    page.get_by_label("Name").fill("shop")
    page.get_by_role("button", name="Create session").click()
    expect(page).to_have_url(f"{served.url}/sessions/shop/pair")
    shows(page, "scan")
    heard(page)
    assert picture(page) == current(served, "shop")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for number in range(3):
        before = picture(page)
        next_code(served, "shop", f"2@another-code-{number}")
        expect(page.locator("#view img")).not_to_have_attribute("src", before, timeout=SOON_MS)
        assert picture(page) == current(served, "shop")
    assert [url for url in asked if not url.startswith("data:")] == [], "the page asked for nothing: it was told"
    expect(page.locator("[data-count]")).to_have_text(re.compile(r"^4\d s$"))
    page.wait_for_timeout(1100)  # a scan that comes sooner than a person's is taken for a word about the code's socket
    page.evaluate(WATCHED)
    served.sandbox("scan", session="shop", number=PHONE)
    expect(page.get_by_role("status")).to_contain_text(["Connecting"])
    shows(page, "connected")
    codes = [one for one in page.evaluate("window.shown") if one]
    assert len(codes) == 1, "once it was covered no code came back"
    expect(page.locator("#view")).to_contain_text(f"+{PHONE}")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.wait_for_url(f"{served.url}/sessions/shop**")
    expect(page.get_by_role("status").filter(has_text="The phone is linked")).to_be_visible()


def test_another_phone_is_told_and_a_new_code_links_the_right_one(served: Stage, page: Page) -> None:
    waits(served, "guarded", phone=f"+{PHONE}")
    page.goto(f"{served.url}/sessions/guarded/pair")
    shows(page, "scan")
    page.wait_for_timeout(1100)
    served.sandbox("scan", session="guarded", number=OTHER)
    shows(page, "wrong-phone")
    expect(page.locator("#told")).to_contain_text(f"+{OTHER} instead of +{PHONE}")
    page.locator("#anew summary").click()
    expect(page.locator("#anew .cost")).to_contain_text("is unlinked")
    page.locator("#do-anew").click()
    shows(page, "scan")
    page.wait_for_timeout(1100)
    served.sandbox("scan", session="guarded", number=PHONE)
    shows(page, "connected")


def test_a_code_is_covered_while_nobody_can_say_that_it_is_good(served: Stage, page: Page) -> None:
    waits(served, "covered")
    page.goto(f"{served.url}/sessions/covered/pair")
    heard(page)
    image = page.locator("#view img")
    expect(image).to_be_visible()
    page.evaluate(HIDE)
    expect(image).to_be_hidden()
    used = picture(page)
    next_code(served, "covered", "2@while-nobody-looked")
    page.evaluate(WATCHED)
    page.evaluate(SHOW)
    expect(image).to_be_visible()
    assert used not in page.evaluate("window.shown")
    served.stop(signal.SIGKILL)
    expect(image).to_be_hidden()
    expect(page.locator("#connection")).to_contain_text("Connection lost")
    served.start()
    expect(image).to_be_visible()


def test_a_code_whose_time_is_over_is_covered_without_a_word_from_the_gateway(served: Stage, page: Page) -> None:
    waits(served, "over")
    page.route("**/pair/live**", lambda route: None)  # no answer, ever

    def short(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub(r'data-left="[^"]+"', 'data-left="1.5"', answer.text()))

    page.route("**/pair", short)
    page.goto(f"{served.url}/sessions/over/pair")
    expect(page.locator("[data-count]")).to_have_text(re.compile("^[12] s$"))
    expect(page.locator("#view img")).to_be_hidden()
    expect(page.locator("#view .over")).to_be_visible()


def test_a_code_to_type_is_asked_for_at_the_beginning_and_copied(served: Stage, page: Page) -> None:
    page.goto(f"{served.url}/new")
    page.get_by_label("Name").fill("typed")
    page.get_by_label("Phone number").fill(f"+{PHONE}")
    page.get_by_label("A code is typed on it").check()
    page.get_by_role("button", name="Create session").click()
    shows(page, "type")
    expect(page.locator("#typed")).to_have_text(re.compile(r"^\w{4}-\w{4}$"))
    page.locator("#copy-code").click()
    expect(page.locator("#copy-code")).to_have_text("Copied")


def owners_link(page: Page) -> str:
    page.get_by_label("Name that the owner reads").fill("Padaria do Zé")
    page.get_by_role("button", name="Make the link").click()
    return page.get_by_label("Address for the phone's owner").input_value()


def test_the_owner_scans_from_elsewhere_with_nothing_but_a_link(served: Stage, page: Page, opened: Opened) -> None:
    waits(served, "away")
    page.goto(f"{served.url}/sessions/away/pair")
    revoked = owners_link(page)
    owner = opened(width=390, language="pt-BR", dark=True, logged_in=False)
    owner.goto(revoked)
    shows(owner, "scan")
    page.get_by_role("button", name="Revoke the link").click()
    expect(owner.get_by_role("alert")).to_contain_text("não funciona mais")
    address = owners_link(page)
    owner.goto(address)
    assert address.startswith(served.url)
    shows(owner, "scan")
    expect(owner.get_by_role("heading", level=1)).to_contain_text("Padaria do Zé")
    expect(owner.locator("body")).not_to_contain_text("away")
    assert picture(owner) == current(served, "away")
    before = picture(owner)
    next_code(served, "away", "2@another-for-the-owner")
    expect(owner.locator("#view img")).not_to_have_attribute("src", before, timeout=SOON_MS)
    served.stop(signal.SIGKILL)
    served.start()
    expect(owner.locator("#view img")).to_be_visible()
    page.wait_for_timeout(1100)
    served.sandbox("scan", session="away", number=PHONE)
    expect(owner.get_by_role("status").filter(has_text="Pronto")).to_be_visible()
    owner.reload()
    expect(owner.get_by_role("status").filter(has_text="Pronto")).to_be_visible()
    shows(page, "connected")


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
def test_the_owner_s_page_is_for_everybody(
    served: Stage, page: Page, opened: Opened, shared: Any, width: int, dark: bool
) -> None:
    try:
        script = axe(shared)
    except Unavailable as why:
        left_out(why)
    name = f"axe-{width}"
    waits(served, name)
    page.goto(f"{served.url}/sessions/{name}/pair")
    address = owners_link(page)
    owner = opened(width=width, dark=dark, logged_in=False)
    for place in (address, f"{served.url}/pair/none"):
        owner.goto(place)
        assert not owner.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert faults(owner, script) == []
