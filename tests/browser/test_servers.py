"""A server added in the browser, and what it holds adopted in bulk, with a look at what happens to each webhook."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.stage import SANDBOX_KEY, Stage


def test_a_server_is_added_and_its_sessions_adopted_in_bulk(stage: Stage, page: Page) -> None:
    there = stage.address_of("evolution")
    for name in ("um", "dois", "tres"):
        body = {"instanceName": name, "integration": "WHATSAPP-BAILEYS", "qrcode": True}
        made = stage.http.post(f"{there}/instance/create", json=body, headers={"apikey": SANDBOX_KEY})
        assert made.is_success, made.text
        stage.sandbox("scan", server="evolution", session=name)
    theirs = {"enabled": True, "url": "http://127.0.0.1:9/n8n", "events": ["MESSAGES_UPSERT"]}
    for name in ("um", "dois"):
        set_there = stage.http.post(
            f"{there}/webhook/set/{name}", json={"webhook": theirs}, headers={"apikey": SANDBOX_KEY}
        )
        assert set_there.is_success, set_there.text

    page.goto(stage.url)
    page.get_by_role("link", name="Servers").click()
    page.get_by_role("link", name="Add a server").first.click()
    page.get_by_label("Name", exact=True).fill("loja")
    page.get_by_label("Address", exact=True).fill(there)
    page.get_by_label("apikey").fill(SANDBOX_KEY)
    page.get_by_role("button", name="Add a server").click()
    # By itself, as soon as the server has answered.
    expect(page.locator("#live .state.up")).to_be_visible()
    page.get_by_role("link", name="Adopt sessions").click()
    page.get_by_label("All 3 that are free").check()
    page.get_by_label("tres").uncheck()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What would happen")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="um")).to_contain_text("http://127.0.0.1:9/n8n")
    expect(page.get_by_role("row").filter(has_text="dois")).to_contain_text("will go on receiving the events")
    assert stage.ask("GET", "/v1/sessions")["items"] == []
    page.get_by_role("button", name="Adopt 2 sessions").click()
    expect(page.get_by_role("heading", name="What became of each")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="goes on receiving")).to_have_count(2)
    page.get_by_role("link", name="See its sessions").click()
    expect(page.get_by_role("link", name="um", exact=True)).to_be_visible()
    assert [one["name"] for one in stage.ask("GET", "/v1/sessions")["items"]] == ["dois", "um"]


def test_a_wrong_address_is_told_beside_what_was_typed(stage: Stage, page: Page) -> None:
    page.goto(f"{stage.url}/servers/new?kind=baileys")
    page.get_by_label("Name", exact=True).fill("ruim")
    page.get_by_label("Address", exact=True).fill("https://someone:secret@example.com")
    page.get_by_label("apikey").fill("a-key")
    page.get_by_role("button", name="Add a server").click()
    expect(page.get_by_role("alert")).to_contain_text("user, query or fragment")
    expect(page.get_by_label("Name", exact=True)).to_have_value("ruim")
    expect(page.get_by_label("Address", exact=True)).to_be_focused()
    expect(page.get_by_label("apikey")).to_have_value("")
