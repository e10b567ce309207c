"""W-API's HTTP side: GET verbs for acts, Bearer tokens, 200 with `error: true`, HTML pages for unknown paths.

Unrecorded (facts §4.1): shapes come from client code. Never lives here: what an instance does by itself.
"""

# ruff: noqa: ARG001, ARG002 - handlers share their signatures
from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
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
Query = dict[str, str]
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
        path, _, raw = self.server.local(request.url).partition("?")
        query = {name: values[0] for name, values in parse_qs(raw).items()}
        self.world.ledger.calls[self.server.name, path.rsplit("/", 1)[-1]] += 1
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
        line = self.server.lines.get(query.get("instanceId", ""))
        if not isinstance(line, WapiInstance) or not line.in_memory:
            return _no("Instância não encontrada", 404)
        if token != line.token:
            return _no("Token inválido", 401)
        return await route(line, body if isinstance(body, dict) else {}, query)

    def verb_of(self, request: HttpRequest) -> str:
        path = self.server.local(request.url).partition("?")[0]
        last = path.rsplit("/", 1)[-1]
        if path.startswith("/message/send"):
            return "send"
        words = {"restart": "restart", "disconnect": "logout", "qr-code": "connect", "pairing-code": "connect"}
        words |= {"create-instance": "create", "delete-instance": "delete"}
        return "set_webhook" if last.startswith("update-webhook") else words.get(last, "read")

    # -- instance -------------------------------------------------------------------------------------------------

    async def _status(self, line: WapiInstance, body: Json, query: Query) -> HttpResponse:
        return _yes({"instanceId": line.name, "connected": line.connected}, bare=True)

    async def _qr(self, line: WapiInstance, body: Json, query: Query) -> HttpResponse:
        if line.connected:
            return _yes({"connected": True, "instanceId": line.name})
        await self._want_code(line)
        code = line.sock.qr if line.sock and line.sock.state == "qr" else ""
        if not code:
            return _no("QR Code não disponível no momento")
        picture = self.world.draw_qr(code) if self.world.draw_qr else BLANK_PNG
        if query.get("image") == "enable":
            png = base64.b64decode(picture.partition(",")[2])
            return HttpResponse(200, {"content-type": "image/png"}, png)
        return _yes({"instanceId": line.name, "qrcode": picture})

    async def _want_code(self, line: WapiInstance) -> None:
        """Asking for a code opens a socket when there is none and the instance is not linked."""
        if line.link is None and not line.sockets and not line.preparing:
            call = self.server.control("connect", line.name)
            call.status, call.effect = 200, "socket"
            line.prepare()
            await asyncio.sleep(QR_WAIT_S)

    async def _pairing_code(self, line: WapiInstance, body: Json, query: Query) -> HttpResponse:
        if line.connected:
            return _no("Instância já conectada")
        await self._want_code(line)
        if line.sock is None or line.sock.state != "qr":
            return _no("Código não disponível no momento")
        code = self.world.new_pairing_code(line.sock)
        return _yes({"pairingCode": f"{code[:4]}-{code[4:]}"})

    async def _restart(self, line: WapiInstance, body: Json, query: Query) -> HttpResponse:
        call = self.server.control("restart", line.name)
        call.status = 200
        if line.sock is not None and not line.sock.ended:
            call.effect = "socket"
            line.lose(line.sock, 0, "restart")
        elif line.state == "close" and line.link is not None and not line.preparing:
            call.effect = "socket"
            line.prepare()
        return _yes({"message": "Instância reiniciada com sucesso!"})

    async def _disconnect(self, line: WapiInstance, body: Json, query: Query) -> HttpResponse:
        call = self.server.control("logout", line.name)
        call.status = 200
        if line.link is None:
            return _no("Já deslogado")
        call.effect = "unlinked"
        sock, link = line.sock, line.link
        if sock is not None and sock.usable:
            self.world.whatsapp.unlink(link, cause="logout")
        if sock is not None and not sock.ended:
            line.lose(sock, 401, "logout")
        line.forget("logout")
        line.state = "close"
        return _yes({"message": "Deslogado com sucesso!"})

    async def _fetch(self, line: WapiInstance, body: Json, query: Query) -> HttpResponse:
        told: dict[str, Json] = {
            "instanceId": line.name, "instanceName": line.title, "token": line.token, "connected": line.connected,
            "connectedPhone": line.number, "paymentStatus": "ACTIVE", "created": iso(line.created_at),
            "expires": iso(line.created_at + 365 * 86400), "contacts": 0, "chats": 0, "messagesSent": line.sent,
            "messagesReceived": line.received, "automaticReading": False, "rejectCalls": False, "callMessage": "",
        }  # fmt: skip
        return _yes(told | {field: line.urls[hook] for hook, field in HOOK_FIELDS.items()}, bare=True)

    async def _device(self, line: WapiInstance, body: Json, query: Query) -> HttpResponse:
        told = {
            "connectedPhone": line.number, "lid": "", "name": line.title, "platform": "android",
            "profilePictureUrl": "", "status": "", "isBusiness": False,
        }  # fmt: skip
        return _yes(told, bare=True) if line.connected else _no("Instância desconectada")

    # -- webhooks and queue ---------------------------------------------------------------------------------------

    def _hook(self, hook: str) -> Route:
        async def update(line: WapiInstance, body: Json, query: Query) -> HttpResponse:
            call = self.server.control("set_webhook", line.name)
            call.status, call.effect = 200, "config"
            if not isinstance(body.get("value"), str):
                call.effect = "none"
                return _no("O campo value é obrigatório", 400)
            line.urls[hook] = body["value"]
            return _yes({"message": "Webhook atualizado com sucesso!"})

        return update

    async def _logs(self, line: WapiInstance, body: Json, query: Query) -> HttpResponse:
        size, page = int(query.get("perPage", "20")), int(query.get("page", "1"))
        rows = [
            {
                "event": letter.event,
                "url": letter.url,
                "status": status,
                "moment": int(at),
                "body": letter.body.decode(),
            }
            for at, letter, status in reversed(self.server.postman.outcomes)
            if letter.session == line.name
        ]
        return _yes({"total": len(rows), "page": page, "logs": rows[(page - 1) * size : page * size]})

    async def _exists(self, line: WapiInstance, body: Json, query: Query) -> HttpResponse:
        words = "" if line.habits.remembers_numbers else await line.ask_whatsapp()
        if words:
            return _no(words)
        return _yes({"exists": query.get("phoneNumber", "") not in self.world.not_on_whatsapp}, bare=True)

    async def _queue(self, line: WapiInstance, body: Json, query: Query) -> HttpResponse:
        rows = [
            {"insertedId": one.inserted_id, "messageId": one.message_id, "phone": one.phone, "message": one.text}
            for one in line.queue
        ]
        return _yes({"total": len(rows), "messages": rows})

    async def _drop_queue(self, line: WapiInstance, body: Json, query: Query) -> HttpResponse:
        line.queue.clear()
        return _yes({"message": "Fila removida com sucesso!"})

    async def _drop_message(self, line: WapiInstance, body: Json, query: Query) -> HttpResponse:
        before = len(line.queue)
        line.queue = [one for one in line.queue if one.inserted_id != query.get("insertedId")]
        return _yes({"message": "Mensagem removida"}) if len(line.queue) < before else _no("Mensagem não encontrada")

    # -- media ----------------------------------------------------------------------------------------------------

    async def _download(self, line: WapiInstance, body: Json, query: Query) -> HttpResponse:
        keyed = str(body.get("mediaKey") or "").removeprefix("key-")
        if keyed and not (body.get("directPath") and body.get("type")):
            return _no("Parâmetros obrigatórios: mediaKey, directPath, type e mimetype", 400)
        found = keyed or str(body.get("messageId") or "")
        if self.world.media_of(found) is None:
            return _no("Não foi possível baixar a mídia")
        return _yes({"fileLink": f"{self.server.base_url}/files/{found}"})

    def _file(self, name: str, token: str) -> HttpResponse:
        data = self.world.media_of(name)
        known = any(isinstance(line, WapiInstance) and line.token == token for line in self.server.lines.values())
        if data is None or not known:
            return _no("Arquivo não encontrado", 404)
        return HttpResponse(200, {"content-type": "application/octet-stream"}, data)

    # -- sending --------------------------------------------------------------------------------------------------

    def _send(self, path: str) -> Route:
        field, kind = TEXT_FIELDS[path]

        async def send(line: WapiInstance, body: Json, query: Query) -> HttpResponse:
            if not body.get("phone") or (kind == "text" and not body.get("message")):
                return _no("Parâmetros obrigatórios: phone e message", 400)
            return await self._out(line, digits_of(str(body["phone"])), str(body.get(field) or ""), kind)

        return send

    async def _out(self, line: WapiInstance, phone: str, text: str, kind: str) -> HttpResponse:
        inserted = f"{self.world.dice.getrandbits(96):024x}"
        if phone in self.world.not_on_whatsapp:
            return _no("Número não existe no WhatsApp")
        if not line.connected:
            if not self.habits.queues or line.link is None:
                return _no("Instância desconectada")
            one = Queued(inserted, self.world.new_wa_id(), phone, text, kind, self.world.now())
            line.queue.append(one)
            return _yes({"instanceId": line.name, "messageId": one.message_id, "insertedId": inserted}, bare=True)
        provider_id, words = await line.carry(self.world.jid_digits(phone), text, kind)
        if provider_id is None:
            return _no(words)
        line.sent += 1
        line.on_sent(phone, provider_id, {"conversation": text})
        return _yes({"instanceId": line.name, "messageId": provider_id, "insertedId": inserted}, bare=True)

    # -- the integrator -------------------------------------------------------------------------------------------

    def _integrator(self, method: str, path: str, query: Query, body: Json, token: str) -> HttpResponse:
        if token != self.server.apikey:
            return _no("Token inválido", 401)
        if (method, path) == ("POST", "/integrator/create-instance"):
            return self._create(body)
        if (method, path) == ("GET", "/integrator/instances"):
            rows = [
                {"instanceId": line.name, "instanceName": line.title, "token": line.token, "connected": line.connected}
                for line in self.server.lines.values()
                if isinstance(line, WapiInstance)
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
        line = WapiInstance(self.server, name, f"{self.world.dice.getrandbits(128):032x}", self.habits)
        line.title = str(body.get("instanceName") or name)
        line.urls |= {hook: str(body[field]) for hook, field in HOOK_FIELDS.items() if body.get(field)}
        self.server.lines[name] = line
        return _yes({"message": "Instância criada com sucesso!", "instanceId": name, "token": line.token})

    def _delete(self, name: str) -> HttpResponse:
        call = self.server.control("delete", name)
        call.status = 200
        line = self.server.lines.pop(name, None)
        if not isinstance(line, WapiInstance):
            return _no("Instância não encontrada", 404)
        call.effect = "deleted"
        line.life += 1
        for sock in list(line.sockets):
            line.discard(sock, "deleted")
        line.forget("delete")
        return _yes({"message": "Instância removida com sucesso!"})

    def key_refused(self) -> HttpResponse:
        return _no("Token inválido", 401)

    def plant(self, name: str, number: str, *, webhook_url: str, token: str) -> WapiInstance:
        line = WapiInstance(self.server, name, token or f"token-{name}", self.habits)
        self.server.lines[name] = line
        line.urls = dict.fromkeys(HOOKS, webhook_url)
        line.link = self.world.whatsapp.pair(self.world.phone(number), self.server.name, name)
        line.raise_socket(line.link)
        line.state = "open"
        return line


def _json(body: Json, status: int = 200) -> HttpResponse:
    return HttpResponse(status, JSON_HEADERS, msgspec.json.encode(body))


def _yes(data: dict[str, Json], *, bare: bool = False) -> HttpResponse:
    """Success; `bare` answers have no `error` field."""
    return _json(data if bare else {"error": False, **data})


def _no(message: str, status: int = 200) -> HttpResponse:
    """Refusals of the product come with 200 and `error: true`."""
    return _json({"error": True, "message": message}, status)
