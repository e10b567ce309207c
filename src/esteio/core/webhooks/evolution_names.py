"""What a session is called in Evolution's words: an instance's name and id, the same wherever a client meets it.

Never lives here: a shape (`evolution_format`).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import msgspec

from esteio.core.model.session import Session
from esteio.core.model.tenant import DEFAULT, name_on_shared


def instance_name(session: Session) -> str:
    """The name that the server's own clients know; the session's own where its server has no such word. What stands
    before it on a server that tenants share (`name_on_shared`) is no client's business."""
    name = session.ref.get("instance_name") or session.name
    return name if session.tenant == DEFAULT else name.removeprefix(name_on_shared(session.tenant, ""))


def instance_id(session: Session) -> str:
    """A UUID (version 8) that is the session's for as long as its row lives, on every node and after every start."""
    return _uuid_of(f"{session.id}:{session.created_at!r}")


@lru_cache(maxsize=4096)
def _uuid_of(row: str) -> str:
    digest = bytearray(hashlib.blake2b(row.encode(), digest_size=16).digest())
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Instance(msgspec.Struct, frozen=True):
    """A session as an event in Evolution's words names it."""

    name: str
    id: str
    number: str | None = None
    """Digits with the country code, where known."""


def instance_of(session: Session) -> Instance:
    """The instance that a session is to a client of Evolution."""
    return Instance(instance_name(session), instance_id(session), session.phone or session.facts.phone_seen or None)
