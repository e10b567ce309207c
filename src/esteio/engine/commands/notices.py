"""A test of the notices: one to each target, now, and what became of it.

Never lives here: a notice about a session or server (those are work rows).
"""

from __future__ import annotations

import msgspec

from esteio.clock import Clock
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.outbox.performers import Notifier
from esteio.store.base import Work


class NoticeTest(msgspec.Struct, frozen=True):
    """`target` is its number in the settings and its kind, e.g. `1 (mailto)`."""

    target: str
    delivered: bool


class NoticeCommands:
    """Tests the places where people are told. `notifier`: as the workers use it."""

    def __init__(self, clock: Clock, notifier: Notifier, audit: AuditLog) -> None:
        self._clock, self._notifier, self._audit = clock, notifier, audit

    @property
    def targets(self) -> int:
        """How many places are told."""
        return len(self._notifier.targets)

    @property
    def labels(self) -> list[str]:
        """Each place's number in the settings and its kind; no address."""
        return list(self._notifier.targets.values())

    async def test(self) -> list[NoticeTest]:
        """Tell each target that this is a test. A person waits for the answer, so nothing is tried again."""
        await self._audit.note("notices.tested", after={"targets": self.labels})
        return [
            NoticeTest(label, await self._notifier.notify(self._test_work(key)))
            for key, label in self._notifier.targets.items()
        ]

    def _test_work(self, target: str) -> Work:
        now = self._clock.now()
        payload = {"phase": "test", "reason": {"code": "notice-test"}, "duration_s": 0.0, "held": 0, "target": target}
        name = f"notice-test:{target}"
        return Work(name, name, "notice", payload, now, now)
