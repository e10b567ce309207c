"""Evolution API's HTTP side: router, guards, and the instance, webhook and settings routes, lies included.

Guard order, statuses and shapes are those recorded of 2.3.7; `Rules` moves them to other versions. The message and
chat routes live in `message_routes` and `chat_routes`. Never lives here: what an instance does by itself (see
`instance`).
"""

# ruff: noqa: ARG002 - every route has the same signature
from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable
from email import message_from_bytes
from email.policy import HTTP
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.providers.evolution import chat_routes as chat
from esteio.sim.providers.evolution import message_routes as messages
from esteio.sim.providers.evolution import other_routes as others
from esteio.sim.providers.evolution.instance import EvolutionInstance, WebhookRow
from esteio.sim.providers.evolution.payloads import (
    EVENT_SET,
    EVENTS,
    PRESENCES,
    SETTINGS,
    SETTINGS_REQUIRED,
    Rules,
    cannot,
    fail,
    instance_row,
    no_such_instance,
    ok,
    rules_for,
    webhook_row,
)
from esteio.sim.world.ledger import ControlCall
from esteio.sim.world.server import SimServer, header
from esteio.sim.world.webhooks import EVOLUTION_RULE

Json = Any
Route = Callable[[EvolutionInstance, Json, str], Awaitable[HttpResponse]]

CONNECT_WAIT_S = 2.0
CREATE_WAIT_S = 5.0
CREDENTIALS = {"status": 200, "message": "Credentials are valid", "facebookAppId": "", "facebookConfigId": ""}
P2025 = (
    "PrismaClientKnownRequestError: \nInvalid `this.prismaRepository.session.delete()` invocation: An operation failed "
    "because it depends on one or more records that were required but not found. No record was found for a delete."
)
VERBS = {
    "create": "create", "connect": "connect", "restart": "restart", "logout": "logout", "delete": "delete",
    "sendText": "send", "sendMedia": "send", "sendWhatsAppAudio": "send", "sendSticker": "send", "sendPtv": "send",
    "sendLocation": "send", "sendContact": "send", "sendPoll": "send", "sendReaction": "send", "sendButtons": "send",
    "sendList": "send", "sendStatus": "send", "sendTemplate": "send",
}  # fmt: skip


class EvolutionFace:
    """One Evolution server's HTTP face."""

    retry_rule = EVOLUTION_RULE

    def __init__(self, server: SimServer) -> None:
        self.server = server
        self.world = server.world
        self.rules: Rules = rules_for(server.version)
        instance: dict[tuple[str, str, str], Route] = {
            ("GET", "instance", "connect"): self._connect,
            ("GET", "instance", "connectionState"): self._state,
            ("POST", "instance", "restart"): self._restart,
            ("DELETE", "instance", "logout"): self._logout,
            ("DELETE", "instance", "delete"): self._delete,
            ("POST", "instance", "setPresence"): self._presence,
            ("POST", "webhook", "set"): self._webhook_set,
            ("GET", "webhook", "find"): self._webhook_find,
            ("POST", "settings", "set"): self._settings_set,
            ("GET", "settings", "find"): self._settings_find,
        }
        self.routes = instance | messages.ROUTES | chat.ROUTES | others.ROUTES

    # -- router and guards ----------------------------------------------------------------------------------------

    async def handle(self, request: HttpRequest) -> HttpResponse:
        area, verb, name, path, query = _asked(self.server.local(request.url))
        route = self.routes.get((request.method, area, verb))
        if route is None:
            return await self._elsewhere(request, path, query)
        self.world.ledger.calls[self.server.name, verb] += 1
        instance = self.server.lines.get(name)
        if not isinstance(instance, EvolutionInstance):
            return no_such_instance(name)
        key = header(request, "apikey")
        if key not in (self.server.apikey, instance.token):
            return fail(401, "Unauthorized")
        body: Json = None
        if request.body:
            try:
                body = _body(request, verb)
            except msgspec.DecodeError:
                return _bad_json()
        return await route(instance, body, query)

    def verb_of(self, request: HttpRequest) -> str:
        parts = self.server.local(request.url).partition("?")[0].split("/", 3)
        if len(parts) < 3:
            return "read"
        if parts[1:3] == ["webhook", "set"]:
            return "set_webhook"
        return VERBS.get(parts[2], "read") if parts[1] in ("instance", "message") else "read"

    async def _elsewhere(self, request: HttpRequest, path: str, query: str) -> HttpResponse:
        self.world.ledger.calls[self.server.name, path.rsplit("/", 1)[-1] or "root"] += 1
        if request.method == "GET" and path in ("", "/"):
            return self._root()
        if request.method == "POST" and path == "/verify-creds":
            # The global key alone: an instance's token is 401 here.
            return ok(CREDENTIALS) if header(request, "apikey") == self.server.apikey else fail(401, "Unauthorized")
        if request.method == "POST" and path == "/instance/create":
            return await self._create(request)
        if request.method == "GET" and path == "/instance/fetchInstances":
            return self._fetch(request, query)
        return cannot(request.method, path)

    def _root(self) -> HttpResponse:
        body = {
            "status": 200,
            "message": "Welcome to the Evolution API, it is working!",
            "version": self.server.version,
            "clientName": "evolution_exchange",
            "manager": f"{self.server.base_url}/manager",
            "documentation": "https://doc.evolution-api.com",
            "whatsappWebVersion": "2.3000.1027934701",
        }
        return ok(body)

    # -- create and list ------------------------------------------------------------------------------------------

    async def _create(self, request: HttpRequest) -> HttpResponse:
        try:
            body = msgspec.json.decode(request.body or b"{}")
        except msgspec.DecodeError:
            return _bad_json()
        refusal = self._may_create(body if isinstance(body, dict) else {}, header(request, "apikey"))
        if refusal:
            return refusal
        call = self.server.control("create", body["instanceName"])
        answer = await self._created(call, body)
        call.status = answer.status
        return answer

    def _may_create(self, body: dict[str, Json], key: str | None) -> HttpResponse | None:
        name = body.get("instanceName")
        if name is not None and not isinstance(name, str):
            return fail(
                500, ["PrismaClientValidationError: \nInvalid `prismaRepository.instance.findMany()` invocation"]
            )
        if name in self.server.lines or (name is None and "integration" not in body and self.server.lines):
            return fail(403, [f'This name "{"undefined" if name is None else name}" is already in use.'])
        if key != self.server.apikey:
            return fail(401, "Unauthorized")
        if body.get("integration") == "WHATSAPP-BUSINESS" and not body.get("token"):
            return fail(400, ["token is required"])
        if body.get("integration") not in ("WHATSAPP-BAILEYS", "WHATSAPP-BUSINESS", "EVOLUTION"):
            return fail(400, ["Invalid integration"])
        if name is None:
            return fail(400, ["\nInvalid `this.prismaRepository.setting.upsert()` invocation: Foreign key constraint"])
        return None

    async def _created(self, call: ControlCall, body: dict[str, Json]) -> HttpResponse:
        hook = body.get("webhook") or {}
        if hook and "events" not in hook:
            return fail(400, ["Cannot read properties of undefined (reading 'length')"])
        instance = EvolutionInstance(self.server, body["instanceName"], self.rules, str(body.get("token") or ""))
        self.server.lines[instance.name] = instance
        instance.number = body.get("number")
        instance.settings |= {key: body[key] for key in SETTINGS if key in body}
        call.effect = "created"
        if hook:
            instance.hook = _hook(hook, None, self.world.now())
        instance.tell("instance.create", {"instanceName": instance.name, "instanceId": instance.instance_id})
        answer: dict[str, Json] = {
            "instance": {
                "instanceName": instance.name,
                "instanceId": instance.instance_id,
                "integration": body["integration"],
                "webhookWaBusiness": None,
                "accessTokenWaBusiness": "",
            },
            "hash": instance.token,
            "webhook": _hook_echo(hook),
            "websocket": {}, "rabbitmq": {}, "nats": {}, "sqs": {},
            "settings": dict(instance.settings),
        }  # fmt: skip
        if body.get("qrcode"):
            instance.pair_number = instance.number
            instance.prepare()
            await asyncio.sleep(CREATE_WAIT_S)
            answer["qrcode"] = instance.qr
        answer["instance"]["status"] = instance.state
        return ok(answer, 201)

    def _fetch(self, request: HttpRequest, query: str) -> HttpResponse:
        key = header(request, "apikey")
        lines = [instance for instance in self.server.lines.values() if isinstance(instance, EvolutionInstance)]
        own = [instance for instance in lines if instance.token == key]
        if key != self.server.apikey and not own:
            return fail(401, "Unauthorized")
        if key != self.server.apikey:
            lines = own
        wanted = {name: values[0] for name, values in parse_qs(query).items()}
        if name := wanted.get("instanceName"):
            lines = [instance for instance in lines if instance.name == name and instance.in_memory]
            if not lines:
                return fail(404, [f'Instance "{name}" not found'])
        if instance_id := wanted.get("instanceId"):
            lines = [instance for instance in lines if instance.instance_id == instance_id]
        if number := wanted.get("number"):
            lines = [instance for instance in lines if instance.number == number]
        return ok([instance_row(instance) for instance in lines])

    # -- state, connect, restart ----------------------------------------------------------------------------------

    async def _state(self, instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
        if not instance.in_memory:
            return ok({"instance": {"instanceName": instance.name}})
        return ok({"instance": {"instanceName": instance.name, "state": instance.state}})

    async def _connect(self, instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
        call = self.server.control("connect", instance.name)
        call.status = 200
        if not instance.in_memory:
            return ok({"error": True, "message": "Cannot read properties of undefined (reading 'connectToWhatsapp')"})
        if instance.state == "open":
            return ok({"instance": {"instanceName": instance.name, "state": "open"}})
        if instance.state == "connecting":
            return ok(instance.qr)
        call.effect = self._begin(instance)
        instance.ended_session = False
        instance.pair_number = parse_qs(query).get("number", [None])[0] if query else None
        instance.prepare()
        await asyncio.sleep(CONNECT_WAIT_S)
        return ok(instance.qr)

    def _begin(self, instance: EvolutionInstance) -> str:
        """What this connect does: a socket, or a second one beside one that is already on its way."""
        if not instance.preparing:
            return "socket"
        linked = instance.link is not None and instance.link.linked
        self.world.ledger.raced(self.world.now(), self.server.name, instance.name, linked=linked)
        return "second_socket"

    async def _restart(self, instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
        call = self.server.control("restart", instance.name)
        call.status = 200
        if not instance.in_memory:
            return ok({"error": True, "message": "Cannot read properties of undefined (reading 'client')"})
        if instance.state == "close":
            return ok({"error": True, "message": "[object Object]"})
        answer = (
            instance.qr
            if instance.state == "connecting"
            else {"instance": {"instanceName": instance.name, "state": "open"}}
        )
        if instance.sock is not None and not instance.sock.ended:
            call.effect = "socket"
            instance.lose(instance.sock, 0, "restart")
        return ok(answer)

    # -- logout and delete ----------------------------------------------------------------------------------------

    async def _logout(self, instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
        call = self.server.control("logout", instance.name)
        answer = self._logged_out(instance, call, "logout")
        call.status = answer.status
        return answer

    def _logged_out(self, instance: EvolutionInstance, call: ControlCall, cause: str) -> HttpResponse:
        done = ok({"status": "SUCCESS", "error": False, "response": {"message": "Instance logged out"}})
        if not instance.in_memory:
            return done
        if instance.state == "close":
            if self.rules.logout_idempotent:
                return ok(
                    {"status": "SUCCESS", "error": False, "response": {"message": "Instance was already disconnected"}}
                )
            return fail(400, [f'The "{instance.name}" instance is not connected'])
        instance.process_deaf = instance.process_deaf or self.rules.logout_deafens
        sock = instance.sock
        if instance.old_logout_works:
            self._old_logout(instance, call)
            return done
        if sock is None or not sock.looks_open:
            if not self.rules.logout_idempotent:
                return fail(500, ["Error: Connection Closed"])
            call.effect = "unlinked"
            instance.forget_credentials(cause)
            return done
        call.effect = "unlinked" if sock.link else "closed"
        if sock.usable and sock.link:
            self.world.whatsapp.unlink(sock.link, cause=cause)
        instance.lose(sock, 401, cause)
        return fail(500, [P2025]) if self.world.dice.random() < self.server.race_rate else done

    def _old_logout(self, instance: EvolutionInstance, call: ControlCall) -> None:
        """The older ghost: the logout cannot reach WhatsApp, yet closes the instance; the credentials live on."""
        instance.old_logout_works = False
        call.effect = "closed"
        instance.die_quietly(ended=True)
        instance.state = instance.db_state = "close"
        instance.faults.pop("ghost", None)
        instance.tell("logout.instance", None)

    async def _delete(self, instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
        call = self.server.control("delete", instance.name)
        answer = self._deleted(instance, call)
        call.status = answer.status
        return answer

    def _deleted(self, instance: EvolutionInstance, call: ControlCall) -> HttpResponse:
        if not instance.in_memory:
            return fail(400, ["TypeError: Cannot read properties of undefined (reading 'clearCacheChatwoot')"])
        if instance.state in ("open", "connecting"):
            logged_out = self._logged_out(instance, call, "delete")
            if logged_out.status != 200 and not self.rules.delete_despite_logout:
                return fail(400, ["[object Object]"])
        instance.tell("instance.delete", {"instanceName": instance.name, "instanceId": instance.instance_id})
        call.effect = "deleted"
        instance.remove_after(instance.tell("remove.instance", None))
        return ok({"status": "SUCCESS", "error": False, "response": {"message": "Instance deleted"}})

    # -- presence, webhook, settings ------------------------------------------------------------------------------

    async def _presence(self, instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
        presence = body.get("presence") if isinstance(body, dict) else None
        if presence is None:
            return fail(400, [['instance requires property "presence"']])
        if presence not in PRESENCES:
            return fail(400, [[f"presence is not one of enum values: {','.join(PRESENCES)}"]])
        if not instance.in_memory:
            return fail(500, "Cannot read properties of undefined (reading 'setPresence')")
        if instance.sock is None:
            return fail(400, ["TypeError: Cannot read properties of undefined (reading 'sendPresenceUpdate')"])
        if instance.sock.state == "qr":
            # Baileys reads the login's name before it writes anything (its source, `sendPresenceUpdate`).
            return fail(400, ["TypeError: Cannot read properties of undefined (reading 'name')"])
        if not instance.login_named:
            return ok({"presence": presence}, 201)  # Baileys writes none, and does not say so
        if not instance.sock.looks_open:
            return fail(self.rules.closed_status, self.rules.closed_text)
        return ok({"presence": presence}, 201)

    async def _webhook_set(self, instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
        call = self.server.control("set_webhook", instance.name)
        answer = self._hooked(instance, body if isinstance(body, dict) else {})
        call.status = answer.status
        call.effect = "config" if answer.status == 201 else "none"
        return answer

    def _hooked(self, instance: EvolutionInstance, body: dict[str, Json]) -> HttpResponse:
        wanted = body.get("webhook")
        if not isinstance(wanted, dict):
            return fail(400, [['instance requires property "webhook"']])
        missing = [f'webhook requires property "{key}"' for key in ("enabled", "url") if key not in wanted]
        if missing:
            return fail(400, [missing])
        if not wanted["url"]:
            return fail(400, [['The "url" cannot be empty']])
        if "events" not in wanted:
            return fail(500, "Cannot read properties of undefined (reading 'length')")
        wrong = [
            f"webhook.events[{place}] is not one of enum values: {','.join(EVENTS)}"
            for place, event in enumerate(wanted["events"])
            if event not in EVENT_SET
        ]
        if wrong:
            return fail(400, [wrong])
        instance.hook = _hook(wanted, instance.hook, self.world.now())
        return ok(webhook_row(instance), 201)

    async def _webhook_find(self, instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
        return ok(webhook_row(instance) if instance.in_memory else None)

    async def _settings_set(self, instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
        wanted = body if isinstance(body, dict) else {}
        missing = [f'instance requires property "{key}"' for key in SETTINGS_REQUIRED if key not in wanted]
        if missing:
            return fail(400, [missing])
        instance.settings |= {key: value for key, value in wanted.items() if key in instance.settings}
        return ok({"settings": {"instanceName": instance.name, "settings": wanted}}, 201)

    async def _settings_find(self, instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
        return ok(instance.settings)

    def key_refused(self) -> HttpResponse:
        return fail(401, "Unauthorized")

    # -- planting -------------------------------------------------------------------------------------------------

    def plant(self, name: str, number: str, *, webhook_url: str, token: str) -> EvolutionInstance:
        instance = EvolutionInstance(self.server, name, self.rules, token)
        self.server.lines[name] = instance
        if webhook_url:
            instance.hook = WebhookRow(webhook_url, updated_at=self.world.now())
        instance.wake_paired(number)
        return instance


@lru_cache(maxsize=8192)
def _asked(local: str) -> tuple[str, str, str, str, str]:
    """What a path and query ask for: area, verb, the instance's name (all three empty where there are no three), and
    both as they are."""
    path, _, query = local.partition("?")
    parts = path.split("/", 3)
    if len(parts) < 4:
        return "", "", "", path, query
    _, area, verb, name = parts
    if verb in others.NAMED and area != "instance":
        name = name.rpartition("/")[2]
    return area, verb, unquote(name), path, query


def _hook(wanted: dict[str, Json], before: WebhookRow | None, now: float) -> WebhookRow:
    headers = wanted.get("headers", before.headers if before else None)
    return WebhookRow(
        str(wanted.get("url", "")),
        tuple(wanted["events"] or EVENTS),
        bool(wanted.get("enabled", True)),
        headers,
        bool(wanted.get("byEvents", before.by_events if before else False)),
        bool(wanted.get("base64", before.base64 if before else False)),
        now,
    )


def _body(request: HttpRequest, verb: str) -> Json:
    """JSON, or a form whose `file` stands for the media of its route. Raises `msgspec.DecodeError`."""
    kind = header(request, "content-type") or ""
    if not kind.startswith("multipart/form-data"):
        return msgspec.json.decode(request.body)
    form = message_from_bytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + request.body, policy=HTTP)
    body: dict[str, Json] = {}
    for part in form.iter_parts():
        name, held = str(part.get_param("name", header="content-disposition")), part.get_payload(decode=True)
        raw = held if isinstance(held, bytes) else b""
        if name == "file":
            body[messages.FILES.get(verb, "media")] = b64encode(raw).decode()
        else:
            body[name] = raw.decode()
    return body


def _hook_echo(hook: dict[str, Json]) -> dict[str, Json]:
    names = {"url": "webhookUrl", "headers": "webhookHeaders", "byEvents": "webhookByEvents", "base64": "webhookBase64"}
    return {names[key]: value for key, value in hook.items() if key in names}


def _bad_json() -> HttpResponse:
    body = {
        "status": 400,
        "error": "Internal Server Error",
        "response": {"message": "Unexpected end of JSON input"},
    }
    return ok(body, 400)
