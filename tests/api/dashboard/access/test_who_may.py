"""Who may what on the pages: every address × every role × whose things; what a form without our token does: nothing.

An address of the dashboard that is not in `PAGES` fails the first test. A key for some sessions is shown the same
pages whether or not others have sessions beside its own: each page is compared, byte by byte, before and after a second
owner came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from esteio.api.dashboard.app import STREAMS, TABLE
from esteio.core.views.documents import timestamp
from esteio.engine.commands.requests import Role
from esteio.store.ports.audit import AuditFilter
from tests.api.conftest import ADMIN, Gateway, Run
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
from tests.api.dashboard.browser import Browser, visited, words

ROLES: tuple[Role, ...] = ("admin", "operate", "send", "read")
ENOUGH: dict[str, tuple[Role, ...]] = {
    "read": ROLES,
    "send": ("admin", "operate", "send"),
    "operate": ("admin", "operate"),
    "admin": ("admin",),
}
Met = tuple[int, ...]
OPEN, REFUSED, ABSENT, OWN, AGAIN = (), (403,), (404,), (200, 303), (400,)
"""What a scoped login meets that asks for another owner's thing: an open page; refused; unknown; an answer in which
there is nothing of others; the form again."""
WHOLE = (403, 404)
# By hand, so that an address whose role or rule is changed by mistake is seen here.
PAGES: dict[str, tuple[Role | None, Met]] = {
    "GET /": ("read", OWN),
    "POST /approvals/{id}/{decision}": ("operate", REFUSED),
    "GET /new": ("operate", OWN),
    "POST /new": ("operate", REFUSED),
    "GET /sessions/{name}/pair": ("operate", REFUSED),
    "POST /sessions/{name}/pair": ("operate", REFUSED),
    "POST /sessions/{name}/pair/{act}": ("operate", REFUSED),
    "POST /sessions/{name}/pair-link": ("operate", REFUSED),
    "POST /sessions/{name}/pair-link/revoke": ("operate", REFUSED),
    "GET /pair/{token}": (None, OPEN),
    "POST /pair/{token}": (None, OPEN),
    "GET /sessions/{name}": ("read", REFUSED),
    "GET /sessions/{name}/send": ("send", REFUSED),
    "POST /sessions/{name}/send": ("send", REFUSED),
    "POST /look/{name}": ("operate", REFUSED),
    "POST /sessions/{name}/recover": ("operate", REFUSED),
    "POST /sessions/{name}/pause": ("operate", REFUSED),
    "POST /sessions/{name}/resume": ("operate", REFUSED),
    "POST /sessions/{name}/recreate": ("operate", REFUSED),
    "POST /sessions/{name}/policy": ("operate", REFUSED),
    "POST /sessions/{name}/phone": ("operate", REFUSED),
    "POST /sessions/{name}/delete": ("operate", REFUSED),
    "GET /sessions/{name}/export": ("read", REFUSED),
    "GET /status/{page}": (None, OPEN),
    "GET /settings/status": ("admin", REFUSED),
    "POST /settings/status": ("admin", REFUSED),
    "GET /settings/status/{page}": ("admin", REFUSED),
    "POST /settings/status/{page}": ("admin", REFUSED),
    "POST /settings/status/{page}/delete": ("admin", REFUSED),
    "GET /incidents": ("read", OWN),
    "GET /incidents/{incident}": ("read", REFUSED),
    "GET /approvals": ("read", OWN),
    "GET /messages": ("read", OWN),
    "GET /messages/dead-letters": ("read", OWN),
    "POST /messages/dead-letters": ("operate", OWN),
    "GET /messages/dead-letters/preview": ("operate", OWN),
    "POST /messages/dead-letters/replay": ("operate", OWN),
    "GET /messages/dead-letters/result": ("read", OWN),
    "GET /messages/dead-letters/events": ("read", OWN),
    "POST /messages/dead-letters/events": ("operate", OWN),
    "GET /messages/{id}": ("read", REFUSED),
    "GET /messages/{id}/media": ("read", REFUSED),
    "POST /messages/{id}/{act}": ("send", REFUSED),
    "GET /webhooks": ("admin", OWN),
    "GET /webhooks/new": ("admin", OWN),
    "POST /webhooks": ("admin", AGAIN),
    "GET /webhooks/{webhook}/edit": ("admin", ABSENT),
    "POST /webhooks/{webhook}/edit": ("admin", ABSENT),
    "POST /webhooks/{webhook}/rotate": ("admin", ABSENT),
    "GET /webhooks/{webhook}/replay": ("admin", ABSENT),
    "POST /webhooks/{webhook}/replay": ("admin", ABSENT),
    "POST /webhooks/{webhook}/events/{event}": ("admin", ABSENT),
    "GET /webhooks/{webhook}": ("admin", ABSENT),
    "POST /webhooks/{webhook}/{act}": ("admin", ABSENT),
    "GET /servers": ("read", OWN),
    "GET /servers/new": ("admin", REFUSED),
    "POST /servers/new": ("admin", REFUSED),
    "GET /servers/{server}": ("read", OWN),
    "POST /servers/{server}": ("admin", REFUSED),
    "POST /servers/{server}/delete": ("admin", REFUSED),
    "GET /servers/{server}/adopt": ("operate", OWN),
    "POST /servers/{server}/adopt": ("operate", REFUSED),
    "GET /settings": ("admin", OWN),
    "POST /settings/keys": ("admin", AGAIN),
    "POST /settings/keys/{key}/revoke": ("admin", ABSENT),
    "GET /settings/policies": ("read", OWN),
    "GET /settings/tenants": ("admin", REFUSED),
    "POST /settings/tenants": ("admin", REFUSED),
    "GET /settings/tenants/{tenant}": ("admin", REFUSED),
    "POST /settings/tenants/{tenant}": ("admin", REFUSED),
    "POST /settings/tenants/{tenant}/{act}": ("admin", REFUSED),
    "GET /notices": ("admin", REFUSED),
    "POST /notices": ("admin", REFUSED),
    "GET /login": (None, OPEN),
    "POST /login": (None, OPEN),
    "GET /login/{token}": (None, OPEN),
    "POST /logout": ("read", OPEN),
    "POST /language": (None, OPEN),
    "GET /sandbox": ("admin", WHOLE),
    "POST /sandbox": ("admin", WHOLE),
    "GET /live": ("read", OPEN),
    "GET /sessions/{name}/pair/live": ("operate", REFUSED),
    "GET /pair/{token}/live": (None, OPEN),
}
ACTS = {
    "/approvals/{id}/{decision}": ("approve", "reject"),
    "/messages/{id}/{act}": ("retry", "cancel"),
    "/settings/tenants/{tenant}/{act}": ("suspend", "resume"),
    "/sessions/{name}/pair/{act}": ("again", "keep-phone", "resume"),
    "/webhooks/{webhook}/{act}": ("test", "enable", "disable", "delete"),
}
QUERIES = {
    "GET /": ("", "?q=other", "?q=7777", "?server=evo&view=table", "?state=error,connected"),
    "GET /incidents": ("", "?session=other-9", "?server=evo"),
    "GET /messages": ("", "?session=other-9", "?q=secret", "?state=failed", "?chat=5521977777779"),
    "GET /messages/dead-letters": ("", "?session=other-9"),
    "GET /messages/dead-letters/preview": ("?ids={message}", "?all=1", "?all=1&session=other-9"),
    "GET /messages/dead-letters/result": ("?ids={message}",),
    "GET /sessions/{name}": ("", "?sent={message}", "?kind=evidence"),
}


def test_every_address_is_in_this_table() -> None:
    there = {f"{one.method} {one.path}": one.role for one in (*TABLE, *STREAMS)}
    assert there == {route: role for route, (role, _) in PAGES.items()}


class Ask(NamedTuple):
    """One request of a route."""

    route: str
    method: str
    path: str


def asks(of: Owner, method: str = "") -> Iterator[Ask]:
    """Every route, with every act, of this owner's things; streams that would open are left out."""
    streams = {f"{one.method} {one.path}" for one in STREAMS}
    for route in PAGES:
        verb, path = route.split()
        if method not in ("", verb) or route in streams or route == "POST /logout":
            continue
        for act in ACTS.get(path, ("",)):
            filled = of.path(path.replace("{act}", act).replace("{decision}", act) if act else path)
            for query in QUERIES.get(route, ("",)):
                yield Ask(route, verb, filled + query.replace("{message}", of.words["messages/id"]))


def bodies(of: Owner) -> dict[str, dict[str, str | list[str]]]:
    """What a form of each address would bring about this owner's things."""
    name, server = of.words["{name}"], of.words["{server}"]
    return {
        "POST /new": {"name": f"{name}-b", "server": server},
        "POST /sessions/{name}/send": {"to": "5511999998888", "text": "hello"},
        "POST /sessions/{name}/policy": {"policy": "seeds"},
        "POST /sessions/{name}/phone": {"phone": "+5511999998888"},
        "POST /sessions/{name}/delete": {"at_provider": "keep"},
        "POST /settings/status": {"name": "new", "title": "New"},
        "POST /settings/status/{page}": {"title": "Changed"},
        "POST /messages/dead-letters": {"pick": of.words["messages/id"]},
        "POST /messages/dead-letters/replay": {"pick": of.words["messages/id"]},
        "POST /messages/dead-letters/events": {"pick": ["1", "2"]},
        "POST /webhooks": {"url": "https://hooks.example/new", "format": "standard", "media": "url", "sessions": name},
        "POST /webhooks/{webhook}/edit": {"url": "https://hooks.example/n", "format": "standard", "media": "url"},
        "POST /webhooks/{webhook}/replay": {"from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"},
        "POST /servers/new": {"name": "new", "kind": "evolution", "base_url": "http://127.0.0.1:8081"},
        "POST /servers/{server}": {"base_url": "http://127.0.0.1:8081"},
        "POST /servers/{server}/adopt": {"instance": f"{name}-c", "step": "adopt"},
        "POST /settings/keys": {"name": "new", "role": "read", "sessions": name},
        "POST /settings/tenants": {"name": "new", "title": "New"},
        "POST /settings/tenants/{tenant}": {"title": "Changed"},
    }


async def peopled(gateway: Gateway, *names: str) -> list[Owner]:
    await servers(gateway)
    found = [await owner(gateway, name) for name in names]
    await status_page(gateway, *names)
    return found


@pytest.mark.parametrize("how", ["no login", "revoked key", "expired key", "login over", "logged out"])
def test_without_a_login_every_page_leads_to_it_and_nothing_happens(run: Run, how: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        (other,) = await peopled(gateway, OTHER)
        await ended_login(gateway, browser, how)
        before = snapshot(gateway)
        asked = len(gateway.provider.asked), len(gateway.outside.requests)
        for one in asks(other):
            if PAGES[one.route][0] is None:
                continue
            sent = bodies(other).get(one.route, {})
            answer = await (browser.get(one.path) if one.method == "GET" else browser.post(one.path, **sent))
            assert answer.status_code == 303, one
            assert answer.headers["location"].partition("?")[0] == "/login", one
            assert not answer.text
        for stream in ("/live", f"/sessions/{OTHER}/pair/live"):
            assert (await browser.get(stream)).status_code == 303
        assert changes(before, snapshot(gateway)) == []
        assert (len(gateway.provider.asked), len(gateway.outside.requests)) == asked

    visited(run, story)


async def ended_login(gateway: Gateway, browser: Browser, how: str) -> None:
    """A browser whose login is over in this way; its form's token is still the right one."""
    if how == "no login":
        return
    until = timestamp(gateway.clock.now() + 3600)
    made = await gateway.call("POST", "/v1/keys", {"name": "k", "role": "admin", "expires_at": until})
    assert (await browser.log_in(made.json()["key"])).status_code == 303
    assert (await browser.get("/")).status_code == 200
    if how == "revoked key":
        await gateway.commands.keys.revoke(made.json()["id"])
    elif how == "expired key":
        gateway.clock.ahead = 2 * 3600.0
    elif how == "login over":
        gateway.clock.ahead = 13 * 3600.0
    else:
        token, cookies = browser.token, dict(browser.http.cookies)
        await browser.post("/logout")
        browser.http.cookies.update(cookies)
        browser.token = token


@pytest.mark.parametrize("role", ROLES)
def test_every_address_with_every_role(run: Run, role: Role) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        (other,) = await peopled(gateway, OTHER)
        await browser.log_in(await gateway.key(role))
        before = snapshot(gateway)
        for one in asks(other):
            needed = PAGES[one.route][0]
            if needed is None:
                continue
            sent = bodies(other).get(one.route, {})
            if role not in ENOUGH[needed]:
                answer = await (browser.get(one.path) if one.method == "GET" else browser.post(one.path, **sent))
                assert answer.status_code == 403, one
                assert f"needs the role {needed}" in words(answer), (one, words(answer))
                assert OTHER not in unasked(answer.text, one), one
            elif one.method == "GET":
                answer = await browser.get(one.path)
                known = (200, 404) if one.route in ("GET /sandbox", "GET /messages/{id}/media") else (200,)
                assert answer.status_code in known, (one, answer.text)
        # What is read out whole is recorded.
        assert changes(before, snapshot(gateway)) == ["audit_log", "audit_head"]
        if role not in ENOUGH["operate"]:
            assert (await browser.get(f"/sessions/{OTHER}/pair/live")).status_code == 403

    visited(run, story)


@pytest.mark.parametrize("token", ["", "none", "another login's"])
def test_a_form_that_we_did_not_show_to_this_login_does_nothing(run: Run, token: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        (other,) = await peopled(gateway, OTHER)
        await browser.log_in()
        thief = Browser(gateway)
        await thief.log_in()
        browser.token = thief.token if token == "another login's" else token
        before, asked = snapshot(gateway), len(gateway.provider.asked)
        for one in asks(other, "POST"):
            answer = await browser.post(one.path, **bodies(other).get(one.route, {}))
            assert answer.status_code in (403, 404 if one.route == "POST /sandbox" else 403), (one, answer.text)
            assert "set-cookie" not in answer.headers or one.route.startswith("POST /pair/"), one
        assert (await browser.post("/logout")).status_code == 403
        assert (await browser.get("/")).status_code == 200, "still in"
        assert changes(before, snapshot(gateway)) == []
        assert len(gateway.provider.asked) == asked
        await thief.http.aclose()

    visited(run, story)


def test_looking_changes_nothing(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        (other,) = await peopled(gateway, OTHER)
        await browser.log_in()
        link = (await gateway.api.short_lived_tokens.login_link(ADMIN))[0]
        before, sent = snapshot(gateway), len(gateway.outside.requests)
        for one in asks(other, "GET"):
            path = link if one.route == "GET /login/{token}" else one.path
            for method in ("HEAD", "GET"):
                if method == "GET" and path == link:
                    continue
                headers = {"sec-purpose": "prefetch;prerender", "purpose": "prefetch"}
                answer = await browser.http.request(method, path, headers=headers)
                assert answer.status_code < 500 or path == link, (one, answer.text)
                assert method == "GET" or not answer.text
        for stream in ("/live", f"/sessions/{OTHER}/pair/live", other.path("/pair/{token}/live")):
            assert (await browser.http.head(stream)).status_code == 200
        # What is read out whole is recorded; nothing else is touched.
        assert changes(before, snapshot(gateway)) == ["audit_log", "audit_head"]
        assert {row.action for row in await gateway.store.audit.found(AuditFilter(who="admin"), 9)} >= {
            "journal.exported"
        }
        assert len(gateway.outside.requests) == sent
        assert [one.method for one in gateway.provider.asked if one.method != "GET"] == []
        assert (await Browser(gateway).get(link)).status_code == 303, "the link was not used up"

    visited(run, story)


@pytest.mark.parametrize("role", ROLES)
def test_a_scoped_login_sees_the_same_whether_or_not_there_are_others(run: Run, role: Role) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        (mine,) = await peopled(gateway, MINE)
        await browser.log_in(await gateway.key(role, "mine-*"))
        before = {one.path: await told(browser, one) for one in asks(mine, "GET")}
        other = await owner(gateway, OTHER)
        await status_page(gateway, OTHER)
        ids = [other.words[one] for one in ("{webhook}", "{key}", "messages/id", "approvals/id", "{token}")]
        hidden = [OTHER, PHONES[OTHER], "127.0.0.1:8080", *ids]
        for one in asks(mine, "GET"):
            after = await told(browser, one)
            assert after == before[one.path], one
            if PAGES[one.route][1] != OPEN:
                assert [word for word in hidden if word in unasked(after, one)] == [], one

    visited(run, story)


def unasked(text: str, one: Ask) -> str:
    """A page without the words of its own address, which it may say again."""
    text = re.sub(r' value="[^"]*"', "", text)
    queried = one.path.partition("?")[2]
    for word in (one.path, one.path.replace("&", "&amp;"), *(part.partition("=")[2] for part in queried.split("&"))):
        text = text.replace(word, "") if word else text
    return text


async def told(browser: Browser, one: Ask) -> str:
    answer = await browser.get(one.path)
    drawn = re.sub(r'name="once" value="\w+"', "", answer.text)
    return f"{answer.status_code} {answer.headers.get('location', '')}\n{drawn}"


@pytest.mark.parametrize("role", ROLES)
def test_a_scoped_login_reaches_nothing_of_others(run: Run, role: Role) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        _, other = await peopled(gateway, MINE, OTHER)
        await browser.log_in(await gateway.key(role, "mine-*"))
        before = snapshot(gateway)
        hidden = [OTHER, PHONES[OTHER], "127.0.0.1:8080", "secret words of other"]
        for one in asks(other):
            needed, met = PAGES[one.route]
            if needed is None or role not in ENOUGH[needed]:
                continue
            sent = bodies(other).get(one.route, {})
            answer = await (browser.get(one.path) if one.method == "GET" else browser.post(one.path, **sent))
            assert answer.status_code in met, (one, answer.text)
            page = unasked(answer.text, one)
            assert [word for word in hidden if word in page] == [], (one, page)
        assert changes(before, snapshot(gateway)) == []
        if role in ENOUGH["operate"]:
            assert (await browser.get(f"/sessions/{OTHER}/pair/live")).status_code == 403

    visited(run, story)
