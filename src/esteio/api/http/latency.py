"""How long answers took, and what this process uses: what only it knows, kept as it happens for `/metrics`.

Never lives here: what is counted in the store (`api.metrics`).
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds. The longest are answers that were asked to wait (`Prefer: wait`)."""


class LatencyMetrics:
    """How long answers took, by route and kind of answer, since the process started."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._durations = Histogram(
            "esteio_http_request_duration_seconds",
            "From a request to its answer; of a stream, to its first byte",
            ["method", "route", "status"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._known: dict[tuple[str, str, int], Histogram] = {}
        ProcessCollector(registry=self.registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One answer. `route` is the address with its words in braces."""
        key = (method, route, status // 100)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._durations.labels(method, route, f"{key[2]}xx")
        found.observe(seconds)
