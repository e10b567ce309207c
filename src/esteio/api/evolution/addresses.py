"""Which session an address of the door means, and what a session is called whose instance has a name that is none.

Clients know the instance's name at the provider (`ref.instance_name`), which may be any text; ours keeps to
`A-Za-z0-9._-`. Never lives here: whether a key may come in.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

from esteio.api.http.route import ApiContext
from esteio.core.model.ids import SessionName
from esteio.core.model.session import Session
from esteio.core.model.tenant import name_on_shared
from esteio.core.webhooks.evolution_names import instance_name
from esteio.engine.key_scope import Scope

LONGEST: Final = 64
_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OTHER: Final = re.compile(r"[^A-Za-z0-9._-]+")


async def addressed(api: ApiContext, address: str, scope: Scope) -> Session | None:
    """Of the sessions that a client may mean the first that its key reaches, for two servers may each have an instance
    of this name; None where there is none."""
    named = await api.store.sessions.by_name(SessionName(address))
    if named is not None and instance_name(named) == address and scope.reaches(named.name, named.tenant):
        return named
    found = await candidates(api, address, scope)
    return next((one for one in found if scope.reaches(one.name, one.tenant)), None)


async def candidates(api: ApiContext, address: str, scope: Scope) -> list[Session]:
    """Of the tenant's sessions those whose instance is called so, whatever the key's patterns, then the one that is
    called so itself."""
    by_instance, found = api.store.sessions.by_instance, []
    for place in dict.fromkeys((address, name_on_shared(scope.home, address))):
        found += [one for one in await by_instance(place) if address in (instance_name(one), place_of(one))]
    named = await api.store.sessions.by_name(SessionName(address))
    if named is not None and named not in found:
        found.append(named)
    return [one for one in found if scope.owns(one.tenant)]  # guard: door-candidates-of-the-tenant


def place_of(session: Session) -> str:
    """What the server itself calls it; the session's own name where its server has no such word."""
    return session.ref.get("instance_name") or session.name


def session_name(instance: str) -> str:
    """The instance's own name where it is one of ours; otherwise what is left of it, with a digest of the whole."""
    if _PLAIN.fullmatch(instance) and instance not in {".", ".."}:
        return instance
    ascii_only = unicodedata.normalize("NFKD", instance).encode("ascii", "ignore").decode()
    left = _OTHER.sub("-", ascii_only).strip("-.")
    digest = hashlib.blake2b(instance.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{left[: LONGEST - 9] or 'instance'}-{digest}"
