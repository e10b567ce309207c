"""`chatwoot/set`, `chatwoot/find`, and the address that a Chatwoot inbox writes to.

The integration itself stays the server's: it brings what comes in to Chatwoot, makes the bot's contact and keeps its
settings. What agents write comes here, for it is then in the outbox: held while the line is down, sent once. Never
lives here: what an event of Chatwoot's says (`engine.commands.chatwoot.event`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from esteio.api.evolution.answers import EvolutionError
from esteio.api.evolution.route import Door, DoorCall, DoorRoute
from esteio.api.http.request import JSON, ApiResponse, answer
from esteio.core.model.address import jid_of
from esteio.core.model.message import Message
from esteio.core.model.session import Session
from esteio.core.webhooks.evolution_names import instance_name
from esteio.engine.commands.chatwoot.chatwoot_commands import CALLER
from esteio.engine.commands.chatwoot.event import Deleted, Written, read
from esteio.engine.commands.keys import has_role
from esteio.engine.errors import CommandError
from esteio.providers.base import HttpResponse

BLANK: Final = "***"
"""In the place of the account's token; set again, it stands for the token that is there."""
ANSWERED: Final = {"message": "bot"}
"""What Evolution answers to Chatwoot, whatever it was told."""
NOTHING_SET: Final[Mapping[str, Any]] = {
    "enabled": False,
    "url": "",
    "accountId": "",
    "token": "",
    "signMsg": False,
    "nameInbox": "",
    "webhook_url": "",
}
"""Evolution's own answer where nothing was set."""
PASSED_WITHIN_S: Final = 4.0
"""Chatwoot waits five seconds."""


async def set_chatwoot(door: Door, call: DoorCall) -> ApiResponse:
    """The server's settings and ours, and the inbox, when asked for, writing to us. What the server refuses is answered
    in its own words."""
    session, before = call.known, await door.chatwoot.settings(call.known) or {}
    given = await call.document()
    if given.get("token") == BLANK:
        given["token"] = before.get("token", "")
    said = await _passed_set(door, call, {**given, "autoCreate": False})
    if not _is_done(said):
        return ApiResponse(said.status, said.body, JSON)
    await door.chatwoot.keep(session, {**before, **given})
    if given.get("enabled") is True and given.get("autoCreate") is True:
        await door.chatwoot.inboxes.ensure(
            str(given.get("url") or ""),
            str(given.get("accountId") or ""),
            str(given.get("token") or ""),
            name=str(given.get("nameInbox") or instance_name(session)),
            webhook_url=door.chatwoot.address(session),
        )
        # Now that an inbox of that name is there, the server makes the bot's contact and no other inbox.
        said = await _passed_set(door, call, given)
        if not _is_done(said):
            return ApiResponse(said.status, said.body, JSON)
    return answer(_shown(door, call, {**_object(said), "autoCreate": given.get("autoCreate")}), said.status)


async def find_chatwoot(door: Door, call: DoorCall) -> ApiResponse:
    """As it was set here; else what the server has."""
    kept = await door.chatwoot.settings(call.known)
    if kept is not None:
        return answer(_shown(door, call, kept))
    said = await door.passed.exchange(call.known, "GET", "/chatwoot/find/{instance}", who=call.request.who)
    if not _is_done(said):
        return ApiResponse(said.status, said.body, JSON)
    found = said.json()
    return answer(_shown(door, call, found) if isinstance(found, dict) and found else NOTHING_SET)


async def hear_chatwoot(door: Door, call: DoorCall) -> ApiResponse:
    """What an inbox says. 200 when what an agent wrote is on disk; an error makes Chatwoot show it as not sent."""
    request = call.request
    session = await door.chatwoot.opened(request.path["instance"], request.query_word("token"))
    door.begin_span(call.request, "POST", "/chatwoot/webhook/{instance}")
    said = read(await call.document())
    if isinstance(said, Written):
        await door.chatwoot.send(session, said, request.trace_context)
    elif isinstance(said, Deleted):
        await _delete(door, session, said)
    elif said is not None:
        await door.passed.exchange(
            session,
            "POST",
            "/chatwoot/webhook/{instance}",
            who=CALLER,
            headers={"content-type": JSON},
            body=await request.body(),
            within_s=PASSED_WITHIN_S,
        )
    return answer(ANSWERED)


async def _passed_set(door: Door, call: DoorCall, body: Mapping[str, Any]) -> HttpResponse:
    return await door.passed.exchange(
        call.known,
        "POST",
        "/chatwoot/set/{instance}",
        who=call.request.who,
        headers={"content-type": JSON},
        body=msgspec.json.encode(body),
    )


async def _delete(door: Door, session: Session, deleted: Deleted) -> None:
    """What waits is taken back; what went is deleted for everyone."""
    for message in await door.chatwoot.sent(session, deleted.id):
        try:
            await door.api.commands.messages.cancel(message.id)
        except CommandError:
            if message.provider_id is not None:
                await _delete_for_everyone(door, session, message)


async def _delete_for_everyone(door: Door, session: Session, message: Message) -> None:
    key = {"id": message.provider_id, "remoteJid": jid_of(message.chat), "fromMe": True}
    await door.passed.exchange(
        session,
        "DELETE",
        "/chat/deleteMessageForEveryone/{instance}",
        who=CALLER,
        headers={"content-type": JSON},
        body=msgspec.json.encode(key),
        within_s=PASSED_WITHIN_S,
    )


def _is_done(said: HttpResponse) -> bool:
    return 200 <= said.status < 300


def _object(said: HttpResponse) -> dict[str, Any]:
    body = said.json()
    if not isinstance(body, dict):
        raise EvolutionError(502, ["The server's answer is none of Chatwoot's settings"])
    return body


def _shown(door: Door, call: DoorCall, settings: Mapping[str, Any]) -> dict[str, Any]:
    """With our address; the account's token, and the one in our address, only for those who may change them."""
    address, shown = door.chatwoot.address(call.known), dict(settings)
    if not has_role(call.request.key, "operate"):
        # Whoever has the address can send by it.
        address = f"{address.partition('?')[0]}?token={BLANK}"
        if shown.get("token"):
            shown["token"] = BLANK
    return {**shown, "webhook_url": address}


ROUTES = (
    DoorRoute("POST", "/chatwoot/set/{instance}", set_chatwoot, "operate"),
    DoorRoute("GET", "/chatwoot/find/{instance}", find_chatwoot, "read"),
    DoorRoute("POST", "/chatwoot/webhook/{instance}", hear_chatwoot, None),
)
