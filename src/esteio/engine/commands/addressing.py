"""Addresses as callers write them, read with what the store knows: a request names one chat, or is refused.

The rule is `core.model.address`; here the chats are looked up, and what cannot be read becomes a `CommandError`. Never
lives here: a spelling, a status code.
"""

from __future__ import annotations

from collections.abc import Iterable

from esteio.core.model import address
from esteio.core.model.address import Ambiguous, Read, line_of
from esteio.core.model.ids import SessionId
from esteio.engine.errors import CommandError
from esteio.store.ports.contacts import Contacts


class Addressing:
    """Reads the addresses of a request. `region`: the country (two letters) of numbers without a country code."""

    def __init__(self, contacts: Contacts, region: str) -> None:
        self._contacts, self._region = contacts, region

    async def chat_address(self, text: str, field: str, session: SessionId) -> Read:
        """An address that messages can be sent to. Raises `CommandError`: invalid-phone, ambiguous-phone,
        chat-not-answerable."""
        read = await self.any_address(text, field, (session,))
        if not address.answerable(read.address):
            raise CommandError("chat-not-answerable", field=field, in_body=True)
        return read

    async def phone_number(
        self, text: str, field: str, sessions: Iterable[SessionId] = (), own: Iterable[str | None] = ()
    ) -> str:
        """Digits with the country code. `own`: numbers that are known beside the sessions' chats. Raises
        `CommandError`: invalid-phone, ambiguous-phone."""
        read = await self.any_address(text, field, sessions, own)
        if address.kind_of(read.address) != "phone":
            raise CommandError("invalid-phone", field=field, in_body=True)
        return read.address

    async def any_address(
        self, text: str, field: str, sessions: Iterable[SessionId], own: Iterable[str | None] = ()
    ) -> Read:
        """An address of any kind. Raises `CommandError`: invalid-phone, ambiguous-phone."""
        reading = address.read(text, self._region)
        known = {line_of(one) for one in own if one}
        if reading.asks:
            for session in sessions:
                known |= set(await self._contacts.known_phones(session, reading.asks))
        found = address.choose(reading, known)
        if isinstance(found, Ambiguous):
            first, second = found.candidates
            raise CommandError("ambiguous-phone", field=field, in_body=True, first=first, second=second)
        if found is None:
            raise CommandError("invalid-phone", field=field, in_body=True)
        return found
