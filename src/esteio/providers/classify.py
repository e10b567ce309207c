"""What an answer is, whoever gave it: one of `Kind`, in words fit to be shown, and what it proves of the server.

Every adapter begins with `ask` (one step that never throws) and `hear` (the part of an answer that is the same on every
HTTP server), and puts its own words in front of that. Never lives here: a word of one provider, a URL; decoding
(`parsing`).
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal
from urllib.parse import quote, urlsplit

import msgspec

from esteio.core.model.evidence import AWAY, Evidence, Source, seen, seen_with
from esteio.core.model.state import Reason
from esteio.providers.base import ActOutcome, DownloadOutcome, Flow, HttpRequest, HttpResponse, TransportFailed
from esteio.providers.parsing import Json, at, packed, text

DETAIL = 500
"""Longest `detail` of an outcome, in characters."""
SHORT = 200
"""Longest `detail` inside evidence: it is compared and kept many times."""
HIDDEN = "[hidden]"
TOO_LARGE = "answer too large"
"""Begins the reason of a `TransportFailed` whose answer was cut by us: it says nothing of the server's health."""


# -- words -------------------------------------------------------------------------------------------------------


def redact(words: str, secrets: Iterable[str]) -> str:
    """`words` without any of `secrets`, as they are or URL-encoded, the longest first."""
    shapes = {shape for secret in secrets if secret for shape in (secret, quote(secret, safe=""))}
    for shape in sorted(shapes, key=len, reverse=True):
        words = words.replace(shape, HIDDEN)
    return words


def show(words: str, secrets: Iterable[str], limit: int = DETAIL) -> str:
    """Words fit for `detail`: one line, no secret, bounded. Secrets go first, so that none is cut in half."""
    return re.sub(r"\s+", " ", redact(words, secrets)).strip()[:limit]


def _strings(value: Json, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < 4 and isinstance(value, list):
        for held in value[:20]:
            yield from _strings(held, depth + 1)
    elif value is not None and depth < 4:
        yield (packed(value) or b"").decode()


def sentence_of(body: Json) -> str:
    """The sentence of an error body, whatever field and nesting the server chose."""
    for path in (("response", "message"), ("message",), ("error",), ("output", "payload", "message"), ("detail",)):
        found = at(body, *path)
        if found not in (None, "", [], True, False):
            return "; ".join(_strings(found))
    return ""


# -- one step ----------------------------------------------------------------------------------------------------

Answer = HttpResponse | TransportFailed


def ask(request: HttpRequest) -> Flow[Answer]:
    """One request; the failure to get an answer is an answer too."""
    try:
        return (yield request)
    except TransportFailed as failed:
        return failed


Kind = Literal[
    "ok",
    "no",
    "html",
    "router",
    "wall",
    "auth",
    "limited",
    "failed",
    "gateway",
    "unreachable",
    "late",
    "cut",
    "unread",
    "crowded",
]
"""What any server may say: yes; no; a page for people (or a redirect); a path it does not have; a licence wall; a wrong
key; too many requests; 5xx in its own words; 502, 503, 504 (somebody in between); connection refused; no answer in
time; an answer that broke off; an answer that we did not read (too long, or the failure is our own); nothing, for it
was not asked (`crowded`)."""


class Heard(msgspec.Struct, frozen=True):
    """One answer, understood as far as any HTTP server is. `words`: the body of a no, lower case, for matching."""

    kind: Kind
    status: int = 0
    body: Json = None
    detail: str = ""
    words: str = ""
    cause: str = ""
    """Why nobody was reached, as `TransportFailed` has it."""

    @property
    def certain_no(self) -> bool:
        """Whether the request surely was not carried out: it never arrived, or was turned away at the door."""
        return self.kind in ("unreachable", "crowded", "wall", "auth", "router", "limited") or (
            self.kind == "html" and self.status >= 300
        )

    @property
    def away(self) -> bool:
        """Whether nobody listens there: the connection was refused, or a proxy finds nobody behind it."""
        if self.kind == "gateway":
            return self.status in (502, 503)
        return self.kind == "unreachable" and "refused" in self.detail

    @property
    def no_route(self) -> bool:
        """Whether nobody at this address knows the path: our settings or somebody in between, never what was asked."""
        return self.kind == "router" or (self.kind == "html" and self.status == 404) or self.status == 405


def hear(answer: Answer, secrets: Iterable[str]) -> Heard:
    """Total: every answer is heard as one of `Kind`."""
    if isinstance(answer, TransportFailed):
        return Heard(_silence(answer), detail=show(answer.reason, secrets), cause=answer.cause)
    body = answer.json()
    raw = answer.text()
    kind = _kind(answer, body, raw)
    if kind in ("html", "gateway") and answer.is_html:
        detail = f"HTML page, status {answer.status}"
    else:
        detail = show(sentence_of(body) or raw[: DETAIL * 4], secrets) if kind != "ok" else ""
    words = "" if kind == "ok" else _unescaped(body, raw).lower()
    return Heard(kind, answer.status, body, detail or f"status {answer.status}", words)


def _unescaped(body: Json, raw: str) -> str:
    """The body's text for matching: a server may write `ã` as an escape, and it is the same word."""
    if body is None or "\\u" not in raw:
        return raw
    return (packed(body) or raw.encode()).decode()


def _silence(failed: TransportFailed) -> Kind:
    # guard: crowd-is-not-refusal, own-error-not-sent-is-certain
    if failed.crowded or (failed.ours and failed.sent == "no"):
        return "crowded"
    if failed.ours or failed.reason.startswith(TOO_LARGE):  # guard: own-error-spares-server
        return "unread"
    if failed.timed_out:
        return "late" if failed.sent == "maybe" else "unreachable"
    return "unreachable" if failed.sent == "no" else "cut"


_ROUTER = re.compile(r"cannot (get|post|put|patch|delete|head|options) /", re.IGNORECASE)


def _kind(answer: HttpResponse, body: Json, raw: str) -> Kind:
    status = answer.status
    if status == 503 and ("license_required" in raw.lower() or "service not activated" in raw.lower()):
        return "wall"
    if status >= 500:
        return "gateway" if answer.is_html or status in (502, 503, 504) else "failed"
    if status == 404 and _ROUTER.search(sentence_of(body) or raw[:1000]):
        return "router"
    if answer.is_html or 300 <= status < 400 or (body is None and _no_word_of_its_own(status, raw)):
        return "html"
    if status == 401:
        return "auth"
    if status == 429:
        return "limited"
    refused = at(body, "error") is True or at(body, "success") is False
    return "no" if status >= 400 or refused else "ok"


def _no_word_of_its_own(status: int, raw: str) -> bool:
    """Providers speak JSON: anything else in place of an answer, or as a 403 or 404, is somebody's in between."""
    return raw.strip() != "null" and (status < 400 or status in (403, 404))  # guard: plain-404-may-be-a-proxy


# -- what it proves ----------------------------------------------------------------------------------------------

_SERVER_NEWS: Mapping[Kind, str] = {
    "ok": "server_answered",
    "no": "server_answered",
    "limited": "server_answered",
    "html": "server_html",
    "router": "request_wrong",
    "wall": "server_wall",
    "auth": "server_auth_refused",
    "failed": "server_failed",
    "gateway": "server_failed",
    "cut": "server_failed",
    "unreachable": "server_unreachable",
    "late": "server_timed_out",
}


_CAUSES: Mapping[str, str] = {
    "name": "server_unknown_host",
    "certificate": "server_certificate_refused",
    "tls": "server_tls_failed",
}


def list_news(heard: Heard, now: float, *, fits: bool) -> tuple[Evidence, ...]:
    """What the answer to a question that every server of a kind must answer says of the server. `fits`: the answer, a
    no too, is in that kind's own shape; any other is something else that answers there."""
    if fits or heard.kind not in ("ok", "no", "router"):
        return server_news(heard, now, "list")
    kind = "server_no_route" if heard.kind == "router" else "server_wrong_kind"
    return (seen(kind, now, "list", detail=heard.detail[:SHORT]),)


def server_news(heard: Heard, now: float, source: Source) -> tuple[Evidence, ...]:
    """What this answer says of the server, and nothing of the session. An answer that we did not read says nothing,
    and neither does our own crowd before its door."""
    kind = _CAUSES.get(heard.cause) or _SERVER_NEWS.get(heard.kind)
    if kind is None:
        return ()
    if kind == "server_answered":
        # Any program can say no: that somebody lives there is all that it tells.
        return (seen(kind, now, source),) if heard.kind == "ok" else (seen(kind, now, source, weak="yes"),)
    data = {"detail": heard.detail[:SHORT]}
    if heard.away and not (heard.kind == "gateway" and source == "send"):
        # By the answer to a send alone nobody knows whether the proxy found somebody, who then died.
        data[AWAY] = "yes"
    return (seen_with(kind, now, source, data),)


def look_failed(heard: Heard, now: float, source: Source) -> tuple[Evidence, ...]:
    """A look that brought no word about the session."""
    return (*server_news(heard, now, source), seen("look_failed", now, source, detail=heard.detail[:SHORT]))


def downloaded(
    text_64: Json, heard: Heard, *, mime: str | None = None, filename: str | None = None, closed: bool = False
) -> DownloadOutcome:
    """A media that comes as base64 in an answer; without it, what the answer says. `closed`: that it has no open socket
    just now, which says nothing of the media."""
    data = b""
    if (encoded := text(text_64)) is not None:
        try:
            data = b64decode(encoded.partition(",")[2] if encoded.startswith("data:") else encoded)
        except ValueError:
            return DownloadOutcome(said_no=True, detail="its base64 cannot be read")
    if data:
        return DownloadOutcome(data, mime=mime, filename=filename)
    if heard.kind == "unread":
        return DownloadOutcome(gone=Reason("media-fetch-failed", {"detail": heard.detail}), detail=heard.detail)
    return DownloadOutcome(said_no=heard.kind in ("ok", "no", "router") and not closed, detail=heard.detail)


def taken(answer: Answer) -> DownloadOutcome:
    """A media that is an answer's whole body."""
    if isinstance(answer, TransportFailed):
        too_large = answer.reason.startswith(TOO_LARGE)
        gone = Reason("media-fetch-failed", {"detail": answer.reason}) if too_large else None
        return DownloadOutcome(gone=gone, detail=answer.reason)
    if answer.status != 200 or not answer.body or answer.is_html:
        return DownloadOutcome(said_no=answer.status < 500, detail=f"the address answered {answer.status}")
    return DownloadOutcome(answer.body)


def same_place(url: str, base_url: str) -> bool:
    """Whether a URL lies at the same scheme, host and port."""
    try:
        one, other = urlsplit(url), urlsplit(base_url)
        return (one.scheme, one.hostname, one.port) == (other.scheme, other.hostname, other.port)
    except ValueError:
        return False


ActAnswer = Literal["ok", "no", "unanswered", "not_reached"]


def act_answer(heard: Heard) -> ActAnswer:
    """The answer of a control act, in the words of `ActOutcome`. Somebody in between (502 to 504, a broken answer, a
    page with 200) cannot say whether the provider acted; the provider's own 5xx is a no in its words."""
    if heard.kind == "ok":
        return "ok"
    if heard.kind in ("unreachable", "crowded"):
        return "not_reached"
    # guard: html-200-is-no-refusal
    if heard.kind in ("late", "cut", "unread", "gateway") or (heard.kind == "html" and not heard.certain_no):
        return "unanswered"
    return "no"


def plain_act(heard: Heard, now: float) -> ActOutcome:
    """An act whose answer means nothing beyond yes or no."""
    detail = "" if heard.kind == "ok" else heard.detail
    return ActOutcome(act_answer(heard), detail, server_news(heard, now, "act"))
