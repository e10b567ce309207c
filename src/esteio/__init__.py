"""Esteio: a self-hosted gateway that keeps unofficial WhatsApp sessions truly alive and loses no message.

The public face: the gateway, its settings, states and errors. Nothing is defined here, and nothing is imported before
it is asked for, so that the command line starts quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from esteio.config import Settings, SettingsError
    from esteio.core.model import MessageState, SessionState
    from esteio.core.policy import Policy, PolicyError
    from esteio.engine.refusals import Refusal
    from esteio.store.base import Locked, NewerDatabase, StoreFull
    from esteio.vault import VaultError, WrongKey
    from esteio.wiring import Gateway

__all__ = [
    "Gateway",
    "Locked",
    "MessageState",
    "NewerDatabase",
    "Policy",
    "PolicyError",
    "Refusal",
    "SessionState",
    "Settings",
    "SettingsError",
    "StoreFull",
    "VaultError",
    "WrongKey",
]

_HOMES = {
    "Gateway": "esteio.wiring",
    "Locked": "esteio.store.base",
    "MessageState": "esteio.core.model",
    "NewerDatabase": "esteio.store.base",
    "Policy": "esteio.core.policy",
    "PolicyError": "esteio.core.policy",
    "Refusal": "esteio.engine.refusals",
    "SessionState": "esteio.core.model",
    "Settings": "esteio.config",
    "SettingsError": "esteio.config",
    "StoreFull": "esteio.store.base",
    "VaultError": "esteio.vault",
    "WrongKey": "esteio.vault",
}


def __getattr__(name: str) -> Any:
    """A public name, from its home."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
