"""What any server's no to a send means, by words and codes that are the same in every dialect.

Four questions, in the order in which they count: was the request too large for somebody on the way; did the server's
own database fail (then the message may have left, and its list says nothing of it); did the websocket close before the
message was written; is it a validation of what we asked for? What none of them knows is in doubt: engines report their
own errors as a 400 after the message has left.

Never lives here: words of one dialect only, what follows (`core.messages.outbox`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from esteio.core.messages.outbox import Fault
from esteio.providers.base import HttpRequest, SendOutcome
from esteio.providers.classify import SHORT, Heard, sentence_of, server_news
from esteio.providers.parsing import Json

_TOO_LARGE_STATUS = frozenset({413, 414, 431})
_TOO_LARGE = re.compile(
    r"entity ?too ?large|payload ?too ?large|content too large|request body (?:is )?too large|body exceeded"
    r"|body_too_large|request header (?:fields|or cookie) too large|(?:uri|url) ?too (?:long|large)"
)


def too_large(heard: Heard) -> bool:
    """Whether the server, or a proxy before it, took the request for too large; whatever was on the way ended there.
    A body parser may tell it with a status of its own."""
    if heard.status in _TOO_LARGE_STATUS:
        return True
    return heard.status in (400, 500) and _TOO_LARGE.search(heard.words) is not None


def refused_for_size(heard: Heard, request: HttpRequest) -> SendOutcome:
    """That refusal, with the size of what we sent. It says nothing of the server's health."""
    size = len(request.body) if heard.status not in (414, 431) else 0
    return SendOutcome("refused", fault="too-large", detail=heard.detail, size=size, over=True)


_STORE = re.compile(
    r"driveradaptererror|prisma|\bp[12]0[0-9]{2}\b|database|banco de dados|sqlstate|sql_|\bsqlite|postgres|mysql|mongo"
    r"|sequelize|typeorm|queryfailed|could not (?:be )?(?:store|save|write|extend|persist)"
    r"|(?:failed|unable|error) (?:to |while )?(?:stor|sav|persist|insert)(?:e|ing)?\b"
    r"|n[aã]o foi poss[ií]vel (?:salvar|gravar|armazenar)|erro ao (?:salvar|gravar|armazenar)"
    r"|no space left|\benospc\b|\bedquot\b|\berofs\b|disk (?:is )?full|disk quota|quota exceeded|disco cheio"
    r"|sem espa[cç]o|read-only (?:file system|transaction)|\bmisconf\b|disk i/o"
    r"|connection pool|fetching a new connection|too many (?:connections|clients)|connection slots|deadlock"
    r"|unique constraint|foreign key|violates|duplicate (?:key|entry)"
    r"|econn[a-z]+ [^\"]{0,60}:(?:5432|5433|6432|3306|27017|1433)\b"
)


def not_stored(heard: Heard) -> bool:
    """Whether the answer is the failure of the server's own database. Engines store what they have sent, after it."""
    return heard.kind in ("no", "failed") and _STORE.search(heard.words) is not None


_CLOSE_CODE = re.compile(r"(?:error: *)?10(?:0[0-9]|1[0-5])")


_NOT_OPEN = re.compile(r"websocket (?:is not open|was closed)")


def closed_in_between(heard: Heard) -> bool:
    """Whether the error is nothing but a websocket's close code, 1000 to 1015, as a text or a number: the socket closed
    while a question that comes before the message's own frame waited, so the message was not written. A frame that is
    to be written to a closed websocket is refused in the library's own words."""
    if heard.kind not in ("no", "failed"):
        return False
    if _NOT_OPEN.search(heard.words):
        return True
    said = {part.strip().lower() for part in _said(heard.body).split(";")}
    return all(_CLOSE_CODE.fullmatch(part) for part in said)


def _said(body: Json) -> str:
    return str(body) if isinstance(body, str | int) else sentence_of(body)


_VALIDATION = re.compile(
    r"requires property|\b(?:is|are) (?:a )?required|required (?:field|property|parameter)|is not one of|is not any of"
    r"|does not (?:match|meet|conform)|is not of a type|must (?:be|have|contain|match|not)\b|should not be empty"
    r"|can(?:not|'t) be (?:empty|blank|null)|additional propert|validation|not supported|unsupported|unexpected token"
    r"|invalid (?:number|phone|jid|url|base64|mime|format|parameter|field|body|json|recipient|destination|media)"
    r"|\binforme\b|obrigat[oó]ri[oa]|n[aã]o pode (?:ser|estar|ficar) (?:vazi|nul)|n[aã]o (?:[eé] )?suportad"
    r"|\bdeve (?:ser|ter|conter)"
    r"|(?:campo|formato|par[aâ]metro|valor|url|base64|m[ií]dia|arquivo|destinat[aá]rio)[^\"]{0,40}inv[aá]lid"
)
_EXCEPTION = re.compile(
    r"\b(?:type|reference|range|internal)error\b|cannot read propert|is not a function|is not iterable|\berr_[a-z]"
)


def is_validation(heard: Heard) -> bool:
    """Whether this no is about what we asked for, in words of a validation and not of a program that stumbled."""
    if heard.kind != "no":
        return False
    if heard.status == 422:
        return True
    return _VALIDATION.search(heard.words) is not None and _EXCEPTION.search(heard.words) is None


_FAULTS: Mapping[str, Fault] = {"late": "timeout", "no": "request"}


def plain_no(heard: Heard, now: float) -> SendOutcome:
    """What becomes of a send that was not accepted, as far as any server's words can tell; after the dialect's own
    words for a closed socket or an unknown session, and never for an answer that holds the message's id."""
    news = server_news(heard, now, "send")
    if not_stored(heard):
        return SendOutcome("in_doubt", fault="store", detail=heard.detail, evidence=news, over=True)
    if heard.no_route:  # guard: baileys-router-404-is-not-the-message
        # One address that it does not know; whether another program stands there, looks tell.
        return SendOutcome("not_sent", fault="route", detail=heard.detail)
    if heard.certain_no:
        limited = heard.kind == "limited"
        return SendOutcome("not_sent", fault="rate" if limited else "server", detail=heard.detail, evidence=news)
    if heard.kind == "no" and heard.status == 404:  # guard: baileys-404-unknown-is-doubt
        # A path or a session, in words that we do not know; never the message.
        return SendOutcome("not_sent", fault="server", detail=heard.detail, evidence=news)
    if is_validation(heard):
        return SendOutcome("refused", fault="request", detail=heard.detail[:SHORT], evidence=news, over=True)
    fault, over = _FAULTS.get(heard.kind, "server"), heard.kind in ("no", "failed")
    return SendOutcome(
        "in_doubt", fault=fault, detail=heard.detail[:SHORT], evidence=news, over=over, gateway=heard.away
    )
