"""The lab for handed inputs: the whole gateway behind its real HTTP application, before one server of each kind.

`e` is the Evolution instance 'loja', `b` the Baileys session 'b', `w` the W-API instance 'LITE-AAAAAA-BBBBBB', all
adopted and connected, in virtual time. Requests come in by HTTP; what goes out to the providers is remembered, and may
be answered by hand instead of by the simulated server.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx

from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.sim.providers.faces import new_world
from esteio.sim.world.transport import SimTransport
from tests.media_hosts import MediaLab

HERE = Path(__file__).parent
ADMIN = "an-admin-key-of-the-tests"
NAMES = {"evolution": "e", "baileys": "b", "wapi": "w"}
LINES = {"evolution": "loja", "baileys": "b", "wapi": "LITE-AAAAAA-BBBBBB"}
NUMBERS = {"evolution": "5511955550001", "baileys": "5511955550002", "wapi": "5511955550003"}
SETTLES_S = 5.0
Answering = Callable[[HttpRequest], HttpResponse | None]


def input_of(name: str) -> dict[str, Any]:
    """The input whose file begins with this, e.g. `02`."""
    (path,) = HERE.glob(f"{name}-*.json")
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


class Wire:
    """The way to the providers. `answers`: asked first, newest first; None leaves the answer to the simulated server,
    and what it raises (`TransportFailed`) is what the gateway meets."""

    def __init__(self, inner: SimTransport) -> None:
        self.inner = inner
        self.requests: list[HttpRequest] = []
        self.answers: list[Answering] = []

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        for answering in reversed(self.answers):
            if (answer := answering(request)) is not None:
                return answer
        return await self.inner.exchange(request)

    async def aclose(self) -> None:
        await self.inner.aclose()

    def sends(self) -> list[dict[str, Any]]:
        """The bodies of the sends that went out, in order."""
        return [
            json.loads(one.body)
            for one in self.requests
            if one.method == "POST" and ("/message/send" in one.url or "/send/" in one.url)
        ]


class InputLab(MediaLab):
    """See the module's head."""

    def __init__(self, **settings: Any) -> None:
        world = new_world(5)
        self.wire = Wire(SimTransport(world))
        super().__init__(5, world=world, transport=self.wire, settings={"admin_key": ADMIN, **settings})

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        transport = httpx.ASGITransport(app=self.gateway.app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://esteio")
        self.world.groups.add("120363000000000001@g.us")
        for kind, session in NAMES.items():
            await self.add_server(f"{kind}-server", kind)
            self.world.plant(f"{kind}-server", LINES[kind], NUMBERS[kind])
            await self.asked("POST", "/v1/sessions", self._adoption(kind, session), status=201)
        await asyncio.sleep(40)
        self.wire.requests.clear()
        return self

    async def __aexit__(self, *failed: object) -> None:
        await self.http.aclose()
        await super().__aexit__(*failed)

    def _adoption(self, kind: str, session: str) -> dict[str, Any]:
        line = LINES[kind]
        refs = {
            "evolution": {"instance_name": line},
            "baileys": {"session": line},
            "wapi": {"instance_id": line, "token": f"token-{line}"},
        }
        return {"name": session, "server": f"{kind}-server", "ref": refs[kind], "adopt": True, "wait_s": 10}

    # -- what a replay says ---------------------------------------------------------------------------------------

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """One request with the admin key."""
        headers = {"authorization": f"Bearer {ADMIN}", "accept-language": "en"}
        return await self.http.request(method, path, headers=headers, json=body)

    async def asked(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """A request that must be answered so; its answer."""
        answer = await self.call(method, path, body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def post(self, kind: str, body: Any) -> None:
        """One webhook of the input, NOW and TOKEN filled in, to its session's own address; and time to read it."""
        session = await self.session(NAMES[kind])
        token, _ = await self.store.sessions.secrets(session.id)
        text = json.dumps(filled(body, self.clock.now(), token))
        answer = await self.http.post(f"/in/{token}", content=text.encode())
        assert answer.status_code == 200
        await asyncio.sleep(SETTLES_S)

    async def post_all(self, webhooks: list[Any]) -> None:
        for kind, body in webhooks:
            await self.post(kind, body)

    async def settles(self) -> None:
        """Time for what was accepted to be sent."""
        await asyncio.sleep(SETTLES_S)

    def answers(self, method: str, path: str, status: int, body: Any) -> None:
        """From now on the provider answers requests to this path (its beginning) so. Text is sent as a page."""
        page = isinstance(body, str)
        headers = {"content-type": "text/html" if page else "application/json"}

        def answering(request: HttpRequest) -> HttpResponse | None:
            if request.method != method or path not in request.url:
                return None
            text = body if page else json.dumps(filled(body, self.clock.now(), ""))
            return HttpResponse(status, headers, text.encode())

        self.wire.answers.append(answering)

    def loses_answers(self, path: str) -> None:
        """From now on requests to this path are not handed to the server, and nobody knows it."""

        def answering(request: HttpRequest) -> HttpResponse | None:
            if path in request.url:
                raise TransportFailed("the answer was lost", sent="maybe")
            return None

        self.wire.answers.append(answering)

    async def published(self, *types: str) -> list[Mapping[str, Any]]:
        """What subscribers are told (`data` of the events of these types), in order."""
        return [event.data for event in await self.store.events.page(0, 100_000) if not types or event.type in types]

    async def received(self, provider_id: str) -> Mapping[str, Any]:
        """The one event `message.received` about the message with this id of WhatsApp's."""
        (found,) = [one for one in await self.published("message.received") if one["provider_id"] == provider_id]
        return found


def filled(body: Any, now: float, token: str) -> Any:
    """The same with NOW and TOKEN filled in; `n kB of JPEG` becomes as many bytes in base64."""
    match body:
        case dict():
            return {name: filled(value, now, token) for name, value in body.items()}
        case list():
            return [filled(value, now, token) for value in body]
        case "NOW (epoch seconds)":
            return int(now)
        case "NOW as ISO with Z":
            return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case str() if body.endswith(" kB of JPEG"):
            return base64.b64encode(b"\xff\xd8\xff\xe0".ljust(int(body.split()[0]) * 1000, b"\x00")).decode()
        case str():
            return body.replace("TOKEN", token)
    return body
