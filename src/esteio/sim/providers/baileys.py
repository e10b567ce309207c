"""The Baileys REST server of seed 000: its calls, its statuses, its webhooks, and what it forgets.

Faithful habits: a QR that is `null` with 200, no restart, a second POST that ignores the new webhook URL, STOPPED only
on 401, dead credentials kept on disk after it (no QR until DELETE), the per-session URL lost at boot, no webhook retry.
Never lives here: another REST server's dialect.
"""

# ruff: noqa: ARG002 - handlers share their signatures
from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote

import msgspec

from esteio.core.judge.pacing import doubling
from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.providers.evolution.payloads import BLANK_PNG, digits_of, iso, jid_of
from esteio.sim.world.instance import Instance, Socket
from esteio.sim.world.ledger import Emission, Unlink
from esteio.sim.world.network import HTML_HEADERS, JSON_HEADERS
from esteio.sim.world.server import SimServer, header
from esteio.sim.world.webhooks import ONCE, QueuedWebhook
from esteio.sim.world.whatsapp import Link, Stanza

Json = Any
STATUS = {"open": "connected", "connecting": "connecting", "close": "disconnected"}
FIRST_RETRY_S, RETRY_CAP_S = 3.0, 60.0


class BaileysInstance(Instance):
    """One session of that server."""

    qr_first_s = 60.0
    qr_next_s = 20.0

    server: SimServer

    def __init__(self, server: SimServer, name: str, webhook_url: str) -> None:
        super().__init__(server, name)
        self.webhook_url = webhook_url
        self.qr = ""
        self.failures = 0
        self.logged_out = False

    def forget_webhook(self, variant: str) -> None:
        self.webhook_url = ""

    def info(self) -> Json:
        """The row of this instance in the answers of `/sessions`; the number only while it is open."""
        status = STATUS[self.state]
        number = self.link.number if self.link and self.state == "open" else None
        return {"name": self.name, "status": status, "phoneNumber": number, "hasQrCode": bool(self.qr)}

    def tell(self, event: str, payload: Json, provider_id: str | None = None) -> None:
        """Queues a webhook in this server's envelope; without an address nothing is sent. `provider_id` names the
        incoming message that it reports."""
        if not self.webhook_url:
            return
        headers = {"content-type": "application/json", "apikey": "anon-key", "authorization": "Bearer anon-key"}
        body = msgspec.json.encode({"event": event, "session": self.name, "payload": payload})
        letter = QueuedWebhook(self.name, event, self.webhook_url, headers, body)
        if provider_id and (truth := self.world.ledger.inbound_by_id(provider_id)):
            letter.emission = Emission(self.world.now(), self.server.name, self.name)
            truth.emitted.append(letter.emission)
        self.server.post(letter)

    # -- Baileys' events ------------------------------------------------------------------------------------------

    def on_connecting(self, sock: Socket) -> None:
        self.state = "connecting"

    def on_qr(self, sock: Socket, code: str) -> None:
        self.qr = self.world.draw_qr(code) if self.world.draw_qr else BLANK_PNG
        self.tell("qr.update", {"qrCode": self.qr})

    def on_paired(self, link: Link) -> None:
        self.qr = ""
        self.logged_out = False

    def on_open(self, sock: Socket) -> None:
        self.state, self.qr, self.failures = "open", "", 0
        number = sock.link.number if sock.link else ""
        self.tell("session.status", {"status": "WORKING", "me": {"id": jid_of(number)}})

    def on_close(self, sock: Socket, code: int, why: str) -> None:
        self.state, self.qr = "close", ""
        if code == 401:
            self.logged_out = True
            self.tell("session.status", {"status": "STOPPED"})
            return
        self.prepare(doubling(FIRST_RETRY_S, RETRY_CAP_S, self.failures))
        self.failures += 1

    def on_stanza(self, stanza: Stanza) -> None:
        if stanza.what != "message":
            return
        lid = stanza.extra.get("lid")
        payload = {
            "id": stanza.provider_id,
            "from": digits_of(stanza.peer),
            "rawJid": lid or jid_of(stanza.peer),
            "fromMe": stanza.from_me,
            "isGroup": stanza.peer.endswith("@g.us"),
            "isLid": bool(lid),
            "body": stanza.text,
            "timestamp": int(stanza.at),
            "pushName": stanza.push_name or None,
            "participant": None,
            "type": stanza.kind,
            "hasMedia": stanza.kind not in ("text", "reaction", "location"),
            "mimetype": stanza.extra.get("mime"),
            "filename": stanza.extra.get("filename"),
            "mediaUrl": stanza.extra.get("media_url"),
        }
        self.tell("message", payload, stanza.provider_id)

    # -- the process ----------------------------------------------------------------------------------------------

    def power_off(self) -> None:
        super().power_off()
        self.qr, self.failures = "", 0

    def boot(self) -> None:
        """All sessions are restored, with the one URL of the environment."""
        self.webhook_url = getattr(self.server.face, "global_webhook_url", "")
        self.state = "connecting"
        self.prepare()

    def wipe(self) -> bool:
        """DELETE: log out where WhatsApp can be reached, and remove the files. Whether something was unlinked."""
        link, sock = self.link, self.sock
        self.life += 1
        if link is not None and link.linked:
            if sock is not None and sock.usable:
                self.world.whatsapp.unlink(link, cause="delete")
            else:
                now = self.world.now()
                self.world.ledger.unlinks.append(Unlink(now, self.server.name, self.name, link.number, "delete"))
        for one in list(self.sockets):
            self.discard(one, "deleted")
        self.link = None
        return link is not None


class BaileysFace:
    """Its HTTP side. `global_webhook_url` is the WEBHOOK_URL of its environment."""

    retry_rule = ONCE

    def __init__(self, server: SimServer) -> None:
        self.server = server
        self.world = server.world
        self.global_webhook_url = ""

    def verb_of(self, request: HttpRequest) -> str:
        path = self.server.local(request.url).partition("?")[0]
        if path.startswith("/sessions"):
            if "/send/" in path:
                return "send"
            return {"POST": "create", "DELETE": "delete"}.get(request.method, "read")
        return "read"

    async def handle(self, request: HttpRequest) -> HttpResponse:
        path, _, query = self.server.local(request.url).partition("?")
        parts = [unquote(part) for part in path.strip("/").split("/")]
        self.world.ledger.calls[self.server.name, f"{request.method} {parts[0]}"] += 1
        if request.method == "GET" and parts == ["health"]:
            now = iso(self.world.now())
            return _json({"status": "ok", "timestamp": now, "sessions": len(self.server.lines)})
        if request.method == "GET" and parts[0] == "media" and len(parts) == 2:
            return _file(self.world.media_of(parts[1]))
        if parts[0] != "sessions":
            return _no_route(request.method, path)
        if header(request, "x-api-key") != self.server.apikey:
            return _no("Unauthorized", 401)
        try:
            body = msgspec.json.decode(request.body) if request.body else {}
        except msgspec.DecodeError:
            return HttpResponse(400, HTML_HEADERS, b"<!DOCTYPE html><html><body><pre>SyntaxError</pre></body></html>")
        return await self._session(request.method, path, parts[1:], body, query)

    async def _session(self, method: str, path: str, rest: list[str], body: Json, query: str) -> HttpResponse:
        if not rest:
            if method == "POST":
                return self._create(body)
            if method == "GET":
                return _yes([instance.info() for instance in self._lines()])
            return _no_route(method, path)
        instance = self.server.lines.get(rest[0])
        known = instance if isinstance(instance, BaileysInstance) and instance.in_memory else None
        shape: tuple[str, ...] = (method, *rest[1:])
        if shape[1:2] == ("send",) and method == "POST":
            return await self._send(known, body, media=rest[-1] == "media")
        if shape == ("DELETE",):
            return self._delete(rest[0])
        if shape[:2] == ("GET", "contacts") and len(rest) == 3:
            return await self._exists(known, digits_of(rest[2]))
        return self._read(shape, known, query) or _no_route(method, path)

    async def _exists(self, known: BaileysInstance | None, number: str) -> HttpResponse:
        if known is None or known.state != "open":
            return _not_at_work(known)
        words = await known.ask_whatsapp()
        if words:
            return _no(words, 500)
        exists = number not in self.world.not_on_whatsapp
        return _yes({"jid": jid_of(number), "exists": exists, "phone": number})

    def _read(self, shape: tuple[str, ...], known: BaileysInstance | None, query: str) -> HttpResponse | None:
        if shape == ("GET",):
            return _yes(known.info()) if known else _no("Session not found", 404)
        if shape == ("GET", "qr"):
            return self._qr(known, query)
        if shape[:2] == ("GET", "messages"):
            data = self.world.media_of(shape[2]) if known and len(shape) == 4 and shape[3] == "media" else None
            if data is None:
                return _no("Media not found", 404)
            return _yes({"base64": base64.b64encode(data).decode(), "mimetype": "image/jpeg"})
        return None

    def _lines(self) -> list[BaileysInstance]:
        return [
            instance
            for instance in self.server.lines.values()
            if isinstance(instance, BaileysInstance) and instance.in_memory
        ]

    def _create(self, body: Json) -> HttpResponse:
        name = body.get("name") if isinstance(body, dict) else None
        if not name:
            return _no("Session name is required", 400)
        call = self.server.control("create", name)
        call.status = 200
        instance = self.server.lines.get(name)
        if not isinstance(instance, BaileysInstance):
            instance = BaileysInstance(self.server, name, str(body.get("webhookUrl") or self.global_webhook_url))
            self.server.lines[name] = instance
            call.effect = "created"
            instance.state = "connecting"
            instance.prepare()
        elif instance.state == "close" and instance.logged_out and not instance.preparing and instance.in_memory:
            call.effect = "socket"
            instance.state = "connecting"
            instance.prepare()
        return _yes(instance.info())

    def _qr(self, instance: BaileysInstance | None, query: str) -> HttpResponse:
        if instance is None:
            return _no("QR Code not available", 404)
        raw = "format=raw" in query
        code = instance.sock.qr if raw and instance.sock and instance.qr else instance.qr
        return _yes({"qrCode": code or None, "format": "raw" if raw else "base64"})

    def _delete(self, name: str) -> HttpResponse:
        call = self.server.control("delete", name)
        call.status = 200
        instance = self.server.lines.pop(name, None)
        if isinstance(instance, BaileysInstance):
            call.effect = "unlinked" if instance.wipe() else "deleted"
        return _json({"success": True, "message": "Session deleted"})

    async def _send(self, instance: BaileysInstance | None, body: Json, *, media: bool) -> HttpResponse:
        if instance is None or instance.state != "open":
            return _not_at_work(instance)
        wanted = "mediaUrl" if media else "text"
        if not isinstance(body, dict) or not body.get("to") or not body.get(wanted):
            return _no(f"to and {wanted} are required", 400)
        number = self.world.jid_digits(digits_of(str(body["to"])))
        text = str(body.get("caption") or "") if media else str(body["text"])
        kind = str(body.get("mediaType") or "document") if media else "text"
        provider_id, words = await instance.carry(number, text, kind)
        return _yes({"messageId": provider_id, "status": "sent"}) if provider_id else _no(words, 500)

    def key_refused(self) -> HttpResponse:
        return _no("Unauthorized", 401)

    def plant(self, name: str, number: str, *, webhook_url: str, token: str) -> BaileysInstance:
        del token
        instance = BaileysInstance(self.server, name, webhook_url)
        self.server.lines[name] = instance
        instance.link = self.world.whatsapp.pair(self.world.phone(number), self.server.name, name)
        instance.raise_socket(instance.link)
        instance.state = "open"
        return instance


def _json(body: Json, status: int = 200) -> HttpResponse:
    return HttpResponse(status, JSON_HEADERS, msgspec.json.encode(body))


def _yes(data: Json) -> HttpResponse:
    return _json({"success": True, "data": data})


def _no(error: str, status: int) -> HttpResponse:
    return _json({"success": False, "error": error}, status)


def _not_at_work(instance: BaileysInstance | None) -> HttpResponse:
    return _no("Session not connected" if instance else "Session not found", 500)


def _file(data: bytes | None) -> HttpResponse:
    return _no("Media not found", 404) if data is None else HttpResponse(200, {"content-type": "image/jpeg"}, data)


def _no_route(method: str, path: str) -> HttpResponse:
    page = f"<!DOCTYPE html>\n<html><body><pre>Cannot {method} {path}</pre></body></html>"
    return HttpResponse(404, HTML_HEADERS, page.encode())
