"""Evolution API's requests, and the words of its answers. Every other file of this dialect asks and hears through here.

One truth hides in many shapes: "Connection Closed" comes as 400, as a raw Boom, as a 500 string, a 500 list, as the
bare close code of the websocket ("1006"), and, on delete only, as `[object Object]` (recordings 108 to 116). So the
text counts, wherever it stands, never the status.
Never lives here: what an answer means for a send, an act or a look.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import quote

import msgspec

from esteio.core.model.evidence import NOT_LOADED, Evidence, Source, seen
from esteio.providers.base import Flow, HttpRequest, QrCode, SessionEndpoint
from esteio.providers.classify import SHORT, Heard, ask, hear, server_news
from esteio.providers.evolution.declaration import secrets
from esteio.providers.parsing import Json, at, number, text, whole, word
from esteio.providers.send_errors import closed_in_between
from esteio.providers.whatsapp import timed_out

STATE_S = 8.0
LIST_S = 20.0
ROUND_TRIP_S = 20.0
ACT_S = 30.0
"""Time-outs in seconds. connect waits 2 s and create 5 s inside the server; a logout waits for WhatsApp."""

TERMINAL: Mapping[int, str] = {
    401: "logged_out",
    402: "temp_banned",
    403: "banned",
    405: "outdated",
    406: "banned",
    440: "replaced",
}
"""Disconnect codes that end a session, with the evidence each is. All others heal by themselves."""


def instance(where: SessionEndpoint) -> str:
    """What Evolution calls the session."""
    return where.ref.get("instance_name") or where.session


def call(where: SessionEndpoint, method: str, path: str, body: Json = None, *, timeout_s: float = ACT_S) -> HttpRequest:
    """One request. `{}` in `path` stands for the instance's name, escaped."""
    return HttpRequest(
        method=method,
        url=where.base_url.rstrip("/") + path.replace("{}", quote(instance(where), safe="")),
        headers=_headers(where.credentials.get("apikey", ""), json=body is not None),
        body=b"" if body is None else msgspec.json.encode(body),
        timeout_s=timeout_s,
    )


@lru_cache(maxsize=256)
def _headers(apikey: str, *, json: bool) -> Mapping[str, str]:
    """One value for all sessions of a server: their last questions are remembered."""
    return MappingProxyType({"apikey": apikey, "content-type": "application/json"} if json else {"apikey": apikey})


class Word(msgspec.Struct, frozen=True):
    """One answer in Evolution's own words; `kind` is a `classify.Kind` or one of `WORDS`."""

    kind: str
    heard: Heard

    @property
    def body(self) -> Json:
        return self.heard.body

    @property
    def detail(self) -> str:
        return self.heard.detail


WORDS: Mapping[str, str] = {
    "closed": "'Connection Closed': the socket is not open",
    "silent": "WhatsApp did not answer the server's question in time",
    "missing": "the instance does not exist, neither in memory nor in the database",
    "unlisted": "fetchInstances does not have it by name; it may be in the database and not in memory",
    "unpaired": "there is a socket and nobody is logged in: a QR is shown",
    "no_client": "this process has never connected the instance",
    "not_loaded": "the instance is not in memory yet: the server is starting",
    "race": "a database error after the act: it may have happened",
}

_UNDEFINED = re.compile(r"cannot read properties of (?:undefined|null) \(reading '(\w+)'\)")
# Methods of Baileys' socket, called on a client that was never made; and fields of a login that is not there.
_SOCKET_METHODS = frozenset({"onwhatsapp", "sendmessage", "sendpresenceupdate", "getbusinessprofile", "logout", "ws"})
_LOGIN_FIELDS = frozenset({"id", "name", "me"})
# `find` is asked of the answer to a number query that WhatsApp never gave (recording 123, after 60 s).
_QUERY_RESULTS = frozenset({"find"})
_SERVICE_METHODS = re.compile(r"message|presence|audio|media|location|contact|reaction|poll|sticker|business")


def say(where: SessionEndpoint, request: HttpRequest, *, deleting: bool = False) -> Flow[Word]:
    """Ask, and hear the answer in Evolution's words. Never throws."""
    answer = yield from ask(request)
    heard = hear(answer, secrets(where))
    return Word(word_of(heard, deleting=deleting) or heard.kind, heard)


def word_of(heard: Heard, *, deleting: bool = False) -> str | None:
    """The answer as one of `WORDS`, None where it is none of them."""
    if heard.kind not in ("no", "failed"):
        return None
    words = heard.words
    if "connection closed" in words or closed_in_between(heard) or (deleting and "[object object]" in words):
        return "closed"
    if heard.status == 404 and "instance does not exist" in words:
        return "missing"
    if heard.status == 404 and re.search(r"instance \\?\".*\\?\" not found", words):
        return "unlisted"
    if timed_out(words):
        return "silent"
    if "session.delete()" in words:
        return "race"
    undefined = _UNDEFINED.search(words)
    return _undefined(undefined.group(1)) if undefined else None


def _undefined(name: str) -> str | None:
    """What the JavaScript error tells by the property that it could not read."""
    if name in _LOGIN_FIELDS:
        return "unpaired"
    if name in _SOCKET_METHODS:
        return "no_client"
    if name in _QUERY_RESULTS:
        return "silent"
    return "not_loaded" if _SERVICE_METHODS.search(name) else None


def news(word: Word, now: float, source: Source) -> tuple[Evidence, ...]:
    """What the answer proves or hints, of the server and of the session. "closed" is left to the caller, who knows
    whether a message, a probe or an act was refused by it."""
    detail = word.detail[:SHORT]
    session: tuple[Evidence, ...] = ()
    if word.kind in WORDS:
        server: tuple[Evidence, ...] = (seen("server_answered", now, source),)
    else:
        server = server_news(word.heard, now, source)
    if word.kind == "missing":
        session = (seen("instance_missing", now, source),)
    elif word.kind == "unpaired":
        session = (seen("unpaired", now, source, detail=detail),)
    elif word.kind == "no_client":
        # Not "unpaired": after a boot with the database at `close` the credentials are there (recordings 182 to 187).
        session = (seen("said_closed", now, source, detail=detail),)
    elif word.kind == "not_loaded":
        session = (seen("said_unknown", now, source, state=NOT_LOADED, detail=detail),)
    elif word.kind == "silent":
        session = (seen("round_trip_silent", now, source, detail=detail),)
    return (*server, *session)


# -- values that stand in several answers ------------------------------------------------------------------------

_CLAIMS = {"open": "said_open", "connecting": "said_connecting", "close": "said_closed"}


def claim(state: Json, now: float, source: Source, happened_at: float | None = None) -> Evidence:
    """Evidence for a word that Evolution uses for a state; unknown words are kept as they came."""
    kind = _CLAIMS.get(state) if isinstance(state, str) else None
    if kind is None:
        return seen("said_unknown", now, source, happened_at=happened_at, state=word(state))
    return seen(kind, now, source, happened_at=happened_at)


def terminal(code: Json, now: float, source: Source, happened_at: float | None, **data: str) -> Evidence | None:
    """Evidence for a disconnect code that ends the session, None for every other code."""
    found = number(code)
    kind = TERMINAL.get(int(found)) if found is not None else None
    if kind is None or found is None:
        return None
    return seen(kind, now, source, happened_at=happened_at, code=str(int(found)), **data)


def qr_of(value: Json) -> QrCode | None:
    """The code in a `qrcode` object; None for `{count: 0}` and the like."""
    code, pairing = text(at(value, "code")), text(at(value, "pairingCode"))
    if code is None and pairing is None:
        return None
    image = text(at(value, "base64")) or ""
    return QrCode(
        code=code or "",
        png_base64=image.partition("base64,")[2] if image.startswith("data:") else image,
        count=whole(at(value, "count")),
        pairing_code=pairing,
    )
