"""At the end of a run, what was survived."""

from __future__ import annotations

from collections import Counter
from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    total: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        total.update({name: many for name, many in report.user_properties if isinstance(many, int)})
    if total["kills"]:
        terminalreporter.write_line(
            f"{total['kills']} kills of the real process: {total['accepted']} messages accepted "
            f"({total['pictures']} of them pictures, {total['doubts']} in doubt for a while) and "
            f"{total['received']} received, none lost, none doubled, every chat in order"
        )
