"""A session's Chatwoot: what was set of it, the address that Chatwoot writes to, and agents' messages into the outbox.

Chatwoot sends no key, so the address carries a token, one for each session, derived from the vault's key. What an agent
wrote is a row for each of its parts before Chatwoot is answered; Chatwoot's own id makes each of them once. Never lives
here: the server's part of the integration (`api.evolution.chatwoot` passes it on), a body of Chatwoot's (`event`).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from esteio.core.model.message import Message
from esteio.core.model.session import Session
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.chatwoot.event import Written
from esteio.engine.commands.chatwoot.inboxes import ChatwootInboxes
from esteio.engine.commands.chatwoot.token import KEPT, PURPOSE, webhook_token
from esteio.engine.commands.messages import MessageCommands
from esteio.engine.commands.requests import MessageRequest
from esteio.engine.errors import CommandError
from esteio.engine.runtime import sealed_for
from esteio.engine.suspensions import Suspensions
from esteio.store.ports.messages import Messages
from esteio.store.ports.sessions import Sessions
from esteio.vault import Vault

CALLER: Final = "chatwoot"
"""Whose idempotency keys Chatwoot's ids are."""
_SETTINGS: Final = "settings"
_PARTS = 32
"""So many attachments has one message at most."""


class ChatwootCommands:
    """Settings sealed beside their session; `inboxes` makes the inbox at Chatwoot."""

    def __init__(
        self,
        sessions: Sessions,
        messages: Messages,
        *,
        vault: Vault,
        audit: AuditLog,
        message_commands: MessageCommands,
        inboxes: ChatwootInboxes,
        door_url: str,
        suspensions: Suspensions,
    ) -> None:
        """`door_url`: where the Evolution door is reached, without a slash at its end."""
        self._sessions, self._messages, self._audit = sessions, messages, audit
        self._vault = vault
        self._message_commands, self._door_url = message_commands, door_url
        self.inboxes = inboxes
        self._suspensions = suspensions

    def address(self, session: Session) -> str:
        """Where the inbox of this session writes to."""
        return f"{self._door_url}/chatwoot/webhook/{quote(session.name, safe='')}?token={self._tokens(session)[0]}"

    async def opened(self, name: str, token: str) -> Session:
        """The session that an inbox writes for. Raises `CommandError`: unauthorized, also where there is none;
        tenant-suspended."""
        session = await self._sessions.by_name(name)  # type: ignore[arg-type]  # a name as it came
        if session is None:
            raise CommandError("unauthorized")
        good = [*self._tokens(session), (await self._words(session) or {}).get(KEPT, "")]
        if not any(one and hmac.compare_digest(one.encode(), token.encode()) for one in good):
            raise CommandError("unauthorized")
        await self._suspensions.check(session.tenant)  # guard: suspended-tenants-chatwoot-closed
        return session

    async def settings(self, session: Session) -> dict[str, Any] | None:
        """As they were set; None while none were set here."""
        words = await self._words(session)
        return None if words is None else msgspec.json.decode(words[_SETTINGS], type=dict[str, Any])

    async def keep(self, session: Session, settings: Mapping[str, Any]) -> None:
        """On disk when it returns, sealed: they hold the account's token."""
        words = {_SETTINGS: msgspec.json.encode(settings).decode()}
        sealed = self._vault.seal(words, sealed_for.session(session, "chatwoot"))
        with self._audit.records("session.chatwoot_changed", session=session.name, after={"names": sorted(settings)}):
            await self._sessions.keep_chatwoot(session.id, sealed)

    async def send(self, session: Session, written: Written, trace_context: str | None = None) -> None:
        """Each part of it into the outbox, once, in order; all are on disk when it returns. Raises what
        `MessageCommands.send` raises."""
        settings = await self.settings(session) or {}
        quote_id = await self._quoted(session, written)
        for part, request in enumerate(_parts(written, settings, quote_id)):
            try:
                await self._message_commands.send(
                    session, request, caller=CALLER, idem_key=_mark(written.id, part), trace_context=trace_context
                )
            except CommandError as error:
                # Chatwoot tells it again with other words beside it: it is on its way as it was told first.
                if error.code != "idempotency-mismatch":
                    raise

    async def sent(self, session: Session, chatwoot_id: str) -> list[Message]:
        """The messages that one of Chatwoot's came to, while its id is remembered."""
        found: list[Message] = []
        while message := await self._messages.made_by(session.id, CALLER, _mark(chatwoot_id, len(found))):
            found.append(message)
        return found

    async def _quoted(self, session: Session, written: Written) -> str | None:
        if written.answers is None:
            return None
        found = await self._messages.by_provider_id(session.id, written.answers)
        return None if found is None else found.id

    async def _words(self, session: Session) -> dict[str, str] | None:
        sealed = await self._sessions.chatwoot(session.id)
        return None if sealed is None else self._vault.unseal(sealed, sealed_for.session(session, "chatwoot"))

    def _tokens(self, session: Session) -> list[str]:
        return [webhook_token(key, session.id, session.created_at) for key in self._vault.keys_for(PURPOSE)]


def _mark(chatwoot_id: str, part: int) -> str:
    return f"{chatwoot_id}:{part}"


def _parts(written: Written, settings: Mapping[str, Any], quote_id: str | None) -> Iterator[MessageRequest]:
    """The words go with the first file, unless that is a sound, which has none beside it."""
    text, ref = _signed(written, settings), f"chatwoot:{written.id}"
    if text is not None and (not written.files or written.files[0].kind == "audio"):
        yield MessageRequest(written.chat, text=text, quote=quote_id, client_ref=ref)
        text, quote_id = None, None
    for file in written.files[: _PARTS - 1]:
        yield MessageRequest(written.chat, media=file, caption=text, quote=quote_id, client_ref=ref)
        text, quote_id = None, None


def _signed(written: Written, settings: Mapping[str, Any]) -> str | None:
    if written.text is None or not written.author or settings.get("signMsg") is not True:
        return written.text
    delimiter = settings.get("signDelimiter")
    between = delimiter.replace("\\n", "\n") if isinstance(delimiter, str) and delimiter else "\n"
    return f"*{written.author}:*{between}{written.text}"
