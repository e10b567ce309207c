"""The servers' pages: for whom, with which secrets (none), and what each form does and refuses."""

from __future__ import annotations

import re
from typing import Any

import pytest

from esteio.engine.key_scope import EVERYTHING
from tests.api.conftest import ADMIN, Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words

SECRET = "the-key-of-a-provider-0123456789"
NEW = {"name": "evo", "kind": "evolution", "base_url": "http://evolution.example.com", "credentials.apikey": SECRET}


def test_a_server_is_added_changed_and_forgotten(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        await browser.get("/servers/new")
        assert (await browser.post("/servers/new", **NEW)).headers["location"] == "/servers/evo?done=server-added"
        shown = await browser.get("/servers/evo")
        assert "http://evolution.example.com" in shown.text
        assert SECRET not in shown.text
        limits = {"limits": "1", "limits.connects_in_flight": "3", "limits.seconds_between_connects": "2,5"}
        changed = await browser.post("/servers/evo", base_url="http://other.example.com", **limits)
        assert changed.headers["location"] == "/servers/evo?done=server-changed"
        stored = await gateway.api.commands.lookup.server("evo", EVERYTHING)
        assert stored.server.base_url == "http://other.example.com"
        assert (stored.server.limits.connects_in_flight, stored.server.limits.seconds_between_connects) == (3, 2.5)
        assert gateway.api.commands.servers._vault.unseal(stored.sealed, f"server/{stored.server.name}") == {
            "apikey": SECRET
        }, "kept"
        assert (await browser.post("/servers/evo/delete")).headers["location"] == "/servers?done=server-deleted"
        assert "No server yet" in words(await browser.get("/servers"))

    visited(run, story)


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"name": "a b"}, "name", "name"),
        ({"base_url": "ftp://evolution.example.com"}, "base_url", "http or https"),
        ({"credentials.apikey": " "}, "credentials.apikey", "needs"),
        ({"credentials.token": "x"}, "credentials.token", "credentials.token"),
    ],
)
def test_what_is_refused_stands_in_the_form_again_but_for_secrets(
    run: Run, changes: dict[str, str], field: str, told: str
) -> None:
    async def story(_gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        await browser.get("/servers/new")
        answer = await browser.post("/servers/new", **(NEW | changes))
        assert answer.status_code == 400
        assert told in words(answer)
        assert SECRET not in answer.text
        if field in ("name", "base_url"):
            assert re.search(rf'name="{field}"[^>]*value="{re.escape(changes[field])}"[^>]*aria-invalid', answer.text)

    visited(run, story)


def test_a_limit_that_is_no_number_is_told(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server("evo")
        await browser.log_in()
        await browser.get("/servers/evo")
        answer = await browser.post("/servers/evo", limits="1", **{"limits.sends_burst": "many"})
        assert answer.status_code == 400
        assert "must be a number" in words(answer)

    visited(run, story)


def test_a_server_with_sessions_is_not_forgotten(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server("evo")
        await gateway.add_session("line", server="evo")
        await browser.log_in()
        shown = await browser.get("/servers/evo")
        assert "/servers/evo/delete" not in shown.text
        assert "It has 1 session here" in words(shown)
        assert (await browser.post("/servers/evo/delete")).status_code == 409

    visited(run, story)


@pytest.mark.parametrize("role", ["read", "send", "operate"])
def test_who_may_not_change_servers_has_no_form_and_is_refused(run: Run, role: Any) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server("evo")
        await browser.log_in(await gateway.key(role))
        await browser.get("/servers")
        shown = await browser.get("/servers/evo")
        assert set(re.findall(r'action="([^"]+)"', shown.text)) == {"/language", "/logout"}
        assert ("/servers/evo/adopt" in shown.text) == (role == "operate")
        assert (await browser.get("/servers/new")).status_code == 403
        for path in ("/servers/new", "/servers/evo", "/servers/evo/delete"):
            assert (await browser.post(path)).status_code == 403
        if role != "operate":
            assert (await browser.get("/servers/evo/adopt")).status_code == 403
            assert (await browser.post("/servers/evo/adopt", instance="x")).status_code == 403

    visited(run, story)


def test_a_key_for_some_sessions_sees_their_servers_without_address_and_changes_none(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server("evo")
        await gateway.add_server("elsewhere")
        await gateway.add_session("mine-1", server="evo")
        await gateway.add_session("other-9", server="elsewhere")
        address = (await gateway.api.commands.lookup.server("evo", EVERYTHING)).server.base_url
        await browser.log_in(await gateway.key("admin", "mine-*"))
        for path in ("/servers", "/servers/evo"):
            shown = await browser.get(path)
            assert shown.status_code == 200
            assert address not in shown.text
            assert "elsewhere" not in shown.text
        assert (await browser.get("/servers/elsewhere")).status_code == 403
        assert (await browser.get("/servers/new")).status_code == 403
        for path in ("/servers/new", "/servers/evo", "/servers/evo/delete"):
            assert (await browser.post(path, **NEW)).status_code == 403
        assert (await browser.post("/servers/evo/adopt", instance="other-9")).status_code == 403

    visited(run, story)


def test_what_waits_for_a_person_has_a_page_of_its_own(run: Run) -> None:
    async def story(_gateway: Gateway, browser: Browser) -> None:
        await browser.log_in(ADMIN)
        assert "Nothing waits for a decision." in words(await browser.get("/approvals"))

    visited(run, story)
