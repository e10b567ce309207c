"""The road to the providers with a span for each exchange that belongs to a trace.

What belongs to none (a probe, a step of the ladder) is no span: nobody asked for it. Never lives here: HTTP (`driver`).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from esteio.clock import Clock
from esteio.log import current_trace
from esteio.providers.base import HttpRequest, HttpResponse, Transport, TransportFailed
from esteio.tracing import names
from esteio.tracing.context import headers_of
from esteio.tracing.tracer import Span, Tracer, Value

PORTS: Mapping[str, int] = {"http": 80, "https": 443}


class TracedTransport:
    """`inner`, observed. `told`: whether requests carry `traceparent`; a provider is a stranger."""

    def __init__(self, inner: Transport, tracer: Tracer, clock: Clock, *, told: bool) -> None:
        self._inner, self._tracer, self._clock, self._told = inner, tracer, clock, told

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        """As `inner` does; raises what it raises."""
        parent = current_trace()
        if parent is None:
            return await self._inner.exchange(request)
        span = self._tracer.start(
            request.method, "client", self._clock.now(), parent=parent, attributes=exchange_attributes(request)
        )
        if self._told:  # guard: provider-not-told-of-trace
            request = msgspec.structs.replace(request, headers={**request.headers, **headers_of(span.context)})
        return await self._ended(span, request)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _ended(self, span: Span, request: HttpRequest) -> HttpResponse:
        try:
            response = await self._inner.exchange(request)
        except TransportFailed as failed:
            span.end(self._clock.now(), error=error_of(failed))
            raise
        except BaseException:
            span.end(self._clock.now(), error="cancelled")
            raise
        error = str(response.status) if response.status >= 400 else ""
        span.end(self._clock.now(), {names.HTTP_STATUS: response.status}, error=error)
        return response


def exchange_attributes(request: HttpRequest) -> Mapping[str, Value]:
    """What a span says of a request: neither its path, which may hold names, numbers and tokens, nor its query."""
    parts = urlsplit(request.url)
    port = parts.port or PORTS.get(parts.scheme, 0)
    # The host of a Unix socket is its path.
    host = parts.hostname or ""
    return {names.HTTP_METHOD: request.method, names.SERVER_ADDRESS: host, names.SERVER_PORT: port}


def error_of(failed: TransportFailed) -> str:
    """Why no answer came, as a code of few different values."""
    if failed.timed_out:
        return "timeout"
    if failed.crowded:
        return "crowded"
    return failed.cause or ("not-reached" if failed.sent == "no" else "broken-off")
