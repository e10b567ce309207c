"""W-API's requests, acts and looks.

Everything that acts on an instance is a GET here (restart, disconnect), a no comes with HTTP 200 and `{error: true}`,
and an unknown path gets a page: a 404 page has been read as "disconnected" before and took down every line (seed 003).
Unrecorded: all shapes are from clients, none from the running service. Never lives here: messages (`messages`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from esteio.core.model.evidence import Evidence, seen, seen_with
from esteio.providers.base import (
    ActOutcome,
    Flow,
    HttpRequest,
    ProbeDepth,
    ProbeOutcome,
    QrCode,
    SessionEndpoint,
    StandingWebhook,
)
from esteio.providers.classify import SHORT, Heard, ask, hear, look_failed, plain_act, server_news
from esteio.providers.parsing import Json, at, first, text
from esteio.providers.send_errors import closed_in_between
from esteio.providers.wapi.declaration import secrets
from esteio.providers.whatsapp import QUESTION_S, phone_of, questioned

STATE_S = 8.0
ACT_S = 30.0

WEBHOOKS: tuple[tuple[str, str], ...] = (
    ("received", "webhookReceivedUrl"),
    ("delivery", "webhookDeliveryUrl"),
    ("connected", "webhookConnectedUrl"),
    ("disconnected", "webhookDisconnectedUrl"),
    ("message-status", "webhookStatusUrl"),
)
"""The five addresses: the name in the path that sets one, and the field that reads it back."""


def call(
    where: SessionEndpoint, method: str, path: str, body: Json = None, *, timeout_s: float = ACT_S, **query: str
) -> HttpRequest:
    """One request of this instance, by its own token."""
    headers = {"authorization": f"Bearer {where.ref.get('token', '')}"}
    if body is not None:
        headers["content-type"] = "application/json"
    parameters = urlencode({"instanceId": where.ref.get("instance_id", ""), **query})
    return HttpRequest(
        method=method,
        url=f"{where.base_url.rstrip('/')}{path}?{parameters}",
        headers=headers,
        body=b"" if body is None else msgspec.json.encode(body),
        timeout_s=timeout_s,
    )


def hear_from(where: SessionEndpoint, request: HttpRequest) -> Flow[Heard]:
    """Ask and hear. 403 is W-API's other word for a wrong token."""
    heard = hear((yield from ask(request)), secrets(where))
    if heard.kind == "no" and heard.status == 403:
        return msgspec.structs.replace(heard, kind="auth")
    return heard


# W-API's own words; a 404 alone says nothing.
_NO_INSTANCE = re.compile(r"inst[aâ]nc[^\"]{0,40}(?:n[aã]o encontrad|n[aã]o existe|not found|does not exist)")
# Only words that can mean nothing else: a database may be "not connected" too.
# guard: database-offline-is-no-dead-socket
_DEAD_SOCKET = re.compile(r"connection closed|inst[aâ]nci[^\"]{0,30}(?:desconectad|n[aã]o (?:est[aá] )?conectad)")
_OPEN_ALREADY = re.compile(r"j[aá] (?:est[aá] )?conectad|already connected")


def missing(heard: Heard) -> bool:
    """Whether it said that it does not know the instance."""
    return heard.kind == "no" and _NO_INSTANCE.search(heard.words) is not None


def dead_socket(heard: Heard) -> bool:
    """Whether it said, with whatever status, that the instance has no open socket."""
    return heard.kind in ("no", "failed") and (_DEAD_SOCKET.search(heard.words) is not None or closed_in_between(heard))


def acted(heard: Heard, now: float) -> ActOutcome:
    """The answer of an act, with what it says of the instance."""
    if missing(heard):
        evidence = (*server_news(heard, now, "act"), seen("instance_missing", now, "act"))
        return ActOutcome("missing", heard.detail, evidence)
    if dead_socket(heard):
        evidence = (seen("server_answered", now, "act"), seen("socket_closed", now, "act"))
        return ActOutcome("no", heard.detail, evidence)
    return plain_act(heard, now)


# -- acts --------------------------------------------------------------------------------------------------------


def create(where: SessionEndpoint, now: float, pair_phone: str | None) -> Flow[ActOutcome]:
    """The instance is bought at the vendor's; here it is made ours: our addresses, then a code if it has no phone."""
    outcome = yield from set_webhook(where, now)
    if outcome.answer == "missing":  # guard: unknown-instance-is-missing
        # Nothing went missing: what was asked for was never there, and the provider's no is the answer.
        known = tuple(one for one in outcome.evidence if one.kind != "instance_missing")
        return msgspec.structs.replace(outcome, answer="no", evidence=known)
    if outcome.answer != "ok":
        return outcome
    connected = yield from connect(where, now, pair_phone)
    if connected.answer == "noop":
        connected = msgspec.structs.replace(connected, answer="ok")
    return msgspec.structs.replace(connected, evidence=(*outcome.evidence, *connected.evidence), ref=dict(where.ref))


def connect(where: SessionEndpoint, now: float, pair_phone: str | None) -> Flow[ActOutcome]:
    """Asks for a code; `noop` when W-API answers that it is connected. It says so in this very answer, so a code in
    it is a fresh one."""
    if pair_phone:
        request = call(where, "GET", "/instance/pairing-code", phoneNumber=pair_phone)
    else:
        request = call(where, "GET", "/instance/qr-code", image="disable")
    heard = yield from hear_from(where, request)
    outcome = acted(heard, now)
    if heard.kind == "no" and _OPEN_ALREADY.search(heard.words):
        return ActOutcome("noop", heard.detail, (*outcome.evidence, seen("said_open", now, "act")))
    if outcome.answer != "ok":
        return outcome
    if at(heard.body, "connected") is True:
        return ActOutcome("noop", "already connected", (*outcome.evidence, seen("said_open", now, "act")))
    qr = qr_of(heard.body, pairing=bool(pair_phone))
    return ActOutcome("ok", "", (*outcome.evidence, seen("qr_shown" if qr else "no_qr_yet", now, "act")), qr)


def qr_of(body: Json, *, pairing: bool = False) -> QrCode | None:
    """Field names drift; a data URI is a picture."""
    if pairing:
        code = first(body, "pairingCode", "code")
        return QrCode(code="", pairing_code=code) if code else None
    found = first(body, "qrcode", "qr", "base64", "code")
    if found is None:
        return None
    if found.startswith("data:"):
        return QrCode(code="", png_base64=found.partition("base64,")[2])
    return QrCode(code=found)


def restart(where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
    """Restarts the instance with its stored credentials; the phone's link is kept."""
    return acted((yield from hear_from(where, call(where, "GET", "/instance/restart"))), now)


def logout(where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
    """Unlinks. The second time it says that it is done already."""
    heard = yield from hear_from(where, call(where, "GET", "/instance/disconnect"))
    if heard.kind == "no" and "já deslogado" in heard.words:
        return ActOutcome("noop", heard.detail, server_news(heard, now, "act"))
    return acted(heard, now)


def set_webhook(where: SessionEndpoint, now: float) -> Flow[ActOutcome]:
    """Five addresses, one after the other; the first that fails is the answer."""
    evidence: tuple[Evidence, ...] = ()
    for name, _ in WEBHOOKS:
        request = call(where, "PUT", f"/webhook/update-webhook-{name}", {"value": where.webhook_url})
        outcome = acted((yield from hear_from(where, request)), now)
        if outcome.answer != "ok":
            return msgspec.structs.replace(outcome, detail=f"{name}: {outcome.detail}")
        evidence = outcome.evidence
    return ActOutcome("ok", "", (*evidence, seen("webhook_config_ok", now, "act")))


# -- looks -------------------------------------------------------------------------------------------------------


def probe(where: SessionEndpoint, now: float, depth: ProbeDepth) -> Flow[ProbeOutcome]:
    """Its own state; a deeper look also reads whose phone it is and where its webhooks go, and the deepest asks whether
    our own number exists, which a closed socket cannot say."""
    heard = yield from hear_from(where, call(where, "GET", "/instance/status-instance", timeout_s=STATE_S))
    connected = at(heard.body, "connected")
    if missing(heard):
        return ProbeOutcome((*server_news(heard, now, "state"), seen("instance_missing", now, "state")))
    if dead_socket(heard):
        return ProbeOutcome((seen("server_answered", now, "state"), seen("said_closed", now, "state")))
    if heard.kind != "ok" or not isinstance(connected, bool):
        evidence = look_failed(heard, now, "state")
        if heard.kind in ("ok", "router") or (heard.kind == "no" and at(heard.body, "error") is not True):
            # It must answer this, and its no always says so in the same way: something else answers there.
            kind = "server_no_route" if heard.kind == "router" else "server_wrong_kind"
            strange = seen(kind, now, "state", detail=heard.detail[:SHORT])
            evidence = (strange, *(one for one in evidence if one.kind != "server_answered"))
        return ProbeOutcome(evidence, detail=heard.detail)
    claim = seen("said_open" if connected else "said_closed", now, "state")
    evidence = (*server_news(heard, now, "state"), claim)
    if depth == "state":
        return ProbeOutcome(evidence)
    heard = yield from hear_from(where, call(where, "GET", "/instance/fetch-instance", timeout_s=STATE_S))
    row = _row(heard)
    phone = phone_of(at(row, "connectedPhone"))
    if phone:
        evidence = (*evidence, seen("identity_seen", now, "list", phone=phone))
    if isinstance(row, dict):
        # It stands in the same row: nobody need ask for that once more.
        evidence = (*evidence, _webhook_evidence(where, row, now))
    if depth == "roundtrip" and connected and phone:
        request = call(where, "GET", "/contacts/phone-exists", timeout_s=QUESTION_S, phoneNumber=phone)
        heard = yield from hear_from(where, request)
        exists = at(heard.body, "exists") if heard.kind == "ok" else None
        evidence = questioned(heard, exists, evidence, now, refused=dead_socket(heard))
    return ProbeOutcome(evidence)


def _row(heard: Heard) -> Json:
    """The instance's row, as it is or under `data`."""
    if heard.kind != "ok":
        return None
    return at(heard.body, "data") or at(heard.body, "instance") or heard.body


def read_qr(where: SessionEndpoint, now: float) -> Flow[ProbeOutcome]:
    """The same read as `connect`: W-API says in one answer whether it is connected, and the code if not."""
    outcome = yield from connect(where, now, None)
    kinds = {one.kind for one in outcome.evidence}
    evidence = tuple(msgspec.structs.replace(one, source="probe") for one in outcome.evidence)
    if not kinds & {"qr_shown", "no_qr_yet", "said_open", "instance_missing"}:
        evidence = (*evidence, seen("look_failed", now, "probe"))
    return ProbeOutcome(evidence, outcome.qr, outcome.detail)


def check_webhook(where: SessionEndpoint, now: float) -> Flow[ProbeOutcome]:
    """The five addresses, read back. One that is null or not there is an address that is not set; where none of the
    five is told, that is said as well (`untold`), for it may also be a server that does not tell them."""
    heard = yield from hear_from(where, call(where, "GET", "/instance/fetch-instance", timeout_s=STATE_S))
    row = _row(heard)
    if missing(heard):
        return ProbeOutcome((*server_news(heard, now, "probe"), seen("instance_missing", now, "probe")))
    if heard.kind != "ok":
        return ProbeOutcome(look_failed(heard, now, "probe"), detail=heard.detail)
    news = server_news(heard, now, "probe")
    if not isinstance(row, dict):
        return ProbeOutcome((*news, seen("webhook_config_unread", now, "probe", detail=heard.detail)))
    found = _webhook_evidence(where, row, now)
    return ProbeOutcome((*news, found), detail=found.data.get("detail", ""))


def _webhook_evidence(where: SessionEndpoint, row: Mapping[str, Json], now: float) -> Evidence:
    wrong = [field for _, field in WEBHOOKS if at(row, field) != where.webhook_url]
    if not wrong:
        return seen("webhook_config_ok", now, "probe")
    detail = ", ".join(wrong)
    told = any(text(at(row, field)) for _, field in WEBHOOKS)
    return seen_with(
        "webhook_config_gone", now, "probe", {"detail": detail} if told else {"detail": detail, "untold": "yes"}
    )


_EVENTS: Mapping[str, tuple[str, ...]] = {
    "received": ("MESSAGES_UPSERT",),
    "delivery": ("SEND_MESSAGE",),
    "connected": ("CONNECTION_UPDATE",),
    "disconnected": ("CONNECTION_UPDATE",),
    "message-status": ("MESSAGES_UPDATE",),
}
"""What each address is told, in the names of a subscription."""


def standing_webhook(where: SessionEndpoint) -> Flow[StandingWebhook]:
    """The five addresses as they are. `url` is the one that received messages go to, or the first that is set."""
    heard = yield from hear_from(where, call(where, "GET", "/instance/fetch-instance", timeout_s=STATE_S))
    row = _row(heard)
    if missing(heard):
        return StandingWebhook("missing", detail=heard.detail)
    if heard.kind != "ok":
        return StandingWebhook("unanswered", detail=heard.detail)
    if not isinstance(row, dict):
        return StandingWebhook("unreadable", detail=heard.detail)
    kept = {name: text(at(row, field)) or "" for name, field in WEBHOOKS}
    foreign = [name for name, url in kept.items() if url and not _is_ours(where, url)]
    if not foreign:
        return StandingWebhook("ours" if any(kept.values()) else "none")
    told: dict[str, tuple[str, ...]] = {}
    for name in foreign:
        url = kept[name]
        told[url] = tuple(dict.fromkeys((*told.get(url, ()), *_EVENTS[name])))
    url, *others = told
    more = {other: told[other] for other in others}
    return StandingWebhook("foreign", url, told[url], more, row={name: kept[name] for name in foreign})


def _is_ours(where: SessionEndpoint, url: str) -> bool:
    """Also where it was set by an earlier `public_url`: the token in its path is this session's alone."""
    token = where.webhook_url.rpartition("/in/")[2]
    return url == where.webhook_url or (bool(token) and f"/in/{token}" in url)


def put_back_webhook(where: SessionEndpoint, now: float, kept: StandingWebhook) -> Flow[ActOutcome]:
    """Each of the five that is ours gets what stood there, or nothing."""
    heard = yield from hear_from(where, call(where, "GET", "/instance/fetch-instance", timeout_s=STATE_S))
    if heard.kind != "ok":
        return acted(heard, now)
    row = _row(heard)
    ours = [name for name, field in WEBHOOKS if _is_ours(where, text(at(row, field)) or "")]
    outcome = ActOutcome("noop", "no address there is ours")
    for name in ours:
        body = {"value": text(kept.row.get(name)) or ""}
        outcome = acted((yield from hear_from(where, call(where, "PUT", f"/webhook/update-webhook-{name}", body))), now)
        if outcome.answer != "ok":
            return msgspec.structs.replace(outcome, detail=f"{name}: {outcome.detail}")
    return outcome
