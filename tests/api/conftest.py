"""One gateway without an engine: the real app, commands, vault, waiters and SQLite in memory; the test is the
engine."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import httpx
import msgspec
import pytest
from cryptography.fernet import Fernet

from esteio.api.app import create_app
from esteio.api.http.route import ApiContext
from esteio.clock import LoopClock
from esteio.config import Settings
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId, SessionName
from esteio.core.model.session import Session
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.commands import build_commands
from esteio.engine.commands.requests import KeyRequest, Role
from esteio.engine.delivery.client import WebhookClient
from esteio.engine.delivery.notices import LogNotifier
from esteio.engine.media.links import MediaLinks
from esteio.engine.media.stager import MediaStager
from esteio.engine.runtime.leases import SoleHolder
from esteio.engine.runtime.waiters import Waiters
from esteio.engine.supervision.endpoints import Endpoints
from esteio.engine.supervision.memory import Memory
from esteio.engine.url_guard import Resolver, check_target
from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.providers.registry import load
from esteio.sim.clock.virtual_loop import START_EPOCH, run_virtual
from esteio.store.base import DecisionCommit
from esteio.store.media import MemoryMediaStore
from esteio.store.sqlite import SqliteStore
from esteio.texts import catalogue, translations
from esteio.vault import Vault

ADMIN = "an-admin-key-of-the-tests"


class Bells:
    """A `Wakeups` that remembers; `on` lets a test play the engine at once."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, Any]] = []
        self.on: dict[str, Callable[[Any], None]] = {}

    def _ring(self, name: str, about: Any = None) -> None:
        self.rung.append((name, about))
        if name in self.on:
            self.on[name](about)

    def session(self, session_id: Any) -> None:
        self._ring("session", session_id)

    def server(self, name: Any) -> None:
        self._ring("server", name)

    def sends(self) -> None:
        self._ring("sends")

    def work(self) -> None:
        self._ring("work")

    def inbox(self) -> None:
        self._ring("inbox")

    def deliveries(self) -> None:
        self._ring("deliveries")


class TurnableClock(LoopClock):
    """The loop's clock, that a test may put forward."""

    ahead = 0.0

    def __init__(self) -> None:
        super().__init__(START_EPOCH, seed=7)

    def now(self) -> float:
        return super().now() + self.ahead


async def resolve(host: str) -> list[str]:
    """The only name there is, and where it points."""
    known = {
        "files.example": ["93.184.216.34"],
        "hooks.example": ["93.184.216.34"],
        "inside.example": ["10.1.2.3"],
        "both.example": ["93.184.216.34", "127.0.0.1"],
    }
    if host not in known:
        raise OSError("no such host")
    return known[host]


class Outside:
    """The road to subscribers: remembers what went out, and answers as it is told."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self.status = 200

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        return HttpResponse(self.status)

    async def aclose(self) -> None:
        return None


class Providers:
    """The road to the providers: nobody is there, unless a test answers. `asked`: what was asked for."""

    def __init__(self) -> None:
        self.asked: list[HttpRequest] = []
        self.answer: Callable[[HttpRequest], HttpResponse | None] = lambda request: None

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        answer = self.answer(request)
        if answer is None:
            raise TransportFailed("the connection was refused", sent="no")
        return answer

    async def aclose(self) -> None:
        return None


class Gateway:
    """What a test holds."""

    def __init__(self, settings: Settings, store: SqliteStore) -> None:
        self.settings, self.store = settings, store
        self.clock, self.bells, self.waiters = TurnableClock(), Bells(), Waiters(store.sessions, store.messages)
        self.outside, self.provider = Outside(), Providers()
        self.recovery_steps: Counter[tuple[str, str]] = Counter()
        self.resolve: Resolver = resolve
        """Where host names lead; a test may replace it."""
        vault, registry = Vault(Fernet.generate_key()), load([])
        self.vault = vault
        self.audit = AuditLog(store.audit, vault, self.clock, keep_s=0)
        self.shelf = shelf = MemoryMediaStore()
        links = MediaLinks(vault, settings.base_url, self.clock, settings.media_url_for_s)

        async def check(url: str) -> None:
            await check_target(url, "media.url", settings.allowed_networks, resolve)

        media = MediaStager(shelf, self.clock, self.outside, check=check, max_bytes=settings.max_media_bytes)

        async def loaded(message_id: str, shown: Any) -> Any:
            return await media.carried(await store.messages.get(MessageId(message_id)), shown)

        self.courier = WebhookClient(
            self.outside, self.clock, vault, texts=catalogue("en"), source=settings.base_url, links=links, loaded=loaded
        )
        self.commands = build_commands(
            store=store,
            clock=self.clock,
            providers=registry.as_mapping(),
            vault=vault,
            audit=self.audit,
            settings=settings,
            wakeups=self.bells,
            waiter=self.waiters,
            addresses=Endpoints(
                vault,
                registry,
                self.clock,
                settings.base_url,
                sessions=store.sessions,
                servers=store.servers,
                webhook_endpoints=store.webhook_endpoints,
                memory=Memory(SoleHolder()),
            ),
            webhook_client=self.courier,
            transport=self.provider,
            nodes=lambda: 1,
            resolve=self._resolve,
            media_store=shelf,
            media=media,
            notifier=LogNotifier(catalogue("en")),
        )
        self.api = ApiContext(
            commands=self.commands,
            store=store,
            clock=self.clock,
            settings=settings,
            waiters=self.waiters,
            providers=registry.as_mapping(),
            links=links,
            media_store=shelf,
            texts=translations(settings.language),
            recovery_steps=self.recovery_steps,
            vault=vault,
        )
        self.app = create_app(self.api)
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://esteio")
        self._tasks: set[asyncio.Task[None]] = set()

    async def _resolve(self, host: str) -> Sequence[str]:
        return await self.resolve(host)

    async def call(self, method: str, path: str, body: Any = None, *, key: str | None = ADMIN, **more: Any) -> Any:
        """One request; `body` is JSON unless it is bytes."""
        headers = {"accept-language": "en", **more.pop("headers", {})}
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        if body is not None:
            more["content"] = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return await self.http.request(method, path, headers=headers, **more)

    async def refused(self, status: int, code: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """A request that must be refused so; the problem."""
        answer = await self.call(method, path, body, **more)
        assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == status
        assert problem["type"] == f"/docs#{code}"
        assert problem["title"]
        assert problem["detail"]
        # An unfilled word of a sentence reads "?".
        assert problem["detail"].count("?") == problem["detail"].count("Did you mean")
        return problem

    async def key(self, role: Role, *sessions: str) -> str:
        return (await self.commands.keys.create(KeyRequest("test", role, sessions or msgspec.UNSET)))[1]

    async def add_server(self, name: str = "evo", kind: str = "evolution") -> None:
        credentials = {} if kind == "wapi" else {"apikey": "provider-secret-1"}
        body = {"name": name, "kind": kind, "base_url": "http://127.0.0.1:8080/", "credentials": credentials}
        assert (await self.call("POST", "/v1/servers", body)).status_code == 201

    async def add_session(self, name: str = "line", **more: Any) -> Session:
        body = {"name": name, "server": "evo", "wait_s": 0, **more}
        answer = await self.call("POST", "/v1/sessions", body)
        assert answer.status_code == 201, answer.text
        return await self.session(name)

    async def session(self, name: str) -> Session:
        session = await self.store.sessions.by_name(SessionName(name))
        assert session is not None
        return session

    async def judge(self, name: str, **changes: Any) -> Session:
        """Play `reconcile`: change the session's row, then tell the waiters."""
        session = await self.session(name)
        changes.setdefault("since", self.clock.now())
        changed = msgspec.structs.replace(session, **changes)
        outages = () if changed.outage is None else (changed.outage,)
        assert await self.store.decisions.commit_session(DecisionCommit(session=changed, outages=outages))
        self.waiters.session_changed(session.id)
        return await self.session(name)

    async def live(self, name: str = "line") -> Session:
        return await self.judge(name, state="connected", gate="open", linked=True)

    async def news(self, name: str) -> list[Evidence]:
        view = await self.store.decisions.session_view((await self.session(name)).id, self.clock.now())
        assert view is not None
        return [item.evidence for item in view.new_evidence]

    def soon(self, work: Callable[[], Any]) -> None:
        """Run a coroutine function beside the request under way."""
        task = asyncio.ensure_future(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        await asyncio.gather(*self._tasks)
        await self.http.aclose()
        await self.store.aclose()


@pytest.fixture
def settings() -> Settings:
    return Settings(admin_key=ADMIN, listen="127.0.0.1:8700", max_body_bytes=20_000, max_media_bytes=60_000)


class Run(Protocol):
    def __call__(
        self, test: Callable[[Gateway], Awaitable[None]], changed: Mapping[str, Any] | None = None
    ) -> None: ...


@pytest.fixture
def run(settings: Settings) -> Run:
    """Runs `async def test(gateway)` in virtual time: waits cost nothing and are exact."""

    def runner(test: Callable[[Gateway], Awaitable[None]], changed: Mapping[str, Any] | None = None) -> None:
        async def whole() -> None:
            store = SqliteStore.memory()
            gateway = Gateway(msgspec.structs.replace(settings, **(changed or {})), store)
            await store.start(gateway.clock.now())
            await gateway.audit.begin()
            try:
                await test(gateway)
            finally:
                await gateway.aclose()

        run_virtual(whole)

    return runner
