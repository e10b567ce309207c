"""Drawings that open pages share: nobody is given what was drawn for another scope, role, language or login."""

from __future__ import annotations

import re

import pytest

from tests.api.conftest import Gateway, Run
from tests.api.dashboard.access.test_who_may import peopled
from tests.api.dashboard.access.two_owners import MINE, OTHER
from tests.api.dashboard.browser import Browser, visited

READERS = {
    "all": ("admin", "en", ()),
    "another login": ("admin", "en", ()),
    "language": ("admin", "pt-BR", ()),
    "role": ("read", "en", ()),
    "scope": ("admin", "en", ("mine-*",)),
    "other scope": ("admin", "en", ("other-*",)),
    "role and scope": ("read", "en", ("mine-*",)),
}


@pytest.mark.parametrize("path", ["/", "/?view=table", "/?state=disconnected"])
def test_each_reader_has_their_own(run: Run, path: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await peopled(gateway, MINE, OTHER)
        readers: dict[str, Browser] = {}
        for name, (role, language, globs) in READERS.items():
            readers[name] = Browser(gateway, language=language, beside=browser)
            await readers[name].log_in(await gateway.key(role, *globs))  # type: ignore[arg-type]
        alone = {name: (await one.get(path)).text for name, one in readers.items()}
        for _round in range(2):
            for name, one in readers.items():
                shared = (await one.get(path, x_redraw="1")).text
                assert shared == alone[name], name
                tokens = set(re.findall(r'name="form" value="(\w+)"', shared))
                assert tokens == {one.token}, name
        assert len({readers[name].token for name in readers}) == len(readers)
        assert (
            alone["all"].count("/approvals/") > alone["scope"].count("/approvals/") > alone["role"].count("/approvals/")
        )
        assert OTHER not in alone["scope"]
        assert MINE not in alone["other scope"]
        for one in readers.values():
            await one.http.aclose()

    visited(run, story)
