"""W-API's HTTP side: GET verbs for acts, Bearer tokens, 200 with `error: true`, HTML pages for unknown paths.

Unrecorded (facts §4.1): shapes come from client code. Never lives here: what an instance does by itself.
"""

# ruff: noqa: ARG001, ARG002 - handlers share their signatures
from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

import msgspec

from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.providers.evolution.payloads import BLANK_PNG, digits_of, iso
from esteio.sim.providers.wapi.instance import HOOKS, Habits, Queued, WapiInstance
from esteio.sim.world.network import HTML_HEADERS, JSON_HEADERS
from esteio.sim.world.server import SimServer, header
from esteio.sim.world.webhooks import ONCE

Json = Any
Query = Mapping[str, str]
Route = Callable[[WapiInstance, Json, Query], Awaitable[HttpResponse]]
QR_WAIT_S = 1.0
TEXT_FIELDS = {
    "send-text": ("message", "text"), "send-image": ("caption", "image"), "send-audio": ("caption", "audio"),
    "send-video": ("caption", "video"), "send-document": ("caption", "document"),
    "send-sticker": ("caption", "sticker"),
    "send-location": ("name", "location"), "send-contact": ("contactName", "contact"), "send-poll": ("name", "poll"),
    "send-reaction": ("reaction", "reaction"),
}  # fmt: skip
HOOK_FIELDS = {
    "connected": "webhookConnectedUrl", "delivery": "webhookDeliveryUrl", "disconnected": "webhookDisconnectedUrl",
    "message-status": "webhookStatusUrl", "chat-presence": "webhookPresenceUrl", "received": "webhookReceivedUrl",
}  # fmt: skip


class WapiFace:
    """One W-API account. The server's `apikey` is the integrator's token; each instance has its own."""

    retry_rule = ONCE

    def __init__(self, server: SimServer) -> None:
        self.server = server
        self.world = server.world
        self.habits = Habits()
        self.routes: dict[tuple[str, str], Route] = {
            ("GET", "/instance/status-instance"): self._status,
            ("GET", "/instance/qr-code"): self._qr,
            ("GET", "/instance/pairing-code"): self._pairing_code,
            ("GET", "/instance/restart"): self._restart,
            ("GET", "/instance/disconnect"): self._disconnect,
            ("GET", "/instance/fetch-instance"): self._fetch,
            ("GET", "/instance/device"): self._device,
            ("GET", "/webhook/fetch-webhook-logs"): self._logs,
            ("GET", "/contacts/phone-exists"): self._exists,
            ("GET", "/quere/quere"): self._queue,
            ("DELETE", "/quere/delete-quere"): self._drop_queue,
            ("DELETE", "/quere/delete-message"): self._drop_message,
        }
        self.routes |= {("POST", "/message/download-media"): self._download}
        self.routes |= {("PUT", f"/webhook/update-webhook-{hook}"): self._hook(hook) for hook in HOOKS}
        self.routes |= {("POST", f"/message/{path}"): self._send(path) for path in TEXT_FIELDS}

    # -- router ---------------------------------------------------------------------------------------------------

    async def handle(self, request: HttpRequest) -> HttpResponse:
        path, last, query = _asked(self.server.local(request.url))
        self.world.ledger.calls[self.server.name, last] += 1
        token = (header(request, "authorization") or "").removeprefix("Bearer ")
        try:
            body = msgspec.json.decode(request.body) if request.body else {}
        except msgspec.DecodeError:
            return _no("JSON inválido", 400)
        if path.startswith("/files/"):
            return self._file(path.rpartition("/")[2], token)
        if path.startswith("/integrator/"):
            return self._integrator(request.method, path, query, body, token)
        route = self.routes.get((request.method, path))
        if route is None:
            page = f"<!DOCTYPE html>\n<html><body><pre>Cannot {request.method} {path}</pre></body></html>"
            return HttpResponse(404, HTML_HEADERS, page.encode())
        instance = self.server.lines.get(query.get("instanceId", ""))
        if not isinstance(instance, WapiInstance) or not instance.in_memory:
            return _no("Instância não encontrada", 404)
        if token != instance.token:
            return _no("Token inválido", 401)
        return await route(instance, body if isinstance(body, dict) else {}, query)

    def verb_of(self, request: HttpRequest) -> str:
        path = self.server.local(request.url).partition("?")[0]
        last = path.rsplit("/", 1)[-1]
        if path.startswith("/message/send"):
            return "send"
        words = {"restart": "restart", "disconnect": "logout", "qr-code": "connect", "pairing-code": "connect"}
        words |= {"create-instance": "create", "delete-instance": "delete"}
        return "set_webhook" if last.startswith("update-webhook") else words.get(last, "read")

    # -- instance -------------------------------------------------------------------------------------------------

    async def _status(self, instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
        return _yes({"instanceId": instance.name, "connected": instance.connected}, bare=True)

    async def _qr(self, instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
        if instance.connected:
            return _yes({"connected": True, "instanceId": instance.name})
        await self._want_code(instance)
        code = instance.sock.qr if instance.sock and instance.sock.state == "qr" else ""
        if not code:
            return _no("QR Code não disponível no momento")
        picture = self.world.draw_qr(code) if self.world.draw_qr else BLANK_PNG
        if query.get("image") == "enable":
            png = base64.b64decode(picture.partition(",")[2])
            return HttpResponse(200, {"content-type": "image/png"}, png)
        return _yes({"instanceId": instance.name, "qrcode": picture})

    async def _want_code(self, instance: WapiInstance) -> None:
        """Asking for a code opens a socket when there is none and the instance is not linked."""
        if instance.link is None and not instance.sockets and not instance.preparing:
            call = self.server.control("connect", instance.name)
            call.status, call.effect = 200, "socket"
            instance.prepare()
            await asyncio.sleep(QR_WAIT_S)

    async def _pairing_code(self, instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
        if instance.connected:
            return _no("Instância já conectada")
        await self._want_code(instance)
        if instance.sock is None or instance.sock.state != "qr":
            return _no("Código não disponível no momento")
        code = self.world.new_pairing_code(instance.sock)
        return _yes({"pairingCode": f"{code[:4]}-{code[4:]}"})

    async def _restart(self, instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
        call = self.server.control("restart", instance.name)
        call.status = 200
        if instance.sock is not None and not instance.sock.ended:
            call.effect = "socket"
            instance.lose(instance.sock, 0, "restart")
        elif instance.state == "close" and instance.link is not None and not instance.preparing:
            call.effect = "socket"
            instance.prepare()
        return _yes({"message": "Instância reiniciada com sucesso!"})

    async def _disconnect(self, instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
        call = self.server.control("logout", instance.name)
        call.status = 200
        if instance.link is None:
            return _no("Já deslogado")
        call.effect = "unlinked"
        sock, link = instance.sock, instance.link
        if sock is not None and sock.usable:
            self.world.whatsapp.unlink(link, cause="logout")
        if sock is not None and not sock.ended:
            instance.lose(sock, 401, "logout")
        instance.forget("logout")
        instance.state = "close"
        return _yes({"message": "Deslogado com sucesso!"})

    async def _fetch(self, instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
        told: dict[str, Json] = {
            "instanceId": instance.name, "instanceName": instance.title, "token": instance.token,
            "connected": instance.connected, "connectedPhone": instance.number, "paymentStatus": "ACTIVE",
            "created": iso(instance.created_at), "expires": iso(instance.created_at + 365 * 86400), "contacts": 0,
            "chats": 0, "messagesSent": instance.sent,
            "messagesReceived": instance.received, "automaticReading": False, "rejectCalls": False, "callMessage": "",
        }  # fmt: skip
        return _yes(told | {field: instance.urls[hook] for hook, field in HOOK_FIELDS.items()}, bare=True)

    async def _device(self, instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
        told = {
            "connectedPhone": instance.number, "lid": "", "name": instance.title, "platform": "android",
            "profilePictureUrl": "", "status": "", "isBusiness": False,
        }  # fmt: skip
        return _yes(told, bare=True) if instance.connected else _no("Instância desconectada")

    # -- webhooks and queue ---------------------------------------------------------------------------------------

    def _hook(self, hook: str) -> Route:
        async def update(instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
            call = self.server.control("set_webhook", instance.name)
            call.status, call.effect = 200, "config"
            if not isinstance(body.get("value"), str):
                call.effect = "none"
                return _no("O campo value é obrigatório", 400)
            instance.urls[hook] = body["value"]
            return _yes({"message": "Webhook atualizado com sucesso!"})

        return update

    async def _logs(self, instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
        size, page = int(query.get("perPage", "20")), int(query.get("page", "1"))
        rows = [
            {
                "event": letter.event,
                "url": letter.url,
                "status": status,
                "moment": int(at),
                "body": letter.body.decode(),
            }
            for at, letter, status in reversed(self.server.webhook_sender.outcomes)
            if letter.session == instance.name
        ]
        return _yes({"total": len(rows), "page": page, "logs": rows[(page - 1) * size : page * size]})

    async def _exists(self, instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
        words = "" if instance.habits.remembers_numbers else await instance.ask_whatsapp()
        if words:
            return _no(words)
        return _yes({"exists": query.get("phoneNumber", "") not in self.world.not_on_whatsapp}, bare=True)

    async def _queue(self, instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
        rows = [
            {"insertedId": one.inserted_id, "messageId": one.message_id, "phone": one.phone, "message": one.text}
            for one in instance.queue
        ]
        return _yes({"total": len(rows), "messages": rows})

    async def _drop_queue(self, instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
        instance.queue.clear()
        return _yes({"message": "Fila removida com sucesso!"})

    async def _drop_message(self, instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
        before = len(instance.queue)
        instance.queue = [one for one in instance.queue if one.inserted_id != query.get("insertedId")]
        return (
            _yes({"message": "Mensagem removida"}) if len(instance.queue) < before else _no("Mensagem não encontrada")
        )

    # -- media ----------------------------------------------------------------------------------------------------

    async def _download(self, instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
        keyed = str(body.get("mediaKey") or "").removeprefix("key-")
        if keyed and not (body.get("directPath") and body.get("type")):
            return _no("Parâmetros obrigatórios: mediaKey, directPath, type e mimetype", 400)
        found = keyed or str(body.get("messageId") or "")
        if self.world.media_of(found) is None:
            return _no("Não foi possível baixar a mídia")
        return _yes({"fileLink": f"{self.server.base_url}/files/{found}"})

    def _file(self, name: str, token: str) -> HttpResponse:
        data = self.world.media_of(name)
        known = any(
            isinstance(instance, WapiInstance) and instance.token == token for instance in self.server.lines.values()
        )
        if data is None or not known:
            return _no("Arquivo não encontrado", 404)
        return HttpResponse(200, {"content-type": "application/octet-stream"}, data)

    # -- sending --------------------------------------------------------------------------------------------------

    def _send(self, path: str) -> Route:
        field, kind = TEXT_FIELDS[path]

        async def send(instance: WapiInstance, body: Json, query: Query) -> HttpResponse:
            if not body.get("phone") or (kind == "text" and not body.get("message")):
                return _no("Parâmetros obrigatórios: phone e message", 400)
            return await self._out(instance, digits_of(str(body["phone"])), str(body.get(field) or ""), kind)

        return send

    async def _out(self, instance: WapiInstance, phone: str, text: str, kind: str) -> HttpResponse:
        inserted = f"{self.world.dice.getrandbits(96):024x}"
        if phone in self.world.not_on_whatsapp:
            return _no("Número não existe no WhatsApp")
        if not instance.connected:
            if not self.habits.queues or instance.link is None:
                return _no("Instância desconectada")
            one = Queued(inserted, self.world.new_wa_id(), phone, text, kind, self.world.now())
            instance.queue.append(one)
            return _yes({"instanceId": instance.name, "messageId": one.message_id, "insertedId": inserted}, bare=True)
        provider_id, words = await instance.carry(self.world.jid_digits(phone), text, kind)
        if provider_id is None:
            return _no(words)
        instance.sent += 1
        instance.on_sent(phone, provider_id, {"conversation": text})
        return _yes({"instanceId": instance.name, "messageId": provider_id, "insertedId": inserted}, bare=True)

    # -- the integrator -------------------------------------------------------------------------------------------

    def _integrator(self, method: str, path: str, query: Query, body: Json, token: str) -> HttpResponse:
        if token != self.server.apikey:
            return _no("Token inválido", 401)
        if (method, path) == ("POST", "/integrator/create-instance"):
            return self._create(body)
        if (method, path) == ("GET", "/integrator/instances"):
            rows = [
                {
                    "instanceId": instance.name,
                    "instanceName": instance.title,
                    "token": instance.token,
                    "connected": instance.connected,
                }
                for instance in self.server.lines.values()
                if isinstance(instance, WapiInstance)
            ]
            return _yes({"instances": rows, "total": len(rows), "totalPage": 1, "page": 1})
        if (method, path) == ("DELETE", "/integrator/delete-instance"):
            return self._delete(query.get("instanceId", ""))
        return HttpResponse(404, HTML_HEADERS, f"<pre>Cannot {method} {path}</pre>".encode())

    def _create(self, body: Json) -> HttpResponse:
        letters = "".join(self.world.dice.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(12))
        name = f"LITE-{letters[:6]}-{letters[6:]}"
        call = self.server.control("create", name)
        call.status, call.effect = 200, "created"
        instance = WapiInstance(self.server, name, f"{self.world.dice.getrandbits(128):032x}", self.habits)
        instance.title = str(body.get("instanceName") or name)
        instance.urls |= {hook: str(body[field]) for hook, field in HOOK_FIELDS.items() if body.get(field)}
        self.server.lines[name] = instance
        return _yes({"message": "Instância criada com sucesso!", "instanceId": name, "token": instance.token})

    def _delete(self, name: str) -> HttpResponse:
        call = self.server.control("delete", name)
        call.status = 200
        instance = self.server.lines.pop(name, None)
        if not isinstance(instance, WapiInstance):
            return _no("Instância não encontrada", 404)
        call.effect = "deleted"
        instance.life += 1
        for sock in list(instance.sockets):
            instance.discard(sock, "deleted")
        instance.forget("delete")
        return _yes({"message": "Instância removida com sucesso!"})

    def key_refused(self) -> HttpResponse:
        return _no("Token inválido", 401)

    def plant(self, name: str, number: str, *, webhook_url: str, token: str) -> WapiInstance:
        instance = WapiInstance(self.server, name, token or f"token-{name}", self.habits)
        self.server.lines[name] = instance
        instance.urls = dict.fromkeys(HOOKS, webhook_url)
        instance.link = self.world.whatsapp.pair(self.world.phone(number), self.server.name, name)
        instance.raise_socket(instance.link)
        instance.state = "open"
        return instance


@lru_cache(maxsize=8192)
def _asked(local: str) -> tuple[str, str, Query]:
    """A path, the last word of it, and the query."""
    path, _, raw = local.partition("?")
    return path, path.rsplit("/", 1)[-1], {name: values[0] for name, values in parse_qs(raw).items()}


def _json(body: Json, status: int = 200) -> HttpResponse:
    return HttpResponse(status, JSON_HEADERS, msgspec.json.encode(body))


def _yes(data: dict[str, Json], *, bare: bool = False) -> HttpResponse:
    """Success; `bare` answers have no `error` field."""
    return _json(data if bare else {"error": False, **data})


def _no(message: str, status: int = 200) -> HttpResponse:
    """Refusals of the product come with 200 and `error: true`."""
    return _json({"error": True, "message": message}, status)
