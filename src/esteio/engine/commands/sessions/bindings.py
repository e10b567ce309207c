"""Which instance of a provider a session is bound to: the whole `ref`, checked as its adapter declares it, and free.

Never lives here: what stands at the instance (`replaced_webhook`).
"""

from __future__ import annotations

from collections.abc import Mapping

from esteio.engine.commands.checks import only_keys, plain_name
from esteio.engine.errors import CommandError, invalid
from esteio.providers.base import Provider
from esteio.providers.declaration import Declaration
from esteio.store.base import StoredServer
from esteio.store.ports.sessions import Servers, Sessions


class Bindings:
    """Checks refs, and whose an instance is. `providers`: every adapter, by kind."""

    def __init__(self, servers: Servers, sessions: Sessions, providers: Mapping[str, Provider]) -> None:
        self._servers, self._sessions, self._providers = servers, sessions, providers

    def declared(self, kind: str) -> Declaration:
        """What the adapter of this kind declares of its servers and instances."""
        return self._providers[kind].declaration

    def ref_of(self, kind: str, name: str, given: Mapping[str, str]) -> dict[str, str]:
        """The whole `ref` of a session of this name. Raises `CommandError`: unknown-field, invalid-value."""
        declared = self.declared(kind)
        for key, word in given.items():
            plain_name(f"ref.{key}", word.strip())
        ref = declared.whole_ref(name, given)
        only_keys("ref", ref, declared.ref_names)
        if missing := declared.missing_in_ref(ref):
            raise invalid(missing.field, missing.why)
        return ref

    def instance_of(self, kind: str, ref: Mapping[str, str]) -> str | None:
        """Which instance of its server a `ref` names: what may belong to one session only."""
        return ref.get(self.declared(kind).instance)

    async def check_free(self, stored: StoredServer, instance: str | None, session: str) -> None:
        """Raise `CommandError("already-adopted")` when it is another session's, also by a second entry of its
        server."""
        if instance is None:
            return
        here = stored.server
        for one in await self._servers.all():
            if (one.server.kind, one.server.base_url) != (here.kind, here.base_url):
                continue
            holder = await self._sessions.instance_owner(one.server.name, instance)
            if holder is not None and holder != session:
                raise already_adopted(here.name, instance)


def already_adopted(server: str, instance: str) -> CommandError:
    """One instance of a server belongs to one session."""
    return CommandError("already-adopted", field="ref", server=server, instance=instance)
