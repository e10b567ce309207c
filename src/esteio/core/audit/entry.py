"""One line of the audit log: who did what to whom, when and from where; and the closed list of what is recorded.

Names, ids and settings only: never what a message says, never a secret. Never lives here: the chain (`chain`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

ActorKind = Literal["key", "login", "cli", "settings", "gateway"]
"""An API key, the dashboard (with whose key), this machine's command line, the settings file at a start, the gateway
itself."""


class Actor(msgspec.Struct, frozen=True):
    """Who acts. `id` and `name` are the API key's, `tenant` whose key it is (None: the operator's); `address` is where
    the request came from, `request_id` what its caller calls it."""

    kind: ActorKind
    id: str = ""
    name: str = ""
    address: str = ""
    request_id: str = ""
    tenant: str | None = None


GATEWAY: Final = Actor("gateway")
"""Whoever acts where nobody has asked."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded of one change. `target` is the id of what is neither a session nor a server (a key, a webhook,
    an approval, a status page), `tenant` whose it is, where neither the session nor the server tells; `before` and
    `after` hold settings that differ. `at` is in epoch seconds."""

    at: float
    action: str
    actor: Actor
    session: str | None = None
    server: str | None = None
    target: str | None = None
    before: Mapping[str, Any] = {}
    after: Mapping[str, Any] = {}
    tenant: str | None = None


class Row(NamedTuple):
    """A line as it is stored, with its place in the chain. `tenant`: in whose log it stands (None: the operator's),
    `actor_tenant`: whose key it was. `before` and `after` are JSON text; `previous` and `hash` are hexadecimal,
    `chain_key` says with which key the hash was made."""

    seq: int
    at: float
    action: str
    actor: str
    actor_id: str
    actor_name: str
    actor_tenant: str | None
    address: str
    request_id: str
    session_name: str | None
    server: str | None
    target: str | None
    tenant: str | None
    before: str
    after: str
    chain_key: str
    previous: str
    hash: str


ACTIONS: Final[Mapping[str, str]] = {
    "approval.decided": "a recovery step that waited for a person was approved or rejected",
    "audit.begun": "the log begins; it is the first row of a new database",
    "audit.purged": "old rows went; this one says up to which",
    "backup.made": "a backup of the data folder was made on this machine",
    "backup.restored": "this data folder was made out of a backup",
    "contact.exported": "what is stored of one person was read out",
    "dead_letters.replayed": "what had been given up was queued again",
    "journal.exported": "a session's timeline was read out",
    "key.created": "an API key was made",
    "key.revoked": "an API key was revoked",
    "login": "a browser was let in",
    "login.failed": "a browser came with a wrong key or a used link; at most ten a minute are recorded",
    "login.link_created": "a link was made that lets a browser in once",
    "logout": "a browser's login was ended",
    "message.content_erased": "what is stored of one person was erased",
    "notices.tested": "a test notice was sent to each target",
    "pair_link.created": "a link was made that shows one session's code to its phone's owner",
    "pair_link.revoked": "such a link was revoked",
    "policy.changed": "the policies of the settings are others than at the last start",
    "recovery.step_begun": "the gateway began a recovery step that may cost the link",
    "server.changed": "a server was changed",
    "server.created": "a server was added",
    "server.deleted": "a server was forgotten",
    "session.changed": "a session was changed",
    "session.chatwoot_changed": "a session's Chatwoot was set",
    "session.created": "a session was made or adopted",
    "session.deleted": "a session was forgotten",
    "session.logout": "a phone was unlinked, or its instance deleted, at a person's wish",
    "session.pair_requested": "a code was asked for",
    "session.paused": "a session was paused",
    "session.recover_requested": "a recovery was asked for",
    "session.recreate_requested": "a new instance was asked for",
    "session.resumed": "a session was resumed",
    "session.settings_changed": "what a client sets of an instance was set",
    "status_page.changed": "a public page was changed",
    "status_page.created": "a public page was made",
    "status_page.deleted": "a public page was deleted",
    "vault.key_retired": "keys that no secret names any more were forgotten",
    "tenant.changed": "a tenant was changed, suspended or let in again",
    "tenant.created": "a tenant was made",
    "tenant.deleted": "an empty tenant was deleted",
    "vault.rotated": "secrets at rest were sealed anew under another key",
    "webhook.changed": "a subscription was changed",
    "webhook.created": "a subscription was made",
    "webhook.deleted": "a subscription was deleted",
    "webhook.replayed": "events were queued for a subscription again",
    "webhook.secret_rotated": "a subscription's secret was changed",
    "webhook.tested": "a subscription was called with a test event",
}
"""Every code of `Entry.action` and when it is written."""
