"""Set-up of the log: `log = logger("dispatch")`, then `log.info("message.sent", session=…, message=…)`.

JSON lines in a pipe, coloured lines on a terminal; the keys after an event stand in the order of the call.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, Protocol, TextIO, cast

import structlog

from esteio.log.redaction import redact
from esteio.log.trace import with_trace


class EventLogger(Protocol):
    """Writes declared events (`events.EVENTS`), each by the method of its level. Never raises in service."""

    def debug(self, event: str, /, **keys: object) -> object:
        """Writes a line of level debug: the event's declared name, then its keys."""
        ...

    def info(self, event: str, /, **keys: object) -> object:
        """Writes a line of level info: the event's declared name, then its keys."""
        ...

    def warning(self, event: str, /, **keys: object) -> object:
        """Writes a line of level warning: the event's declared name, then its keys."""
        ...

    def error(self, event: str, /, **keys: object) -> object:
        """Writes a line of level error: the event's declared name, then its keys."""
        ...

    def exception(self, event: str, /, **keys: object) -> object:
        """At level error, with the traceback of the exception being handled."""
        ...


def logger(name: str) -> EventLogger:
    """The logger of one part of the gateway (`dispatch`, `api` …); its name stands in each line as `component`."""
    return cast("EventLogger", _Logger(name))


class _Logger:
    """Finds each method once, when the log is set up for good: a line below the level then costs a call that does
    nothing."""

    def __init__(self, name: str) -> None:
        self._log = structlog.get_logger(component=name)

    def __getattr__(self, level: str) -> Any:
        method = getattr(self._log, level)
        if structlog.get_config()["cache_logger_on_first_use"]:
            setattr(self, level, method)
        return method


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
    """Lines that libraries write through `logging`, as an event of ours: the library is the `component`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raises nothing: a line that cannot be formatted is lost."""
        with suppress(Exception):
            log = logger(record.name)
            write = log.error if record.levelno >= logging.ERROR else log.warning
            write("library.logged", text=record.getMessage(), exc_info=record.exc_info)


def is_set_up() -> bool:
    """Whether somebody has said already where lines go."""
    return structlog.is_configured()


def set_up(level: str = "info", form: str = "auto", stream: TextIO | None = None, *, for_good: bool = False) -> None:
    """Configure the log, of libraries too. `level`: debug, info, warning or error; `form`: auto, json or console;
    `for_good`: it is not configured again in this process, so that each logger is put together once instead of at every
    line."""
    out = stream or sys.stderr
    console = form == "console" or (form == "auto" and out.isatty())
    last: Any = structlog.dev.ConsoleRenderer(colors=out.isatty()) if console else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            with_trace,
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
