"""Sending through Evolution: one request, and what its answer makes of the message. Its body is `bodies`'.

**Why "Connection Closed" is `not_sent`, also after 60 s.** Inside a send the order is: number query, device query and
keys (on every send), the write of the message, the database row, the webhook. "Connection Closed" is raised where
something is to be written to a websocket that is not open, or by a query that waits when it closes; nothing is awaited
on the socket after the message itself was written. On a half-open socket (recordings 120, 126) the 60.0 s are the
device query's own time-out; by then the keep-alive has ended the socket, and the write of the message is what is
refused. So the message never left. A drop while such a query waits is told by the websocket's bare close code ("1006").
"Timed Out" is different: it can be the write itself that was not confirmed, so it is in doubt; and so is an exception
after the write (the database row), which Evolution reports as 400 like any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from esteio.core.messages.outbox import Certainty, Fault
from esteio.core.model.evidence import Evidence, seen
from esteio.providers.base import Flow, OutgoingMessage, SendOutcome, SessionEndpoint
from esteio.providers.evolution.bodies import Untranslatable, translate
from esteio.providers.evolution.client import Word, call, news, say
from esteio.providers.parsing import Json, at, text
from esteio.providers.send_errors import is_validation, not_stored, refused_for_size, too_large


def send(where: SessionEndpoint, now: float, message: OutgoingMessage, timeout_s: float) -> Flow[SendOutcome]:
    """One request. `timeout_s` should exceed 60, see above."""
    try:
        path, body = translate(message)
    except Untranslatable as problem:
        return SendOutcome("refused", fault="request", detail=str(problem))
    request = call(where, "POST", path, body, timeout_s=timeout_s)
    word = yield from say(where, request)
    if too_large(word.heard):
        return refused_for_size(word.heard, request)
    return outcome(word, now, message)


# -- what its answer makes of the message ------------------------------------------------------------------------


class _Verdict(msgspec.Struct, frozen=True):
    certainty: Certainty
    fault: Fault
    evidence: tuple[Evidence, ...] = ()


_BY_WORD: Mapping[str, tuple[Certainty, Fault]] = {
    "closed": ("not_sent", "socket"),
    "missing": ("not_sent", "missing"),
    "unpaired": ("not_sent", "unpaired"),
    "no_client": ("not_sent", "unpaired"),
    "not_loaded": ("not_sent", "server"),
    "unreachable": ("not_sent", "server"),
    "crowded": ("not_sent", "server"),
    "wall": ("not_sent", "server"),
    "auth": ("not_sent", "server"),
    "limited": ("not_sent", "rate"),
    "late": ("in_doubt", "timeout"),
    "cut": ("in_doubt", "server"),
    "unread": ("in_doubt", "server"),
    "gateway": ("in_doubt", "server"),
    "race": ("in_doubt", "server"),
}


def outcome(word: Word, now: float, message: OutgoingMessage) -> SendOutcome:
    """What became of the message. Only an id makes it accepted."""
    provider_id = text(at(word.body, "key", "id")) if word.kind == "ok" else None
    if provider_id is not None:
        evidence = (*news(word, now, "send"), seen("send_accepted", now, "send"))
        return SendOutcome("accepted", provider_id=provider_id, evidence=evidence)
    # A database's error first of all: it may quote the message's own words.
    # guard: database-failure-is-doubt
    verdict = _Verdict("in_doubt", "store") if not_stored(word.heard) else _verdict(word, now, message)
    evidence = (*_news(word, now, verdict), *verdict.evidence)
    over = word.heard.kind in ("no", "failed") and word.kind != "silent"
    return SendOutcome(
        verdict.certainty,
        fault=verdict.fault,
        detail=word.detail,
        evidence=evidence,
        over=over,
        gateway=word.heard.away,
    )


def _news(word: Word, now: float, verdict: _Verdict) -> tuple[Evidence, ...]:
    """A 500 whose words name the message's own fault (its media, its chat's keys) speaks of no sick server."""
    if word.kind == "failed" and verdict.certainty != "in_doubt":
        return (seen("server_answered", now, "send"),)
    # One address that it does not know: whether another program stands there, looks tell.
    return () if verdict.fault == "route" else news(word, now, "send")


def _verdict(word: Word, now: float, message: OutgoingMessage) -> _Verdict:
    if word.kind == "closed":
        return _Verdict("not_sent", "socket", (seen("send_closed", now, "send"),))
    if word.heard.no_route:  # guard: evolution-router-404-is-not-the-message
        return _Verdict("not_sent", "route")
    if word.kind in _BY_WORD:
        return _Verdict(*_BY_WORD[word.kind])
    if word.kind == "html":
        # A page instead of an answer: below 300 it took the place of one, and nobody knows what lies behind it.
        return _Verdict("not_sent" if word.heard.certain_no else "in_doubt", "server")
    if word.kind == "silent":
        # The number query comes before the write; a bare "Timed Out" may be the write's own.
        return _Verdict("not_sent", "socket") if "'find'" in word.heard.words else _Verdict("in_doubt", "timeout")
    if word.kind == "ok":
        return _Verdict("in_doubt", "server")
    if word.kind == "no" and word.heard.status == 404:  # guard: evolution-404-unknown-is-doubt
        # Of the instance, in words that we do not know, or somebody's in between; never the message.
        return _Verdict("not_sent", "server")
    return _by_text(word, message)


# The provider's own no, by its words, the first that fits; `True`: only where the message carries media. A missing key
# (SessionError) comes before the write. A refused connection is the media's only where the server fetches it itself.
_BY_TEXT: tuple[tuple[re.Pattern[str], bool, Certainty, Fault], ...] = (
    (re.compile(r'"exists":\s*false'), False, "refused", "invalid-number"),
    (re.compile(r"rate-overlimit"), False, "not_sent", "rate"),
    # The same bytes are refused again.
    (re.compile(r"unsupported image format|input buffer|owned media must be"), True, "refused", "media-unfit"),
    (re.compile(r"invalid media|ffmpeg"), True, "refused", "media"),
    (re.compile(r"media upload failed"), True, "not_sent", "media"),
    (re.compile(r"sessionerror"), False, "not_sent", "server"),
)
_FETCHING = re.compile(r"econn|enotfound|ehostunreach|etimedout|request failed with status")
_OWN_VALIDATION = re.compile(
    r"(?:file ?name|name) must be informed|method not available on|contacts not found"
    r"|(?:text|file|media|type|content|font|background color|statusjidlist) is required"
)


def _by_text(word: Word, message: OutgoingMessage) -> _Verdict:
    """The verdict on a no. What we do not know and what may have come after the write is in doubt."""
    words, media = word.heard.words, message.content.media
    for pattern, needs_media, certainty, fault in _BY_TEXT:
        if pattern.search(words) and (media is not None or not needs_media):
            return _Verdict(certainty, fault)
    if media is not None and media.url and not media.base64 and _FETCHING.search(words):
        return _Verdict("not_sent", "media")
    if word.kind == "failed":
        return _Verdict("in_doubt", "server")
    if is_validation(word.heard) or _OWN_VALIDATION.search(words) or _no_such_group(word, message):
        return _Verdict("refused", "request")
    return _Verdict("in_doubt", "request")  # guard: unknown-refusal-is-doubt


def _no_such_group(word: Word, message: OutgoingMessage) -> bool:
    """A group that it cannot reach is looked up before anything is sent, and told without words (recording 060)."""
    return message.to.endswith("@g.us") and text(_only(at(word.body, "response", "message"))) == "[object Object]"


def _only(value: Json) -> Json:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
