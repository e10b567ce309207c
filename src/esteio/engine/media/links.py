"""Addresses that hand out one media for a while to whoever holds them: signed, made anew whenever one is shown.

The signature is over the message's id and the end of its time, by a key that is derived from the vault's. Never lives
here: the bytes, whether they are there.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from esteio.clock import Clock
from esteio.core.model.content import Media
from esteio.engine.errors import CommandError
from esteio.engine.media import file_names
from esteio.vault import Vault

PURPOSE = "media links"
KEPT_STATES = frozenset({"kept", "fetching"})


class MediaLinks:
    """Makes and checks them. `for_s`: how long one is good."""

    def __init__(self, vault: Vault, base_url: str, clock: Clock, for_s: float) -> None:
        self._vault, self._base_url, self._clock, self._for_s = vault, base_url, clock, for_s

    def __repr__(self) -> str:
        return f"MediaLinks({self._base_url!r})"

    def of(self, message_id: str, media: Media) -> str:
        """An address for this message's media, from now on."""
        return self._address(message_id, media.kind, media.filename, media.mime)

    def into(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """An event's document with such an address in its media; the same document where it has none to give."""
        media = document.get("media")
        if not isinstance(media, Mapping) or media.get("url") or media.get("state") not in KEPT_STATES:
            return document
        message_id = document.get("id")
        if not isinstance(message_id, str):
            return document
        url = self._address(message_id, str(media.get("kind")), media.get("filename"), media.get("mime"))
        return {**document, "media": {**media, "url": url}}

    def check(self, message_id: str, expires: str, signature: str) -> None:
        """Raise `CommandError`: link-invalid, link-expired."""
        given = signature.encode("utf-8", "replace").lower()
        keys = self._vault.keys_for(PURPOSE)
        if not any(hmac.compare_digest(_sign(key, message_id, expires), given) for key in keys):
            raise CommandError("link-invalid")
        if int(expires) <= self._clock.now():
            raise CommandError("link-expired")

    def _address(self, message_id: str, kind: str, filename: str | None, mime: str | None) -> str:
        expires = str(int(self._clock.now() + self._for_s))
        name = quote(name_of(kind, filename, mime), safe="")
        signature = _sign(self._vault.key_for(PURPOSE), message_id, expires).decode()
        return f"{self._base_url}/media/{quote(message_id, safe='')}/{name}?expires={expires}&signature={signature}"


def _sign(key: bytes, message_id: str, expires: str) -> bytes:
    words = f"{message_id}\n{expires}".encode("utf-8", "replace")
    return hmac.new(key, words, "sha256").hexdigest().encode()


def name_of(kind: str, filename: str | None, mime: str | None) -> str:
    """A name to save it under."""
    return file_names.with_extension(file_names.clean(filename or "") or kind, mime)
