"""What a page offers is what its reader may do: each link opens, each form is one that this role may send."""

from __future__ import annotations

import re
from html import unescape

import pytest

from esteio.engine.commands.requests import Role
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.access.test_who_may import ENOUGH, PAGES, ROLES, asks, peopled
from tests.api.dashboard.access.two_owners import MINE, OTHER
from tests.api.dashboard.browser import Browser, visited

ROUTES = [
    (route.split()[0], re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route.split()[1]))), role)
    for route, (role, _) in PAGES.items()
]


def needed(method: str, path: str) -> Role | None:
    """The role of an address, as the first route that fits has it."""
    found = [role for verb, pattern, role in ROUTES if verb == method and pattern.fullmatch(path)]
    assert found, f"no address of ours: {path}"
    return found[0]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("globs", [(), ("mine-*",)], ids=["all", "some"])
def test_every_link_opens_and_every_form_may_be_sent(run: Run, role: Role, globs: tuple[str, ...]) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        mine, _ = await peopled(gateway, MINE, OTHER)
        await browser.log_in(await gateway.key(role, *globs))
        links: dict[str, str] = {}
        for one in asks(mine, "GET"):
            wanted = PAGES[one.route][0]
            if wanted is None or role not in ENOUGH[wanted]:
                continue
            page = await browser.get(one.path)
            if page.status_code != 200 or not page.headers["content-type"].startswith("text/html"):
                continue
            links |= {unescape(link): one.path for link in re.findall(r'href="(/[^"#]*)[^"]*"', page.text)}
            for action in re.findall(r'method="post" action="([^"]*)"', page.text):
                assert (may := needed("POST", unescape(action))) is None or role in ENOUGH[may], (one.path, action)
        assert len(links) > 20
        for link, place in links.items():
            answer = await browser.get(link)
            assert answer.status_code in (200, 303), (place, link, answer.status_code)

    visited(run, story)
