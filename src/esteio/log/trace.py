"""Which trace the lines of a task belong to: each then carries `trace_id` and `span_id`.

A task's own: what it starts inherits it. The context is the text that rows keep (`tracing.context`). Never lives here:
how a trace is begun.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

_TRACE: ContextVar[str | None] = ContextVar("trace", default=None)


def in_trace(context: str | None) -> None:
    """From now on this task's lines belong to this trace; None: to none."""
    _TRACE.set(context)


def current_trace() -> str | None:
    """The context that `in_trace` named last."""
    return _TRACE.get()


def with_trace(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the ids of the trace, where there is one. After redaction, to which hex digits would look
    like a phone's."""
    text = _TRACE.get()
    if text is not None:
        _, event["trace_id"], event["span_id"], *_ = text.split("-", 3)
    return event
