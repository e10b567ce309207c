"""Notices to people, through Apprise. Never through WhatsApp: the number that is down cannot tell that it is.

Each target has a work row of its own, so that one that fails is tried again and the others are not told twice. The
library's plug-ins block, so they run in a thread. The sentence is made here from the row. Never lives here: when to
tell (`core.judge.outage`), retry (the row's).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from esteio.core.model.state import Reason
from esteio.core.views.catalogue import Catalogue, fill
from esteio.core.views.sentences import sentence, timeline_text
from esteio.log import logger
from esteio.store.base import Work

if TYPE_CHECKING:
    import apprise

log = logger("notices")
# Apprise writes addresses into its log, and with them their secrets.
logging.getLogger("apprise").propagate = False
logging.getLogger("apprise").addHandler(logging.NullHandler())
KINDS: Mapping[str, str] = {
    "opened": "failure",
    "closed": "success",
    "approval": "warning",
    "waiting": "warning",
    "test": "info",
}
"""`apprise.NotifyType`."""


class BadTarget(ValueError):
    """A target that Apprise does not know. `number` counts from 1; the address itself may hold a secret."""

    def __init__(self, number: int) -> None:
        super().__init__(f"notify target {number} is no Apprise URL")
        self.number = number


class LogNotifier:
    """Without targets a notice is only logged (it stands in the timeline anyway)."""

    targets: Mapping[str, str] = {}

    def __init__(self, texts: Catalogue) -> None:
        self._texts = texts

    async def notify(self, work: Work) -> bool:
        """Writes the notice's title into the log; always True."""
        title, _ = words(work.payload, self._texts)
        log.info("notice.sent", title=title, target=None)
        return True


class AppriseNotifier:
    """`targets`: a key for each, which a row can keep without the secret in the address, and its label (`1 (mailto)`).
    Raises `BadTarget`."""

    def __init__(self, targets: Sequence[str], texts: Catalogue) -> None:
        import apprise  # noqa: PLC0415 - 5 MB and a tenth of a second, for those who have targets

        self._texts = texts
        self._told: dict[str, apprise.Apprise] = {}
        labels: dict[str, str] = {}
        for number, url in enumerate(targets, 1):
            told = apprise.Apprise()
            if not told.add(url):
                raise BadTarget(number)
            key = hashlib.sha256(url.encode()).hexdigest()[:12]
            self._told[key] = told
            labels[key] = f"{number} ({url.partition(':')[0]})"
        self.targets: Mapping[str, str] = labels

    async def notify(self, work: Work) -> bool:
        """Whether its target took it. A target that is in the settings no more has nothing to be told."""
        key = work.payload.get("target", "")
        told = self._told.get(key)
        if told is None:
            return True
        title, body = words(work.payload, self._texts)
        kind = KINDS[work.payload["phase"]]
        arrived = bool(await asyncio.to_thread(told.notify, body=body, title=title, notify_type=kind))
        if arrived:
            log.info("notice.sent", title=title, target=self.targets[key])
        else:
            log.warning("notice.failed", title=title, target=self.targets[key])
        return arrived


def words(payload: Mapping[str, Any], texts: Catalogue) -> tuple[str, str]:
    """(title, body) of a notice row."""
    reason = msgspec.convert(payload["reason"], Reason)
    said = sentence(reason, texts)
    phase = payload["phase"]
    values = {
        "who": payload.get("session") or payload.get("server") or "Esteio",
        "held": str(payload["held"]),
        "minutes": str(max(1, round(float(payload["duration_s"]) / 60))),
    }
    more = fill(texts.find("notice-more", phase) or "", values)
    missed = payload.get("missed")
    lost = timeline_text(missed["code"], missed["args"], texts) if missed else ""
    title = fill(texts.word("notice", phase), values)
    return title, " ".join(part for part in (said.text, said.action, more, lost) if part)
