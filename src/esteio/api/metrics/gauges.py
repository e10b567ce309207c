"""Gauges of one scrape: made, set and written out once, so that nothing from an earlier scrape is left in them.

Never lives here: what is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from prometheus_client import CollectorRegistry, Gauge

Word = TypeVar("Word", bound=str)


class Gauges:
    """`now`: epoch seconds; ages are reckoned from it."""

    def __init__(self, now: float) -> None:
        self.registry = CollectorRegistry()
        self._now = now

    def one(self, name: str, about: str, value: float) -> None:
        """A number without labels."""
        Gauge(name, about, registry=self.registry).set(value)

    def by(self, name: str, about: str, label: str, words: Iterable[Word], values: Mapping[Word, float]) -> None:
        """A number for each of these words; 0 where there is none, so that a series never goes missing."""
        gauge = Gauge(name, about, [label], registry=self.registry)
        for word in words:
            gauge.labels(word).set(values.get(word, 0))

    def age(self, name: str, about: str, since: float | None) -> None:
        """How long ago that was, in seconds; 0 for never."""
        self.one(name, f"{about}, 0 for none", self.seconds_since(since))

    def seconds_since(self, at: float | None) -> float:
        """0 for never, and for what a clock that was put back makes of the future."""
        return 0.0 if at is None else max(0.0, self._now - at)
