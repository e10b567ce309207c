"""The pages with the login of one tenant: every address × every role against another tenant's things, which meets what
it would if they did not exist; and each page byte by byte the same before and after the other came."""

from __future__ import annotations

import asyncio

import pytest

from esteio.engine.commands.requests import Role
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.access.test_who_may import (
    ABSENT,
    AGAIN,
    ENOUGH,
    OPEN,
    OWN,
    PAGES,
    REFUSED,
    ROLES,
    WHOLE,
    Met,
    asks,
    bodies,
    told,
    unasked,
)
from tests.api.dashboard.access.two_owners import (
    MINE,
    OTHER,
    PHONES,
    Owner,
    changes,
    owner,
    servers,
    snapshot,
    status_page,
)
from tests.api.dashboard.browser import Browser, visited
from tests.api.tenants.two_tenants import key_of, tenant

OPERATORS = {
    "GET /servers/new", "POST /servers/new", "POST /servers/{server}", "POST /servers/{server}/delete",
    "GET /notices", "POST /notices", "GET /settings/tenants", "POST /settings/tenants",
    "GET /settings/tenants/{tenant}", "POST /settings/tenants/{tenant}", "POST /settings/tenants/{tenant}/{act}",
}  # fmt: skip
"""Pages that concern the whole gateway: nobody's but the operator's, as for a key of some sessions."""
OTHERWISE: dict[str, Met] = {
    # A name that is another's is taken, like one's own: whose it is, is not said.
    "POST /new": (303, 409),
    "GET /settings/status": OWN,
    "POST /settings/status": (303,),
    "GET /servers/{server}/adopt": OWN,
    "POST /servers/{server}/adopt": REFUSED,
    "POST /settings/keys": AGAIN,
    "POST /webhooks": (303, 400),
}
"""What differs from what a key of some sessions meets, beside that foreign things are absent and not refused."""


def met(route: str) -> Met:
    """What a tenant's login meets there that asks for another's thing."""
    scoped = PAGES[route][1]
    if route in OPERATORS or scoped in (OPEN, OWN, AGAIN, WHOLE):
        return scoped
    return OTHERWISE.get(route, ABSENT if scoped in (REFUSED, ABSENT) else scoped)


async def one(gateway: Gateway, name: str) -> Owner:
    """A tenant of this session's first word, with everything around its session."""
    whose = name.partition("-")[0]
    await tenant(gateway, whose)
    made = await owner(gateway, name, tenant=whose)
    await status_page(gateway, name, tenant=whose)
    return made


@pytest.mark.parametrize("role", ROLES)
def test_a_tenants_login_reaches_nothing_of_others(run: Run, role: Role) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await servers(gateway)
        await one(gateway, MINE)
        other = await one(gateway, OTHER)
        await browser.log_in(await key_of(gateway, "mine", role))
        before = snapshot(gateway)
        hidden = [OTHER, PHONES[OTHER], "127.0.0.1:8080", "secret words of other"]
        skipped = ("POST /new", "POST /settings/status", "POST /settings/keys", "POST /webhooks")
        for ask in asks(other):
            needed = PAGES[ask.route][0]
            if needed is None or role not in ENOUGH[needed] or ask.route in skipped:
                continue
            sent = bodies(other).get(ask.route, {})
            answer = await (browser.get(ask.path) if ask.method == "GET" else browser.post(ask.path, **sent))
            assert answer.status_code in met(ask.route), (ask, answer.text)
            page = unasked(answer.text, ask)
            # That nothing is called so, is said in the words that were asked.
            page = page.replace(OTHER, "") if answer.status_code == 404 and OTHER in ask.path else page
            assert [word for word in hidden if word in page] == [], (ask, page)
        assert changes(before, snapshot(gateway)) == []
        if role in ENOUGH["operate"]:
            assert (await browser.get(f"/sessions/{OTHER}/pair/live")).status_code == 404

    visited(run, story)


@pytest.mark.parametrize("role", ROLES)
def test_a_tenants_login_sees_the_same_whether_or_not_there_are_others(run: Run, role: Role) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await servers(gateway)
        mine = await one(gateway, MINE)
        await browser.log_in(await key_of(gateway, "mine", role))
        before = {ask.path: await told(browser, ask) for ask in asks(mine, "GET")}
        other = await one(gateway, OTHER)
        ids = [other.words[word] for word in ("{webhook}", "{key}", "messages/id", "approvals/id", "{token}")]
        hidden = [OTHER, PHONES[OTHER], "127.0.0.1:8080", *ids]
        for ask in asks(mine, "GET"):
            after = await told(browser, ask)
            assert after == before[ask.path], ask
            if PAGES[ask.route][1] != OPEN:
                assert [word for word in hidden if word in unasked(after, ask)] == [], ask

    visited(run, story)


def test_a_status_page_shows_its_tenants_sessions_only(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await servers(gateway)
        await one(gateway, MINE)
        await one(gateway, OTHER)
        await browser.log_in(await key_of(gateway, "mine"))
        form: dict[str, str | list[str]] = {"title": "Page", "enabled": "on"}
        form |= {"seen": [MINE, OTHER], "show": [MINE, OTHER], f"label.{MINE}": "Mine", f"label.{OTHER}": "Theirs"}
        refused = await browser.post(f"/settings/status/page-{MINE}", **form)
        assert refused.status_code == 400
        assert "Theirs" not in (await browser.get(f"/status/page-{MINE}")).text
        listed = await browser.get("/settings/status")
        assert f"page-{MINE}" in listed.text
        assert f"page-{OTHER}" not in listed.text
        # A session that moves to another tenant leaves the pages of the one before.
        moved = await gateway.call("PATCH", f"/v1/sessions/{OTHER}", {"tenant": "mine"})
        assert moved.status_code == 200, moved.text
        assert (await gateway.commands.status_pages.get(f"page-{OTHER}")).sessions == ()
        await asyncio.sleep(600)
        assert f"Label of {OTHER}" not in (await browser.get(f"/status/page-{OTHER}")).text

    visited(run, story)


def test_a_suspended_tenants_login_opens_nothing(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await servers(gateway)
        await one(gateway, MINE)
        key = await key_of(gateway, "mine")
        await browser.log_in(key)
        assert (await browser.get("/")).status_code == 200
        await gateway.call("PATCH", "/v1/tenants/mine", {"enabled": False})
        assert (await browser.get("/")).status_code == 403
        assert (await browser.get(f"/sessions/{MINE}")).status_code == 403

    visited(run, story)
