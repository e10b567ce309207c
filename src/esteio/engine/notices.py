"""Notices to people, through Apprise. Never through WhatsApp: the number that is down cannot tell that it is.

The library's plug-ins block, so they run in a thread. The sentence is made here from the row. Never lives here: when
to tell (`core.outage`), retry (the row's).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import apprise
import msgspec

from esteio.core.errors import sentence
from esteio.core.model import Reason
from esteio.log import logger
from esteio.store.base import Work

log = logger("notices")


class LogNotifier:
    """Without targets a notice is only logged (it stands in the timeline anyway)."""

    def __init__(self, language: str) -> None:
        self._language = language

    async def notify(self, work: Work) -> bool:
        """Always arrives."""
        title, _ = words(work.payload, self._language)
        log.info("notice.sent", title=title, targets=0)
        return True


class AppriseNotifier:
    """Tells every target; it arrived when one of them took it."""

    def __init__(self, targets: Sequence[str], language: str) -> None:
        self._language = language
        self._apprise = apprise.Apprise()
        for target in targets:
            if not self._apprise.add(target):
                raise ValueError("a notify target is no Apprise URL; see [notify] in the settings")

    async def notify(self, work: Work) -> bool:
        """Blocking plug-ins, therefore a thread."""
        title, body = words(work.payload, self._language)
        arrived = bool(await asyncio.to_thread(self._apprise.notify, body=body, title=title))
        log.info("notice.sent", title=title, arrived=arrived)
        return arrived


def words(payload: Mapping[str, Any], language: str) -> tuple[str, str]:
    """(title, body) of a notice row."""
    reason = msgspec.convert(payload["reason"], Reason)
    said = sentence(reason, language)
    who = payload.get("session") or payload.get("server") or "Esteio"
    minutes = max(1, round(float(payload["duration_s"]) / 60))
    portuguese = language.lower().startswith("pt")
    if payload["phase"] == "opened":
        title = f"{who}: fora do ar" if portuguese else f"{who} is down"
        held = f"Mensagens guardadas: {payload['held']}." if portuguese else f"Messages held: {payload['held']}."
    else:
        title = f"{who}: voltou" if portuguese else f"{who} is back"
        held = f"Fora por {minutes} min." if portuguese else f"Down for {minutes} min."
    return title, " ".join(part for part in (said.text, said.action, held) if part)
