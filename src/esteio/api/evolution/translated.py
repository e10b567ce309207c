"""Routes that carry a message's id: asked of the session's server with its own ids in the place of ours.

What a message of ours is called at the server is known once it has gone out; before that, nothing can be asked about it
there: it is waited for (`door.wait_s`), and then refused with a sentence. Only to delete it needs no server: it is
taken back. Never lives here: the call itself (`engine.commands.passed_calls`), a look-up (`lookups`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from esteio.api.evolution.route import Door, DoorCall, DoorHandler, DoorRoute, Method
from esteio.api.http.request import JSON, ApiResponse, answer
from esteio.core.model.address import jid_of
from esteio.core.model.message import Message
from esteio.core.webhooks import evolution_ids
from esteio.core.webhooks.evolution_names import instance_id
from esteio.engine.errors import CommandError
from esteio.engine.runtime.ports import NotFound
from esteio.providers.base import HttpResponse
from esteio.providers.pass_through import INSTANCE

Json = Any
LARGEST: Final = 16 * 2**20
"""More bytes of an answer are not read, whose document takes several times as much."""


async def known(door: Door, call: DoorCall, value: Json) -> Sequence[Message]:
    """The session's messages that are named anywhere in `value`."""
    return await door.api.store.messages.by_any_ids(call.known.id, evolution_ids.ids_in(value))


def written(body: Json) -> bytes:
    """A body for the server. Raises `CommandError("invalid-value")` for one that is too deep to be written."""
    try:
        return msgspec.json.encode(body)
    except RecursionError as error:
        raise CommandError("invalid-value", field="body", in_body=True, why="is nested too deep") from error


async def exchanged(door: Door, call: DoorCall, method: Method, path: str, body: Json) -> HttpResponse:
    """The server's answer to a body in which its own ids stand. `path` without the instance's name. Raises
    `CommandError` as `PassedCalls.exchange` does."""
    # Never the query: Evolution lets its words take the place of the instance in the path.
    return await door.passed.exchange(
        call.known,
        method,
        f"{path}/{INSTANCE}",
        who=call.request.who,
        headers={"content-type": JSON},
        body=written(body),
    )


async def in_our_words(door: Door, call: DoorCall, heard: HttpResponse) -> ApiResponse:
    """The server's answer with our ids; what is no JSON, as it came. Raises `CommandError("answer-too-large")`."""
    as_it_came = ApiResponse(heard.status, heard.body, heard.headers.get("content-type", JSON))
    said = readable(heard)
    if said is None:
        return as_it_came
    names = evolution_ids.to_ours(await known(door, call, said))
    try:
        return answer(evolution_ids.answered(said, names, instance_id(call.known)), heard.status)
    except RecursionError:
        return as_it_came


def readable(heard: HttpResponse) -> Json:
    """The document of an answer; None where it is none. Raises `CommandError("answer-too-large")`."""
    if len(heard.body) > LARGEST:
        raise CommandError("answer-too-large", limit=str(LARGEST))
    try:
        return msgspec.json.decode(heard.body)
    except (msgspec.DecodeError, RecursionError):
        return None


async def gone_out(door: Door, messages: Iterable[Message]) -> list[Message]:
    """The same messages, each with its id at the provider. Waits for those under way, `door.wait_s` in all. Raises
    `CommandError("message-not-sent")`."""
    clock, found = door.api.clock, []
    until = clock.now() + door.api.settings.door.wait_s
    for message in messages:
        now = message
        if not message.provider_id:
            now = await _waited(door, message, until - clock.now())
        if not now.provider_id:
            raise CommandError("message-not-sent", id=now.id, state=now.state)
        found.append(now)
    return found


async def _waited(door: Door, message: Message, wait_s: float) -> Message:
    try:
        return await door.api.waiters.wait_message(message.id, max(0.0, wait_s))
    except NotFound:
        return message


def act(method: Method, path: str) -> DoorHandler:
    """Asks it of the server with its ids, and answers with ours."""

    async def handler(door: Door, call: DoorCall) -> ApiResponse:
        return await _acted(door, call, method, path, await call.document())

    return handler


async def _acted(door: Door, call: DoorCall, method: Method, path: str, body: Json) -> ApiResponse:
    messages = await gone_out(door, await known(door, call, body))
    heard = await exchanged(door, call, method, path, evolution_ids.asked(body, evolution_ids.to_provider(messages)))
    return await in_our_words(door, call, heard)


async def mark_read(door: Door, call: DoorCall) -> ApiResponse:
    """Version 1 spelled the list `read_messages`."""
    body = await call.document()
    if "read_messages" in body:
        body.setdefault("readMessages", body.pop("read_messages"))
    return await _acted(door, call, "POST", "/chat/markMessageAsRead", body)


async def delete(door: Door, call: DoorCall) -> ApiResponse:
    """A message that has not gone out is taken back, and answered as one that was deleted (recording 096)."""
    body = await call.document()
    for message in await known(door, call, {"id": body.get("id")}):
        if not message.provider_id and await _taken_back(door, message):
            return _revoked(door, message)
    return await _acted(door, call, "DELETE", "/chat/deleteMessageForEveryone", body)


async def _taken_back(door: Door, message: Message) -> bool:
    """Whether it will never go out. False: it is under way, or nobody knows."""
    if message.state in ("failed", "expired", "cancelled"):
        return True
    try:
        await door.api.commands.messages.cancel(message.id)
    except CommandError as error:
        if error.code != "wrong-state":
            raise
        return False
    return True


def _revoked(door: Door, message: Message) -> ApiResponse:
    """As Evolution answers. There is no message of its own that revokes: `key.id` is the deleted one's."""
    key = {"remoteJid": jid_of(message.chat), "fromMe": True, "id": message.id}
    revoke = {"protocolMessage": {"key": key, "type": "REVOKE"}}
    at = str(int(door.api.clock.now()))
    return answer({"key": key, "message": revoke, "messageTimestamp": at, "status": "PENDING"}, 201)


def _routes(method: Method, name: str, handler: DoorHandler, *spelled: Method) -> tuple[DoorRoute, ...]:
    """One route for each verb that clients use for it."""
    path = f"/chat/{name}/{{instance}}"
    return tuple(DoorRoute(verb, path, handler, "send", "translated") for verb in (method, *spelled))


ROUTES = (
    *_routes("POST", "updateMessage", act("POST", "/chat/updateMessage"), "PUT"),
    *_routes("DELETE", "deleteMessageForEveryone", delete),
    *_routes("POST", "markMessageAsRead", mark_read, "PUT"),
    *_routes("POST", "markChatUnread", act("POST", "/chat/markChatUnread"), "PUT"),
    *_routes("POST", "archiveChat", act("POST", "/chat/archiveChat"), "PUT"),
)
