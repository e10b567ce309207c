"""The tracer that records: OpenTelemetry's SDK, and OTLP over HTTP to wherever the standard OTEL_* variables say.

The SDK hands spans over in a thread of its own, a bounded queue between: a receiver that is down or slow costs spans,
never a message. Only this module imports OpenTelemetry; it is there where `esteio[otel]` is installed. Never lives
here: a span's name, an attribute.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_TRACES_SAMPLER
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as SdkSpan
from opentelemetry.trace.span import TraceState

from esteio.tracing.context import TraceContext, context_of
from esteio.tracing.names import ERROR_TYPE
from esteio.tracing.tracer import Kind, Span, Value

CLOSE_WITHIN_S = 3.0
"""So long the end of the process waits for what was recorded to be handed over."""
_KINDS: Final[dict[Kind, SpanKind]] = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "internal": SpanKind.INTERNAL,
}
_ROOT: Final = Context()


class OtelTracer:
    """Records spans with the SDK. `processor`: what becomes of those that ended."""

    on = True

    def __init__(self, processor: SpanProcessor, *, version: str, sample_ratio: float = 1.0) -> None:
        """`sample_ratio`: of the traces that begin here; a caller's own choice is kept. The variable
        OTEL_TRACES_SAMPLER goes before it."""
        self._provider = TracerProvider(_sampler(sample_ratio), _resource(version), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("esteio", version)

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
        """Begins a span of the SDK, which asks its sampler."""
        linked = context_of(link)
        span = self._tracer.start_span(
            name,
            _below(parent),
            _KINDS[kind],
            dict(attributes),
            [] if linked is None else [Link(_sdk(linked))],
            _nanoseconds(at),
        )
        return _OtelSpan(span, at)

    async def aclose(self) -> None:
        """After `CLOSE_WITHIN_S` what is still not handed over is lost."""
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def shut_down() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(done.set)

        # A daemon: a receiver that does not answer may not hold up the end of the process either.
        threading.Thread(target=shut_down, name="otel-shutdown", daemon=True).start()
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await done.wait()
        except TimeoutError:
            return


class _OtelSpan:
    """A span of the SDK under our port."""

    __slots__ = ("_began", "_span", "context")

    def __init__(self, span: SdkSpan, began: float) -> None:
        self._span, self._began = span, began
        here = span.get_span_context()
        state = here.trace_state.to_header() if here.trace_state else ""
        self.context: str | None = TraceContext(
            f"{here.trace_id:032x}", f"{here.span_id:016x}", int(here.trace_flags), state
        ).text

    @property
    def recording(self) -> bool:
        return self._span.is_recording()

    def end(self, at: float, attributes: Mapping[str, Value] = {}, *, error: str = "") -> None:
        """Ends the SDK's span."""
        if self._span.is_recording():
            self._span.set_attributes(dict(attributes))
            if error:
                self._span.set_attribute(ERROR_TYPE, error)
                self._span.set_status(Status(StatusCode.ERROR))
        self._span.end(_nanoseconds(max(at, self._began)))


def opened(version: str, sample_ratio: float) -> OtelTracer:
    """A tracer that exports by OTLP/HTTP, to the address that the standard variables give."""
    return OtelTracer(BatchSpanProcessor(OTLPSpanExporter()), version=version, sample_ratio=sample_ratio)


def _sampler(ratio: float) -> Sampler | None:
    """None: the SDK's own reading of the environment."""
    return None if OTEL_TRACES_SAMPLER in os.environ else ParentBased(TraceIdRatioBased(ratio))


def _resource(version: str) -> Resource:
    """What the environment says of this service; `esteio` where it says no name."""
    told = Resource.create()
    name = str(told.attributes.get(SERVICE_NAME, ""))
    ours = {SERVICE_VERSION: version} | ({SERVICE_NAME: "esteio"} if name.startswith("unknown_service") else {})
    return told.merge(Resource(ours))


def _below(parent: str | None) -> Context:
    read = context_of(parent)
    return _ROOT if read is None else set_span_in_context(NonRecordingSpan(_sdk(read)), _ROOT)


def _sdk(read: TraceContext) -> SpanContext:
    state = TraceState.from_header([read.state]) if read.state else None
    return SpanContext(
        int(read.trace_id, 16),
        int(read.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(read.flags),
        trace_state=state,
    )


def _nanoseconds(at: float) -> int:
    return int(at * 1e9)
