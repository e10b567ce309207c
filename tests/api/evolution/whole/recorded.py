"""The recordings of a real Evolution 2.3.7, each asked at the door, with the sandbox in the state that it presumes.

`recorded_states.toml` says which state that is; `differences.toml` says where the door's answer is another one, and why
(docs/reference/evolution-door.md shows the same list). Compared are the status, the keys and their order, the types of
values, and the words of `SAID`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from esteio.sim.world.faults import Fault, inject
from tests.api.evolution.conftest import ADMIN, NUMBER, DoorLab

HERE = Path(__file__).resolve().parent.parent
RECORDINGS = HERE.parent.parent / "recordings" / "evolution-2.3.7"
TOKEN = "MYTOKEN-123"
NOBODY = "5511000000000"
"""The number that a recording says has no WhatsApp."""
HOOK = "http://127.0.0.1:28090/ok"
HOOK_HEADERS = {
    "hooked": {"x-tenant": "t1", "authorization": "Bearer hook-secret"},
    "hooked-secret": {"authorization": "Bearer hook-secret"},
    "hooked-plain": None,
}
SAID = frozenset({"state", "connectionStatus", "status", "error", "message", "presence", "name", "instanceName"})
"""Words that clients read: these are compared, not only their type."""


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One known difference. `at`: the places in an answer where it may show (`status` for the HTTP status), in each of
    the `recordings` (their numbers) at least one; without recordings it is one that no recording shows."""

    route: str
    evolution: str
    here: str
    why: str
    at: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()


@cache
def differences() -> tuple[Difference, ...]:
    """As they stand in the file."""
    found = tomllib.loads((HERE / "differences.toml").read_text(encoding="utf-8"))
    return tuple(msgspec.convert(one, Difference) for one in found["difference"])


@cache
def states() -> Mapping[str, str]:
    """The state that a recording presumes, by its number; `undriven: …` says why one is not asked."""
    found = tomllib.loads((HERE / "recorded_states.toml").read_text(encoding="utf-8"))
    return {number: state for state, numbers in found.items() for number in numbers}


@cache
def recordings() -> Mapping[str, Mapping[str, Any]]:
    """All of them, by number."""
    return {path.name[:3]: msgspec.json.decode(path.read_bytes()) for path in sorted(RECORDINGS.glob("*.json"))}


async def asked(door: DoorLab, recording: Mapping[str, Any], own_key: str) -> tuple[int, Any]:
    """The recorded request at the door; status and document."""
    request = recording["request"]
    keys = {"LAB-GLOBAL-KEY": ADMIN, "TOKT": own_key, TOKEN: own_key}
    headers = {name: word for name, word in request["headers"].items() if name.lower() != "apikey"}
    given = {name.lower(): word for name, word in request["headers"].items()}.get("apikey")
    body = request["body"]
    if isinstance(body, str):
        body = body.encode()
    key = None if given is None else keys.get(given, given)
    answered = await door.call(request["method"], request["path"], body, key=key, headers=headers)
    return answered.status_code, answered.json() if answered.content else None


def instance_of(recording: Mapping[str, Any]) -> str:
    """The instance that a recording speaks of."""
    request = recording["request"]
    path, _, query = request["path"].partition("?")
    words = path.strip("/").split("/")
    if len(words) > 2:
        return unquote(words[2])
    body = request["body"]
    if query:
        return str(query).removeprefix("instanceName=")
    named = body.get("instanceName") if isinstance(body, dict) else None
    shown = recording["response"]["body"]
    listed = shown[0]["name"] if isinstance(shown, list) and shown else None
    return named if isinstance(named, str) else listed or "s1"


def compared(recorded: Any, got: Any, place: str = "") -> Iterator[str]:
    """The places where two documents differ."""
    if isinstance(recorded, dict) and isinstance(got, dict):
        if recorded.keys() != got.keys() or (place != "headers" and list(recorded) != list(got)):
            yield f"{place}{{}}"
        for name in recorded.keys() & got.keys():
            yield from compared(recorded[name], got[name], f"{place}.{name}".lstrip("."))
    elif place.rpartition(".")[2] in SAID:
        if recorded != got:
            yield place
    elif isinstance(recorded, list) and isinstance(got, list):
        if bool(recorded) != bool(got):
            yield f"{place}[]"
        elif recorded:
            yield from compared(recorded[0], got[0], f"{place}[]")
    elif type(recorded) is not type(got):
        yield place


# -- the states ----------------------------------------------------------------------------------------------------


async def bring(door: DoorLab, state: str, name: str) -> str:
    """The instance into this state; the key that its create gave ("" where there is none)."""
    world = door.lab.world
    if state in ("none", "unreachable"):
        world.servers["evo"].road = "ok" if state == "none" else "refused"
        return ""
    if state in ("made", "unreachable-made"):
        world.servers["evo"].road = "ok" if state == "made" else "refused"
        return str((await door.create(name, token=TOKEN))["hash"])
    if state in HOOK_HEADERS:
        hook = {"url": HOOK, "events": ["CALL"], "headers": HOOK_HEADERS[state], "base64": True}
        return str((await door.create(name, token=TOKEN, webhook=hook))["hash"])
    if state == "other":
        await door.create("another", token=TOKEN)
        return str((await door.create(name))["hash"] and TOKEN)
    world.not_on_whatsapp.add(NOBODY)
    own = str((await door.linked(name, token=TOKEN))["hash"])
    match state:
        case "logged-out" | "pairing" | "relinked":
            await door.said("DELETE", f"/instance/logout/{name}")
            await _after_logout(door, state, name)
        case "ghost_kept":
            # The restart that follows at once opens no socket: it is a ghost still, whatever comes first.
            inject(world, "evo", name, Fault("ghost", variant="restart_noop"))
        case "ghost" | "half_open" | "stale_registry" | "banned":
            inject(world, "evo", name, Fault(state))
        case "hanging":
            inject(world, "evo", name, Fault("drop", road="blackhole", down_s=3600.0))
    if state in ("ghost", "ghost_kept", "stale_registry", "banned", "hanging"):
        await door.lab.until(lambda: _is_noticed(door, name), 900)
    return own


async def _is_noticed(door: DoorLab, name: str) -> bool:
    return (await door.lab.session(name)).state != "connected"


async def _after_logout(door: DoorLab, state: str, name: str) -> None:
    if state == "logged-out":
        return
    number = NUMBER if state == "pairing" else ""
    shown = await door.said("GET", f"/instance/connect/{name}", params={"number": number})
    if state == "relinked":
        door.lab.world.phone(NUMBER).scan(shown["code"])
        await door.lab.until_state(name, "connected", 120)
