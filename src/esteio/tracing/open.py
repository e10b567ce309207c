"""Which tracer a gateway has: the one that records where the settings ask for it, else the one that does not.

Never lives here: a span.
"""

from __future__ import annotations

from typing import Protocol

from esteio.tracing.tracer import NOT_TRACED, Tracer


class TraceSettings(Protocol):
    """What is asked for (`config.Otel`)."""

    @property
    def traces(self) -> bool:
        """Whether spans are recorded at all."""
        ...

    @property
    def sample_ratio(self) -> float:
        """How many of the traces that begin here are recorded, 0 to 1."""
        ...


class ExtraMissing(Exception):
    """The settings ask for what is not installed; `extra` names the part of esteio's optional dependencies."""

    def __init__(self, extra: str) -> None:
        super().__init__(f"esteio[{extra}] is not installed")
        self.extra = extra


def open_tracer(asked: TraceSettings, version: str) -> Tracer:
    """Loads the library only where traces are asked for. `version`: the program's. Raises `ExtraMissing`."""
    if not asked.traces:
        return NOT_TRACED
    try:
        from esteio.tracing import otel  # noqa: PLC0415 - an extra that most installations do without
    except ModuleNotFoundError as error:
        raise ExtraMissing("otel") from error
    return otel.opened(version, asked.sample_ratio)
