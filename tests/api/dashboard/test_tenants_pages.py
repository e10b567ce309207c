"""The operator's pages of tenants: each with its state and what it holds; made, changed, suspended and let in again."""

from __future__ import annotations

import pytest

from esteio.core.model.tenant import Quotas
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words
from tests.api.tenants.two_tenants import key_of
from tests.narrowing import not_none

PAGE = "/settings/tenants"


def test_a_tenant_is_made_and_its_quotas_changed(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        await browser.get(PAGE)
        quotas = {"quotas.sessions": "3", "quotas.messages_per_day": "2000", "quotas.webhooks": ""}
        made = await browser.post(PAGE, name="bakery", title="Padaria <Central>", **quotas)
        assert made.headers["location"] == f"{PAGE}/bakery?done=tenant-made"
        tenant = not_none(await gateway.store.tenants.get("bakery"))
        assert (tenant.title, tenant.quotas) == ("Padaria <Central>", Quotas(sessions=3, messages_per_day=2000))
        shown = await browser.get(f"{PAGE}/bakery?done=tenant-made")
        assert "The tenant was created." in words(shown)
        assert "esteio keys create NAME --role admin --tenant bakery" in words(shown)
        assert 'value="2000"' in shown.text
        assert "<Central>" not in shown.text.replace("&lt;", "")
        quotas = {"quotas.sessions": "0", "quotas.messages_per_day": "", "quotas.servers": "1"}
        saved = await browser.post(f"{PAGE}/bakery", title="Padaria", **quotas)
        assert saved.headers["location"] == f"{PAGE}/bakery?done=tenant-saved"
        tenant = not_none(await gateway.store.tenants.get("bakery"))
        assert (tenant.title, tenant.quotas) == ("Padaria", Quotas(sessions=0, servers=1))

    visited(run, story)


def test_the_list_tells_what_each_holds_and_leads_to_its_status_page(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        body = {"name": "bakery", "title": "Padaria", "quotas": {"sessions": 1, "messages_per_day": 50}}
        await gateway.call("POST", "/v1/tenants", body)
        await gateway.add_session("bakery-1", tenant="bakery")
        await key_of(gateway, "bakery")
        await browser.log_in()
        assert "0 of 50" in words(await browser.get(PAGE))
        await gateway.call("POST", "/v1/sessions/bakery-1/messages", {"to": "5511999998888", "text": "oi"})
        await browser.post("/settings/status", name="shop", title="The shop")
        listed = await browser.get(PAGE)
        told = words(listed)
        assert "1 of 1" in told
        assert "1 of 50" in told
        assert "Default" in told
        assert 'href="/settings/status/shop"' in listed.text, "off: to its form"
        await browser.post("/settings/status/shop", title="The shop", enabled="on")
        assert 'href="/status/shop"' in (await browser.get(PAGE)).text
        assert f'href="{PAGE}"' in (await browser.get("/settings")).text

    visited(run, story)


def test_a_tenant_is_suspended_and_let_in_again(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.call("POST", "/v1/tenants", {"name": "bakery", "title": "Padaria"})
        key = await key_of(gateway, "bakery")
        await browser.log_in()
        await browser.get(f"{PAGE}/bakery")
        done = await browser.post(f"{PAGE}/bakery/suspend")
        assert done.headers["location"] == f"{PAGE}/bakery?done=tenant-suspended"
        await gateway.refused(403, "tenant-suspended", "GET", "/v1/sessions", key=key)
        assert "Suspended" in words(await browser.get(PAGE))
        assert "nothing leaves for it" in words(await browser.get(f"{PAGE}/bakery"))
        assert (await browser.post(f"{PAGE}/bakery/resume")).status_code == 303
        assert (await gateway.call("GET", "/v1/sessions", key=key)).status_code == 200
        for path in ("bakery/delete", "default/suspend", "nobody/suspend"):
            assert (await browser.post(f"{PAGE}/{path}")).status_code == 404
        assert not_none(await gateway.store.tenants.get("default")).enabled

    visited(run, story)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Bakery!"),
        ("name", "default"),
        ("title", ""),
        ("quotas.sessions", "many"),
        ("quotas.sessions", "-1"),
        ("quotas.messages_per_day", "1.5"),
        ("quotas.servers", "99999999999"),
    ],
)
def test_what_is_refused_stands_in_the_form_again(run: Run, field: str, value: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        await browser.get(PAGE)
        asked = {"name": "bakery", "title": "Padaria", "quotas.webhooks": "7", field: value}
        answer = await browser.post(PAGE, **asked)
        assert answer.status_code == 400
        assert 'aria-invalid="true"' in answer.text
        assert 'value="7"' in answer.text
        assert await gateway.store.tenants.get("bakery") is None
        if field != "name":
            await gateway.call("POST", "/v1/tenants", {"name": "bakery", "title": "Padaria"})
            assert (await browser.post(f"{PAGE}/bakery", **asked)).status_code == 400

    visited(run, story)


def test_it_is_the_operators_alone(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.call("POST", "/v1/tenants", {"name": "bakery", "title": "Padaria"})
        await browser.log_in(await key_of(gateway, "bakery"))
        assert PAGE not in (await browser.get("/settings")).text
        for path in (PAGE, f"{PAGE}/bakery"):
            assert (await browser.get(path)).status_code == 403

    visited(run, story)
