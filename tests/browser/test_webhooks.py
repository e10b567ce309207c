"""A webhook from its creation to a replay: the secret, an outage of the receiver, its recovery, what was missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Page, expect
from standardwebhooks import Webhook

from tests.browser.stage import Stage


class Receiver:
    """A subscriber's own server: what came, and what it answers."""

    def __init__(self) -> None:
        self.status = 204
        self.came: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if receiver.status < 300:
                    receiver.came.append(({name.lower(): word for name, word in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook?token=private-token"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def of(self, text: str) -> list[str]:
        """The ids under which an event with these words came."""
        return [headers["webhook-id"] for headers, body in self.came if text.encode() in body]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


def sent(stage: Stage, text: str) -> None:
    """A message of ours; its events are what a webhook hears of it."""
    stage.ask("POST", "/v1/sessions/shop/messages", {"to": "+5511912345678", "text": text})


def test_a_webhook_fails_recovers_and_gets_what_it_missed(stage: Stage, page: Page, receiver: Receiver) -> None:
    stage.server()
    stage.session("shop")
    sent(stage, "antes de existir")
    stage.until(lambda: any(one["text"] == "antes de existir" for one in stage.ledger()["delivered"]))

    page.goto(stage.url + "/webhooks")
    page.get_by_role("link", name="New webhook").first.click()
    page.get_by_role("textbox", name="Address").fill("http://192.168.77.7/hook")
    page.get_by_role("checkbox", name="message.state_changed").check()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_contain_text('allow_targets = ["192.168.77.7/32"]')
    page.get_by_role("textbox", name="Address").fill(receiver.url)
    page.get_by_role("button", name="Create").click()
    secret = page.locator("#secret").inner_text().strip()
    assert secret.startswith("whsec_")
    page.get_by_role("link", name="I have it").click()
    assert secret not in page.content()
    assert "private-token" not in page.content()
    here = page.url

    page.get_by_role("button", name="Test it").click()
    expect(page.get_by_role("status").filter(has_text="The test call")).to_contain_text("delivered 204")
    headers, body = receiver.came[-1]
    assert Webhook(secret).verify(body, headers)["type"] == "webhook.test"

    receiver.status = 503
    sent(stage, "durante a queda")
    page.goto(here)
    expect(page.locator("#head")).to_contain_text("failing")
    expect(page.locator("#head")).to_contain_text("1 chat waits")
    expect(page.locator("#waiting")).to_contain_text("message.state_changed")
    receiver.status = 204
    expect(page.locator("#head")).to_contain_text("healthy", timeout=60_000)
    stage.until(lambda: receiver.of("durante a queda"))

    page.get_by_role("button", name="Count them first").click()
    expect(page.get_by_text(re.compile(r"\d+ missing events? would be delivered"))).to_be_visible()
    early = receiver.of("antes de existir")  # what became of it since the webhook is there
    page.get_by_role("button", name="Deliver them").click()
    stage.until(lambda: set(receiver.of("antes de existir")) > set(early))
    assert all(Webhook(secret).verify(body, headers) for headers, body in receiver.came)

    before = len(receiver.came)
    page.goto(here)
    page.get_by_label("Everything").check()
    page.get_by_role("button", name="Count them first").click()
    page.get_by_role("button", name="Deliver them").click()
    stage.until(lambda: len(receiver.came) >= 2 * before - 1)  # all but the test call

    page.goto(here)
    before = len(receiver.came)
    page.get_by_role("link", name="message.state_changed").last.click()
    expect(page).to_have_url(re.compile(r"event=\d+"))
    page.locator("#deliveries").get_by_role("button", name="Deliver again").click()
    expect(page.get_by_role("status").filter(has_text="It is in the queue")).to_be_visible()
    stage.until(lambda: len(receiver.came) >= before + 1)

    page.locator("summary", has_text="New secret").click()
    page.get_by_role("button", name="Make a new secret").click()
    newer = page.locator("#secret").inner_text().strip()
    assert newer != secret
    expect(page.get_by_text("The old secret signs too")).to_be_visible()
    page.get_by_role("link", name="I have it").click()
    page.get_by_role("button", name="Test it").click()
    expect(page.get_by_role("status").filter(has_text="The test call")).to_contain_text("delivered")
    headers, body = receiver.came[-1]
    assert Webhook(newer).verify(body, headers)
    assert Webhook(secret).verify(body, headers)

    page.locator("summary", has_text="Delete").click()
    expect(page.locator("#delete")).to_contain_text("lost for good")
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("heading", name="No webhook yet")).to_be_visible()
