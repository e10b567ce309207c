"""A test of the notices: one to each target, now, and what became of it.

Never lives here: a notice about a session or server (those are work rows).
"""

from __future__ import annotations

import msgspec

from esteio.engine.commands.base import Desk
from esteio.store.base import Work


class NoticeTest(msgspec.Struct, frozen=True):
    """`target` is its number in the settings and its kind, e.g. `1 (mailto)`."""

    target: str
    delivered: bool


class NoticeCommands(Desk):
    """What a caller may ask about notices."""

    async def test_notice(self) -> list[NoticeTest]:
        """Tell each target that this is a test. A person waits for the answer, so nothing is tried again."""
        return [
            NoticeTest(label, await self.notifier.notify(self._test_work(key)))
            for key, label in self.notifier.targets.items()
        ]

    def _test_work(self, target: str) -> Work:
        now = self.clock.now()
        payload = {"phase": "test", "reason": {"code": "notice-test"}, "duration_s": 0.0, "held": 0, "target": target}
        name = f"notice-test:{target}"
        return Work(name, name, "notice", payload, now, now)
