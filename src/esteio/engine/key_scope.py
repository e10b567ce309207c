"""What an API key for some sessions reaches, and what it may make: the one rule, asked by every command and route.

A key has a tenant, or none (the operator's), and name patterns (`fnmatch` globs); none means all sessions. Whatever a
key makes (keys, webhooks, sessions, references to a provider's instances) lies inside its own tenant and patterns. A
name outside the patterns is refused (403), whether or not it exists; what is another tenant's is unknown (404), as if
it did not exist. Never lives here: a role, an HTTP status.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from esteio.core.model.tenant import DEFAULT, Reach, name_on_shared
from esteio.engine.errors import CommandError, invalid, unknown_tenant
from esteio.providers.declaration import Declaration
from esteio.store.base import ApiKey

_MATCHES_ONE = frozenset("?[]")
"""Wildcards for a single character."""
_SET = re.compile(r"\[!?\]?[^\]]*\]")
"""A set of characters; its own text could match what its members do not."""
_NEVER_IN_REF = frozenset("/\\%?#")
"""A path inside a name could lead a proxy to another instance than the one that was compared."""


class Scope(Reach, frozen=True):
    """What a key reaches: the rows of its tenant (None: of all), of them the sessions that its patterns match. Methods
    raise `CommandError` or answer; they never change anything."""

    @property
    def everything(self) -> bool:
        """Whether the key is the operator's, for the whole gateway."""
        return self.tenant is None and not self.globs

    @property
    def whole(self) -> bool:
        """Whether the key is for the whole gateway, or for all that its tenant has."""
        return not self.globs

    @property
    def one_session(self) -> bool:
        """Whether the key is for a single session, by its name."""
        return len(self.globs) == 1 and not set("*?[") & set(self.globs[0])

    @property
    def home(self) -> str:
        """Whose it is what this key makes, where nobody is named."""
        return self.tenant or DEFAULT

    def reaches(self, session: str | None, tenant: str | None) -> bool:
        """Whether a session of this tenant, or what else is its (`session` None), lies inside."""
        if session is None:
            return self.whole and self.owns(tenant)
        return self.owns(tenant) and self.named(session)

    def uses(self, server: str | None) -> bool:
        """Whether a server of this tenant (None: all share it) may be used."""
        return server is None or self.owns(server)

    def check_name(self, session: str) -> None:
        """A name that an address or a body says must lie inside the patterns, whether or not there is such a session;
        whose it is, tells `Lookup.session`. Raises `CommandError("session-out-of-reach")`."""
        if not self.named(session):
            raise CommandError("session-out-of-reach")

    def check_everything(self) -> None:
        """What concerns the whole gateway is the operator's alone. Raises `CommandError("outside-scope")`."""
        if not self.everything:
            raise CommandError("outside-scope")

    def check_whole(self) -> None:
        """What concerns all that a tenant has is not for a key of some sessions. Raises
        `CommandError("outside-scope")`."""
        if not self.whole:
            raise CommandError("outside-scope")

    def named_tenant(self, tenant: str | msgspec.UnsetType | None) -> str | None:
        """The tenant that a body names for something new, the key's own where it names none; None: the operator's.
        Raises `CommandError("unknown-tenant")` for every other one than the key's own."""
        if isinstance(tenant, msgspec.UnsetType) or tenant == self.tenant:
            return self.tenant
        if not self.everything:
            raise unknown_tenant(str(tenant))
        return tenant

    def check_ref(self, ref: Mapping[str, str], declared: Declaration, server: str | None) -> None:
        """What a provider calls a session must lie inside, unless the reference is one that its own secret proves.
        `server`: the tenant of the server, None for one that all share. Raises `CommandError("ref-out-of-reach")`."""
        if self.everything or (declared.proved_by_secret and set(ref) == set(declared.ref_names) and all(ref.values())):
            return
        hidden = {field.name for field in declared.ref if field.secret}
        for key, name in ref.items():
            if key not in hidden:
                self.check_instance(name, server, key)

    def check_instance(self, name: str, server: str | None, key: str = "instance") -> None:
        """A provider's name for an instance must lie inside; on a server that all share (`server` None) a tenant's
        begin with its own name. Raises `CommandError("ref-out-of-reach")`."""
        if not self.may_adopt(name, server):
            raise CommandError("ref-out-of-reach", field=f"ref.{key}", in_body=True)

    def may_adopt(self, name: str, server: str | None) -> bool:
        """The same as a question; whether the instance is another session's, is not asked here."""
        if self.everything:
            return True
        prefix = "" if server is not None else name_on_shared(self.home, "")
        mine = name.startswith(prefix) and self.named(name.removeprefix(prefix))
        return mine and _NEVER_IN_REF.isdisjoint(name)

    def without_addresses(self, text: str, notify: re.Pattern[str] | None) -> str:
        """A provider's own words for whoever may read them; only the operator sees where the server stands. `notify`:
        as `addresses_told` makes it."""
        return text if self.everything or notify is None else notify.sub(r'\1"***"', text)

    def holds(self, globs: Sequence[str], tenant: str | None) -> bool:
        """Whether all that something reaches (a key, a webhook of this tenant with these patterns) lies inside. When in
        doubt, no."""
        return self.owns(tenant) and self._holds_globs(globs)

    def narrowed(self, globs: Sequence[str] | msgspec.UnsetType, field: str = "sessions") -> tuple[str, ...]:
        """The patterns for something that this key makes: those asked for, or its own when none were named.

        Raises `CommandError`: `invalid-value` for an empty list, `session-out-of-reach` for patterns outside.
        """
        if isinstance(globs, msgspec.UnsetType):
            return self.globs
        if not globs:
            raise invalid(field, "must not be empty; leave it out to mean all")
        if not self._holds_globs(globs):
            raise CommandError("session-out-of-reach")
        return tuple(globs)

    def _holds_globs(self, globs: Sequence[str]) -> bool:
        return self.whole or (bool(globs) and all(self._holds_one(glob) for glob in globs))

    def _holds_one(self, glob: str) -> bool:
        return glob in self.globs or any(_inside(glob, mine) for mine in self.globs)


EVERYTHING: Final = Scope()
"""The scope of the program itself and of unscoped keys."""


def addresses_told(declared: Iterable[Declaration]) -> re.Pattern[str] | None:
    """Finds a server's own address in webhooks of these providers, with the key before it as its first group."""
    keys = sorted({key for one in declared for key in one.webhook_addresses})
    names = "|".join(re.escape(key) for key in keys)
    return re.compile(rf'("(?:{names})"\s*:\s*)"[^"]*"?') if keys else None


def scope_of(key: ApiKey) -> Scope:
    """The scope of a key. Patterns without a tenant are of the default one, so that a session that another tenant names
    to match them is nobody's of theirs."""
    return Scope(home_of(key.tenant, key.sessions), key.sessions)


def home_of(tenant: str | None, globs: Sequence[str]) -> str | None:
    """Whose a key or a webhook is that names this tenant and these patterns; None: the operator's."""
    return DEFAULT if tenant is None and globs else tenant


def _inside(inner: str, outer: str) -> bool:
    """Whether all that `inner` matches is matched by `outer`; no where that takes more than comparing texts."""
    if _MATCHES_ONE.isdisjoint(outer):
        # Only literals and `*`: comparing the pattern's own text is sound, for nothing but `*` matches a wildcard.
        return fnmatchcase(_SET.sub("?", inner), outer)
    return _MATCHES_ONE.isdisjoint(inner) and "*" not in inner and fnmatchcase(inner, outer)
