"""What the demo says, in one language. Its texts: `locales/*/demo.po`; Esteio's own sentences come from the core.

Never lives here: a text, a story, how a sentence is laid out.
"""

from __future__ import annotations

from esteio.core.views.catalogue import fill
from esteio.texts import catalogue


class Words:
    """The demo's voice in one language: `words(key, **values)`."""

    def __init__(self, language: str) -> None:
        self.texts = catalogue(language)

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence; a `count` chooses its form where it has two. Raises KeyError for a key that there is not."""
        text = self.texts.find("demo", key, 1 if values.get("count", 1) == 1 else 2)
        if text is None:
            raise KeyError(key)
        return fill(text, {name: str(value) for name, value in values.items()})

    def seconds(self, seconds: float) -> str:
        """`3,4 s` or `3.4 s`; whole from ten on."""
        told = f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
        return told.replace(".", self.texts.word("demo", "decimal-mark"))

    def rung(self, rung: str) -> str:
        """A step of the ladder as people read it."""
        return self.texts.word("rung", rung)

    def state(self, state: str) -> str:
        """A session's state as people read it."""
        return self.texts.word("state", state)
