"""The simulated Evolution's webhooks beside the recorded ones: shapes, headers, paths."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from esteio.sim.world.healing import heal
from tests.sim.providers.recorded_bench import PHONE, RECORDINGS, Bench, differences, scene


def recorded_hooks(event: str, **wanted: Any) -> Iterator[dict[str, Any]]:
    for path in sorted((RECORDINGS / "webhooks").glob(f"*_{event.replace('.', '-')}.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        data = told["body"]["data"]
        if all(isinstance(data, dict) and data.get(key) == value for key, value in wanted.items()):
            yield told


@scene
async def test_webhook_bodies_have_the_recorded_shapes(bench: Bench) -> None:
    await bench.warm()
    await asyncio.sleep(10)
    world = bench.world
    came = world.contact_sends(PHONE, "5511988887777", "oi")
    world.contact_sends(PHONE, "5511977776666", "via lid", lid="88123@lid")
    world.contact_sends(PHONE, "5511988887777", "❤", "reaction", target="X")
    world.contact_edits(PHONE, "5511988887777", came, "editado")
    await asyncio.sleep(1)
    world.contact_deletes(PHONE, "5511988887777", came)
    bench.inject("ack_error_463")
    await bench.say(71)
    await asyncio.sleep(1)
    heal(world)
    bench.inject("revoked")
    await asyncio.sleep(2)
    await bench.ask("DELETE", "/instance/delete/s1")
    await asyncio.sleep(1)
    expected: list[tuple[str, dict[str, Any]]] = [
        ("instance.create", {}), ("qrcode.updated", {}), ("connection.update", {"state": "connecting"}),
        ("connection.update", {"state": "open"}), ("connection.update", {"state": "close", "statusReason": 401}),
        ("send.message", {"messageType": "conversation"}), ("messages.upsert", {"messageType": "conversation"}),
        ("messages.upsert", {"messageType": "reactionMessage"}), ("messages.update", {"status": "DELIVERY_ACK"}),
        ("messages.update", {"status": "ERROR"}), ("messages.update", {"status": "SERVER_ACK"}),
        ("messages.edited", {"type": "MESSAGE_EDIT"}), ("messages.edited", {"type": "REVOKE"}), ("messages.delete", {}),
        ("status.instance", {}), ("logout.instance", {}), ("instance.delete", {}), ("remove.instance", {}),
        ("contacts.upsert", {}), ("contacts.update", {}), ("chats.update", {}),
    ]  # fmt: skip
    for event, wanted in expected:
        ours = [
            body
            for _, _, body in bench.hooks
            if body["event"] == event and all((body["data"] or {}).get(key) == value for key, value in wanted.items())
        ]
        assert ours, f"never told: {event} {wanted}"
        shapes = [differences(ours[-1], told["body"]) for told in recorded_hooks(event, **wanted)]
        assert shapes, f"not recorded: {event} {wanted}"
        # `sender` is there once the number is known: some recordings were made before, some after.
        best = min(([one for one in shape if "'sender'" not in one] for shape in shapes), key=len)
        assert not best, f"{event} {wanted}: {best}"


@scene
async def test_webhook_headers_paths_and_the_false_z(bench: Bench) -> None:
    await bench.warm()
    await asyncio.sleep(10)
    await bench.say(85)
    bench.hooks.clear()
    await bench.say(86)
    await asyncio.sleep(0.1)
    url, headers, body = bench.hooks[0]
    (recorded,) = [told for told in recorded_hooks("send.message") if told["path"] == "/ok/send-message"]
    assert urlsplit(url).path == recorded["path"]
    assert headers["x-a"] == "1"
    assert "jwt_key" not in headers
    assert headers["Authorization"].count(".") == recorded["headers"]["Authorization"].count(".") == 2
    assert body["destination"] == recorded["body"]["destination"]
    assert body["date_time"].endswith("Z")
    assert body["apikey"] == bench.line.token
