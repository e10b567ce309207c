"""An instance's settings: their names and defaults, and the check of a body that sets them (recordings 073 to 075).

Never lives here: the call to the provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from esteio.api.evolution.answers import invalid

DEFAULTS: Final[Mapping[str, Any]] = {
    "rejectCall": False,
    "msgCall": "",
    "groupsIgnore": False,
    "alwaysOnline": False,
    "readMessages": False,
    "readStatus": False,
    "syncFullHistory": False,
    "wavoipToken": "",
}
"""In Evolution's order."""
REQUIRED: Final = tuple(name for name, word in DEFAULTS.items() if word is False)


def shown(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """All of them in Evolution's order."""
    return {name: chosen.get(name, word) for name, word in DEFAULTS.items()}


def of_create(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a create sets: a switch is on when it says `true`, all else leaves it off."""
    return {
        name: document.get(name) is True if word is False else str(document.get(name) or "")
        for name, word in DEFAULTS.items()
    }


def of_set(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a `settings/set` sets. Raises `EvolutionError` in the words of recording 075."""
    missing = [f'instance requires property "{name}"' for name in REQUIRED if name not in document]
    wrong = [
        f"{name} is not of a type(s) {'boolean' if word is False else 'string'}"
        for name, word in DEFAULTS.items()
        if document.get(name) is not None and not isinstance(document[name], type(word))
    ]
    if missing or wrong:
        raise invalid(*missing, *wrong)
    return {name: document[name] for name in DEFAULTS if document.get(name) is not None}
