"""The port that records spans, and the default that records none: what was received goes on unchanged.

Times are epoch seconds of the gateway's own clock. A context is the text that `context` describes. Whoever calls keeps
names and attributes to `names`. Never lives here: an exporter, a library.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, Protocol

Kind = Literal["server", "client", "producer", "consumer", "internal"]
"""As OpenTelemetry has them: who waits for whom."""
Value = str | int | float | bool


class Span(Protocol):
    """One thing that is under way, or was."""

    @property
    def context(self) -> str | None:
        """What its children are begun with, kept in rows and sent along; None: there is no trace."""
        ...

    @property
    def recording(self) -> bool:
        """Whether anybody will see it; if not, attributes need not be put together."""
        ...

    def end(self, at: float, attributes: Mapping[str, Value] = {}, *, error: str = "") -> None:
        """It is over. `error`: a code of few different values, where it failed. Not after `at` the time it began: it
        then took no time."""
        ...


class Tracer(Protocol):
    """Begins spans. Never blocks and never raises: a trace is never worth a message."""

    @property
    def on(self) -> bool:
        """Whether spans are recorded at all."""
        ...

    def start(
        self,
        name: str,
        kind: Kind,
        at: float,
        *,
        parent: str | None,
        attributes: Mapping[str, Value] = {},
        link: str | None = None,
    ) -> Span:
        """A span below `parent`, or a new trace's first one; `link`: the context of what else it belongs to."""
        ...

    async def aclose(self) -> None:
        """Hands over what was recorded, within a bounded time; nothing is recorded afterwards."""
        ...


class _Unrecorded:
    """Stands for a span where none are recorded: whatever is below it is below its parent."""

    __slots__ = ("context",)
    recording = False

    def __init__(self, context: str | None) -> None:
        self.context = context

    def end(self, at: float, attributes: Mapping[str, Value] = {}, *, error: str = "") -> None:
        """Nothing to keep."""


class NoTracer:
    """Records nothing; a caller's context passes through."""

    on = False

    def start(
        self,
        name: str,
        kind: Kind,
        at: float,
        *,
        parent: str | None,
        attributes: Mapping[str, Value] = {},
        link: str | None = None,
    ) -> Span:
        """What stands for the span."""
        return _NOWHERE if parent is None else _Unrecorded(parent)

    async def aclose(self) -> None:
        """There is nothing to hand over."""


_NOWHERE: Final = _Unrecorded(None)
NOT_TRACED: Final[Tracer] = NoTracer()
"""The default."""
