"""The simulated Evolution beside its recordings: what is said to both, and where they differ."""

import asyncio
import json
from pathlib import Path

import msgspec

from esteio.providers.base import HttpRequest
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.providers.faces import new_world
from esteio.sim.world.faults import Fault, inject

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


def load(number):
    (path,) = RECORDINGS.glob(f"{number:03d}_*.json")
    return json.loads(path.read_text(encoding="utf-8"))


def differences(ours, theirs, where="$"):
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


def error_words(body):
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

    def __init__(self, version="2.3.7"):
        self.world = new_world(7)
        self.server = self.world.add_server("lab", "evolution", version, "http://127.0.0.1:28080", KEY)
        self.server.race_rate = 0.0
        self.world.not_on_whatsapp.add("5511000000000")
        self.hooks = []
        self.hook_status = 200
        self.world.on_webhook = self.receive
        self.ids = {}

    async def receive(self, url, headers, body):
        self.hooks.append((url, dict(headers), msgspec.json.decode(body)))
        return self.hook_status

    async def ask(self, method, path, body=None, key=KEY):
        headers = {} if key is None else {"apikey": key}
        raw = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        response = await self.server.face.handle(HttpRequest(method, f"http://127.0.0.1:28080{path}", headers, raw))
        return response.status, response.json()

    async def say(self, number, *, state=True, **swap):
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
    def line(self):
        return self.server.lines["s1"]

    async def until(self, condition, step=0.05, limit=120.0):
        for _ in range(int(limit / step)):
            if condition():
                return
            await asyncio.sleep(step)
        raise AssertionError("it never came to that")

    async def open_s1(self):
        """s1 created as recorded, paired and open; the usual number cached by one accepted send."""
        created = await self.say(42)
        self.world.phone(PHONE).scan(created["qrcode"]["code"])
        await self.until(lambda: self.line.state == "open")
        await asyncio.sleep(1)
        return created

    async def warm(self):
        await self.open_s1()
        return await self.say(50)

    def inject(self, kind, **params):
        inject(self.world, "lab", "s1", Fault(kind, **params))


def scene(coroutine):
    """Run an async test of a bench under the virtual clock."""

    def test():
        async def main():
            await coroutine(Bench())

        run_virtual(main, limit_s=7200)

    test.__name__ = coroutine.__name__
    return test
