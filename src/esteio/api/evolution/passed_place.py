"""Where a call that the table does not own would go: the instance at the end of its path, what it needs, and whether it
may go at all.

Evolution compares paths without regard to case and reads a path as it stands; proxies in between read it in ways of
their own. So whatever could be read as another place than the one that was checked here is refused. Never lives here:
an exchange.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from esteio.engine.commands.requests import Role
from esteio.engine.errors import CommandError
from esteio.providers.pass_through import INSTANCE

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
FEWEST_WORDS = 3
"""A group, a call, and the instance."""
MOST_WORDS = 6
REFUSED: Final[Mapping[str, str]] = {
    "instance": "door-acts-on-link",
    "baileys": "door-acts-on-link",
    "message": "door-sends-itself",
    "webhook": "door-keeps-webhooks",
    "chatwoot": "door-keeps-webhooks",
}
"""First words of what is never handed on: it could act on the link, send around the outbox, or take our webhook
away."""
ELSEWHERE: Final[Mapping[str, str]] = {
    "socket.io": "door-no-websocket",
    "manager": "door-not-here",
    "metrics": "door-not-here",
    "license": "door-not-here",
}
"""First words of what is of the whole server, with or without an instance."""
_PEOPLE = frozenset({"chat", "group", "call", "label", "business"})
"""First words of acts towards people; all other acts are configuration."""
_HOLDS_KEYS = frozenset({"proxy", "openai", "dify", "flowise", "n8n", "evolutionbot", "evoai"})
"""First words of configuration that is answered with somebody's keys and passwords for other services."""
_JOINS = ("group", "acceptinvitecode")
"""A GET that does more than look."""
_LEADS_ELSEWHERE = frozenset("/\\;?#%")


class Place(msgspec.Struct, frozen=True):
    """`path`: for the server, encoded, with `{instance}` at its end; `query`: as it came."""

    instance: str
    path: str
    query: str
    role: Role


def place_of(method: str, path: str, query: bytes) -> Place | None:
    """Where this call leads; None where it names no instance, or no such call can be. `path`: encoded as it came,
    without the door's own prefix. Raises `CommandError` where it may not go."""
    words = [word for word in (unquote(one, "utf-8", "surrogateescape") for one in path.split("/")) if word]
    first = words[0].lower() if words else ""
    if first in ELSEWHERE:
        raise CommandError(ELSEWHERE[first], path=f"/{first}")
    if method not in METHODS or not FEWEST_WORDS <= len(words) <= MOST_WORDS:
        return None
    if any(_misleading(word) for word in words) or not _plain(query):
        raise CommandError("door-place-unclear")
    if first in REFUSED:
        raise CommandError(REFUSED[first], path=f"/{first}/{words[1]}")
    shown = "/".join(quote(word, safe="-._~!$&'()*+,=:@") for word in words[:-1])
    return Place(words[-1], f"/{shown}/{INSTANCE}", query.decode("ascii"), _role(method, first, words[1].lower()))


def _misleading(word: str) -> bool:
    """Whether somebody on the way, or the server itself, may read this word of a path as something else."""
    # guard: word-of-path-is-one-word
    return word.strip() in (".", "..", "") or any(one in _LEADS_ELSEWHERE or not one.isprintable() for one in word)


def _plain(query: bytes) -> bool:
    return query.isascii() and all(0x20 < one < 0x7F for one in query)


def _role(method: str, first: str, second: str) -> Role:
    if first in _HOLDS_KEYS:
        return "operate"
    if (first, second) == _JOINS:
        return "send"
    if method in ("GET", "HEAD"):
        return "read"
    return "send" if first in _PEOPLE else "operate"
