"""The sample of `examples/pombo` as a third party's adapter: installed, found by its entry point, tried end to end.

Nothing in Esteio knows its kind or the names of its fields; its secrets are called `access_key` and `admin_key`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from esteio.config import DeclaredServer, DeclaredSession
from esteio.core.views import documents
from esteio.engine.commands.requests import MessageRequest, ServerRequest, SessionChange, SessionRequest
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import Scope
from esteio.engine.runtime import sealed_for
from esteio.providers.base import HttpRequest, HttpResponse
from esteio.providers.registry import load
from esteio.sim.lab import Lab
from esteio.testing.gateway import play, post_webhook
from esteio.testing.stepping import reply
from tests.narrowing import not_none

EXAMPLE = Path(__file__).parents[2] / "examples" / "pombo"
ADMIN, KEY, OTHER_KEY = "the-admin-key-of-pombo", "the-access-key-of-a-line", "the-access-key-of-another"
PHONE, CUSTOMER = "5511999990001", "5511988887777"


def _example(name: str) -> ModuleType:
    """A module of the example, from its folder."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_example("esteio_pombo")
TestPombo = _example("test_esteio_pombo").TestPombo
"""The example's own tests, run with ours."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as pip installs it, without a network."""
    target = tmp_path_factory.mktemp("site")
    how = ("--no-deps", "--no-index", "--no-build-isolation", "-q", "--disable-pip-version-check", "--target", target)
    subprocess.run([sys.executable, "-m", "pip", "install", *how, EXAMPLE], check=True, capture_output=True)
    return target


@pytest.fixture
def third_party(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is on the path of Python, and nothing of it is loaded yet."""
    monkeypatch.delitem(sys.modules, "esteio_pombo", raising=False)
    monkeypatch.syspath_prepend(str(installed))


class Pombo:
    """The server: its lines by name, and what it was asked to send."""

    def __init__(self) -> None:
        self.lines: dict[str, dict[str, Any]] = {}
        self.sent: list[dict[str, Any]] = []

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        key, path = request.headers["x-access-key"], request.url.removeprefix("http://pombo.test/lines").strip("/")
        if not path:
            return reply({"lines": list(self.lines.values())}) if key == ADMIN else reply({"error": "key"}, 401)
        name, _, rest = path.partition("/")
        if key not in (KEY, OTHER_KEY):
            return reply({"error": f"unknown key {key}"}, 401)
        if request.method == "PUT":
            line = self.lines.setdefault(name, {"name": name, "state": "pairing", "qr": "2@scan-me"})
            line["webhook"] = json.loads(request.body)["webhook"]
        if name not in self.lines:
            return reply({"error": "no such line"}, 404)
        if rest == "messages":
            self.sent.append(json.loads(request.body))
            return reply({"id": f"P{len(self.sent)}"})
        return reply({"line": self.lines[name]})

    async def aclose(self) -> None:
        return None

    async def post(self, lab: Lab, name: str, event: dict[str, Any]) -> None:
        body = json.dumps({**event, "at": lab.clock.now()}).encode()
        assert await post_webhook(lab, self.lines[name]["webhook"], body) == 200

    async def scan(self, lab: Lab, name: str) -> None:
        self.lines[name] |= {"state": "online", "qr": None}
        await self.post(lab, name, {"event": "state", "state": "online"})


async def connected(lab: Lab, server: Pombo, name: str = "loja", key: str = KEY) -> None:
    await lab.commands.servers.add(ServerRequest("correio", "pombo", "http://pombo.test", {"admin_key": ADMIN}))
    opened = await lab.commands.sessions.create(
        SessionRequest(name, "correio", ref={"access_key": key}, wait_s=20), "test"
    )
    assert opened.qr is not None
    assert opened.qr.code == "2@scan-me"
    await server.scan(lab, name)
    await lab.until_state(name, "connected", 120)


def test_it_is_found_by_its_entry_point(third_party: None, installed: Path) -> None:
    adapter = load().get("pombo")
    assert Path(not_none(sys.modules["esteio_pombo"].__file__)).parent == installed
    assert adapter.declaration.ref_names == ("line", "access_key")


def test_a_server_a_session_a_message_and_a_webhook(third_party: None, tmp_path: Path) -> None:
    server, database = Pombo(), tmp_path / "esteio.db"

    async def story(lab: Lab) -> None:
        await connected(lab, server)
        ident = await lab.ask_message("loja", MessageRequest(CUSTOMER, "oi"))
        await asyncio.sleep(5)
        assert server.sent == [{"to": CUSTOMER, "text": "oi"}]
        assert (await lab.message(ident)).state == "sent"
        await server.post(lab, "loja", {"event": "receipt", "id": "P1", "status": "delivered"})
        came = {"event": "message", "id": "M1", "from": CUSTOMER, "text": f"your key is {KEY}, and {ADMIN}"}
        await server.post(lab, "loja", came)
        await asyncio.sleep(5)
        assert (await lab.message(ident)).state == "delivered"
        session = await lab.session("loja")
        (message,) = (await lab.store.messages.page(session.id, direction="in", limit=10)).items
        assert message.chat == CUSTOMER
        assert message.content.text == "your key is ***, and ***"
        assert session.ref == {"line": "loja"}
        shown = documents.as_data(documents.session(session, 0, documents.plain_reason))
        assert shown["ref"] == {"line": "loja"}

    play(server, story, database=database)
    bytes_on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"loja" in bytes_on_disk
    assert KEY.encode() not in bytes_on_disk
    assert ADMIN.encode() not in bytes_on_disk


def test_what_is_wrong_is_said_by_the_declared_names(third_party: None) -> None:
    server = Pombo()

    async def refused(awaitable: Awaitable[object]) -> tuple[str, str | None]:
        with pytest.raises(CommandError) as raised:
            await awaitable
        return raised.value.code, raised.value.field

    async def story(lab: Lab) -> None:
        ask = lab.commands.servers.add
        base = ServerRequest("correio", "pombo", "http://pombo.test")
        assert await refused(ask(base)) == ("invalid-value", "credentials.admin_key")
        wrong = msgspec.structs.replace(base, credentials={"apikey": "x"})
        assert await refused(ask(wrong)) == ("unknown-field", "credentials.apikey")
        await connected(lab, server)
        new = lab.commands.sessions.create
        assert await refused(new(SessionRequest("b", "correio"), "test")) == ("invalid-value", "ref.access_key")
        token = SessionRequest("b", "correio", ref={"token": "x", "access_key": OTHER_KEY})
        assert await refused(new(token, "test")) == ("unknown-field", "ref.token")
        same = SessionRequest("b", "correio", ref={"line": "loja", "access_key": OTHER_KEY})
        assert await refused(new(same, "test")) == ("already-adopted", "ref")

    play(server, story)


def test_a_changed_secret_is_used_at_once_and_a_declared_one_is_no_change(third_party: None) -> None:
    server = Pombo()

    async def story(lab: Lab) -> None:
        await connected(lab, server)
        await lab.commands.sessions.change("loja", SessionChange(ref={"access_key": OTHER_KEY}), "test")
        session = await lab.session("loja")
        _, sealed = await lab.store.sessions.secrets(session.id)
        place = sealed_for.session(session, "encrypted")
        assert lab.gateway.vault.unseal(sealed, place) == {"access_key": OTHER_KEY}
        _, where = await lab.gateway.addresses.of_session(session)
        assert where.ref == {"line": "loja", "access_key": OTHER_KEY}
        declared = (
            [DeclaredServer("correio", "pombo", "http://pombo.test", {"admin_key": ADMIN})],
            [DeclaredSession("loja", "correio", ref={"line": "loja", "access_key": OTHER_KEY})],
        )
        assert await lab.commands.declared.apply(*declared) == []

    play(server, story)


def test_a_key_for_some_sessions_may_only_name_lines_inside_its_patterns(third_party: None) -> None:
    server = Pombo()

    async def story(lab: Lab) -> None:
        await connected(lab, server)
        scope, declared = Scope("default", ("shop-*",)), lab.gateway.registry.get("pombo").declaration
        scope.check_ref({"line": "shop-1", "access_key": KEY}, declared, None)
        with pytest.raises(CommandError) as raised:
            scope.check_ref({"line": "loja", "access_key": KEY}, declared, None)
        assert raised.value.field == "ref.line"

    play(server, story)
