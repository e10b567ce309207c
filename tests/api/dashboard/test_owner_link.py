"""A link for the phone's owner: one session's code and nothing else, until it is over, revoked or used."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from esteio.api.dashboard.pairing.owner import MOST_STREAMS
from esteio.api.login.attempts import ADDRESS_TRIES
from esteio.core.model.state import Reason
from tests.api.conftest import ADMIN, Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words
from tests.api.dashboard.pair_pages import PAGE, code, frames, kind, link, linked, ready, webhook_said
from tests.api.stream import Reader
from tests.narrowing import not_none

PHONE = "5511912345678"


def body(answer: httpx.Response) -> str:
    """A page without what differs at each visit."""
    return re.sub(r'(name="form" value=|name="next" value=)"[^"]*"', "", answer.text)


def test_the_owner_sees_the_code_and_nothing_else(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway, phone=f"+{PHONE}")
        await code(gateway)
        await browser.log_in()
        path = await link(browser, title="Zé's bakery")
        stranger = Browser(gateway)
        for visitor in (stranger, browser):
            shown = await visitor.get(path)
            assert shown.status_code == 200
            assert kind(shown) == "scan"
            assert "data:image/png;base64," in shown.text
            assert "Zé's bakery" in words(shown)
            for hidden in ("line", "evo", "ESTEIO_ADMIN_KEY", ADMIN, PHONE, "Sessions", "/sessions", "Log out"):
                assert hidden not in re.sub(r"class=\"[^\"]*\"|inline|Offline", "", shown.text), hidden
            assert shown.headers["referrer-policy"] == "no-referrer"
            assert shown.headers["cache-control"] == "no-store"
            assert "noindex" in shown.headers["x-robots-tag"]
            assert '<meta name="robots" content="noindex' in shown.text
            assert "default-src 'none'" in shown.headers["content-security-policy"]
        assert not [one for one in stranger.http.cookies if one == "esteio"], "no login comes of it"
        assert (await stranger.get("/")).status_code == 303
        await stranger.http.aclose()

    visited(run, story)


def test_without_a_name_the_owner_knows_the_number_s_last_digits(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway, phone=f"+{PHONE}")
        await browser.log_in()
        shown = await browser.get(await link(browser))
        assert "•••• 5678" in words(shown)
        assert PHONE not in shown.text

    visited(run, story)


def test_of_its_token_only_the_hash_is_kept_and_a_new_start_knows_it(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await code(gateway)
        await browser.log_in()
        path = await link(browser)
        again = await browser.get(PAGE)
        token = path.rpartition("/")[2]
        assert token not in again.text, "shown once"
        assert "made by ESTEIO_ADMIN_KEY is open; it ends in 30 min" in words(again)
        timeline = (await gateway.call("GET", "/v1/sessions/line/timeline")).json()["items"]
        assert any("pairing link" in one["text"] for one in timeline)
        assert token not in str(timeline)
        assert await gateway.store.pair_links.by_hash(token.encode()) is None
        other = Browser(gateway)
        assert kind(await other.get(path)) == "scan"
        await other.http.aclose()

    visited(run, story)


async def revoked(gateway: Gateway, browser: Browser) -> None:
    await browser.get(PAGE)
    assert (await browser.post("/sessions/line/pair-link/revoke")).status_code == 303
    assert "was revoked" in words(await browser.get(f"{PAGE}?done=link-revoked"))
    assert gateway.clock.ahead == 0.0


async def over(gateway: Gateway, _browser: Browser) -> None:
    gateway.clock.ahead = 1800.0
    await code(gateway)


async def replaced(_gateway: Gateway, browser: Browser) -> None:
    await link(browser)


async def deleted(gateway: Gateway, _browser: Browser) -> None:
    assert (await gateway.call("DELETE", "/v1/sessions/line")).status_code == 204


@pytest.mark.parametrize("end", [revoked, over, replaced, deleted])
def test_a_link_that_is_over_looks_like_one_that_never_was(run: Run, end: object) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        assert callable(end)
        await ready(gateway)
        await code(gateway)
        await browser.log_in()
        path = await link(browser)
        gateway.clock.ahead = 1799.0 if end is over else 0.0
        visitor = Browser(gateway)
        assert (await visitor.get(path)).status_code == 200
        await end(gateway, browser)
        dead, never = await visitor.get(path), await visitor.get("/pair/" + "x" * (len(path) - 6))
        assert dead.status_code == never.status_code == 404
        assert body(dead) == body(never)
        assert dict(dead.headers) == dict(never.headers)
        assert "does not work any more" in words(dead)
        assert (await visitor.post(path, by="qr")).status_code == 404
        assert (await visitor.get(f"{path}/live")).status_code == 404
        await visitor.http.aclose()

    visited(run, story)


def test_after_success_it_says_so_and_never_shows_a_code_again(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await code(gateway)
        await browser.log_in()
        path = await link(browser)
        session = await gateway.session("line")
        await linked(gateway)
        shown = await browser.get(path)
        assert kind(shown) == "connected"
        assert "You can close this page" in words(shown)
        assert "data-stream" not in shown.text
        gateway.clock.ahead = 5.0
        await gateway.judge("line", state="disconnected", reason=Reason("logged-out"))
        await code(gateway, "2@secret")
        assert kind(await browser.get(PAGE)) == "scan"
        again = await browser.get(path)
        assert kind(again) == "connected"
        assert "data:image" not in again.text
        assert (await browser.post(path, by="qr")).status_code == 303
        assert [one.kind for one in await gateway.news("line")] == ["created"]
        assert (await gateway.session("line")).id == session.id

    visited(run, story)


def test_another_phone_does_not_use_it_up(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway, phone=f"+{PHONE}")
        await code(gateway)
        await browser.log_in()
        path = await link(browser)
        gateway.clock.ahead = 5.0
        await webhook_said(gateway, "identity_seen", phone="5511988887777")
        shown = await browser.get(path)
        assert kind(shown) == "wrong-phone"
        assert "it has to be the number •••• 5678" in words(shown)
        assert "5511988887777" not in shown.text
        gateway.clock.ahead = 10.0
        await code(gateway, "2@next")
        assert kind(await browser.get(path)) == "scan"

    visited(run, story)


@pytest.mark.parametrize("state", ["banned", "provider-refused"])
def test_what_the_owner_can_do_nothing_about_is_one_sentence(run: Run, state: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await gateway.judge("line", state="error", reason=Reason(state, {"detail": "inner words"}))
        await browser.log_in()
        shown = await browser.get(await link(browser))
        assert "There can be no code right now" in words(shown)
        assert "inner words" not in shown.text

    visited(run, story)


def test_the_owner_asks_for_codes_and_not_too_often(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway, phone=f"+{PHONE}")
        await gateway.judge("line", state="disconnected", reason=Reason("unpaired"))
        await browser.log_in()
        path = await link(browser)
        visitor = Browser(gateway)
        assert (await visitor.http.post(path, data={"by": "qr"})).status_code == 403, "no form of ours"
        await visitor.get(path)
        assert (await visitor.post(path, by="code")).headers["location"] == f"{path}?by=code"
        asked = (await gateway.news("line"))[-1]
        assert (asked.data["phone_number"], asked.data["who"]) == (PHONE, "pair-link")
        statuses = []
        for _ in range(ADDRESS_TRIES):
            gateway.clock.ahead += 21.0
            statuses.append((await visitor.post(path, by="code")).status_code)
        assert statuses == [303] * (ADDRESS_TRIES - 1) + [429]
        assert len([one for one in await gateway.news("line") if one.kind == "operator_pair"]) <= ADDRESS_TRIES
        await visitor.http.aclose()

    visited(run, story)


def test_wrong_links_are_slowed_down_and_a_right_one_is_not(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await browser.log_in()
        path = await link(browser)
        for number in range(ADDRESS_TRIES):
            assert (await browser.get(f"/pair/{number}")).status_code == 404
        slowed = await browser.get("/pair/one-more")
        assert slowed.status_code == 429
        assert int(slowed.headers["retry-after"]) > 0
        assert (await browser.get(path)).status_code == 200

    visited(run, story)


def test_the_stream_shows_that_session_s_codes_and_is_over_with_the_link(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await browser.log_in()
        path = await link(browser)
        async with Reader(gateway, key=None, path=f"{path}/live") as reader:
            await asyncio.sleep(0.5)
            await code(gateway)
            await asyncio.sleep(0.1)
            assert [one["kind"] for one in frames(reader)] == ["asked", "scan"]
            assert "line" not in re.sub(r"class=\"[^\"]*\"", "", frames(reader)[-1]["html"])
            await browser.get(PAGE)
            await browser.post("/sessions/line/pair-link/revoke")
            await asyncio.sleep(0.1)
            assert [one["kind"] for one in frames(reader)] == ["asked", "scan", "over"]
            assert reader.headers[b"cache-control"] == b"no-store"

    visited(run, story)


def test_only_so_many_pages_of_a_link_are_open_at_once(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await browser.log_in()
        path = await link(browser)
        assert (await browser.http.head(f"{path}/live")).status_code == 200
        readers = [Reader(gateway, key=None, path=f"{path}/live") for _ in range(MOST_STREAMS + 1)]
        for one in readers:
            await one.__aenter__()
            await asyncio.sleep(0.1)
        assert [one.status for one in readers] == [200] * MOST_STREAMS + [429]
        for one in readers:
            await one.__aexit__(None, None, None)
        async with Reader(gateway, key=None, path=f"{path}/live") as reader:
            await asyncio.sleep(0.1)
            assert reader.status == 200

    visited(run, story)


@pytest.mark.parametrize(
    ("host", "public", "shown", "near"),
    [
        ("gate.example.com", "", "http://gate.example.com", False),
        ("127.0.0.1:8700", "", "http://127.0.0.1:8700", True),
        ("gateway:8700", "", "http://gateway:8700", True),
        ("10.0.0.4", "http://gate.example.com/", "http://gate.example.com", False),
        ("gate.example.com", "http://esteio:8700", "http://gate.example.com", False),
        ("localhost:8700", "http://esteio:8700", "http://localhost:8700", True),
    ],
)
def test_the_address_is_one_that_others_reach(run: Run, host: str, public: str, shown: str, near: bool) -> None:
    async def story(gateway: Gateway) -> None:
        await ready(gateway)
        browser = Browser(gateway)
        await browser.log_in()
        browser.http.headers["host"] = host
        await browser.get(PAGE)
        made = await browser.post("/sessions/line/pair-link")
        found = not_none(re.search(r'id="address"[^>]* value="([^"]+)/pair/', made.text))[1]
        assert (found, "works only there" in made.text) == (shown, near)
        await browser.http.aclose()

    run(story, {"public_url": public})


def test_what_was_typed_wrong_is_told_and_no_link_is_made(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await browser.log_in()
        await browser.get(PAGE)
        wrong = await browser.post("/sessions/line/pair-link", title="x" * 81)
        assert wrong.status_code == 400
        assert 'id="title-error"' in wrong.text
        for lasts in ("1", "nan", "x", "86401"):
            assert (await browser.post("/sessions/line/pair-link", lasts_s=lasts)).status_code == 400
        assert "made by" not in words(await browser.get(PAGE))

    visited(run, story)
