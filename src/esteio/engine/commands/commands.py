"""What a caller may ask, in one place: every door (API, Evolution door, command line) holds a `Commands`.

Commands write rows, nudge and return; they never change a session's state, and of a provider they only ever read (an
adoption has to know what stands there). Each room has its file: `servers`, `sessions`,
`adopt`, `messages`, `keys`, `provider_webhooks` (in), `webhooks` (webhooks out),
`dead_letters`, `contacts`, `notices`, `declared`. Never lives here: reading (the doors ask the
store), a status code, a sentence.
"""

from __future__ import annotations

from esteio.engine.commands.adopt import AdoptCommands
from esteio.engine.commands.contacts import PeopleCommands
from esteio.engine.commands.dead_letters import DeadLetterCommands
from esteio.engine.commands.declared import DeclaredCommands
from esteio.engine.commands.keys import KeyCommands
from esteio.engine.commands.messages import MessageCommands
from esteio.engine.commands.notices import NoticeCommands
from esteio.engine.commands.provider_webhooks import WebhookCommands
from esteio.engine.commands.webhooks import EndpointCommands


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
