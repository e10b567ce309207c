"""The way into the dashboard: by key, by a link that works once; what ends a login, and what a form has to bring."""

from __future__ import annotations

import base64
import re

import pytest

from esteio.api.dashboard.app import TABLE
from esteio.api.dashboard.places import ours
from esteio.api.login.attempts import ADDRESS_TRIES, ALL_TRIES, LoginAttempts
from esteio.api.login.cookies import LASTS_S, Logins
from esteio.api.login.short_lived_tokens import LINK_S
from tests.api.conftest import ADMIN, Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words

LOGIN = "esteio"


def test_a_key_lets_in_and_logout_ends_even_a_copy_of_the_cookie(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        assert (await browser.get("/")).headers["location"] == "/login"
        assert (await browser.log_in()).headers["location"] == "/"
        copy = browser.http.cookies[LOGIN]
        assert (await browser.get("/")).status_code == 200
        assert (await browser.get("/login")).headers["location"] == "/"
        left = await browser.post("/logout")
        assert left.headers["location"] == "/login"
        assert LOGIN not in browser.http.cookies
        browser.http.cookies.set(LOGIN, copy)
        assert (await browser.get("/")).status_code == 303
        ended = await gateway.store.keys.ended_logins()
        after_a_restart = Logins(gateway.vault, gateway.clock, secure=False)
        assert after_a_restart.found(f"{LOGIN}={copy}") is not None
        after_a_restart.remember(ended)
        assert after_a_restart.found(f"{LOGIN}={copy}") is None
        await gateway.store.keys.end_login("another", gateway.clock.now() + LASTS_S, gateway.clock.now() + LASTS_S)
        assert list(await gateway.store.keys.ended_logins()) == ["another"], "those over are forgotten"

    visited(run, story)


def test_the_cookie_is_the_browser_s_alone_and_holds_no_readable_key(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        told = (await browser.log_in()).headers["set-cookie"]
        assert "HttpOnly" in told
        assert "SameSite=Lax" in told
        assert "Secure" not in told
        assert ADMIN not in told

    visited(run, story)


def test_behind_tls_the_cookie_goes_by_tls_only(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        told = gateway.api.logins.opened(ADMIN)
        assert told.startswith("__Host-esteio=")
        assert told.endswith("; Secure")
        assert "Path=/;" in told

    run(test, {"public_url": "https://esteio.example"})


def test_a_login_ends_with_its_key_and_by_itself(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        made = (await gateway.call("POST", "/v1/keys", {"name": "one", "role": "read"})).json()
        await browser.log_in(made["key"])
        assert (await browser.get("/")).status_code == 200
        await gateway.call("DELETE", f"/v1/keys/{made['id']}")
        assert (await browser.get("/")).status_code == 303
        await browser.log_in()
        assert (await browser.get("/")).status_code == 200
        gateway.clock.ahead = LASTS_S
        assert (await browser.get("/")).status_code == 303

    visited(run, story)


@pytest.mark.parametrize("forged", ["", "x", "gAAAA", "é", '"', "a=b; c"])
def test_a_cookie_that_is_not_ours_lets_nobody_in(run: Run, forged: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        answer = await browser.http.get("/", headers=[(b"cookie", f"{LOGIN}={forged}".encode())])
        assert answer.status_code == 303

    visited(run, story)


def test_a_cookie_of_another_gateway_lets_nobody_in(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        words = {"id": "x", "secret": ADMIN, "until": "99999999999"}
        sealed = base64.urlsafe_b64encode(gateway.vault.seal(words, "browser login")).decode()
        assert (await browser.get("/", cookie=f"{LOGIN}={sealed}")).status_code == 303

    visited(run, story)


def test_a_link_works_once_and_for_five_minutes(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        link = (await gateway.call("POST", "/v1/login-links", {})).json()
        assert link["url"] is None
        assert (await browser.http.head(link["path"])).status_code == 503
        assert (await browser.get(link["path"], sec_purpose="prefetch;prerender")).status_code == 503
        assert (await browser.get(link["path"])).headers["location"] == "/"
        assert (await browser.get("/")).status_code == 200
        other = Browser(gateway)
        assert (await other.get(link["path"])).status_code == 401
        late = (await gateway.call("POST", "/v1/login-links", {})).json()
        gateway.clock.ahead = LINK_S
        assert (await other.get(late["path"])).status_code == 401
        await other.http.aclose()

    visited(run, story)


def test_a_link_has_the_rights_of_the_key_that_asked_and_ends_with_it(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        made = (await gateway.call("POST", "/v1/keys", {"name": "k", "role": "read", "sessions": ["mine"]})).json()
        link = (await gateway.call("POST", "/v1/login-links", {}, key=made["key"])).json()
        await browser.get(link["path"])
        assert "k · reader" in words(await browser.get("/"))
        gone = (await gateway.call("POST", "/v1/login-links", {}, key=made["key"])).json()
        await gateway.call("DELETE", f"/v1/keys/{made['id']}")
        assert (await browser.get("/")).status_code == 303
        assert (await browser.get(gone["path"])).status_code == 401

    visited(run, story)


def test_a_link_names_the_public_address(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        link = (await gateway.call("POST", "/v1/login-links", {})).json()
        assert link["url"] == f"https://esteio.example{link['path']}"

    run(test, {"public_url": "https://esteio.example/"})


def test_wrong_keys_are_counted_by_address_and_a_right_one_is_not(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.get("/login")
        for _ in range(ADDRESS_TRIES + 3):
            assert (await browser.post("/login", key=ADMIN)).status_code == 303
            browser.http.cookies.delete(LOGIN)
        for _ in range(ADDRESS_TRIES):
            assert (await browser.post("/login", key="esk_wrong")).status_code == 401
        limited = await browser.post("/login", key=ADMIN)
        assert limited.status_code == 429
        assert int(limited.headers["retry-after"]) > 0
        other = Browser(gateway, address="192.0.2.2")
        assert (await other.log_in()).status_code == 303
        await other.http.aclose()

    visited(run, story)


def test_wrong_keys_are_counted_in_all_and_forgotten_in_time() -> None:
    attempts = LoginAttempts()
    for number in range(ALL_TRIES):
        assert attempts.begin(f"10.0.{number}.1", 0.0) == 0
    assert attempts.begin("10.9.9.9", 1.0) == 59
    assert attempts.begin("10.9.9.9", 60.0) == 0


def test_a_household_of_ipv6_is_one_address() -> None:
    attempts = LoginAttempts()
    for number in range(ADDRESS_TRIES):
        assert attempts.begin(f"2001:db8::{number + 1:x}", 0.0) == 0
    assert attempts.begin("2001:db8::ffff", 1.0) > 0
    assert attempts.begin("2001:db8:0:1::1", 1.0) == 0


@pytest.mark.parametrize("path", [one.path for one in TABLE if one.method == "POST"])
def test_no_form_is_taken_without_the_token_of_who_was_shown_it(run: Run, path: str) -> None:
    filled = re.sub(r"\{(\w+)\}", lambda found: {"act": "pause", "decision": "approve"}.get(found[1], "line"), path)

    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        await gateway.add_session()
        stranger = Browser(gateway)
        await stranger.log_in()
        await browser.log_in()
        for token in ("", "0" * 64, stranger.token):
            answer = await browser.http.post(filled, data={"form": token, "key": ADMIN})
            assert answer.status_code == 403, (token, answer.text)
        assert not (await gateway.session("line")).paused
        assert [one.kind for one in await gateway.news("line")] == ["created"]
        await stranger.http.aclose()

    visited(run, story)


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("/sessions/a-1", "/sessions/a-1"),
        ("/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/sessions/a\r\nset-cookie: x", "/"),
        ("/sessions/a\n", "/"),
        ("/logout", "/"),
    ],
)
def test_a_login_leads_to_pages_of_ours_only(path: str, leads: str) -> None:
    assert ours(path) == leads


def test_who_is_not_in_comes_back_to_where_they_wanted_to_go(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        sent = (await browser.get("/sessions/line")).headers["location"]
        assert 'name="next" value="/sessions/line"' in (await browser.get(sent)).text
        answer = await browser.post("/login", key=ADMIN, next="/sessions/line")
        assert answer.headers["location"] == "/sessions/line"

    visited(run, story)


def test_the_stream_of_events_opens_to_a_login_and_nothing_else_of_the_api_does(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        assert (await browser.get("/v1/events?after=none")).status_code == 401
        await browser.log_in()
        assert (await browser.get("/v1/events?after=none")).status_code == 400
        for path in ("/v1/sessions", "/metrics"):
            assert (await browser.get(path)).status_code == 401
        assert (await browser.http.post("/v1/events/token", json={})).status_code == 401

    visited(run, story)
