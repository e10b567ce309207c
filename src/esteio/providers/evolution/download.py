"""The bytes of a media that came in: Evolution decrypts it again, by the message's id, from its own table.

Only needed where the webhook had none (`base64: false`, or S3). Unrecorded: the shape is from its source and clients.
Never lives here: an address of S3, which needs no call.
"""

from __future__ import annotations

from collections.abc import Mapping

from esteio.providers.base import DownloadOutcome, Flow, SessionEndpoint
from esteio.providers.classify import downloaded
from esteio.providers.evolution.client import WORDS, call, say
from esteio.providers.parsing import at, text

MEDIA_S = 90.0
"""It may ask the sender's phone to upload the file anew."""


def download(where: SessionEndpoint, source: Mapping[str, str]) -> Flow[DownloadOutcome]:
    """The media of the message `source["id"]`, which Evolution decrypts again, in one request."""
    body = {"message": {"key": {"id": source.get("id", "")}}, "convertToMp4": False}
    word = yield from say(where, call(where, "POST", "/chat/getBase64FromMediaMessage/{}", body, timeout_s=MEDIA_S))
    mime, name = text(at(word.body, "mimetype")), text(at(word.body, "fileName"))
    return downloaded(at(word.body, "base64"), word.heard, mime=mime, filename=name, closed=word.kind in WORDS)
