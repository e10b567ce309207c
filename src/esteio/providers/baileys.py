"""The Baileys REST server of seed 000 (`deploy/baileys`): sessions by name, one header, no restart.

| rule | how it is kept |
|---|---|
| `POST /sessions` is create and connect | idempotent by name; it ignores a new webhook address for an old name |
| no restart, no webhook call | `unsupported`, and the capabilities say so |
| `DELETE` logs out **and** removes | `logout` and `delete` are the same call; a later connect pairs anew |
| 200 `{success: false}` and 500 `{success: false}` are its own no | judged by the body |
| a 404 page says nothing of a session | only `Session not found` does |
| a QR is a data URI or raw text, whatever `format` says | sniffed; null means not yet |

Unrecorded: shapes are from the server's source, not from a running one. Its messages with `fromMe` may be our own or
typed on the phone; they cannot be told apart here, so they are events and no evidence. Its webhooks are sent once, at
once: those without a time of their own are dated now. Never lives here: anything of another server that speaks Baileys.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from esteio.core.model.capabilities import Capabilities, Quirk
from esteio.core.model.content import MEDIA_KINDS
from esteio.core.model.evidence import Evidence, Source, seen
from esteio.providers.adapter import Adapter
from esteio.providers.baileys_messages import read_message
from esteio.providers.base import (
    ActOutcome,
    DownloadOutcome,
    Flow,
    HttpRequest,
    InventoryEntry,
    InventoryOutcome,
    OutgoingMessage,
    ProbeDepth,
    ProbeOutcome,
    QrCode,
    SendOutcome,
    SessionEndpoint,
    WebhookReading,
)
from esteio.providers.classify import (
    SHORT,
    Heard,
    ask,
    downloaded,
    hear,
    list_news,
    look_failed,
    plain_act,
    same_place,
    server_news,
    taken,
)
from esteio.providers.declaration import SESSION, Declaration, Field
from esteio.providers.parsing import Json, at, decode, digits, first, text, word
from esteio.providers.quirks import known
from esteio.providers.send_errors import (
    closed_in_between,
    not_stored,
    plain_no,
    refused_for_size,
    too_large,
)
from esteio.providers.whatsapp import (
    QUESTION_S,
    phone_of,
    questioned,
    timed_out,
)

STATE_S = 8.0
ACT_S = 30.0
MEDIA_S = 60.0

_CLAIMS = {"connected": "said_open", "connecting": "said_connecting", "disconnected": "said_closed"}

DECLARATION = Declaration(
    label="Baileys",
    ref=(Field("session", default=SESSION, example="loja"),),
    instance="session",
    credentials=(Field("apikey", secret=True),),
)


class Baileys(Adapter):
    """The dialect; the table in the module's head says what each answer is worth."""

    kind = "baileys"
    capabilities = Capabilities(
        restart=False,
        restart_keeps_link=False,
        pairing_code=False,
        message_list=False,
        history=False,
        round_trip_probe=False,
        socket_probe=False,
        question_refutes=True,
        list_sessions=True,
        queues_while_down=False,
        media_bytes=False,
        connect=True,
        connect_pairs_after_unlink=False,
        tells_webhook=False,
    )
    declaration = DECLARATION

    def quirks(self, version: str | None) -> tuple[Quirk, ...]:
        return known(self.kind, version)

    # -- acts ----------------------------------------------------------------------------------------------------

    def create(self, where: SessionEndpoint, now: float, *, pair_phone: str | None = None) -> Flow[ActOutcome]:
        """Pairing codes are not offered: `pair_phone` is ignored, the QR comes as always."""
        body = {"name": _session(where), "webhookUrl": where.webhook_url}
        heard = yield from _hear(where, _call(where, "POST", "/sessions", body))
        outcome = plain_act(heard, now)
        if outcome.answer != "ok":
            return outcome
        evidence = (*outcome.evidence, *_info(at(heard.body, "data"), now, "act"))
        return ActOutcome("ok", "", evidence, ref={"session": _session(where)})

    def connect(self, where: SessionEndpoint, now: float, *, pair_phone: str | None = None) -> Flow[ActOutcome]:
        """The same call: it loads saved credentials, or returns the session that is there."""
        outcome = yield from self.create(where, now, pair_phone=pair_phone)
        if any(one.kind == "said_open" for one in outcome.evidence):
            return msgspec.structs.replace(outcome, answer="noop", ref={})
        return msgspec.structs.replace(outcome, ref={})

    def logout(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        """Removes the credentials as well: the next connect shows a QR."""
        return self.delete(where, now)

    def delete(self, where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
        """`ok` also for a session that was not there. It logs out first, which a dead socket refuses."""
        heard = yield from _hear(where, _call(where, "DELETE", "/sessions/{}"))
        answered = seen("server_answered", now, "act")
        if _not_found(heard):
            return ActOutcome("missing", heard.detail, (answered, seen("instance_missing", now, "act")))
        if _closed(heard):
            return ActOutcome("no", heard.detail, (answered, seen("socket_closed", now, "act")))
        return plain_act(heard, now)

    # -- looks ---------------------------------------------------------------------------------------------------

    def probe(self, where: SessionEndpoint, now: float, depth: ProbeDepth) -> Flow[ProbeOutcome]:
        """Its own state; for `roundtrip` also whether our own number exists, which a closed socket cannot say."""
        heard = yield from _hear(where, _call(where, "GET", "/sessions/{}", timeout_s=STATE_S))
        outcome = _seen(heard, now)
        if depth != "roundtrip" or not where.phone or at(heard.body, "data", "status") != "connected":
            return outcome
        path = f"/sessions/{{}}/contacts/{digits(where.phone)}@s.whatsapp.net"
        heard = yield from _hear(where, _call(where, "GET", path, timeout_s=QUESTION_S))
        exists = at(heard.body, "data", "exists") if heard.kind == "ok" else None
        return ProbeOutcome(questioned(heard, exists, outcome.evidence, now, refused=_closed(heard)))

    def inventory(self, where: SessionEndpoint, now: float) -> Flow[InventoryOutcome]:
        heard = yield from _hear(where, _call(where, "GET", "/sessions", timeout_s=STATE_S))
        rows = at(heard.body, "data")
        fits = isinstance(rows, list) if heard.kind == "ok" else at(heard.body, "success") is False
        told = list_news(heard, now, fits=fits)
        if heard.kind != "ok" or not fits:
            return InventoryOutcome(None, told)
        entries = tuple(_entry(row) for row in rows if text(at(row, "name")))
        return InventoryOutcome(entries, told)

    def read_qr(self, where: SessionEndpoint, now: float) -> Flow[ProbeOutcome]:
        """The code only beside a state that is not connected: then it is of a pairing under way."""
        heard = yield from _hear(where, _call(where, "GET", "/sessions/{}", timeout_s=STATE_S))
        state = _seen(heard, now)
        if heard.kind != "ok" or at(heard.body, "data", "status") == "connected":
            return state
        heard = yield from _hear(where, _call(where, "GET", "/sessions/{}/qr?format=raw", timeout_s=STATE_S))
        if heard.kind != "ok":
            return ProbeOutcome((*state.evidence, *server_news(heard, now, "probe")), detail=heard.detail)
        qr = _qr(at(heard.body, "data") or heard.body)
        return ProbeOutcome((*state.evidence, seen("qr_shown" if qr else "no_qr_yet", now, "probe")), qr)

    # -- messages ------------------------------------------------------------------------------------------------

    def send(self, where: SessionEndpoint, now: float, message: OutgoingMessage, timeout_s: float) -> Flow[SendOutcome]:
        wrong, path, body = _translate(message)
        if wrong:
            return SendOutcome("refused", fault="request", detail=wrong)
        request = _call(where, "POST", path, body, timeout_s=timeout_s)
        heard = yield from _hear(where, request)
        return refused_for_size(heard, request) if too_large(heard) else _sent(heard, now)

    def is_own_address(self, where: SessionEndpoint, url: str) -> bool:
        return url.startswith("/") or same_place(url, where.base_url)

    def download(
        self, where: SessionEndpoint, now: float, kind: str, source: Mapping[str, str]
    ) -> Flow[DownloadOutcome]:
        """Its own address where it gave one, else from its memory: the last 500 messages of a session."""
        outcome = DownloadOutcome(said_no=True)
        if (url := source.get("url")) is not None:
            outcome = taken((yield from ask(_of_address(where, url))))
        if outcome.data or not source.get("id"):
            return outcome
        path = f"/sessions/{{}}/messages/{quote(source['id'], safe='')}/media"
        heard = yield from _hear(where, _call(where, "GET", path, timeout_s=MEDIA_S))
        data = at(heard.body, "data")
        mime = text(at(data, "mimetype"))
        return downloaded(at(data, "base64"), heard, mime=mime, closed=_closed(heard) or _not_found(heard))

    def read_webhook(self, where: SessionEndpoint, body: bytes, path: str, now: float) -> WebhookReading:
        """`event` and `payload`; the session it names must be ours."""
        decoded = decode(body)
        event = first(decoded, "event")
        if not isinstance(decoded, dict) or event is None:
            return WebhookReading(readable=False, note="no event")
        whose = text(at(decoded, "session"))
        if whose is not None and whose != _session(where):
            return WebhookReading(readable=True, note="for another session")
        payload = at(decoded, "payload")
        match event:
            case "session.status":
                return WebhookReading(readable=True, evidence=_pushed_status(payload, now))
            case "qr.update":
                qr = _qr(payload)
                evidence = (seen("qr_shown", now, "webhook"),) if qr else ()
                return WebhookReading(readable=True, evidence=evidence, qr=qr)
            case "message":
                return read_message(payload, now)
        return WebhookReading(readable=True, note=f"nothing to read in {event!r}"[:80])


# -- the wire ----------------------------------------------------------------------------------------------------


def _session(where: SessionEndpoint) -> str:
    return where.ref.get("session") or where.session


def _call(
    where: SessionEndpoint, method: str, path: str, body: Json = None, *, timeout_s: float = ACT_S
) -> HttpRequest:
    headers = {"x-api-key": where.credentials.get("apikey", "")}
    if body is not None:
        headers["content-type"] = "application/json"
    return HttpRequest(
        method=method,
        url=where.base_url.rstrip("/") + path.replace("{}", quote(_session(where), safe="")),
        headers=headers,
        body=b"" if body is None else msgspec.json.encode(body),
        timeout_s=timeout_s,
    )


def _of_address(where: SessionEndpoint, url: str) -> HttpRequest:
    """A media at the server's own address. The key goes along only below the session's own path: whoever knows the
    webhook's address could name any other."""
    whole = where.base_url.rstrip("/") + url if url.startswith("/") else url
    path = whole.removeprefix(where.base_url.rstrip("/"))
    own = path.startswith(f"/sessions/{quote(_session(where), safe='')}/") and ".." not in path
    headers = {"x-api-key": where.credentials.get("apikey", "")} if own else {}
    return HttpRequest("GET", whole, headers, timeout_s=MEDIA_S)


def _hear(where: SessionEndpoint, request: HttpRequest) -> Flow[Heard]:
    """403 is what forks of this server say to a wrong key."""
    heard = hear((yield from ask(request)), DECLARATION.secrets(where.credentials, where.ref))
    if heard.kind == "no" and heard.status == 403:
        return msgspec.structs.replace(heard, kind="auth")
    return heard


# -- what it says of a session -----------------------------------------------------------------------------------


def _info(info: Json, now: float, source: Source) -> tuple[Evidence, ...]:
    """SessionInfo: `{name, status, phoneNumber, hasQrCode}`."""
    status = text(at(info, "status"))
    if status is None:
        return ()
    kind = _CLAIMS.get(status)
    claim = seen(kind, now, source) if kind else seen("said_unknown", now, source, state=status[:40])
    phone = phone_of(at(info, "phoneNumber"))
    return (claim, seen("identity_seen", now, source, phone=phone)) if phone else (claim,)


def _not_found(heard: Heard) -> bool:
    return heard.kind in ("no", "failed") and "session not found" in heard.words


def _closed(heard: Heard) -> bool:
    """ "Session not connected" is the server's own word for a closed socket, "Connection Closed" Baileys'."""
    words = heard.words
    said = "session not connected" in words or "connection closed" in words or closed_in_between(heard)
    return heard.kind in ("no", "failed") and said


def _seen(heard: Heard, now: float) -> ProbeOutcome:
    if _not_found(heard):
        return ProbeOutcome((seen("server_answered", now, "state"), seen("instance_missing", now, "state")))
    claims = _info(at(heard.body, "data"), now, "state") if heard.kind == "ok" else ()
    if not claims:
        return ProbeOutcome(look_failed(heard, now, "state"), detail=heard.detail)
    return ProbeOutcome((*server_news(heard, now, "state"), *claims))


def _entry(row: Json) -> InventoryEntry:
    status = text(at(row, "status")) or ""
    claim = _CLAIMS.get(status, "said_unknown")
    return InventoryEntry(at(row, "name"), status, claim, phone_of(at(row, "phoneNumber")))


def _qr(holder: Json) -> QrCode | None:
    """Field names drift; a data URI is a picture, everything else is the text of the code."""
    found = first(holder, "qrCode", "qr", "code", "base64") or text(holder)
    if found is None:
        return None
    if found.startswith("data:"):
        return QrCode(code="", png_base64=found.partition("base64,")[2])
    return QrCode(code=found)


def _pushed_status(payload: Json, now: float) -> tuple[Evidence, ...]:
    """`STOPPED` is sent only on 401."""
    match at(payload, "status"):
        case "WORKING":
            phone = phone_of(at(payload, "me", "id"))
            identity = (seen("identity_seen", now, "webhook", phone=phone),) if phone else ()
            return (seen("said_open", now, "webhook"), *identity)
        case "STOPPED":
            return (seen("said_closed", now, "webhook"), seen("logged_out", now, "webhook", code="401"))
        case other:
            return (seen("said_unknown", now, "webhook", state=word(other)),)


# -- messages out ------------------------------------------------------------------------------------------------


def _translate(message: OutgoingMessage) -> tuple[str, str, dict[str, Json]]:
    """What is wrong (or ""), the path and the body."""
    content = message.content
    if message.quote_provider_id or message.mentions:
        return "this server cannot quote or mention", "", {}
    if content.kind == "text":
        return (
            ("" if content.text else "a text message needs text"),
            "/sessions/{}/send/text",
            {
                "to": message.to,
                "text": content.text or "",
            },
        )
    if content.kind not in MEDIA_KINDS or content.kind == "sticker":
        return f"this server has no call for a message of kind {content.kind!r}", "", {}
    if content.media is None or not content.media.url:
        return "this server takes media by URL only", "", {}
    body: dict[str, Json] = {"to": message.to, "mediaUrl": content.media.url, "mediaType": content.kind}
    if content.text:
        body["caption"] = content.text
    return "", "/sessions/{}/send/media", body


def _sent(heard: Heard, now: float) -> SendOutcome:
    """Only an id makes it accepted."""
    provider_id = text(at(heard.body, "data", "messageId")) if heard.kind == "ok" else None
    if provider_id is not None:
        evidence = (*server_news(heard, now, "send"), seen("send_accepted", now, "send"))
        return SendOutcome("accepted", provider_id, evidence=evidence)
    # First of all: such an error may quote the message's own words.
    return plain_no(heard, now) if not_stored(heard) else _not_taken(heard, now)


def _not_taken(heard: Heard, now: float) -> SendOutcome:
    """This server's own words, and after them what any server's no means."""
    answered = seen("server_answered", now, "send")
    if _not_found(heard):
        evidence = (answered, seen("instance_missing", now, "send"))
        return SendOutcome("not_sent", fault="missing", detail=heard.detail, evidence=evidence)
    if _closed(heard):
        evidence = (answered, seen("send_closed", now, "send"))
        return SendOutcome("not_sent", fault="socket", detail=heard.detail, evidence=evidence)
    if heard.kind == "failed" and timed_out(heard.words):
        evidence = (answered, seen("round_trip_silent", now, "send", detail=heard.detail[:SHORT]))
        return SendOutcome("in_doubt", fault="timeout", detail=heard.detail, evidence=evidence)
    return plain_no(heard, now)
