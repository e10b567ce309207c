"""Evolution's routes that the sandbox knows and does not act on: groups, profiles, labels, bots, event sinks, proxy.

A list is empty, what was set is found again, everything else says what was received. That they exist, with these verbs,
is 2.3.7's; **their answers' shapes are not recorded**. Never lives here: a message, a link.
"""

# ruff: noqa: ARG001 - every route has the same signature
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from esteio.providers.base import HttpResponse
from esteio.sim.providers.evolution.instance import EvolutionInstance
from esteio.sim.providers.evolution.message_routes import Route
from esteio.sim.providers.evolution.payloads import ok

Json = Any

GROUP_GETS = "findGroupInfos participants inviteCode inviteInfo acceptInviteCode"
GROUP_POSTS = (
    "create updateGroupSubject updateGroupPicture updateGroupDescription sendInvite revokeInviteCode updateParticipant "
    "updateSetting toggleEphemeral"
)
CHAT_POSTS = (
    "archiveChat markChatUnread updateProfileName updateProfileStatus updateProfilePicture updateBlockStatus "
    "updatePrivacySettings"
)
BOTS = "typebot openai dify n8n flowise evolutionBot evoai"
SINKS = "websocket rabbitmq nats sqs pusher kafka proxy chatwoot"


def _settled(name: str) -> Route:
    async def settle(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
        """As `set` answers: what was given, which `find` gives again."""
        given = body if isinstance(body, dict) else {}
        instance.configured[name] = given.get(name, given)
        return ok(instance.configured[name], 201)

    return settle


def _found(name: str) -> Route:
    async def find(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
        return ok(instance.configured.get(name))

    return find


async def _nothing(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    return ok([])


async def _received(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    return ok({"received": body, "query": query})


async def _taken(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    return ok({"received": body, "query": query}, 201)


def _routes() -> Iterator[tuple[tuple[str, str, str], Route]]:
    for name in SINKS.split():
        yield ("POST", name, "set"), _settled(name)
        yield ("GET", name, "find"), _found(name)
    for name in BOTS.split():
        yield from _bot(name)
    yield from ((("GET", "group", name), _received) for name in GROUP_GETS.split())
    yield from ((("POST", "group", name), _taken) for name in GROUP_POSTS.split())
    yield from ((("POST", "chat", name), _taken) for name in CHAT_POSTS.split())
    yield ("GET", "group", "fetchAllGroups"), _nothing
    yield ("DELETE", "group", "leaveGroup"), _received
    yield ("POST", "chat", "findChats"), _nothing
    yield ("GET", "chat", "findChatByRemoteJid"), _received
    yield ("GET", "chat", "fetchPrivacySettings"), _received
    yield ("DELETE", "chat", "removeProfilePicture"), _received
    yield ("GET", "template", "find"), _nothing
    yield from ((("POST", "template", verb), _taken) for verb in ("create", "edit"))
    yield ("DELETE", "template", "delete"), _received
    yield from ((("POST", "business", verb), _received) for verb in ("getCatalog", "getCollections"))
    yield ("GET", "label", "findLabels"), _nothing
    yield ("POST", "label", "handleLabel"), _taken
    yield ("POST", "call", "offer"), _taken


def _bot(name: str) -> Iterator[tuple[tuple[str, str, str], Route]]:
    yield from ((("GET", name, verb), _nothing) for verb in ("find", "fetchSessions"))
    yield from ((("GET", name, verb), _received) for verb in ("fetch", "fetchSettings"))
    yield from ((("POST", name, verb), _taken) for verb in ("create", "settings", "changeStatus", "ignoreJid"))
    yield ("PUT", name, "update"), _received
    yield ("DELETE", name, "delete"), _received
    if name == "typebot":
        yield ("POST", name, "start"), _taken
    if name == "openai":
        yield from ((("GET", name, verb), _nothing) for verb in ("creds", "getModels"))
        yield ("POST", name, "creds"), _taken
        yield ("DELETE", name, "creds"), _received


ROUTES: dict[tuple[str, str, str], Route] = dict(_routes())
NAMED = frozenset({"fetch", "fetchSessions", "update", "delete", "creds"})
"""Verbs of bots whose address carries the bot's id before the instance's name."""
