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
from esteio.core.webhooks.evolution_names import instance_name
from esteio.engine.key_scope import Scope

LONGEST: Final = 64
_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OTHER: Final = re.compile(r"[^A-Za-z0-9._-]+")


async def addressed(api: ApiContext, address: str, scope: Scope) -> Session | None:
    """Of the sessions that a client may mean the first that its key reaches, for two servers may each have an instance
    of this name; None where there is none."""
    named = await api.store.sessions.by_name(SessionName(address))
    if named is not None and instance_name(named) == address and scope.reaches(named.name):
        return named
    return next((one for one in await candidates(api, address) if scope.reaches(one.name)), None)


async def candidates(api: ApiContext, address: str) -> list[Session]:
    """Those whose instance is called so, then the one that is called so itself."""
    found = [one for one in await api.store.sessions.by_instance(address) if instance_name(one) == address]
    named = await api.store.sessions.by_name(SessionName(address))
    return found if named is None or named in found else [*found, named]


def session_name(instance: str) -> str:
    """The instance's own name where it is one of ours; otherwise what is left of it, with a digest of the whole."""
    if _PLAIN.fullmatch(instance) and instance not in {".", ".."}:
        return instance
    ascii_only = unicodedata.normalize("NFKD", instance).encode("ascii", "ignore").decode()
    left = _OTHER.sub("-", ascii_only).strip("-.")
    digest = hashlib.blake2b(instance.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{left[: LONGEST - 9] or 'instance'}-{digest}"
