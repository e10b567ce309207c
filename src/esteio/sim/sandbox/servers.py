"""The sandbox: the same faces as real HTTP servers on loopback, and control calls for people and scripts.

`POST /_sandbox/…` and the page at `GET /_sandbox/` are served beside every provider and on an address of their own,
which stays up while a provider is down. Webhooks go out by real HTTP, with the provider's own retries
(`sim.world.webhooks`).
Never lives here: a dialect, a fault.
"""

from __future__ import annotations

import asyncio
import io
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import msgspec
import segno
from aiohttp import web

from esteio.api.dashboard.page import SAFE
from esteio.api.dashboard.static import FILES, KINDS
from esteio.clock import SystemClock
from esteio.providers.base import HttpRequest
from esteio.sim.providers.faces import new_world
from esteio.sim.sandbox.control import Control, ControlRefused
from esteio.sim.sandbox.page import SandboxPage, tongue_of
from esteio.sim.world.network import Cut, Hung, Refused, through
from esteio.sim.world.server import SimServer
from esteio.sim.world.world import World
from esteio.texts import LANGUAGES, catalogue

Json = Any
MAX_BODY = 140 * 1024 * 1024
HANG_S = 300.0
WEBHOOK_TIMEOUT_S = 60.0
DEFAULT_KEY = "sandbox-key"
PAGE = "/_sandbox/"
LANGUAGE = "sandbox-language"
"""The cookie that remembers which language was chosen."""
SCRIPT = "sandbox.js"
STATIC = {name: FILES[name] for name in ("esteio.css", "esteio.js", "esteio.svg")} | {
    SCRIPT: (Path(__file__).parent / "static" / SCRIPT).read_bytes()
}
"""What the page loads: the dashboard's own files, and its script."""


def live_world(seed: int = 0) -> World:
    """A world in real time, for the running loop."""
    return new_world(seed, SystemClock().now() - asyncio.get_running_loop().time())


def drawn_qr(code: str) -> str:
    """A picture of a code that a camera can read, as a data URI."""
    out = io.BytesIO()
    segno.make(code, error="l").save(out, kind="png", scale=4)
    return "data:image/png;base64," + _base64(out.getvalue())


def _base64(raw: bytes) -> str:
    return msgspec.json.encode(raw).decode().strip('"')


class Sandbox:
    """Servers that listen. `urls` maps a server's name, and `control`, to its base URL."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.control = Control(world)
        self.page = SandboxPage(self.control)
        self.urls: dict[str, str] = {}
        self._doors: list[_Door] = []
        self._closing = asyncio.Event()
        self._out: aiohttp.ClientSession | None = None

    async def open(self, homes: Mapping[str, tuple[SimServer, str]], control: str) -> None:
        """Listen: a server and its address (`host:port`, port 0 for any) by name, and the control address."""
        if self.world.on_webhook is None:
            self._out = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WEBHOOK_TIMEOUT_S))
            self.world.on_webhook = self._post
        if self.world.draw_qr is None:
            self.world.draw_qr = drawn_qr
        for name, (server, address) in homes.items():
            door = _Door(self._app(self._to(server)), address, server)
            self._doors.append(door)
            self.urls[name] = await door.open() + server.base_path
            server.base_url = self.urls[name]
            server.host = self.urls[name].partition("://")[2].partition("/")[0]
            self.world.mount(server)
        door = _Door(self._app(None), control, None)
        self._doors.append(door)
        self.urls["control"] = await door.open()

    async def aclose(self) -> None:
        """Stop listening and stop posting. Double close is harmless."""
        self._closing.set()
        for server in self.world.servers.values():
            server.webhook_sender.stop()
        for door in self._doors:
            await door.close()
        self._doors.clear()
        if self._out is not None:
            self.world.on_webhook = None
            await self._out.close()
            self._out = None

    # -- webhooks out ---------------------------------------------------------------------------------------------

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        if self._out is None:
            return 0
        async with self._out.post(url, headers=headers, data=body, allow_redirects=False) as answer:
            await answer.read()
            return answer.status

    # -- requests in ----------------------------------------------------------------------------------------------

    def _app(self, face: Callable[[web.Request], Awaitable[web.StreamResponse]] | None) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_get("/_sandbox", self._page)
        app.router.add_get(PAGE, self._page)
        app.router.add_post(PAGE, self._press)
        app.router.add_get("/_sandbox/{what}", self._look)
        app.router.add_post("/_sandbox/{what}", self._act)
        if face is None:
            app.router.add_get("/", self._page)
        else:
            app.router.add_route("*", "/{tail:.*}", face)
        return app

    def _to(self, server: SimServer) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            root = server.base_url.removesuffix(server.base_path)
            headers = {key.lower(): value for key, value in request.headers.items()}
            said = HttpRequest(request.method, root + request.raw_path, headers, await request.read())
            try:
                answer = await through(server, said)
            except (Refused, Cut):
                return _broken(request)
            except Hung:
                await self._hang()
                return _broken(request)
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

        return handle

    async def _hang(self) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), HANG_S)
        except TimeoutError:
            return

    # -- control --------------------------------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.Response:
        asked = request.query.get("lang", "") or request.cookies.get(LANGUAGE, "")
        tongue = asked if asked in LANGUAGES else tongue_of(request.headers.get("accept-language", ""))
        text = self.page.alone(catalogue(tongue), request.query, path=PAGE)
        headers = {**SAFE, "cache-control": "no-store", "vary": "Cookie, Accept-Language"}
        answer = web.Response(text=text, content_type="text/html", headers=headers)
        if "lang" in request.query and asked in LANGUAGES:
            answer.set_cookie(LANGUAGE, asked, samesite="Lax", httponly=True)
        return answer

    async def _press(self, request: web.Request) -> web.Response:
        """A button of the page; then the page again."""
        if _foreign(request):
            return _json({"error": "a page of another site may not press buttons here"}, 403)
        words = dict(parse_qsl((await request.read()).decode("utf-8", "replace"), keep_blank_values=True))
        return web.Response(status=303, headers={**SAFE, "location": PAGE + self.page.do(words)})

    async def _look(self, request: web.Request) -> web.Response:
        what = request.match_info["what"]
        if what in STATIC:
            kind = KINDS["." + what.rpartition(".")[2]].partition(";")[0]
            return web.Response(body=STATIC[what], content_type=kind, charset="utf-8", headers=SAFE)
        if what == "truth":
            return _json(self.control.truth())
        if what == "ledger":
            last = request.query.get("last", "200")
            return _json(self.world.ledger.document(int(last) if last.isdigit() else 200))
        if what == "faults":
            return _json(self.control.vocabulary())
        return _json({"error": f"no such page: {what}; there are truth, ledger, faults"}, 404)

    async def _act(self, request: web.Request) -> web.Response:
        if _foreign(request):
            return _json({"error": "a page of another site may not call this"}, 403)
        call = self.control.calls.get(request.match_info["what"])
        if call is None:
            return _json({"error": f"no such call; there are {', '.join(self.control.calls)}"}, 404)
        try:
            body = msgspec.json.decode(await request.read() or b"{}")
        except msgspec.DecodeError:
            return _json({"error": "the body is no JSON"}, 400)
        if not isinstance(body, dict):
            return _json({"error": "the body must be a JSON object"}, 400)
        try:
            return _json(call(body))
        except ControlRefused as refused:
            return _json({"error": refused.words}, refused.status)


class _Door:
    """One listening address, closed while its server's process is down."""

    def __init__(self, app: web.Application, address: str, server: SimServer | None) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host or "127.0.0.1", int(port or 0)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        self._site: web.TCPSite | None = None
        self._server = server
        self._power = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    async def open(self) -> str:
        await self._runner.setup()
        await self._listen()
        self._port = self._runner.addresses[0][1]
        if self._server is not None:
            self._server.power_listeners.append(self._power)
            self._watch = asyncio.create_task(self._follow(self._server))
        return f"http://{self._host}:{self._port}"

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, self._host, self._port)
        await self._site.start()

    async def _follow(self, server: SimServer) -> None:
        while True:
            await self._power.wait()
            self._power.clear()
            if server.up and self._site is None:
                await self._listen()
            elif not server.up and self._site is not None:
                await self._site.stop()
                self._site = None
                self._hang_up()

    def _hang_up(self) -> None:
        """A process that dies takes its open connections with it, idle ones too."""
        for connection in self._runner.server.connections if self._runner.server is not None else ():
            if connection.transport is not None:
                connection.transport.abort()

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._server is not None and self._power in self._server.power_listeners:
            self._server.power_listeners.remove(self._power)
        await self._runner.cleanup()


def _foreign(request: web.Request) -> bool:
    """Whether a page of another site sent it. Browsers say where a request comes from, programs do not; a name that is
    none of this machine's may be another site's that was pointed here."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is None and site is None:
        return False
    if origin is not None and origin not in (f"http://{request.host}", f"https://{request.host}"):
        return True
    return site not in (None, "same-origin", "none") or not _by_address(request.host)


def _by_address(host: str) -> bool:
    """Whether it is reached by an address, or as localhost."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
    return True


def _broken(request: web.Request) -> web.Response:
    """The connection is torn down: the client sees a reset, not an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)


def _json(body: Json, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")


async def serve_sandbox(
    world: World | None = None,
    *,
    evolution: str | None = None,
    baileys: str | None = None,
    wapi: str | None = None,
    control: str = "127.0.0.1:0",
    apikey: str = DEFAULT_KEY,
) -> Sandbox:
    """Serve a world's providers by real HTTP; an address (`host:port`, port 0 for any) per kind that shall listen.

    The world's first server of a kind is served, or one is added, named as its kind (Evolution 2.3.7), with `apikey`.
    `world` None: a fresh one in real time. Raises OSError when a port is taken; then nothing stays open.
    """
    world = world or live_world()
    sandbox = Sandbox(world)
    homes: dict[str, tuple[SimServer, str]] = {}
    for kind, address in (("evolution", evolution), ("baileys", baileys), ("wapi", wapi)):
        if address is not None:
            server = next((one for one in world.servers.values() if one.kind == kind), None)
            path = "/v1" if kind == "wapi" else ""
            server = server or world.add_server(kind, kind, base_url=f"http://{kind}.sim{path}", apikey=apikey)
            homes[server.name] = (server, address)
    try:
        await sandbox.open(homes, control)
    except BaseException:
        await sandbox.aclose()
        raise
    return sandbox
