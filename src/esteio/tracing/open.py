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


class OtelMissing(Exception):
    """The settings ask for traces, and `esteio[otel]` is not installed."""


def open_tracer(asked: TraceSettings, version: str) -> Tracer:
    """Loads the library only where traces are asked for. `version`: the program's. Raises `OtelMissing`."""
    if not asked.traces:
        return NOT_TRACED
    try:
        from esteio.tracing import otel  # noqa: PLC0415 - an extra that most installations do without
    except ModuleNotFoundError as error:
        raise OtelMissing("esteio[otel] is not installed") from error
    return otel.opened(version, asked.sample_ratio)
