"""Bodies that are junk, or almost right, for hypothesis: what an adapter must read without raising.

Names and events that servers of this family really use, with anything in them, find more than random bytes do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st

Bodies = st.SearchStrategy[bytes]
_NAMES = (
    "event instance data date_time key id remoteJid fromMe message conversation imageMessage messageTimestamp status "
    "state statusReason qrcode code count payload msgContent chat sender moment messageId records messages pages name "
    "fileLength connectionStatus disconnectionAt disconnectionObject low high reactionMessage response error "
    "editedMessage protocolMessage type wuid ownerJid connected success"
)
_EVENTS = (
    "messages.upsert MESSAGES_UPDATE connection.update qrcode.updated send.message message session.status qr.update "
    "webhookReceived webhookStatus status.instance messages.delete messages.edited webhookDelivery"
)
_VALUES = ("open", "close", "5511@s.whatsapp.net", "1@lid", "2026-11-21", "ERROR")
PATHS = st.sampled_from(["", "/in/t", "/in/t/messages-upsert", "/in/t/\x00/é"])
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def words_of(values: Iterable[Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of fields and the short strings that stand anywhere in these JSON values, each sorted."""
    names: set[str] = set()
    strings: set[str] = set()
    for kind, word in _walk(list(values)):
        (names if kind == "name" else strings).add(word)
    return tuple(sorted(names)), tuple(sorted(strings))


def _walk(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield "name", name
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)
    elif isinstance(value, str) and len(value) < 40:
        yield "string", value


@lru_cache(maxsize=64)
def events(more: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """A word that may stand where a webhook names its event."""
    return st.sampled_from([*_EVENTS.split(), *more])


@lru_cache(maxsize=64)
def almost(names: tuple[str, ...] = (), words: tuple[str, ...] = ()) -> st.SearchStrategy[Any]:
    """JSON of known names with anything in it."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers(-(10**400), 10**400)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8)
        | st.sampled_from([*_EVENTS.split(), *_VALUES, *words])
    )
    known = st.sampled_from([*_NAMES.split(), *names])
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(known, inner, max_size=6),
        max_leaves=25,
    )


@lru_cache(maxsize=64)
def bodies(names: tuple[str, ...] = (), words: tuple[str, ...] = ()) -> Bodies:
    """Bytes of any kind: no JSON, any JSON, and such as `almost` makes."""
    return (
        st.binary(max_size=60)
        | _ANYTHING.map(lambda value: json.dumps(value).encode())
        | almost(names, words).map(lambda value: json.dumps(value).encode())
    )
