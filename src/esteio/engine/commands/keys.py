"""API keys: made, listed, revoked, and asked whether they open.

Only the SHA-256 of a secret is kept: secrets are 256 random bits, so a slow hash would protect nothing. Never lives
here: which role a route needs (the API's table of routes says that).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from esteio.engine.commands.base import Desk
from esteio.engine.commands.requests import KeyRequest, Role
from esteio.engine.errors import invalid, unknown
from esteio.engine.key_scope import EVERYTHING, Scope
from esteio.log import logger
from esteio.store.base import ApiKey

PREFIX = "esk_"
REMEMBER_S = 5.0
"""How long a key's row is remembered: another node's revocation takes at most this long here."""
MAY: Final[dict[Role, frozenset[Role]]] = {
    "read": frozenset({"read", "send", "operate", "admin"}),
    "send": frozenset({"send", "operate", "admin"}),
    "operate": frozenset({"operate", "admin"}),
    "admin": frozenset({"admin"}),
}
"""Role a route needs → roles that have it."""
log = logger("commands")


class KeyCommands(Desk):
    """What a caller may ask about keys."""

    _known_keys: dict[bytes, tuple[float, ApiKey]]

    async def create_key(self, ask: KeyRequest, scope: Scope = EVERYTHING) -> tuple[ApiKey, str]:
        """A new key inside the maker's scope, and its secret, which is shown this once. Raises `CommandError`:
        invalid-value, session-out-of-reach."""
        globs = scope.narrowed(ask.sessions)
        now = self.clock.now()
        expires_at = None if ask.expires_at is None else _time(ask.expires_at)
        if expires_at is not None and expires_at <= now:
            raise invalid("expires_at", "must lie in the future")
        secret = PREFIX + self.clock.token()
        key = ApiKey(self.clock.new_id("key"), ask.name, ask.role, now, globs, expires_at)
        await self.store.add_key(key, _hash(secret))
        log.info("key.created", key=key.id, role=key.role)
        return key, secret

    async def ensure_admin_key(self) -> str | None:
        """The secret of a new admin key when there is no way in yet (first start), otherwise None."""
        if self.settings.admin_key or any(_open(key, self.clock.now()) for key in await self.store.keys()):
            return None
        return (await self.create_key(KeyRequest("first start", "admin")))[1]

    async def keys(self, scope: Scope = EVERYTHING) -> Sequence[ApiKey]:
        """Those that lie inside a scope, revoked ones too."""
        return [key for key in await self.store.keys() if scope.holds(key.sessions)]

    async def check_key(self, key_id: str, scope: Scope) -> None:
        """Raises `CommandError("unknown-key")` for one that does not lie inside, as for one that does not exist."""
        if all(key.id != key_id for key in await self.keys(scope)):
            raise unknown("key", key_id)

    async def has_admin_key(self) -> bool:
        """Whether somebody can still do everything: a key of the settings, or an admin key for all sessions."""
        now = self.clock.now()
        return bool(self.settings.admin_key) or any(
            _open(key, now) and key.role == "admin" and not key.sessions for key in await self.store.keys()
        )

    async def revoke_key(self, key_id: str) -> None:
        """From now on it opens nothing. Raises `CommandError("unknown-key")`."""
        if not await self.store.revoke_key(key_id, self.clock.now()):
            raise unknown("key", key_id)
        self._remembered().clear()
        log.info("key.revoked", key=key_id)

    async def authenticate(self, secret: str) -> ApiKey | None:
        """The key behind a secret; None when it is unknown, revoked or expired."""
        digest = _hash(secret)
        admin = self.settings.admin_key
        if admin and hmac.compare_digest(digest, _hash(admin)):
            return ApiKey("admin", "ESTEIO_ADMIN_KEY", "admin", 0.0)
        now = self.clock.now()
        known = self._remembered().get(digest)
        if known is None or now - known[0] >= REMEMBER_S:
            key = await self.store.key_by_hash(digest)
            if key is None:
                return None
            if len(self._remembered()) > 4096:
                self._remembered().clear()
            known = self._remembered()[digest] = (now, key)
        return known[1] if _open(known[1], now) else None

    def _remembered(self) -> dict[bytes, tuple[float, ApiKey]]:
        if not hasattr(self, "_known_keys"):
            self._known_keys = {}
        return self._known_keys


def has_role(key: ApiKey, needed: Role) -> bool:
    """Whether the key's role is enough."""
    return key.role in MAY[needed]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _open(key: ApiKey, now: float) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > now)


def _time(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid("expires_at", "must be an RFC 3339 time") from error
    if moment.tzinfo is None:
        raise invalid("expires_at", "must be an RFC 3339 time with its offset (Z)")
    return moment.timestamp()
