"""Set-up of the log, the closed list of event names, and what may not be read in a log.

An event is `thing.happened` from `EVENTS`, with keys after it: `log = logger("dispatch")`, then
`log.info("work.settled", session=…, outcome=…)`. Phone numbers keep their last four digits, secrets and bodies are
never written. JSON lines in a pipe, coloured lines on a terminal. Never lives here: a decision, a metric.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

EVENTS: frozenset[str] = frozenset(
    {
        # the process
        "gateway.started",
        "gateway.stopping",
        "gateway.stopped",
        "gateway.failed",
        "library.logged",
        "task.started",
        "task.failed",
        "task.restarted",
        "task.gave_up",
        "files.limit_set",
        "connection.dropped",
        "settings.applied",
        "clock.stepped_back",
        "store.opened",
        "store.full",
        "store.purged",
        "key.created",
        "key.revoked",
        # servers and sessions
        "server.added",
        "server.changed",
        "server.deleted",
        "server.health_changed",
        "server.outage_started",
        "server.outage_ended",
        "session.changed",
        "session.created",
        "session.deleted",
        "session.looked_at",
        "session.state_changed",
        "session.decision_lost",
        "session.judge_failed",
        "session.outage_started",
        "session.outage_ended",
        "session.pair_asked",
        "session.recover_asked",
        "session.recreate_asked",
        "session.paused",
        "session.resumed",
        "session.qr_seen",
        "session.act_begun",
        "session.webhook_kept",
        "approval.requested",
        "approval.decided",
        # acts and messages
        "work.claimed",
        "work.performed",
        "work.settled",
        "work.dropped",
        "work.failed",
        "work.fence_lost",
        "message.accepted",
        "message.attempted",
        "message.settled",
        "message.in_doubt",
        "message.doubt_settled",
        "message.expired",
        "message.cancelled",
        "message.retried",
        "message.fence_lost",
        # what comes in
        "inbox.read",
        "inbox.unreadable",
        "person.erased",
        "media.fetched",
        "media.not_fetched",
        "media.given_up",
        "media.swept",
        "gap.read",
        "gap.failed",
        "gap.given_up",
        # the doors
        "request.served",
        "request.refused",
        "request.failed",
        "exchange.done",
        "exchange.failed",
        "notice.sent",
        "notice.failed",
        "relay.delivered",
        "relay.failed",
        "relay.dead",
    }
)

SECRET_KEYS = re.compile(r"(?i)(token|secret|password|passwd|api_?key|authorization|cookie|credential)")
BODY_KEYS: frozenset[str] = frozenset({"body", "text", "caption", "content", "base64", "png_base64", "qr", "emoji"})
_NUMBER = re.compile(r"(?<![\w.:-])\+?\d{6,11}(\d{4})(?=$|[^\w.:-]|[:@.])")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_IN_PATH = re.compile(r"/in/[\w-]{8,}")
_SIGNED = re.compile(r"\bsignature=[\w-]+")
_OUR_KEY = re.compile(r"\b(esk|whsec)_[\w+/=-]{6,}")


class UnknownEvent(ValueError):
    """An event that is not in `EVENTS`."""


def logger(room: str) -> Any:
    """A logger for one room of the house (`engine.outbox.dispatch`, `api` …)."""
    return structlog.get_logger(room=room)


def closed_list(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Refuse an event name that is not in the list: a typing mistake would make a line that nobody searches for."""
    if event.get("event") not in EVENTS and not event.get("foreign"):
        raise UnknownEvent(f"{event.get('event')!r} is not among the log's events")
    return event


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide what may not be read in a log, in every key and at any depth."""
    for key in list(event):
        if key not in {"event", "level", "timestamp", "room"}:
            event[key] = _clean(key, event[key])
    return event


def clean_text(text: str) -> str:
    """A sentence fit for a log: numbers keep their last four digits, tokens go."""
    text = _BEARER.sub(r"\1 ***", text)
    text = _IN_PATH.sub("/in/***", text)
    text = _SIGNED.sub("signature=***", text)
    text = _OUR_KEY.sub(r"\1_***", text)
    return _NUMBER.sub(r"***\1", text)


def _clean(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if SECRET_KEYS.search(key):
        return "***"
    if key in BODY_KEYS:
        return f"<{len(value)}>" if isinstance(value, str | bytes) else "<...>"
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {name: _clean(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(key, inner) for inner in value]
    return clean_text(repr(value))


class Forgiving:
    """A stream that loses a line where it cannot be written: a full disk under the log, or a pipe that nobody reads
    any more, may not stop what is told of."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> None:
        """Write it, or not."""
        with suppress(OSError):
            self._out.write(text)

    def flush(self) -> None:
        """Hand on what was written, or not."""
        with suppress(OSError):
            self._out.flush()


class FromLibraries(logging.Handler):
    """What libraries say through `logging`, as lines like ours: one event, the library as the room."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raises nothing: a line that cannot be formatted is lost."""
        with suppress(Exception):
            log = structlog.get_logger(room=record.name)
            log.log(record.levelno, "library.logged", message=record.getMessage(), exc_info=record.exc_info)


def set_up(level: str = "info", form: str = "auto", stream: TextIO | None = None, *, for_good: bool = False) -> None:
    """Configure the log, of libraries too. `level`: debug, info, warning or error; `form`: auto, json or console;
    `for_good`: it is not configured again in this process, so that each logger is put together once instead of at every
    line."""
    out = stream or sys.stderr
    console = form == "console" or (form == "auto" and out.isatty())
    last: Any = structlog.dev.ConsoleRenderer(colors=out.isatty()) if console else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            closed_list,
            structlog.processors.format_exc_info,
            redact,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", Forgiving(out))),
        cache_logger_on_first_use=for_good,
    )
    # A library's own chatter below a warning is of no use to those who run the gateway.
    logging.basicConfig(
        level=max(logging.WARNING, getattr(logging, level.upper())), handlers=[FromLibraries()], force=True
    )
