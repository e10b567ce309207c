"""The bytes of a media that came in: W-API decrypts it by its key and path, or by the message's id, into a link.

The link expires within minutes. One at W-API's own address is fetched here, with the token; any other is fetched by the
engine, without. Unrecorded: shapes are from clients. Never lives here: a retry.
"""

from __future__ import annotations

from collections.abc import Mapping

from esteio.providers.base import DownloadOutcome, Flow, HttpRequest, SessionEndpoint
from esteio.providers.classify import ask, downloaded, same_place, taken
from esteio.providers.parsing import Json, at, first
from esteio.providers.wapi.client import call, dead_socket, hear_from

MEDIA_S = 95.0
"""It takes up to 90 s to convert sound."""


def download(where: SessionEndpoint, kind: str, source: Mapping[str, str]) -> Flow[DownloadOutcome]:
    """By key and path first; by the id where that is refused, or there are none."""
    outcome = DownloadOutcome(said_no=True, detail="neither a key nor an id")
    for body in _bodies(kind, source):
        outcome = yield from _by(where, body)
        if outcome.data or outcome.url or not outcome.said_no:
            break
    return outcome


def _bodies(kind: str, source: Mapping[str, str]) -> list[dict[str, Json]]:
    found: list[dict[str, Json]] = []
    if source.get("mediaKey") and source.get("directPath"):
        keyed = {name: source[name] for name in ("mediaKey", "directPath", "mimetype") if name in source}
        found.append({**keyed, "type": kind})
    if source.get("id"):
        found.append({"messageId": source["id"]})
    return found


def _by(where: SessionEndpoint, body: dict[str, Json]) -> Flow[DownloadOutcome]:
    request = call(where, "POST", "/message/download-media", body, timeout_s=MEDIA_S)
    heard = yield from hear_from(where, request)
    link = first(heard.body, "fileLink", "url") or first(at(heard.body, "data"), "fileLink", "url")
    if heard.kind != "ok" or link is None or link.startswith("data:"):
        return downloaded(link or at(heard.body, "base64"), heard, closed=dead_socket(heard))
    if not same_place(link, where.base_url):
        return DownloadOutcome(url=link)
    return taken((yield from ask(HttpRequest("GET", link, request.headers, timeout_s=MEDIA_S))))
