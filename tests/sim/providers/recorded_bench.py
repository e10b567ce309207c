"""The simulated Evolution beside its recordings: what is said to both, and where they differ."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from esteio.providers.base import HttpRequest
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.providers.evolution.instance import EvolutionInstance
from esteio.sim.providers.faces import new_world
from esteio.sim.world.faults import Fault, inject
from tests.narrowing import of_type

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings" / "evolution-2.3.7"


KEY = "LAB-GLOBAL-KEY"


PHONE = "5511955550001"

# Keys that one side may lack. `contextInfo` of inbound messages depends on what the contact's app writes.
OPTIONAL = {"contextInfo", "statusAttributions"}


# Keys whose value may be null on one side: pictures (the lab served one, the world has none), and what pairing fills.
NULLABLE = {"profilePicUrl", "profilePictureUrl", "picture", "contextInfo", "ownerJid", "profileName"}
NULLABLE |= {"disconnectionReasonCode", "disconnectionObject", "disconnectionAt"}


# Error texts of which only the first words are the API's own: the rest is a stack frame or a query.
STACKS = ("PrismaClient", "\nInvalid `this.prisma")


def load(number: int) -> dict[str, Any]:
    (path,) = RECORDINGS.glob(f"{number:03d}_*.json")
    recording: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return recording


def differences(ours: Any, theirs: Any, where: str = "$") -> list[str]:
    """How two JSON values differ in shape; an empty list when they do not."""
    if where.rsplit(".", 1)[-1] in NULLABLE and (ours is None or theirs is None):
        return []
    if isinstance(theirs, dict) and isinstance(ours, dict):
        odd = (set(ours) ^ set(theirs)) - OPTIONAL
        found = [f"{where}: key {key!r} only {'here' if key in ours else 'in the recording'}" for key in sorted(odd)]
        for key in set(ours) & set(theirs):
            found += differences(ours[key], theirs[key], f"{where}.{key}")
        return found
    if isinstance(theirs, list) and isinstance(ours, list):
        if bool(ours) != bool(theirs):
            return [f"{where}: {len(ours)} entries, recorded {len(theirs)}"]
        return differences(ours[0], theirs[0], f"{where}[]") if ours else []
    kinds = tuple(float if type(one) is int else type(one) for one in (ours, theirs))
    return [] if kinds[0] is kinds[1] else [f"{where}: {ours!r} for recorded {theirs!r}"]


def error_words(body: Any) -> str | None:
    """The text of an error, stack frames cut off; None for what is no error."""
    if not isinstance(body, dict) or "response" not in body or body.get("status") == "SUCCESS":
        return None
    words = json.dumps(body["response"]["message"], ensure_ascii=False)
    for stack in STACKS:
        if json.dumps(stack)[1:-1] in words:
            return stack
    return words.replace('"defaults"', "")


class Bench:
    """A world with one Evolution server named as in the lab, and a way to say recorded requests to it."""

    def __init__(self, version: str = "2.3.7") -> None:
        self.world = new_world(7)
        self.server = self.world.add_server("lab", "evolution", version, "http://127.0.0.1:28080", KEY)
        self.server.race_rate = 0.0
        self.world.not_on_whatsapp.add("5511000000000")
        self.hooks: list[tuple[str, dict[str, str], Any]] = []
        self.hook_status = 200
        self.world.on_webhook = self.receive
        self.ids: dict[str, str] = {}

    async def receive(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.hooks.append((url, dict(headers), msgspec.json.decode(body)))
        return self.hook_status

    async def ask(
        self, method: str, path: str, body: bytes | dict[str, Any] | None = None, key: str | None = KEY
    ) -> tuple[int, Any]:
        headers = {} if key is None else {"apikey": key}
        raw = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        response = await self.server.face.handle(HttpRequest(method, f"http://127.0.0.1:28080{path}", headers, raw))
        return response.status, response.json()

    async def say(self, number: int, *, state: bool = True, **swap: Any) -> Any:
        """Replay one recording; `swap` replaces strings in its body (ids differ from run to run)."""
        told = load(number)
        request, recorded = told["request"], told["response"]
        body = request["body"]
        if isinstance(body, str):
            body = body.encode()
        elif body is not None:
            text = json.dumps(body)
            for old, new in swap.items():
                text = text.replace(old, new)
            body = json.loads(text)
        status, answer = await self.ask(request["method"], request["path"], body, request["headers"].get("apikey"))
        name = f"{number:03d} {told['name']}"
        assert status == recorded["status"], f"{name}: {status} {answer}"
        assert not differences(answer, recorded["body"]), f"{name}: {differences(answer, recorded['body'])}"
        assert error_words(answer) == error_words(recorded["body"]), name
        if state and isinstance(answer, dict) and "state" in (answer.get("instance") or {}):
            assert answer["instance"]["state"] == recorded["body"]["instance"]["state"], name
        return answer

    @property
    def line(self) -> EvolutionInstance:
        return of_type(EvolutionInstance, self.server.lines["s1"])

    async def until(self, condition: Callable[[], object], step: float = 0.05, limit: float = 120.0) -> None:
        for _ in range(int(limit / step)):
            if condition():
                return
            await asyncio.sleep(step)
        raise AssertionError("it never came to that")

    async def open_s1(self) -> Any:
        """s1 created as recorded, paired and open; the usual number cached by one accepted send."""
        created = await self.say(42)
        assert created["qrcode"] is not None
        self.world.phone(PHONE).scan(created["qrcode"]["code"])
        await self.until(lambda: self.line.state == "open")
        await asyncio.sleep(1)
        return created

    async def warm(self) -> Any:
        await self.open_s1()
        return await self.say(50)

    def inject(self, kind: str, **params: Any) -> None:
        inject(self.world, "lab", "s1", Fault(kind, **params))


def scene(coroutine: Callable[[Bench], Awaitable[None]]) -> Callable[[], None]:
    """Run an async test of a bench under the virtual clock."""

    def test() -> None:
        async def main() -> None:
            await coroutine(Bench())

        run_virtual(main, limit_s=7200)

    test.__name__ = coroutine.__name__
    return test
