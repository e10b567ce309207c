"""Checks of single values in a request that need neither the store nor the network.

Never lives here: a shape (`requests`), an address (`addressing`), a URL (`engine.url_guard`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from esteio.config import nearest
from esteio.core.model.policy import Policy
from esteio.engine.errors import CommandError, invalid


def plain_name(field: str, name: str) -> str:
    """The name, unless it is `.` or `..`, which programs and proxies read as a path. Raises `CommandError`."""
    if name in {".", ".."}:
        raise invalid(field, "must not be . or ..")
    return name


def only_keys(field: str, words: Mapping[str, str], known: Iterable[str]) -> None:
    """Refuse keys that nobody reads. Raises `CommandError("unknown-field")`, with the nearest that is known."""
    known = tuple(known)
    for key in words:
        if key not in known:
            raise CommandError("unknown-field", field=f"{field}.{key}", near=nearest(key, known), in_body=True)


def known_policy(name: str, policies: Mapping[str, Policy]) -> str:
    """The name, if there is such a policy. Raises `CommandError("invalid-value")`."""
    if name not in policies:
        near = nearest(name, policies)
        raise CommandError(
            "invalid-value", field="policy", near=near, in_body=True, allowed=", ".join(sorted(policies))
        )
    return name


def moment(field: str, text: str) -> float:
    """An RFC 3339 time with its offset, as epoch seconds. Raises `CommandError("invalid-value")`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(field, "must be an RFC 3339 time") from error
    if found.tzinfo is None:
        raise invalid(field, "must be an RFC 3339 time with its offset (Z)")
    return found.timestamp()
