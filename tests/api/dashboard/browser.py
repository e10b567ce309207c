"""A visitor of the dashboard without a browser: cookies, forms, and what stands on a page."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from html import unescape

import httpx

from esteio.api.app import create_app
from esteio.api.dashboard.app import dashboard_routes
from tests.api.conftest import ADMIN, Gateway, Run


class Browser:
    """Keeps cookies, follows nothing by itself, and sends back the token of the form that it was shown last."""

    def __init__(self, gateway: Gateway, *, address: str = "192.0.2.1", language: str = "en") -> None:
        app = create_app(gateway.api, mounted=dashboard_routes(gateway.api))
        road = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 1))
        headers = {"accept-language": language}
        self.http = httpx.AsyncClient(transport=road, base_url="http://esteio", headers=headers)
        self.gateway, self.token = gateway, ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        answer = await self.http.get(path, headers={name.replace("_", "-"): word for name, word in headers.items()})
        found = re.search(r'name="form" value="(\w+)"', answer.text)
        self.token = found[1] if found else self.token
        return answer

    async def post(self, path: str, **words: str | list[str]) -> httpx.Response:
        return await self.http.post(path, data={"form": self.token, **words})

    async def log_in(self, key: str = ADMIN) -> httpx.Response:
        await self.get("/login")
        answer = await self.post("/login", key=key)
        if answer.status_code == 303:
            await self.get("/")
        return answer


def visited(run: Run, story: Callable[[Gateway, Browser], Awaitable[None]]) -> None:
    """Runs a story with one browser in front of a gateway."""

    async def test(gateway: Gateway) -> None:
        browser = Browser(gateway)
        try:
            await story(gateway, browser)
        finally:
            await browser.http.aclose()

    run(test)


def words(answer: httpx.Response) -> str:
    """What a page says, without its marks."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))
