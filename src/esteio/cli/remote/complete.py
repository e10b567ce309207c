"""What the shell's completion offers for a name: those of the running gateway that ESTEIO_URL and ESTEIO_KEY lead to.

It never fails and never waits long: without a gateway nothing is offered. Never lives here: the completion itself
(`esteio --install-completion`, Typer's own).
"""

from __future__ import annotations

import os

from esteio.cli.errors import Failed
from esteio.cli.remote.client import Client, address, path
from esteio.cli.texts import spoken

PATIENCE_S = 2.0
MOST = 200


def sessions(incomplete: str) -> list[str]:
    """Names of sessions that begin so."""
    return _names("sessions", incomplete)


def servers(incomplete: str) -> list[str]:
    """Names of servers that begin so."""
    return _names("servers", incomplete)


def _names(what: str, incomplete: str) -> list[str]:
    key = os.environ.get("ESTEIO_KEY", "").strip()
    if not key:
        return []
    try:
        client = Client(address(), key, spoken(), patience_s=PATIENCE_S)
        page = client.get(path(what), limit=MOST) if what == "sessions" else client.get(path(what))
        return [one["name"] for one in page["items"] if one["name"].startswith(incomplete)]
    except (Failed, KeyError, TypeError):
        return []
