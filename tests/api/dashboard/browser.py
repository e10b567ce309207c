"""A visitor of the dashboard without a browser: cookies, forms, and what stands on a page."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from html import unescape

import httpx
from starlette.routing import Router

from esteio.api.app import create_app
from esteio.api.dashboard.app import dashboard_routes
from tests.api.conftest import ADMIN, Gateway, Run

SECRETS: Mapping[str, str] = {
    r"provider-secret-1": r"none",
    re.escape(ADMIN): r"none",
    r"esk_\w{20,}": r"POST /settings/keys",
    r"whsec_[\w+/=]{20,}": r"POST /webhooks(/[^/]+/rotate)?",
    r"/in/[\w-]{16,}": r"none",
    r"/login/[\w-]{20,}": r"none",
    r"/pair/[\w-]{20,}": r"(GET|POST) /pair/.*|POST /sessions/[^/]+/pair-link|(GET|POST) /login.*",
}
"""What no answer holds, and the requests in whose answer it stands: shown once, or to who came by it."""
KEPT_FOR_ALL = ("/static/", "/status/")
"""What others on the way may keep."""


async def _keeps_secrets(answer: httpx.Response) -> None:
    """Every answer of every test of the pages: no secret where it does not belong, no key in an address, and nobody on
    the way keeps what is for one reader."""
    asked = f"{answer.request.method} {answer.request.url.path}"
    told = (await answer.aread()).decode("utf-8", "replace") + str(answer.headers)
    for secret, place in SECRETS.items():
        if not re.fullmatch(place, asked):
            assert not (found := re.search(secret, told)), (asked, found)
    assert not re.search(rf"esk_\w{{20,}}|{re.escape(ADMIN)}", str(answer.request.url)), asked
    if answer.request.url.path.endswith("/media"):
        assert answer.status_code >= 300 or answer.headers["cache-control"].startswith("private"), asked
    elif not (answer.request.url.path.startswith(KEPT_FOR_ALL) and answer.status_code in (200, 304)):
        assert answer.headers.get("cache-control", "no-store") == "no-store", asked
        assert "cache-control" in answer.headers or answer.status_code >= 400, asked


class Browser:
    """Keeps cookies, follows nothing by itself, and sends back the token of the form that it was shown last."""

    def __init__(
        self, gateway: Gateway, *, address: str = "192.0.2.1", language: str = "en", beside: Browser | None = None
    ) -> None:
        """`beside`: before the same pages as that one."""
        mounted = dashboard_routes(gateway.api)
        self.app: Router = create_app(gateway.api, mounted=mounted) if beside is None else beside.app
        road = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=(address, 1))
        headers = {"accept-language": language}
        self.http = httpx.AsyncClient(transport=road, base_url="http://esteio", headers=headers)
        self.http.event_hooks = {"response": [_keeps_secrets]}
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
