"""What a caller may ask, in one place: every door (API, Evolution door, command line) holds a `Commands`.

Commands write rows, nudge and return; they never change a session's state, and of a provider they only ever read (an
adoption has to know what stands there). Each room has its file: `server_commands`, `session_commands`,
`adopt_commands`, `message_commands`, `key_commands`, `webhook_commands` (in), `endpoint_commands` (webhooks out),
`dead_letter_commands`, `people_commands`, `notice_commands`, `declared`. Never lives here: reading (the doors ask the
store), a status code, a sentence.
"""

from __future__ import annotations

from esteio.engine.adopt_commands import AdoptCommands
from esteio.engine.dead_letter_commands import DeadLetterCommands
from esteio.engine.declared import DeclaredCommands
from esteio.engine.endpoint_commands import EndpointCommands
from esteio.engine.key_commands import KeyCommands
from esteio.engine.message_commands import MessageCommands
from esteio.engine.notice_commands import NoticeCommands
from esteio.engine.people_commands import PeopleCommands
from esteio.engine.webhook_commands import WebhookCommands


class Commands(
    DeclaredCommands,
    AdoptCommands,
    MessageCommands,
    KeyCommands,
    WebhookCommands,
    EndpointCommands,
    DeadLetterCommands,
    PeopleCommands,
    NoticeCommands,
):
    """All commands over one desk (see `desk.Desk` for what it is made of)."""

    async def check_vault(self) -> None:
        """Prove that the vault opens what the store holds. Raises `vault.WrongKey`."""
        for stored in await self.store.servers():
            self.vault.unseal(stored.sealed)
        for endpoint in await self.store.endpoints():
            self.vault.unseal(endpoint.sealed)
