"""The tracer that records: parents, times, sampling, an end that is bounded, and the sentence where the extra is not
installed."""

from __future__ import annotations

import asyncio
import sys
from threading import Event

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

from esteio.config import Otel
from esteio.tracing import otel
from esteio.tracing.context import context_of
from esteio.tracing.open import OtelMissing, open_tracer
from esteio.tracing.tracer import NOT_TRACED
from tests.tracing.recorded import CALLER, PARENT, TRACE, Recorded, parent_of, seconds, span_id, trace_of


def test_a_span_is_below_its_parent_and_between_the_times_that_are_given() -> None:
    recorded = Recorded()
    span = recorded.tracer.start("a", "server", 100.25, parent=f"{PARENT} x=y")
    span.end(101.5, {"http.response.status_code": 202})
    told = recorded.named("a")
    assert (trace_of(told), parent_of(told), seconds(told)) == (TRACE, CALLER, (100.25, 101.5))
    assert dict(told.attributes or {}) == {"http.response.status_code": 202}
    assert span.context == f"00-{TRACE}-{span_id(told)}-01 x=y"
    assert told.status.status_code is StatusCode.UNSET


def test_what_failed_says_so_by_a_code() -> None:
    recorded = Recorded()
    recorded.tracer.start("a", "client", 1.0, parent=None).end(2.0, error="timeout")
    told = recorded.named("a")
    assert told.status.status_code is StatusCode.ERROR
    assert (told.attributes or {})["error.type"] == "timeout"


def test_a_clock_that_went_back_makes_no_span_that_ends_before_it_began() -> None:
    recorded = Recorded()
    recorded.tracer.start("a", "client", 5.0, parent=None).end(2.0)
    assert seconds(recorded.named("a")) == (5.0, 5.0)


def test_what_the_caller_does_not_have_recorded_is_not_and_its_trace_goes_on() -> None:
    recorded = Recorded()
    span = recorded.tracer.start("a", "server", 1.0, parent=PARENT.removesuffix("01") + "00")
    span.end(2.0)
    assert not span.recording
    assert recorded.spans == ()
    read = context_of(span.context)
    assert read is not None
    assert (read.trace_id, read.sampled) == (TRACE, False)


def test_a_ratio_is_of_the_traces_that_begin_here() -> None:
    recorded = Recorded(sample_ratio=0.0)
    recorded.tracer.start("ours", "server", 1.0, parent=None).end(2.0)
    recorded.tracer.start("theirs", "server", 1.0, parent=PARENT).end(2.0)
    assert [span.name for span in recorded.spans] == ["theirs"]


def test_the_environment_goes_before_the_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    recorded = Recorded(sample_ratio=1.0)
    recorded.tracer.start("a", "server", 1.0, parent=None).end(2.0)
    assert recorded.spans == ()


def test_the_service_is_esteio_unless_the_environment_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def service() -> object:
        recorded = Recorded()
        recorded.tracer.start("a", "server", 1.0, parent=None).end(2.0)
        return recorded.named("a").resource.attributes["service.name"]

    assert service() == "esteio"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "zap-gateway")
    assert service() == "zap-gateway"


class Stuck(SpanExporter):
    """Takes spans and never answers."""

    def __init__(self) -> None:
        self.released = Event()

    def export(self, spans: object) -> SpanExportResult:
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.released.wait()


def test_the_end_waits_for_a_receiver_that_does_not_answer_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otel, "CLOSE_WITHIN_S", 0.05)
    stuck = Stuck()
    try:
        asyncio.run(asyncio.wait_for(otel.OtelTracer(SimpleSpanProcessor(stuck), version="0").aclose(), 30))
    finally:
        stuck.released.set()


def test_without_the_extra_the_settings_are_refused_and_else_nothing_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "esteio.tracing.otel")
    monkeypatch.delattr("esteio.tracing.otel")
    monkeypatch.setitem(sys.modules, "opentelemetry.context", None)
    assert open_tracer(Otel(), "0") is NOT_TRACED
    with pytest.raises(OtelMissing, match=r"esteio\[otel\]"):
        open_tracer(Otel(traces=True), "0")


def test_where_nothing_is_recorded_a_context_passes_through() -> None:
    span = NOT_TRACED.start("a", "server", 1.0, parent=PARENT)
    span.end(2.0)
    assert (span.context, span.recording) == (PARENT, False)
    assert NOT_TRACED.start("a", "server", 1.0, parent=None).context is None
