"""Esteio: a self-hosted gateway that keeps unofficial WhatsApp sessions truly alive and loses no message.

The public face: the gateway, its settings, states and errors. Nothing is defined here, and nothing is imported before
it is asked for, so that the command line starts quickly; `__init__.pyi` says the same to type checkers.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "CommandError": "esteio.engine.errors",
    "Gateway": "esteio.gateway",
    "Locked": "esteio.store.base",
    "MessageState": "esteio.core.model.message",
    "NewerDatabase": "esteio.store.base",
    "Policy": "esteio.core.model.policy",
    "PolicyError": "esteio.core.model.policy",
    "SessionState": "esteio.core.model.state",
    "Settings": "esteio.config",
    "SettingsError": "esteio.config",
    "StoreFull": "esteio.store.base",
    "VaultError": "esteio.vault",
    "WrongKey": "esteio.vault",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """A public name, from its home."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
