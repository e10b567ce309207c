"""What an API key for some sessions reaches, and what it may make: the one rule, asked by every command and route.

A key holds name patterns (`fnmatch` globs); none means the whole gateway. Whatever a scoped key makes (keys, webhooks,
sessions, references to a provider's instances) lies inside its own patterns. Never lives here: a role, an HTTP status.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from esteio.engine.errors import CommandError, invalid
from esteio.providers.declaration import Declaration
from esteio.store.base import ApiKey

_MATCHES_ONE = frozenset("?[]")
"""Wildcards for a single character."""
_SET = re.compile(r"\[!?\]?[^\]]*\]")
"""A set of characters; its own text could match what its members do not."""
_NEVER_IN_REF = frozenset("/\\%?#")
"""A path inside a name could lead a proxy to another instance than the one that was compared."""


class Scope(msgspec.Struct, frozen=True):
    """The sessions that a key reaches. Methods raise `CommandError` or answer; they never change anything."""

    globs: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether the key is for the whole gateway."""
        return not self.globs

    @property
    def one_session(self) -> bool:
        """Whether the key is for a single session, by its name."""
        return len(self.globs) == 1 and not set("*?[") & set(self.globs[0])

    def reaches(self, session: str | None) -> bool:
        """Whether a session (None: something that is no session's) lies inside."""
        if self.everything:
            return True
        return session is not None and any(fnmatchcase(session, glob) for glob in self.globs)

    def check(self, session: str) -> None:
        """Raises `CommandError("session-out-of-reach")`."""
        if not self.reaches(session):
            raise CommandError("session-out-of-reach")

    def check_everything(self) -> None:
        """What concerns the whole gateway is not for a scoped key. Raises `CommandError("outside-scope")`."""
        if not self.everything:
            raise CommandError("outside-scope")

    def check_ref(self, ref: Mapping[str, str], declared: Declaration) -> None:
        """What a provider calls a session must lie inside, unless the reference is one that its own secret proves.
        Raises `CommandError("ref-out-of-reach")`."""
        if self.everything or (declared.proved_by_secret and set(ref) == set(declared.ref_names) and all(ref.values())):
            return
        hidden = {field.name for field in declared.ref if field.secret}
        for key, name in ref.items():
            if key not in hidden:
                self.check_instance(name, key)

    def check_instance(self, name: str, key: str = "instance") -> None:
        """A provider's name for an instance must lie inside. Raises `CommandError("ref-out-of-reach")`."""
        if not self.everything and not (self.reaches(name) and _NEVER_IN_REF.isdisjoint(name)):
            raise CommandError("ref-out-of-reach", field=f"ref.{key}", in_body=True)

    def without_addresses(self, text: str, notify: re.Pattern[str] | None) -> str:
        """A provider's own words for whoever may read them; a scoped key does not see where the server stands.
        `told`: as `addresses_told` makes it."""
        return text if self.everything or notify is None else notify.sub(r'\1"***"', text)

    def holds(self, globs: Sequence[str]) -> bool:
        """Whether every session that these patterns (none: all) match lies inside. When in doubt, no."""
        if self.everything:
            return True
        return bool(globs) and all(self._holds_one(glob) for glob in globs)

    def narrowed(self, globs: Sequence[str] | msgspec.UnsetType, field: str = "sessions") -> tuple[str, ...]:
        """The patterns for something that this key makes: those asked for, or its own when none were named.

        Raises `CommandError`: `invalid-value` for an empty list, `session-out-of-reach` for patterns outside.
        """
        if isinstance(globs, msgspec.UnsetType):
            return self.globs
        if not globs:
            raise invalid(field, "must not be empty; leave it out to mean all")
        if not self.holds(globs):
            raise CommandError("session-out-of-reach")
        return tuple(globs)

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
    """The scope of a key."""
    return Scope(key.sessions)


def _inside(inner: str, outer: str) -> bool:
    """Whether all that `inner` matches is matched by `outer`; no where that takes more than comparing texts."""
    if _MATCHES_ONE.isdisjoint(outer):
        # Only literals and `*`: comparing the pattern's own text is sound, for nothing but `*` matches a wildcard.
        return fnmatchcase(_SET.sub("?", inner), outer)
    return _MATCHES_ONE.isdisjoint(inner) and "*" not in inner and fnmatchcase(inner, outer)
