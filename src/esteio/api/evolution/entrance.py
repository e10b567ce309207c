"""How the door reads an address: percent-encoded as it came, without empty words.

An instance may be called `Loja São/Paulo 1` (recording 205), so `%2F` is no slash: routes are matched before
anything is decoded. Never lives here: a route.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

from starlette.types import ASGIApp, Receive, Scope, Send

_PLAIN: Final = re.compile(rb"(?:/[A-Za-z0-9._~-]+)+")


class Entrance:
    """Hands `app` each request, a WebSocket's too, with its `path` still encoded."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_plain(scope.get("raw_path")):
            scope = {**scope, "path": scope.get("root_path", "") + encoded_path(scope)}
        await self._app(scope, receive, send)


def _is_plain(raw: bytes | None) -> bool:
    """Whether a path is the same encoded and decoded, and has no empty words: nearly all are."""
    return raw is not None and _PLAIN.fullmatch(raw) is not None


class BareMount:
    """A mounted application at its very mount point, without the slash that a `Mount` asks for."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "root_path": scope.get("root_path", "") + self._prefix}, receive, send)


def encoded_path(scope: Scope) -> str:
    """The path below the mount, encoded as the client wrote it; clients write `//` after the base address."""
    raw = scope.get("raw_path")
    whole = quote(scope["path"]) if raw is None else bytes(raw).partition(b"?")[0].decode("utf-8", "replace")
    words = [word for word in whole.split("/") if word]
    above = [word for word in scope.get("root_path", "").split("/") if word]
    return "/" + "/".join(words[len(above) :])


def decoded(parameters: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the places of a route's path."""
    return {name: unquote(word) for name, word in parameters.items()}
