"""API keys: made, listed, revoked, and asked whether they open.

Only the SHA-256 of a secret is kept: secrets are 256 random bits, so a slow hash would protect nothing. Never lives
here: which role a route needs (the API's table of routes says that).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from esteio.clock import Clock
from esteio.core.views.documents import timestamp
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.checks import moment
from esteio.engine.commands.requests import KeyRequest, Role
from esteio.engine.errors import CommandError, invalid, unknown, unknown_tenant
from esteio.engine.key_scope import EVERYTHING, Scope, home_of, scope_of
from esteio.engine.suspensions import Suspensions
from esteio.log import logger
from esteio.store.base import ApiKey
from esteio.store.ports.maintenance import Keys

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


class KeyCommands:
    """Makes, revokes and recognises API keys. `admin_key`: the secret of the settings' own admin key, or empty."""

    def __init__(self, keys: Keys, clock: Clock, *, audit: AuditLog, admin_key: str, suspensions: Suspensions) -> None:
        self._keys, self._clock, self._audit, self._admin_key = keys, clock, audit, admin_key
        self._admin_hash = hash_of(admin_key)
        self._suspensions = suspensions
        self._known: dict[bytes, tuple[float, ApiKey]] = {}
        """SHA-256 of a secret → when its row was read, and the row."""

    async def create(self, request: KeyRequest, scope: Scope = EVERYTHING) -> tuple[ApiKey, str]:
        """A new key inside the maker's scope, and its secret, which is shown this once. Raises `CommandError`:
        invalid-value, session-out-of-reach, unknown-tenant."""
        globs = scope.narrowed(request.sessions)
        now = self._clock.now()
        expires_at = None if request.expires_at is None else moment("expires_at", request.expires_at)
        if expires_at is not None and expires_at <= now:
            raise invalid("expires_at", "must lie in the future")
        secret = PREFIX + self._clock.token()
        tenant = home_of(scope.named_tenant(request.tenant), globs)
        ident = self._clock.new_id("key")
        key = ApiKey(ident, request.name, request.role, now, globs, expires_at, tenant=tenant)
        with self._audit.records("key.created", target=key.id, after=key_shown(key), tenant=tenant):
            try:
                await self._keys.add(key, hash_of(secret))
            except LookupError as error:
                raise unknown_tenant(str(tenant)) from error
        log.info("key.created", key=key.id, role=key.role)
        return key, secret

    def of_session(self, session: str, secret: str = "") -> tuple[ApiKey, bytes, str]:
        """A key for exactly this session, the hash of its secret and the secret (by default a new one), to be written
        with the session's row. Raises `CommandError("key-taken")` for the secret of the settings' own key."""
        secret = secret or PREFIX + self._clock.token()
        if self._admin_key and hmac.compare_digest(hash_of(secret), self._admin_hash):
            raise CommandError("key-taken")
        key = ApiKey(self._clock.new_id("key"), f"door:{session}", "operate", self._clock.now(), (session,))
        return key, hash_of(secret), secret

    def forget(self) -> None:
        """Keys went with their session: none is remembered."""
        self._known.clear()

    async def ensure_admin(self) -> str | None:
        """The secret of a new admin key when there is no way in yet (first start), otherwise None."""
        if self._admin_key or any(_open(key, self._clock.now()) for key in await self._keys.all()):
            return None
        return (await self.create(KeyRequest("first start", "admin")))[1]

    async def within(self, scope: Scope = EVERYTHING) -> Sequence[ApiKey]:
        """Those that lie inside a scope, revoked ones too."""
        return [key for key in await self._keys.within(scope) if scope.holds(key.sessions, key.tenant)]

    async def check(self, key_id: str, scope: Scope) -> None:
        """Raises `CommandError("unknown-key")` for one that does not lie inside, as for one that does not exist."""
        if all(key.id != key_id for key in await self.within(scope)):
            raise unknown("key", key_id)

    async def has_admin(self) -> bool:
        """Whether somebody can still do everything: a key of the settings, or an admin key for all sessions."""
        now = self._clock.now()
        return bool(self._admin_key) or any(
            _open(key, now) and key.role == "admin" and scope_of(key).everything for key in await self._keys.all()
        )

    async def revoke(self, key_id: str) -> None:
        """From now on it opens nothing. Raises `CommandError("unknown-key")`."""
        whose = next((scope_of(key).tenant for key in await self._keys.all() if key.id == key_id), None)
        with self._audit.records("key.revoked", target=key_id, tenant=whose):
            revoked = await self._keys.revoke(key_id, self._clock.now())
        if not revoked:
            raise unknown("key", key_id)
        self._known.clear()
        log.info("key.revoked", key=key_id)

    async def authenticate(self, secret: str) -> ApiKey | None:
        """The key behind a secret; None when it is unknown, revoked or expired. Raises
        `CommandError("tenant-suspended")` for one that would open, were its tenant not suspended."""
        digest = hash_of(secret)
        if self._admin_key and hmac.compare_digest(digest, self._admin_hash):
            return ApiKey("admin", "ESTEIO_ADMIN_KEY", "admin", 0.0)
        now = self._clock.now()
        known = self._known.get(digest)
        if known is None or now - known[0] >= REMEMBER_S:
            key = await self._keys.by_hash(digest)
            if key is None:
                return None
            if len(self._known) > 4096:
                self._known.clear()
            known = self._known[digest] = (now, key)
        if not _open(known[1], now):
            return None
        await self._suspensions.check(scope_of(known[1]).tenant)
        return known[1]


def has_role(key: ApiKey, needed: Role) -> bool:
    """Whether the key's role is enough."""
    return key.role in MAY[needed]


def key_shown(key: ApiKey) -> dict[str, object]:
    """What the audit log holds of it."""
    expires_at = None if key.expires_at is None else timestamp(key.expires_at)
    return {"name": key.name, "role": key.role, "sessions": list(key.sessions), "expires_at": expires_at}


def hash_of(secret: str) -> bytes:
    """By what the store finds a key, a link or a token; of the secret itself it keeps nothing in the clear."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _open(key: ApiKey, now: float) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
