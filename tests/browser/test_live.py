"""Pages that keep themselves true: by push, after a lost connection, in two tabs and in eight, for what is gone."""

from __future__ import annotations

import re
import signal
import time

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Opened
from tests.browser.stage import Stage


@pytest.fixture(scope="module")
def peopled(stage: Stage) -> Stage:
    """Two sessions that are connected."""
    stage.server("evo")
    for name in ("shop", "bakery"):
        stage.session(name)
    return stage


def lit(page: Page) -> None:
    """The page says that it is live."""
    expect(page.locator("#connection")).to_have_attribute("data-state", "on")


def tile(page: Page, name: str, state: str) -> None:
    expect(page.locator(f"#tile-{name}")).to_have_class(re.compile(rf"\b{state}\b"))


def asked_for(page: Page) -> list[str]:
    """What the page asks the gateway for from now on."""
    paths: list[str] = []
    page.on("request", lambda request: paths.append(request.url))
    return paths


def test_a_lost_connection_is_told_and_what_was_missed_is_caught_up(peopled: Stage, page: Page) -> None:
    page.goto(peopled.url)
    lit(page)
    tile(page, "shop", "connected")
    peopled.ask("POST", "/v1/sessions/shop/pause")
    tile(page, "shop", "paused")
    peopled.stop(signal.SIGKILL)
    told = page.locator("#connection")
    expect(told).to_have_attribute("data-state", "off")
    expect(told).to_contain_text(re.compile(r"Connection lost. This is how it was at \d"))
    peopled.start()
    peopled.ask("POST", "/v1/sessions/shop/resume")
    lit(page)
    tile(page, "shop", "connected")


def test_a_login_that_is_over_says_so_and_leads_back(peopled: Stage, opened: Opened) -> None:
    page = opened()
    page.goto(f"{peopled.url}/sessions/shop")
    lit(page)
    other = opened(beside=page)
    other.goto(peopled.url)
    other.get_by_role("button", name="Log out").click()
    peopled.ask("POST", "/v1/sessions/shop/pause")
    told = page.locator("#connection")
    expect(told).to_have_attribute("data-state", "out")
    expect(told).to_contain_text("Your login is over")
    told.get_by_role("link").click()
    page.get_by_label("API key").fill(peopled.key)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{peopled.url}/sessions/shop")
    peopled.ask("POST", "/v1/sessions/shop/resume")


def test_eight_tabs_agree_on_one_connection(peopled: Stage, page: Page, opened: Opened) -> None:
    peopled.ask("POST", "/v1/sessions", {"name": "gone", "server": "evo"}, 201)
    page.goto(peopled.url)
    tabs = [page, *(opened(beside=page) for _ in range(7))]
    for one in tabs[1:]:
        one.goto(f"{peopled.url}/sessions/bakery")
    for one in tabs:
        lit(one)
    deleted = opened(beside=page)
    deleted.goto(f"{peopled.url}/sessions/gone")
    peopled.ask("POST", "/v1/sessions/bakery/pause")
    tile(page, "bakery", "paused")
    for one in tabs[1:]:
        expect(one.locator("#live")).to_contain_text("Resume")
    peopled.ask("DELETE", "/v1/sessions/gone")
    expect(page.locator("#tile-gone")).to_have_count(0)
    expect(deleted.get_by_role("heading", level=1)).to_be_visible()
    expect(deleted.locator("main")).to_contain_text("gone")
    expect(deleted.locator("#live")).to_have_count(0)
    peopled.ask("POST", "/v1/sessions/bakery/resume")


def test_a_page_that_nobody_looks_at_asks_for_nothing_and_is_true_when_it_is_seen(peopled: Stage, page: Page) -> None:
    page.goto(peopled.url)
    lit(page)
    page.evaluate(HIDE)
    paths = asked_for(page)
    peopled.ask("POST", "/v1/sessions/bakery/pause")
    watching = page.context.new_page()
    watching.goto(peopled.url)
    tile(watching, "bakery", "paused")
    peopled.ask("POST", "/v1/sessions/bakery/resume")
    tile(watching, "bakery", "connected")
    assert paths == []
    peopled.ask("POST", "/v1/sessions/bakery/pause")
    tile(watching, "bakery", "paused")
    page.evaluate(SHOW)
    tile(page, "bakery", "paused")
    peopled.ask("POST", "/v1/sessions/bakery/resume")
    tile(page, "bakery", "connected")


# What the browser does to a tab in the background; a headless one has none.
_SEEN = """(hidden) => { Object.defineProperty(document, 'hidden', {get: () => hidden, configurable: true});
    document.dispatchEvent(new Event('visibilitychange')); }"""
HIDE, SHOW = f"({_SEEN})(true)", f"({_SEEN})(false)"


def test_without_shared_workers_a_page_listens_for_itself(peopled: Stage, page: Page) -> None:
    page.add_init_script("delete globalThis.SharedWorker")
    page.goto(peopled.url)
    lit(page)
    peopled.ask("POST", "/v1/sessions/bakery/pause")
    tile(page, "bakery", "paused")
    peopled.ask("POST", "/v1/sessions/bakery/resume")
    tile(page, "bakery", "connected")


def late(route: Route) -> None:
    """The gateway takes its time."""
    time.sleep(0.3)
    route.continue_()


TWICE = """async () => { const button = document.querySelector('#tester button.main');
    button.click(); await new Promise((done) => setTimeout(done, 20)); button.click(); }"""


def test_a_double_click_sends_a_form_once(peopled: Stage, page: Page) -> None:
    page.goto(f"{peopled.url}/sessions/bakery")
    lit(page)
    page.locator("#f-to").fill("+5511912345678")
    page.locator("#f-text").fill("Bom dia")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if request.method == "POST" else None)
    page.route("**/send", late)
    page.evaluate(TWICE)
    expect(page).to_have_url(re.compile("sent="))
    assert sent == ["POST"]
    found = peopled.ask("GET", "/v1/sessions/bakery/messages")["items"]
    assert [one["text"] for one in found] == ["Bom dia"]


def asked_whether_welcome(page: Page, paths: list[str]) -> bool:
    page.wait_for_timeout(50)
    return any(path.endswith("/pair-link") for path in paths)


def test_a_form_s_answer_is_not_sent_again_when_the_connection_comes_back(peopled: Stage, page: Page) -> None:
    peopled.ask("POST", "/v1/sessions", {"name": "unlinked", "server": "evo"}, 201)
    page.goto(f"{peopled.url}/sessions/unlinked/pair")
    page.locator("#make-link").click()
    address = page.locator("#address").input_value()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if request.method == "POST" else None)
    connection = page.locator("#connection")
    expect(connection).to_have_attribute("data-state", "on")
    peopled.stop(signal.SIGKILL)
    expect(connection).to_have_attribute("data-state", "off")
    refused = asked_for(page)
    page.route("**/pair/live*", lambda route: route.fulfill(status=503))
    peopled.start()
    peopled.until(lambda: asked_whether_welcome(page, refused))
    page.unroute("**/pair/live*")
    expect(connection).to_have_attribute("data-state", "on")
    assert page.locator("#address").input_value() == address
    assert sent == []
