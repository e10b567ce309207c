"""How a verb ends without having done its work: one sentence for people, and the exit code.

Never lives here: the sentence itself (`texts`), how it is printed (`output`).
"""

from __future__ import annotations

FAILED = 1
MISUSED = 2


class Failed(Exception):
    """It failed. `key` names a sentence in `texts`, `values` fill it."""

    exit_code = FAILED

    def __init__(self, key: str, /, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


class Misused(Failed):
    """It was asked wrongly: a missing key, settings that cannot be used."""

    exit_code = MISUSED


class Refused(Failed):
    """The gateway said no, in its own words (`problem+json`). `code` is stable, `status` is HTTP's."""

    def __init__(self, status: int, code: str, text: str, retry_after_s: float | None = None) -> None:
        super().__init__("refused", text=text.rstrip("."), code=code)
        self.status = status
        self.code = code
        self.text = text
        self.retry_after_s = retry_after_s
