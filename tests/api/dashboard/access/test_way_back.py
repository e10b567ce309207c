"""Ways back: a login that ended in the middle of a form, the other language, a form's address that is opened."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from esteio.api.dashboard.app import PLACES, TABLE
from esteio.api.dashboard.places import ours, shown_at
from tests.api.conftest import ADMIN, Gateway, Run
from tests.api.dashboard.access.two_owners import MINE, owner, servers
from tests.api.dashboard.browser import Browser, visited, words
from tests.api.dashboard.test_pages import fleet_of

HOST = "http://esteio"
STANDS_ON = {
    "/sessions/{name}/pause": "/sessions/line",
    "/sessions/{name}/pair-link": "/sessions/line",
    "/sessions/{name}/pair/{act}": "/sessions/line/pair",
    "/settings/keys": "/settings",
    "/settings/keys/{key}/revoke": "/settings",
    "/approvals/{id}/{decision}": "/approvals",
    "/messages/dead-letters/replay": "/messages/dead-letters",
    "/webhooks/{webhook}/events/{event}": "/webhooks/line",
    "/servers/{server}/delete": "/servers/line",
    "/logout": "/",
    "/language": "/",
}


def test_every_form_stands_on_a_page_that_can_be_opened() -> None:
    for route in TABLE:
        if route.method == "POST":
            path = "/".join("line" if part.startswith("{") else part for part in route.path.split("/"))
            found = shown_at(path, "", "", PLACES)
            assert found == STANDS_ON.get(route.path, found)
            assert shown_at(found, "", "", PLACES) == found
            assert path.startswith(found.rstrip("/"))


@pytest.mark.parametrize(
    ("came", "found"),
    [
        (f"{HOST}/messages?state=failed&q=a%20b", "/messages?state=failed&q=a%20b"),
        (f"{HOST}/sessions/line?kind=act", "/sessions/line?kind=act"),
        ("http://thief.example/messages", "/settings"),
        ("//esteio/messages", "/messages"),
        (f"{HOST}//thief.example/x", "/settings"),
        (f"{HOST}/login?next=/messages", "/settings"),
        (f"{HOST}/none/of/ours", "/settings"),
        ("http://[", "/settings"),
        ("", "/settings"),
    ],
)
def test_the_browser_s_word_is_taken_for_a_page_of_ours_only(came: str, found: str) -> None:
    assert shown_at("/settings/keys", came, "esteio", PLACES) == found


@pytest.mark.parametrize(
    "place", ["/?state=error,connecting", "/?q=(11)+9", "/?q='a'&view=table", "/incidents?after=1.5~out_1", "/?q=[x]"]
)
def test_a_page_with_any_query_is_ours(place: str) -> None:
    assert ours(place) == place


def test_a_login_that_ends_in_the_middle_of_a_form_leads_back_to_it(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        await browser.log_in()
        page = "/sessions/line?kind=operator"
        await browser.get(page)
        gateway.clock.ahead = 13 * 3600.0
        answer = await browser.http.post(
            "/sessions/line/pause", data={"form": browser.token}, headers={"referer": HOST + page}
        )
        assert answer.status_code == 303
        asked = await browser.get(answer.headers["location"])
        assert 'name="next" value="/sessions/line?kind=operator"' in asked.text
        back = await browser.post("/login", key=ADMIN, next=page)
        assert (await browser.get(back.headers["location"])).status_code == 200
        assert not (await gateway.session("line")).paused

    visited(run, story)


def test_a_page_that_needs_a_login_is_come_back_to_with_its_query(run: Run) -> None:
    async def story(_: Gateway, browser: Browser) -> None:
        answer = await browser.get("/messages?state=failed&q=a%20b")
        (place,) = parse_qs(urlsplit(answer.headers["location"]).query)["next"]
        assert place == "/messages?state=failed&q=a%20b"
        await browser.get(answer.headers["location"])
        assert (await browser.post("/login", key=ADMIN, next=place)).headers["location"] == place

    visited(run, story)


def test_a_form_of_another_login_leads_back_to_its_page(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        await browser.log_in()
        browser.token = "old"
        answer = await browser.post("/sessions/line/pause")
        assert answer.status_code == 403
        assert 'href="/sessions/line">Back to the form' in answer.text
        assert "Back to the form" not in words(await browser.get("/messages/none"))

    visited(run, story)


async def switched(browser: Browser, place: str) -> str:
    """The page that the other language is shown at."""
    answer = await browser.post("/language", language="pt-BR", next=place)
    return answer.headers["location"]


def test_the_other_language_stays_on_the_page_also_of_a_form_s_answer(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await servers(gateway)
        mine = await owner(gateway, MINE)
        await browser.log_in()
        await browser.get("/settings")
        for place, sent in (
            ("/settings/keys", {"name": "k", "role": "read"}),
            ("/settings/keys", {"name": "", "role": "read"}),
            ("/webhooks", {"url": "https://hooks.example/x", "format": "standard", "media": "url"}),
            (mine.path("/webhooks/{webhook}/rotate"), {}),
            (f"/sessions/{MINE}/pair-link", {}),
            (f"/sessions/{MINE}/send", {"to": "x", "text": "y"}),
            ("/notices", {}),
            ("/servers/evo/adopt", {"instance": "mine-7", "step": "preview"}),
        ):
            answer = await browser.post(place, **sent)
            assert answer.status_code in (200, 400), (place, answer.text)
            after = answer.text.partition('name="next" value="')[2].partition('"')[0]
            assert (await browser.get(await switched(browser, after))).status_code == 200, (place, after)
            await browser.post("/language", language="en")
        assert await switched(browser, "/?state=error,connecting&q=%C3%A9") == "/?state=error,connecting&q=%C3%A9"

    visited(run, story)


def test_a_form_s_address_that_is_opened_leads_to_its_page(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        await browser.log_in()
        for path, page in (("/settings/keys", "/settings"), ("/sessions/line/pair-link", "/sessions/line")):
            answer = await browser.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, page)
        assert (await browser.http.delete("/settings/keys")).status_code == 405

    visited(run, story)
