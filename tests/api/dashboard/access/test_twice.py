"""The same button twice, by one hand or by two: it is done once, and who comes second is told in a plain sentence; what
is gone says so on every page that was open."""

from __future__ import annotations

import asyncio

import httpx

from tests.api.conftest import Gateway, Run
from tests.api.dashboard.access.two_owners import MINE, owner, servers
from tests.api.dashboard.browser import Browser, visited, words
from tests.api.dashboard.messages.test_dead_letters import failed
from tests.api.dashboard.pair_pages import PAGE, code, frames, link, ready
from tests.api.dashboard.test_pages import asked, fleet_of
from tests.api.dashboard.test_webhooks import claims, happened, subscribed
from tests.api.stream import Reader


def plain(answer: httpx.Response) -> str:
    """A refusal as people read it: a sentence, nothing of ours."""
    told = words(answer)
    assert answer.status_code in (404, 409, 410, 422), told
    assert "Traceback" not in told
    assert "?" not in told.partition("Skip to the content")[2]
    return told


Press = tuple[str, dict[str, str]]


async def both(browser: Browser, other: Browser, one: Press, two: Press) -> list[httpx.Response]:
    """Two hands at once."""
    return list(await asyncio.gather(browser.post(one[0], **one[1]), other.post(two[0], **two[1])))


def test_a_test_message_goes_once_however_often_its_form_is_sent(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        await browser.log_in()
        page = await browser.get("/sessions/line")
        once = page.text.partition('name="once" value="')[2].partition('"')[0]
        assert len(once) > 20
        said = {"to": "5511999998888", "text": "oi", "once": once}
        first, second = [await browser.post("/sessions/line/send", **said) for _ in range(2)]
        assert first.headers["location"] == second.headers["location"]
        found = (await gateway.call("GET", "/v1/sessions/line/messages")).json()["items"]
        assert len(found) == 1
        other = await browser.post("/sessions/line/send", **{**said, "text": "another"})
        assert other.headers["location"] != first.headers["location"]
        again = await browser.get("/sessions/line/send")
        assert once not in again.text, "each form that is drawn may send the same words anew"
        assert 'name="once" value="' in again.text

    visited(run, story)


def test_two_hands_decide_once(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        waits = await asked(gateway, "line")
        other = Browser(gateway)
        for one in (browser, other):
            await one.log_in()
        ways: list[Press] = [(f"/approvals/{waits}/{word}", {}) for word in ("approve", "reject")]
        answers = await both(browser, other, ways[0], ways[1])
        assert sorted(one.status_code for one in answers) == [303, 409]
        decided = await gateway.store.approvals.get(waits)
        assert decided is not None
        won = answers[0].status_code == 303
        assert decided.state == ("approved" if won else "rejected")
        plain(next(one for one in answers if one.status_code != 303))
        plain(await browser.post(ways[0][0]))
        after = await gateway.store.approvals.get(waits)
        assert after == decided
        await other.http.aclose()

    visited(run, story)


def test_a_pause_twice_is_a_pause(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        other = Browser(gateway)
        for one in (browser, other):
            await one.log_in()
        answers = await both(browser, other, ("/sessions/line/pause", {}), ("/sessions/line/pause", {}))
        assert [one.status_code for one in answers] == [303, 303]
        assert "operator_paused" in {one.kind for one in await gateway.news("line")}
        await other.http.aclose()

    visited(run, story)


def test_dead_letters_twice_go_once(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        message = await failed(gateway)
        other = Browser(gateway)
        for one in (browser, other):
            await one.log_in()
        way = ("/messages/dead-letters/replay", {"pick": str(message.id)})
        answers = await both(browser, other, way, way)
        assert [one.status_code for one in answers] == [303, 303]
        listed = (await gateway.call("GET", "/v1/sessions/line/messages")).json()["items"]
        assert [one["state"] for one in listed] == ["queued"]
        plain(await browser.post(f"/messages/{message.id}/retry"))
        await other.http.aclose()

    visited(run, story)


def test_what_never_arrived_is_delivered_again_once_by_two_clicks(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        hook = await subscribed(gateway)
        await browser.log_in()
        await happened(gateway, "a", "b")
        span = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "missing": "1"}
        for _ in range(2):
            assert (await browser.post(f"/webhooks/{hook.id}/replay", **span)).status_code == 303
        assert [(one.chat, one.seq) for one in await claims(gateway)] == [("a", 1), ("b", 2)]
        await gateway.store.delivery.settle([])

    visited(run, story)


def test_a_session_that_goes_says_so_on_its_page_its_pairing_page_and_its_owner_s_link(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await ready(gateway)
        await code(gateway)
        await browser.log_in()
        path = await link(browser)
        stranger = Browser(gateway)
        await stranger.get(path)
        cookies = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
        mine = Reader(gateway, key=None, path=f"{PAGE}/live", cookies=cookies)
        owners = Reader(gateway, key=None, path=f"{path}/live")
        async with mine, owners:
            await asyncio.sleep(0.5)
            assert [one["kind"] for one in frames(mine)] == ["scan"]
            assert (await browser.post("/sessions/line/delete", at_provider="keep")).status_code == 303
            await asyncio.sleep(10)
            assert frames(mine)[-1]["kind"] == "over"
            assert frames(owners)[-1]["kind"] == "over"
        unknown = words(await Browser(gateway).get("/pair/none"))
        gone = await stranger.get(path)
        assert (gone.status_code, words(gone)) == (404, unknown)
        assert words(await stranger.post(path, by="qr")) == unknown
        assert "is not here" in plain(await browser.get("/sessions/line"))
        posts = (PAGE, "/sessions/line/pause", "/sessions/line/send", "/sessions/line/delete")
        for place in posts:
            plain(await browser.post(place, at_provider="keep"))
        for place in (PAGE, "/sessions/line/export"):
            plain(await browser.get(place))
        await stranger.http.aclose()

    visited(run, story)


def test_a_webhook_a_key_and_a_page_that_go_are_told_in_words(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await servers(gateway)
        mine = await owner(gateway, MINE)
        await browser.log_in()
        for act in ("test", "delete"):
            assert (await browser.post(mine.path(f"/webhooks/{{webhook}}/{act}"))).status_code == 303
        for act in ("delete", "enable", "edit", "rotate"):
            plain(await browser.post(mine.path(f"/webhooks/{{webhook}}/{act}"), url="https://hooks.example/x"))
        for _ in range(2):
            answer = await browser.post(mine.path("/settings/keys/{key}/revoke"))
            assert answer.status_code in (303, 404, 409)

    visited(run, story)
