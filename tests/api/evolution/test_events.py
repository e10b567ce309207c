"""What a subscriber of the Evolution door hears: the events of the session's server that Esteio does not model go on as
they came, and only while somebody asked for them. A whole gateway in virtual time; the receiver is the world's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from esteio.core.webhooks.evolution_format import CARRIED, carried
from esteio.core.webhooks.evolution_names import instance_id
from esteio.engine.key_scope import EVERYTHING
from esteio.providers.evolution.control import EVENTS
from esteio.providers.evolution.webhook import CARRIED as HANDED_ON
from esteio.providers.evolution.webhook import CARRIED_BYTES
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.world.subscribers import Subscriber
from esteio.testing.gateway import post_webhook
from tests.api.evolution.door_stage import Client, client

WEBHOOKS = Path(__file__).resolve().parents[2] / "recordings" / "evolution-2.3.7" / "webhooks"
JOINED = {
    "id": "120363000000000001@g.us",
    "author": "5511999990001@s.whatsapp.net",
    "participants": ["5511999990002@s.whatsapp.net"],
    "action": "add",
    "instanceId": "ded7fbae-0736-4d7e-a5fe-575009a67a69",
}


class Stage:
    """One session, a client of the door with its key, and the receiver that it names."""

    def __init__(self, lab: Lab, door: Client, receiver: Subscriber) -> None:
        self.lab, self.door, self.receiver = lab, door, receiver

    @property
    def line(self) -> Any:
        return self.lab.world.servers["evo"].lines["line"]

    async def subscribe(self, *events: str, **more: Any) -> Any:
        asked = {"enabled": True, "url": self.receiver.url, "events": list(events), **more}
        return await self.door.said(201, "POST", "/webhook/set/{}", {"webhook": asked})

    async def server_posts(self, event: str, data: Any, **more: Any) -> None:
        body = {"event": event, "instance": "line", "data": data, "apikey": self.line.token, **more}
        assert await post_webhook(self.lab, self.line.hook.url, json.dumps(body).encode()) == 200
        await asyncio.sleep(5)

    def heard(self, *names: str) -> list[Any]:
        return [one.body for one in self.receiver.taken if not names or one.body["event"] in names]


def play(story: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Lab(5) as lab:
            await lab.add_server("evo")
            await lab.adopt("evo", "line", "5511955550001")
            await lab.until_state("line", "connected", 60)
            await asyncio.sleep(60)
            await story(Stage(lab, await client(lab, "line", "operate"), lab.subscribers.add("hooks.example")))

    run_virtual(whole, limit_s=86_400.0)


def test_the_server_is_asked_for_what_a_subscriber_wants_and_for_nothing_more() -> None:
    async def story(stage: Stage) -> None:
        assert sorted(stage.line.hook.events) == sorted(EVENTS)
        await stage.subscribe("MESSAGES_UPSERT")
        await asyncio.sleep(10)
        assert sorted(stage.line.hook.events) == sorted(EVENTS), "of that all is read here anyway"
        await stage.subscribe("MESSAGES_UPSERT", "GROUP_PARTICIPANTS_UPDATE", "CALL")
        await asyncio.sleep(10)
        assert sorted(stage.line.hook.events) == sorted([*EVENTS, "GROUP_PARTICIPANTS_UPDATE", "CALL"])
        assert (await stage.lab.session("line")).state == "connected"

    play(story)


def test_a_server_that_lost_what_was_asked_is_asked_again() -> None:
    async def story(stage: Stage) -> None:
        await stage.subscribe("CALL")
        await asyncio.sleep(10)
        stage.line.hook.events = EVENTS

        async def there_again() -> bool:
            return "CALL" in stage.line.hook.events

        await stage.lab.until(there_again, 3600)

    play(story)


def test_what_is_not_modelled_goes_on_as_it_came_with_our_names() -> None:
    async def story(stage: Stage) -> None:
        await stage.subscribe()
        await stage.server_posts("group-participants.update", JOINED, server_url="http://evo.inside:8080")
        (told,) = stage.heard("group-participants.update")
        ours = instance_id(await stage.lab.session("line"))
        assert told["data"] == {**JOINED, "instanceId": ours}
        assert (told["instance"], told["apikey"]) == ("line", None)
        assert told["server_url"] == "http://gateway.sim/evolution"
        assert told["destination"] == stage.receiver.url
        for secret in (stage.line.token, "evo.inside"):
            assert secret not in json.dumps(told)

    play(story)


def test_nobody_else_hears_of_it_and_nothing_is_kept_for_nobody() -> None:
    async def story(stage: Stage) -> None:
        rows = stage.lab.store.database.db.connection  # type: ignore[attr-defined]
        count = "SELECT count(*) FROM events WHERE type = 'provider.event'"
        await stage.server_posts("call", {"id": "C0"})
        assert rows.execute(count).fetchall()[0][0] == 0
        await stage.subscribe("CALL", "PRESENCE_UPDATE")
        await stage.server_posts("contacts.update", [{"remoteJid": "x"}])
        await stage.server_posts("call", {"id": "C1"})
        assert [body["data"] for body in stage.heard()] == [{"id": "C1"}]
        streamed = await stage.lab.gateway.api.feed.after(0)
        assert "provider.event" not in {one.type for one in streamed}

    play(story)


def test_of_a_person_who_is_erased_nothing_of_it_stays() -> None:
    async def story(stage: Stage) -> None:
        stage.receiver.up = False
        await stage.subscribe()
        await stage.server_posts("presence.update", {"id": "5511999990001@s.whatsapp.net"})
        await stage.server_posts("presence.update", {"id": "5511999990002@s.whatsapp.net"})
        await stage.lab.commands.contacts.erase("5511999990001", EVERYTHING)
        stage.receiver.up = True
        await asyncio.sleep(120)
        told = [body["data"]["id"] for body in stage.heard("presence.update")]
        assert told == ["5511999990002@s.whatsapp.net"]

    play(story)


def test_what_is_too_large_is_left_out() -> None:
    async def story(stage: Stage) -> None:
        await stage.subscribe()
        await stage.server_posts("chats.upsert", [{"remoteJid": "x" * CARRIED_BYTES}])
        await stage.server_posts("chats.upsert", [{"remoteJid": "y"}])
        assert [body["data"] for body in stage.heard("chats.upsert")] == [[{"remoteJid": "y"}]]

    play(story)


def recorded(event: str) -> Any:
    """The data of the first recorded webhook of this event."""
    bodies = (json.loads(path.read_text(encoding="utf-8"))["body"] for path in sorted(WEBHOOKS.glob("*.json")))
    return next(body["data"] for body in bodies if body["event"] == event)


@pytest.mark.parametrize("event", ["contacts.upsert", "contacts.update", "chats.update"])
def test_recorded_events_arrive_whole(event: str) -> None:
    async def story(stage: Stage) -> None:
        await stage.subscribe()
        await stage.server_posts(event, recorded(event))
        (told,) = stage.heard(event)
        ours = instance_id(await stage.lab.session("line"))
        theirs = json.loads(json.dumps(recorded(event)).replace("ded7fbae-0736-4d7e-a5fe-575009a67a69", ours))
        assert told["data"] == theirs

    play(story)


def test_every_event_that_is_asked_for_is_handed_on() -> None:
    assert sorted(name.upper().replace(".", "_").replace("-", "_") for name in HANDED_ON.values()) == sorted(CARRIED)
    assert carried(()) == CARRIED
    assert carried(("CALL", "MESSAGES_UPSERT")) == ("CALL",)


def test_a_session_s_own_events_name_the_instance() -> None:
    async def story(stage: Stage) -> None:
        await stage.subscribe()
        await stage.lab.send("line", "5511999990001", "oi")
        await asyncio.sleep(20)
        told = stage.heard("send.message")
        assert [body["data"]["message"] for body in told] == [{"conversation": "oi"}]
        ours = instance_id(await stage.lab.session("line"))
        for body in stage.heard("send.message", "messages.update"):
            assert body["data"]["instanceId"] == ours
            assert body["sender"] == "5511955550001@s.whatsapp.net"
        page = await stage.lab.store.messages.page((await stage.lab.session("line")).id)
        assert told[0]["data"]["key"]["id"] == page.items[0].id
        assert told[0]["data"]["providerId"] == page.items[0].provider_id

    play(story)
