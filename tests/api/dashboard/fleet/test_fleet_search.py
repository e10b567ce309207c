"""What a person types into the search, and the address that says the same."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from esteio.api.dashboard.fleet import PAGE
from esteio.api.dashboard.fleet_search import Search, phones_of
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words


@pytest.mark.parametrize(
    ("typed", "sought"),
    [
        ("11 99999-0001", ("11999990001", "551199990001")),
        ("+55 (11) 99999-0001", ("5511999990001", "551199990001")),
        ("55 11 9999 0001", ("551199990001", "5511999990001")),
        ("011 3333-0001", ("1133330001",)),
        ("99990", ("99990",)),
        ("12", ()),
        ("loja 11999990001", ()),
        ("shop-0012", ()),
        ("", ()),
    ],
)
def test_a_number_is_found_however_it_is_typed(typed: str, sought: tuple[str, ...]) -> None:
    assert phones_of(typed) == sought


def test_an_address_says_what_was_asked() -> None:
    search = Search("é&=", ("error", "paused"), "evo 1", "error:1.5:3:line", "table")
    asked = parse_qs(urlsplit(search.address()).query)
    assert asked == {"q": ["é&="], "state": ["error,paused"], "server": ["evo 1"], "view": ["table"]}
    assert "after=" in search.address(after="error:1.5:3:line")
    assert Search().address() == "/"


def test_a_search_and_its_pages(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await gateway.add_server()
        for number in range(PAGE["tiles"] + 2):
            await gateway.add_session(f"shop-{number:03}", phone=f"+55119999{number:05}")
            await gateway.live(f"shop-{number:03}")
        await gateway.judge("shop-045", state="error")
        await browser.log_in()
        first = await browser.get("/")
        assert first.text.index("tile-shop-045") < first.text.index("tile-shop-000"), "in trouble first"
        following = first.text.partition('rel="next" href="')[2].partition('"')[0]
        second = await browser.get(following.replace("&amp;", "&"))
        assert second.text.count('class="tile ') == 2
        assert "shop-049" in words(second)
        found = await browser.get("/?q=(11)+99990-0007")
        assert (found.text.count('class="tile '), "shop-007" in words(found)) == (1, True)
        assert (await browser.get("/?state=error")).text.count('class="tile ') == 1
        assert (await browser.get("/?after=a")).status_code == 400

    visited(run, story)
