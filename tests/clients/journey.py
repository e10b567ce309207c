"""What a client's user does from nothing to the end, said once for every client and for whatever answers it.

Each step asserts what that user would notice. Never lives here: what answers (the sandbox, or the door before it).
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from esteio.sim.world.world import World
from tests.clients.client import Client, ClientError
from tests.clients.hooks import PICTURE, Hooks

EVENTS = ["MESSAGES_UPSERT", "MESSAGES_UPDATE", "SEND_MESSAGE", "CONNECTION_UPDATE"]
FRIEND = "5511988887777"
SOUND = base64.b64encode(b"OggS\x00\x02" + bytes(60) + b"OpusHead").decode()
STICKER = base64.b64encode(b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(32)).decode()
PATIENCE_S = 60.0


async def all_of(journeys: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Every journey to its end, whatever becomes of the others. Raises `ExceptionGroup` with all that failed."""
    ended = await asyncio.gather(*journeys, return_exceptions=True)
    if failed := [one for one in ended if isinstance(one, Exception)]:
        raise ExceptionGroup("clients failed", failed)


class Journey:
    """One client with one instance. `sent`: what went out, as (the text seen at WhatsApp, the answered id); the text of
    media without a caption is the client's own affair, and "" here."""

    def __init__(self, client: Client, world: World, hooks: Hooks, instance: str, phone: str) -> None:
        self.client, self.world, self.hooks = client, world, hooks
        self.instance, self.phone = instance, phone
        self.sent: list[tuple[str, str]] = []

    async def whole(self) -> None:
        await self.begins()
        await self.sends()
        await self.told()
        await self.looks()
        await self.ends()

    # -- to open ---------------------------------------------------------------------------------------------------

    async def begins(self) -> None:
        made = await self.client.do("create", name=self.instance)
        assert made["instance"]["instanceName"] == self.instance
        assert made["hash"]
        self.world.phone(self.phone).scan(await self.code())
        await self.until("open", self.open)
        await self.webhook()

    async def code(self) -> str:
        """What the QR says that the client shows."""
        async with asyncio.timeout(PATIENCE_S):
            while not (shown := await self.client.do("connect", name=self.instance)).get("code"):
                await asyncio.sleep(0.1)
        assert shown["base64"].startswith("data:image/png;base64,")
        code: str = shown["code"]
        return code

    async def open(self) -> bool:
        if "state" in self.client.verbs:
            return bool(await self.client.do("state", name=self.instance) == "open")
        return bool((await self.listed())["connectionStatus"] == "open")

    async def listed(self) -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in await self.client.do("instances") if one["name"] == self.instance)
        return found

    async def webhook(self) -> None:
        await self.client.do("set_webhook", name=self.instance, url=self.hooks.url, events=EVENTS)
        found = await self.client.do("find_webhook", name=self.instance)
        assert (found["url"], found["enabled"], sorted(found["events"])) == (self.hooks.url, True, sorted(EVENTS))

    # -- messages --------------------------------------------------------------------------------------------------

    async def sends(self) -> None:
        mark = self.instance
        await self.send(f"oi de {mark}", "text", words=f"oi de {mark}")
        await self.send(f"foto de {mark}", "image", caption=f"foto de {mark}", data=PICTURE)
        await self.send(f"praça de {mark}", "location", place=f"praça de {mark}")
        await self.send(f"Ana de {mark}", "contact", who=f"Ana de {mark}")
        await self.send(f"vamos, {mark}?", "poll", question=f"vamos, {mark}?")
        await self.send("", "audio", data=SOUND)
        await self.send("", "sticker", data=STICKER)
        await self.send(f"certo, {mark}?", "buttons", title=f"certo, {mark}?")
        await self.reacts()

    async def send(self, seen: str, verb: str, **words: Any) -> None:
        if verb not in self.client.verbs:
            return
        said = await self.client.do(verb, name=self.instance, number=FRIEND, **words)
        assert "key" in said, f"{self.client.name} {verb}: {said}"
        assert said["key"]["fromMe"] is True
        assert said["key"]["remoteJid"].endswith("@s.whatsapp.net")
        assert said["status"] == "PENDING"
        self.sent.append((seen, said["key"]["id"]))

    async def reacts(self) -> None:
        key = {"id": self.sent[0][1], "fromMe": True, "remoteJid": f"{FRIEND}@s.whatsapp.net"}
        said = await self.client.do("reaction", name=self.instance, key=key, emoji="👍")
        assert "key" in said, said
        self.sent.append(("👍", said["key"]["id"]))

    async def told(self) -> None:
        """Webhooks carry the ids that the sends answered, and what a friend writes comes in."""
        ids = {key_id for _, key_id in self.sent}
        await self.hooks.until(
            f"send.message of {ids}",
            lambda: ids <= {one["key"]["id"] for one in self.hooks.of(self.instance, "send.message")},
        )
        await self.hooks.until(
            f"an update of {self.sent[0]}",
            lambda: self.sent[0][1] in {one["keyId"] for one in self.hooks.of(self.instance, "messages.update")},
        )
        self.world.contact_sends(self.phone, FRIEND, f"bom dia, {self.instance}", "text")
        await self.hooks.until("messages.upsert", lambda: bool(self.hooks.of(self.instance, "messages.upsert")))
        event = next(
            one for one in self.hooks.events if one["event"] == "messages.upsert" and one["instance"] == self.instance
        )
        assert event["data"]["message"]["conversation"] == f"bom dia, {self.instance}"
        if "read" in self.client.verbs:
            assert await self.client.do("read", event=event) == f"bom dia, {self.instance}"
        self.once_and_in_order()

    def delivered(self) -> list[str]:
        """What WhatsApp brought to the friend from this instance, in order."""
        return [one.text for one in self.world.ledger.delivered if one.sender == self.phone]

    def once_and_in_order(self) -> None:
        got, wanted = self.delivered(), [seen for seen, _ in self.sent]
        same = len(got) == len(wanted) and all(one in ("", other) for one, other in zip(wanted, got, strict=True))
        assert same, f"{self.client.name}: sent {wanted}, and {got} was delivered"

    async def looks(self) -> None:
        seen, key_id = self.sent[0]
        jid = f"{FRIEND}@s.whatsapp.net"
        found = await self.client.do("messages", name=self.instance, jid=jid, key_id=key_id)
        records = {one["key"]["id"]: one for one in found["messages"]["records"]}
        assert records[key_id]["message"]["conversation"] == seen
        assert (await self.listed())["connectionStatus"] == "open"

    # -- the end ---------------------------------------------------------------------------------------------------

    async def ends(self) -> None:
        await self.client.do("presence", name=self.instance)
        await self.client.do("restart", name=self.instance)
        await self.until("open again", self.sends_again)
        await self.client.do("logout", name=self.instance)
        await self.until("logged out", self.closed)
        await self.client.do("delete", name=self.instance)
        await self.until("gone", self.gone)

    async def sends_again(self) -> bool:
        """What a list says of a moment ago is no proof; a message that leaves is."""
        try:
            said = await self.client.do("text", name=self.instance, number=FRIEND, words="ainda aqui")
        except ClientError:
            return False
        return "key" in said

    async def closed(self) -> bool:
        return not await self.open()

    async def gone(self) -> bool:
        return all(one["name"] != self.instance for one in await self.client.do("instances"))

    async def until(self, what: str, holds: Callable[[], Any]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await holds():
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{self.client.name}: never {what}") from None
