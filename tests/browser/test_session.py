"""A session's page, as somebody who is woken at night uses it: nothing is reloaded by hand, nothing needs a mouse."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.installed import axe
from tests.browser.stage import Stage
from tests.browser.test_every_page import faults

TO = "+55 11 91234-5678"


@pytest.fixture(scope="module")
def stage_of_sessions(stage: Stage) -> Stage:
    stage.server("evo")
    for name in ("ghost", "asks", "tester", "keys"):
        stage.session(name)
    return stage


def opened_once(page: Page, stage: Stage, name: str) -> None:
    """The page of a session; `still_there` tells whether it was loaded anew since."""
    page.goto(f"{stage.url}/sessions/{name}")
    expect(page.locator("#connection")).to_have_attribute("data-state", "on")
    page.evaluate("window.openedOnce = true")


def still_there(page: Page) -> bool:
    return bool(page.evaluate("window.openedOnce === true"))


def test_a_ghost_heals_before_one_s_eyes(stage_of_sessions: Stage, page: Page) -> None:
    stage = stage_of_sessions
    opened_once(page, stage, "ghost")
    expect(page.locator("#ladder")).to_contain_text("Nothing to recover")
    # Its restart takes long enough to be seen.
    stage.sandbox("fault", kind="slow", server="evolution", seconds=[4, 4], verbs="control")
    stage.sandbox("fault", kind="ghost", session="ghost")
    stage.ask("POST", "/v1/sessions/ghost/messages", {"to": TO, "text": "held for a moment"}, 202)
    head, ladder = page.locator("#head"), page.locator("#ladder")
    expect(head).to_contain_text("In an outage that began")
    expect(page.locator("#axes")).to_contain_text("rejected with Connection Closed")
    expect(ladder.locator("li.open")).to_contain_text("Restart the session", ignore_case=True)
    expect(ladder.locator("li.open")).to_contain_text("In progress")
    expect(head.locator(".state")).to_contain_text("connected")
    expect(ladder).to_contain_text("Nothing to recover")
    stage.sandbox("heal", server="evolution", kind="slow")
    expect(page.locator("#messages")).to_contain_text("delivered")
    assert still_there(page)
    timeline = page.locator("#timeline")
    timeline.get_by_role("link", name="Decisions").click()
    for told in ("An outage started", "The outage is over"):
        expect(timeline).to_contain_text(told)
    timeline.get_by_role("link", name="Steps").click()
    expect(timeline).to_contain_text("Step started: restart the session")


def test_an_approval_is_given_on_the_page(stage_of_sessions: Stage, page: Page, shared: Path) -> None:
    stage = stage_of_sessions
    opened_once(page, stage, "asks")
    stage.sandbox("fault", kind="banned", session="asks")
    stage.ask("POST", "/v1/sessions/asks/messages", {"to": TO, "text": "held"}, 202)
    expect(page.locator("#head")).to_contain_text("WhatsApp has banned this account")
    stage.ask("POST", "/v1/sessions/asks/pair", {"wait_s": 0})
    asked = page.locator("#approvals")
    expect(asked).to_contain_text("the link to the phone and what the provider stores about it are lost")
    expect(page.locator("#ladder li.asked")).to_contain_text("Waits for your yes or no")
    assert still_there(page)
    assert faults(page, axe(shared)) == []
    asked.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status").filter(has_text="the step is being taken")).to_be_visible()
    expect(asked).to_have_count(0)
    page.get_by_role("link", name="Link a phone").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()


def test_a_message_is_followed_to_the_recipient_s_phone(stage_of_sessions: Stage, page: Page) -> None:
    opened_once(page, stage_of_sessions, "tester")
    form = page.locator("#tester")
    form.get_by_label("To (phone").fill("12")
    form.get_by_label("Text").fill("Is anybody there?")
    form.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Text")).to_have_value("Is anybody there?")
    page.get_by_label("To (phone").fill(TO)
    page.get_by_role("button", name="Send").click()
    expect(page).to_have_url(re.compile(r"/sessions/tester\?sent=msg_\w+#tester"))
    page.evaluate("window.openedOnce = true")
    reached = page.locator("#tester li.reached")
    expect(reached.filter(has_text="Accepted and stored")).to_contain_text("+0.0 s")
    expect(reached.filter(has_text="At the provider")).to_contain_text(re.compile(r"\+\d+\.\d s"))
    expect(reached.filter(has_text="On the recipient's phone")).to_contain_text(re.compile(r"\+\d+\.\d s"))
    assert still_there(page)


def tabbed_to(page: Page, selector: str) -> None:
    """The focus is where the keyboard alone brings it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(selector).evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"{selector} is not reached with the keyboard")


def test_by_keyboard_alone_a_look_is_taken_and_a_session_recreated(stage_of_sessions: Stage, page: Page) -> None:
    opened_once(page, stage_of_sessions, "keys")
    tabbed_to(page, "#act-recover")
    page.keyboard.press("Enter")
    expect(page.locator(".done")).to_contain_text("being looked at now")
    tabbed_to(page, "#recreate summary")
    page.keyboard.press("Enter")
    expect(page.locator("#recreate")).to_contain_text("it takes a new QR code to come back")
    tabbed_to(page, "#act-recreate")
    page.keyboard.press("Enter")
    expect(page.locator(".done")).to_contain_text("The new code appears here by itself")
    expect(page).to_have_url(re.compile("/sessions/keys/pair"))
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
