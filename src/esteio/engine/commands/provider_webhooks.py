"""A provider's webhook at the door: whose it is, what in it must not be stored, and onto the disk.

The bytes are kept as they came, but for secrets: every one that Esteio knows for the session and its server, and the
values of the keys that the provider declares (the envelope's `apikey`), are blanked, in the body, the headers and the
path. Never lives here: what a webhook says (`inbox`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote

import msgspec

from esteio.clock import Clock
from esteio.core.model.session import Session
from esteio.engine.commands.webhook_budget import WebhookBudget
from esteio.engine.errors import CommandError, unknown
from esteio.engine.runtime.ports import Wakeups
from esteio.engine.supervision.endpoints import Endpoints, EndpointUnknown
from esteio.log import logger
from esteio.providers.base import Provider, SessionEndpoint
from esteio.store.base import RawInbound
from esteio.store.ports.inbox import Inbox
from esteio.store.ports.sessions import Sessions

BLANK = "***"
SHORTEST_SECRET = 4
"""Shorter ones would blank ordinary words."""
_KEY_VALUE = re.compile(rb'(\s*:\s*)"(?:[^"\\]|\\.)*"?')
AT_ONCE_BYTES = 1 << 20
"""In a longer body one secret is looked for in each turn of the loop, so that nobody else waits for all of them."""
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "apikey", "x-api-key", "cookie"})


log = logger("provider_webhooks")


class Secrets(msgspec.Struct, frozen=True):
    """What must not be stored: `words` wherever they stand, in the order to blank them in, and in JSON the values of
    `keys`."""

    words: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


class ProviderWebhookCommands:
    """Accepts what a provider brings. `budget`: how much each session may be brought."""

    def __init__(
        self,
        sessions: Sessions,
        inbox: Inbox,
        clock: Clock,
        *,
        addresses: Endpoints,
        wakeups: Wakeups,
        budget: WebhookBudget,
    ) -> None:
        self._sessions, self._inbox, self._clock = sessions, inbox, clock
        self._addresses, self._wakeups = addresses, wakeups
        self._tally = budget

    async def session_of_token(self, token: str) -> Session:
        """Whose webhook address this is. Raises `CommandError("unknown-token")`."""
        session = await self._sessions.by_token(token)
        if session is None:
            raise unknown("token", "")
        return session

    async def accept(
        self,
        session: Session,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        trace_context: str | None = None,
    ) -> int:
        """Store it durably and say so; returns the row's id. `headers` are lower case; `trace_context`: the trace that
        it begins. Raises `CommandError`: unknown-token, webhook-budget."""
        began = self._clock.now()
        if not self._tally.take(session.id, len(body), began):
            log.warning("provider_webhook.refused", session=session.name, server=session.server, size=len(body))
            raise CommandError("webhook-budget")
        secrets = await self._secrets(session)
        raw = RawInbound(
            session_id=session.id,
            path=_blank_text(path, secrets.words),
            headers={
                name: BLANK if name in _SECRET_HEADERS else _blank_text(value, secrets.words)
                for name, value in headers.items()
            },
            body=await blanked(body, secrets),
            received_at=self._clock.now(),
            trace_context=trace_context,
        )
        try:
            row = await self._inbox.accept(raw)
        except LookupError as error:
            raise unknown("token", "") from error
        log.debug(
            "provider_webhook.received",
            session=session.name,
            server=session.server,
            provider_webhook=row,
            path=raw.path,
            size=len(raw.body),
            duration_ms=(self._clock.now() - began) * 1000,
        )
        self._wakeups.inbox()
        return row

    async def _secrets(self, session: Session) -> Secrets:
        try:
            provider, where = await self._addresses.of_session(session)
        except (EndpointUnknown, LookupError) as error:
            raise unknown("token", "") from error
        return known_secrets(provider, where)


def known_secrets(provider: Provider, where: SessionEndpoint) -> Secrets:
    """Every secret that Esteio knows for a session and its server, as the adapter declares them."""
    declared = provider.declaration
    words = {word for word in declared.secrets(where.credentials, where.ref) if len(word) >= SHORTEST_SECRET}
    return Secrets(longest_first(words), declared.webhook_secrets)


def longest_first(secrets: Iterable[str]) -> tuple[str, ...]:
    """One may be the beginning of another: blanked first, it would leave the other's end readable."""
    return tuple(sorted(secrets, key=len, reverse=True))


async def blanked(body: bytes, secrets: Secrets) -> bytes:
    """The same as `blank`, in turns of the loop where the body is long."""
    for secret in secrets.words:
        body = _without(body, (secret,))
        if len(body) > AT_ONCE_BYTES:
            await asyncio.sleep(0)
    return _without_keys(body, secrets.keys)


def blank(body: bytes, secrets: Secrets) -> bytes:
    """The same bytes without the secrets, in every spelling that JSON and URLs give them."""
    return _without_keys(_without(body, secrets.words), secrets.keys)


def _without(body: bytes, secrets: Iterable[str]) -> bytes:
    for secret in secrets:
        for spelling in _spellings(secret):
            if spelling in body:
                body = body.replace(spelling, BLANK.encode())
    return body


def _without_keys(body: bytes, keys: Iterable[str]) -> bytes:
    """Without the values of these keys. Spelled exactly, so that a plain search suffices in a long body."""
    for key in keys:
        name, pieces, start = b'"%s"' % key.encode(), [], 0
        while (at := body.find(name, start)) >= 0:
            end = at + len(name)
            value = _KEY_VALUE.match(body, end)
            pieces.append(body[start:end] + (b'%s"%s"' % (value[1], BLANK.encode()) if value else b""))
            start = value.end() if value else end
        if pieces:
            body = b"".join((*pieces, body[start:]))
    return body


@lru_cache(maxsize=1024)
def _spellings(secret: str) -> frozenset[bytes]:
    escaped = msgspec.json.encode(secret)[1:-1]
    ascii_only = secret.encode("ascii", "backslashreplace")
    quoted = _quoted(secret).encode()
    return frozenset((secret.encode(), escaped, escaped.replace(b"/", rb"\/"), quoted, ascii_only))


@lru_cache(maxsize=1024)
def _quoted(secret: str) -> str:
    return quote(secret, safe="")


def _blank_text(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        for spelling in (secret, _quoted(secret)):
            text = text.replace(spelling, BLANK)
    return text
