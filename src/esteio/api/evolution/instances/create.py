"""`instance/create`: a session on `door.server`, with a key of its own, in Evolution's shape (recordings 005 to 031).

The session's row, its key, its webhook, its settings and its first work are one commit: killed before it there is
nothing, after it all is there, and the name is taken as Evolution would say. Never lives here: the create at the
provider (a work row).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from esteio.api.evolution.addresses import candidates, session_name
from esteio.api.evolution.answers import EvolutionError, invalid, name_in_use
from esteio.api.evolution.instances import settings
from esteio.api.evolution.instances.created_webhook import created_webhook
from esteio.api.evolution.instances.pairing import code_document, read_number
from esteio.api.evolution.instances.state import INTEGRATION
from esteio.api.evolution.route import Door, DoorCall, DoorRoute
from esteio.api.http.request import ApiResponse, answer
from esteio.core.model.session import Session
from esteio.core.model.tenant import name_on_shared
from esteio.core.webhooks.evolution_names import instance_id, instance_name
from esteio.core.webhooks.evolution_states import state_of
from esteio.engine.commands.instance_webhooks import InstanceWebhook
from esteio.engine.commands.requests import SessionRequest
from esteio.engine.commands.sessions.session_commands import WithSession
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import Scope
from esteio.store.base import StoredServer

SHORTEST_TOKEN: Final = 8
BUSINESS: Final = "WHATSAPP-BUSINESS"
ELSEWHERE: Final = (BUSINESS, "EVOLUTION")
"""Integrations that Evolution knows beside the one that Esteio heals."""


class Asked(msgspec.Struct, frozen=True):
    """A create as it was read. `number`: digits; `token`: "" for a new one."""

    instance: str
    token: str
    number: str | None
    qrcode: bool
    webhook: InstanceWebhook | None
    webhook_said: dict[str, Any]
    settings: dict[str, Any]


async def create(door: Door, call: DoorCall) -> ApiResponse:
    """201 once it is on disk; with `qrcode` it waits for the code. Raises `EvolutionError`, `CommandError`."""
    document = await call.document()
    instance = _instance(document)
    call.request.scope.check_name(session_name(instance))
    if await candidates(door.api, instance, call.request.scope):
        raise name_in_use(instance)
    asked = _read(instance, document)
    request = await _request(door, call, asked)
    prepared = door.api.commands.instance_webhooks.prepared
    hooks = () if asked.webhook is None else (await prepared(request.name, asked.webhook),)
    key, secret_hash, secret = door.api.commands.keys.of_session(request.name, asked.token)
    kept = asked.settings if asked.number is None else {**asked.settings, "number": asked.number}
    try:
        opened = await door.api.commands.sessions.create(
            request,
            call.request.who,
            pair_phone=asked.number,
            beside=WithSession(hooks, ((key, secret_hash),), kept),
            scope=call.request.scope,
        )
    except CommandError as error:
        if error.code in ("name-taken", "already-adopted"):
            raise name_in_use(instance) from error
        raise
    shown = {"qrcode": code_document(opened.qr)} if asked.qrcode else {}
    return answer({**_document(opened.session, secret, asked), **shown}, 201)


def _instance(document: dict[str, Any]) -> str:
    name = document.get("instanceName")
    if name is None or name == "":
        raise invalid('instance requires property "instanceName"')
    if not isinstance(name, str):
        raise invalid("instanceName is not of a type(s) string")
    if not name.strip() or len(name) > 255:
        raise invalid("instanceName is empty or longer than 255 characters")
    return name


def _read(instance: str, document: dict[str, Any]) -> Asked:
    _check_integration(document)
    webhook, said = created_webhook(document)
    return Asked(
        instance=instance,
        token=_token(document.get("token")),
        number=read_number(document.get("number")),
        qrcode=bool(document.get("qrcode")),
        webhook=webhook,
        webhook_said=said,
        settings=settings.of_create(document),
    )


def _check_integration(document: dict[str, Any]) -> None:
    integration = document.get("integration")
    if integration == BUSINESS and not document.get("token"):
        raise EvolutionError(400, ["token is required"])
    if integration in ELSEWHERE:
        raise EvolutionError(400, [f"Esteio makes no instances of the integration {integration}"])
    if integration != INTEGRATION:
        raise EvolutionError(400, ["Invalid integration"])


def _token(said: object) -> str:
    """The client's own secret for this instance; "" for none."""
    if said is None or said == "":
        return ""
    if not isinstance(said, str) or len(said) < SHORTEST_TOKEN or not (said.isascii() and said.isprintable()):
        raise invalid(f"token is not a text of {SHORTEST_TOKEN} printable ASCII characters or more")
    if said != said.strip():
        raise invalid("token begins or ends with a space")
    return said


async def _request(door: Door, call: DoorCall, asked: Asked) -> SessionRequest:
    scope = call.request.scope
    server = (await _server(door, scope)).server
    name = session_name(asked.instance)
    there = asked.instance if server.tenant is not None else name_on_shared(scope.home, asked.instance)
    return SessionRequest(
        name=name,
        server=server.name,
        ref={} if name == asked.instance else {"instance_name": there},
        # Evolution answers at once where no code was asked for.
        wait_s=None if asked.qrcode else 0.0,
    )


async def _server(door: Door, scope: Scope) -> StoredServer:
    """The tenant's own server, where it has one and no more; else `door.server`, or the only one there is. Raises
    `CommandError`."""
    usable = await door.api.store.servers.within(scope)
    own = [one for one in usable if scope.tenant is not None and one.server.tenant == scope.tenant]
    if len(own) == 1:
        return own[0]
    if named := door.api.settings.door.server:
        return await door.api.commands.lookup.server(named, scope, in_body=True)
    if len(usable) != 1:
        raise CommandError("door-without-server", count=str(len(usable)))
    return usable[0]


def _document(session: Session, secret: str, asked: Asked) -> dict[str, Any]:
    return {
        "instance": {
            "instanceName": instance_name(session),
            "instanceId": instance_id(session),
            "integration": INTEGRATION,
            "webhookWaBusiness": None,
            "accessTokenWaBusiness": "",
            "status": state_of(session),
        },
        "hash": secret,
        "webhook": asked.webhook_said,
        "websocket": {},
        "rabbitmq": {},
        "nats": {},
        "sqs": {},
        "settings": asked.settings,
    }


ROUTES = (DoorRoute("POST", "/instance/create", create, "operate"),)
