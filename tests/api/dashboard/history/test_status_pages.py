"""Public status pages: what strangers see and what they never see; who may make them."""

from __future__ import annotations

import asyncio
import re

import pytest

from esteio.api.dashboard.kept_answers import FRESH_S
from esteio.core.model.state import Axis, Reason
from esteio.engine.commands.requests import StatusPageChange, StatusPageRequest
from esteio.engine.commands.status import status_pages
from tests.api.conftest import ADMIN, Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words
from tests.api.dashboard.history.the_past import DAY, HOUR, fell, lived, server_fell

SECRETS = (
    "line-secret-name", "second-line", "evo-internal", "5511988887777", "Ana Souza", "provider-secret-1",
    "detail of the provider", "127.0.0.1", "ghost-socket", "out_", "sout_", ADMIN,
)  # fmt: skip
"""What stands in the rows and never on a public page."""


async def a_past(gateway: Gateway) -> None:
    """Two lines whose rows hold everything that is nobody's business."""
    await gateway.add_server("evo-internal")
    for name in ("line-secret-name", "second-line"):
        await lived(gateway, name, server="evo-internal")
        await gateway.judge(
            name,
            phone="5511988887777",
            since=gateway.clock.now() - 40 * DAY,
            reason=Reason("provider-refused", {"detail": "detail of the provider", "seen": "Ana Souza"}),
            can_send=Axis("yes", "send_accepted", gateway.clock.now()),
        )
    await fell(gateway, "second-line", 9 * DAY, HOUR, "logged-out")
    await fell(gateway, "second-line", 8 * DAY, 30, "closed")
    await server_fell(gateway, "evo-internal", 5 * DAY, 2 * HOUR)
    await fell(gateway, "line-secret-name", 3 * HOUR, None)


async def page_of(gateway: Gateway, labels: dict[str, str | None], *, enabled: bool = True, name: str = "shop") -> None:
    pages = gateway.commands.status_pages
    await pages.create(StatusPageRequest(name, "The Shop"))
    await pages.change(name, StatusPageChange("The Shop", enabled, labels))
    await asyncio.sleep(FRESH_S)


SHOWN: dict[str, str | None] = {"line-secret-name": "Orders", "second-line": "Support"}


def test_strangers_see_labels_up_or_down_a_month_and_what_happened(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await a_past(gateway)
        await page_of(gateway, SHOWN)
        page = await browser.get("/status/shop")
        assert page.status_code == 200
        told = words(page)
        for sentence in (
            "The Shop",
            "1 of 2 is down.",
            "Orders down",
            "Support up",
            "Orders · down for 3 h so far The connection to WhatsApp dropped.",
            "Support · down for 1 h 9 d ago WhatsApp or the phone ended the link; it has to be linked again.",
            "Support · down for 2 h 5 d ago The service that carries it was unavailable.",
            "Last 30 days",
        ):
            assert sentence in told, (sentence, told)
        assert (
            told.index("Orders · down for 3 h")
            < told.index("Support · down for 2 h")
            < told.index("Support · down for 1 h")
        )
        assert "8 d ago The connection" not in told, "too short to be listed"
        assert set(re.findall(r'<path class="(\w+)"', page.text)) == {"up", "down"}, "no cause in the picture"

    visited(run, story)


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_nothing_of_ours_or_of_anybody_s_stands_on_it(run: Run, language: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await a_past(gateway)
        await page_of(gateway, SHOWN)
        page = await browser.get("/status/shop", accept_language=language)
        whole = page.text + str(page.headers)
        assert [secret for secret in SECRETS if secret in whole] == []
        await browser.log_in()
        logged_in = await browser.get("/status/shop", accept_language=language)
        assert logged_in.text == page.text, "an admin's login adds nothing to it"
        for mark in ("form_token", 'name="form"', "/logout", "/sessions", "/login"):
            assert mark not in page.text

    visited(run, story)


def test_labels_and_titles_are_escaped(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await a_past(gateway)
        evil = "<script>alert(1)</script>"
        await gateway.commands.status_pages.create(StatusPageRequest("shop", evil))
        await gateway.commands.status_pages.change("shop", StatusPageChange(evil, True, {"second-line": evil}))
        page = await browser.get("/status/shop")
        assert "<script>alert" not in page.text
        assert page.text.count("&lt;script&gt;") == 5, "title twice, label once and in two outages"

    visited(run, story)


def test_a_page_that_is_off_does_not_differ_from_one_that_never_was(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await a_past(gateway)
        await page_of(gateway, SHOWN, enabled=False)
        off, never = await browser.get("/status/shop"), await browser.get("/status/none")
        assert (off.status_code, off.text) == (never.status_code, never.text)
        assert off.status_code == 404
        assert dict(off.headers) == dict(never.headers)

    visited(run, story)


def test_many_strangers_are_one_drawing_and_a_change_shows_in_seconds(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await a_past(gateway)
        await page_of(gateway, SHOWN)
        first = await browser.get("/status/shop")
        assert first.headers["cache-control"] == f"public, max-age={FRESH_S:.0f}"
        assert first.headers["vary"] == "Accept-Language"
        assert "no-store" not in first.headers["cache-control"]
        await fell(gateway, "second-line", 600, None)
        reads: list[str] = []
        ask = gateway.store.history.outages_of

        async def counted(*args: object) -> object:
            reads.append("read")
            return await ask(*args)  # type: ignore[arg-type]

        gateway.store.history.outages_of = counted  # type: ignore[method-assign,assignment]
        for _ in range(20):
            assert (await browser.get("/status/shop")).text == first.text
            assert (await browser.get("/status/none")).status_code == 404
        assert reads == []
        await browser.get("/status/shop", accept_language="pt")
        assert len(reads) == 1
        await asyncio.sleep(FRESH_S)
        assert "2 of 2 are down." in words(await browser.get("/status/shop"))

    visited(run, story)


def test_a_stranger_s_language_is_that_of_the_browser_or_the_one_chosen(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await a_past(gateway)
        await page_of(gateway, SHOWN)
        page = await browser.get("/status/shop", accept_language="pt-BR")
        assert '<html lang="pt-BR">' in page.text
        assert "1 de 2 está fora do ar." in words(page)
        chosen = await browser.get("/status/shop?lang=en", accept_language="pt-BR")
        assert '<html lang="en">' in chosen.text
        assert '<html lang="pt-BR">' in (await browser.get("/status/shop?lang=xx", accept_language="pt")).text

    visited(run, story)


def test_what_is_paused_or_not_linked_is_unknown_and_nothing_is_all_up(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        await lived(gateway, "line")
        await page_of(gateway, {"line": "Orders"})
        assert "Everything is up." in words(await browser.get("/status/shop"))
        await gateway.judge("line", state="paused")
        await asyncio.sleep(FRESH_S)
        told = words(await browser.get("/status/shop"))
        assert "Nothing is known to be down; 1 is not being watched." in told
        assert "Orders unknown" in told
        await page_of(gateway, {}, name="empty")
        assert "Nothing is shown here yet." in words(await browser.get("/status/empty"))
        assert (await gateway.call("DELETE", "/v1/sessions/line")).status_code in (200, 204)
        await asyncio.sleep(FRESH_S)
        assert "Nothing is shown here yet." in words(await browser.get("/status/shop"))

    visited(run, story)


def test_an_admin_makes_a_page_chooses_what_it_shows_and_switches_it_on_and_off(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await a_past(gateway)
        await browser.log_in()
        assert "There is none." in words(await browser.get("/settings/status"))
        made = await browser.post("/settings/status", name="shop", title="The Shop")
        assert made.headers["location"] == "/settings/status/shop?done=status-made"
        form = await browser.get("/settings/status/shop")
        assert re.findall(r'name="seen" value="([^"]+)"', form.text) == ["line-secret-name", "second-line"]
        seen = {"title": "Our shop", "enabled": "on", "seen": "second-line", "show": "second-line"}
        refused = await browser.post("/settings/status/shop", **seen)
        assert refused.status_code == 400
        assert "second-line is ticked and has no public name." in words(refused)
        assert (await browser.get("/status/shop")).status_code == 404
        await browser.get("/settings/status/shop")
        saved = await browser.post("/settings/status/shop", **seen, **{"label.second-line": " Support "})
        assert saved.headers["location"] == "/settings/status/shop?done=status-saved"
        assert "Our shop" in words(await browser.get("/status/shop")), "at once, though it was not there before"
        assert "Everybody can read this page now" in words(await browser.get("/settings/status/shop"))
        looked = await browser.get("/settings/status/shop?q=SECRET")
        assert re.findall(r'name="seen" value="([^"]+)"', looked.text) == ["second-line", "line-secret-name"]
        more = {"seen": "line-secret-name", "show": "line-secret-name", "label.line-secret-name": "Orders"}
        await browser.post("/settings/status/shop", title="Our shop", enabled="on", **more)
        page = await gateway.commands.status_pages.get("shop")
        assert [(one.session, one.label) for one in page.sessions] == [
            ("line-secret-name", "Orders"),
            ("second-line", "Support"),
        ]
        await browser.post("/settings/status/shop", title="Our shop", seen="second-line")
        page = await gateway.commands.status_pages.get("shop")
        assert ([one.label for one in page.sessions], page.enabled) == (["Orders"], False)
        assert (await browser.get("/status/shop")).status_code == 404
        await browser.get("/settings/status/shop")
        assert (await browser.post("/settings/status/shop/delete")).headers[
            "location"
        ] == "/settings/status?done=status-gone"
        assert (await browser.get("/settings/status/shop")).status_code == 404

    visited(run, story)


def test_what_no_page_can_be_called_is_said_beside_its_field(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        await browser.get("/settings/status")
        for fields in ({"name": "a b", "title": "x"}, {"name": "..", "title": "x"}, {"name": "shop", "title": ""}):
            refused = await browser.post("/settings/status", **fields)
            assert refused.status_code == 400
            assert 'id="refused"' in refused.text
            assert 'aria-invalid="true"' in refused.text
        assert (await browser.post("/settings/status", name="shop", title="The Shop")).status_code == 303
        taken = await browser.post("/settings/status", name="shop", title="Another")
        assert "already exists" in words(taken)
        for path in ("/settings/status/none", "/settings/status/none/delete"):
            assert (await browser.post(path, title="x")).status_code == 404
        unknown = await browser.post("/settings/status/shop", title="x", seen="no", show="no", **{"label.no": "y"})
        assert unknown.status_code == 400

    visited(run, story)


def test_only_an_admin_of_the_whole_gateway_may(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await a_past(gateway)
        await page_of(gateway, SHOWN)
        for key in (await gateway.key("operate"), await gateway.key("admin", "second-*")):
            await browser.log_in(key)
            for path in ("/settings/status", "/settings/status/shop"):
                assert (await browser.get(path)).status_code == 403
            await browser.get("/")
            for path in ("/settings/status", "/settings/status/shop", "/settings/status/shop/delete"):
                assert (await browser.post(path, name="x", title="x")).status_code == 403
            await browser.post("/logout")
        assert (await gateway.commands.status_pages.get("shop")).enabled

    visited(run, story)


def test_a_page_holds_so_many_sessions_at_most(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_pages, "SESSIONS_MOST", 1)

    async def story(gateway: Gateway, browser: Browser) -> None:
        await a_past(gateway)
        await browser.log_in()
        await browser.get("/settings/status")
        await browser.post("/settings/status", name="shop", title="The Shop")
        await browser.get("/settings/status/shop")
        one = {"title": "x", "seen": "second-line", "show": "second-line", "label.second-line": "a"}
        assert (await browser.post("/settings/status/shop", **one)).status_code == 303
        two = {"title": "x", "seen": "line-secret-name", "show": "line-secret-name", "label.line-secret-name": "b"}
        assert "must not be more than 200" in words(await browser.post("/settings/status/shop", **two))

    visited(run, story)
