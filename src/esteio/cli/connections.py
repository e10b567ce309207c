"""Bounds of a connection: how large a request's head may be, how long it may take, and how many there may be.

uvicorn with httptools has no such bounds: one header line fills the memory, and requests that never end hold their
files until nobody can connect. Never lives here: bounds of a body (`api.http.request`), what is answered.
"""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from esteio.api.app import as_answer
from esteio.api.http.problems import problem
from esteio.core.views.catalogue import Catalogue
from esteio.log import logger
from esteio.texts import LANGUAGES, catalogue

MAX_HEAD_BYTES = 65_536
"""A request line and its headers together; also what may come inside a body that is no body (chunk extensions)."""
HEAD_S = 20.0
"""From the connection, or a request's first byte, to the end of its head."""
BODY_STALLS_S = 30.0
"""A body of which nothing comes for so long is given up."""
NOT_READ_S = 60.0
"""An answer of which the caller takes nothing for so long is given up."""
KEEP_ALIVE_S = 95
"""Longer than most clients keep unused connections (60 to 90 s), so that they, not we, close first."""
MOST_FILES = 65_536
SHARE = 0.75
"""Of the process's files for connections in; the rest is for the store and the connections out."""
SAY_EVERY_S = 60.0
log = logger("serve")


def raise_file_limit() -> int:
    """Raise the soft limit of open files towards the hard one; how many connections that leaves room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    log.info("files.limit_set", soft=soft, hard=hard)
    return max(64, int((MOST_FILES if soft == resource.RLIM_INFINITY else soft) * SHARE))


class Dropped:
    """Counts connections that were closed for want of a whole request; says so at once, then once a minute."""

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()
        self._said_at = -SAY_EVERY_S

    def __call__(self, cause: str, now: float) -> None:
        """One more; `now` is the loop's time."""
        self.total[cause] += 1
        self._counted[cause] += 1
        if now - self._said_at >= SAY_EVERY_S:
            self._said_at = now
            log.warning("connections.dropped", causes=[f"{cause}:{count}" for cause, count in self._counted.items()])
            self._counted.clear()


DROPPED = Dropped()


class BoundedProtocol(HttpToolsProtocol):
    """One connection within the bounds. `most` is how many there may be at once, by all listeners together."""

    most = MOST_FILES

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.heard_at = self.loop.time()
        self._in_head, self._waits_for_body = True, False
        self._loose = 0
        """Bytes of a head, or between the pieces of a body."""
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    @property
    def spare(self) -> bool:
        """Whether nobody is being answered here: unused, or with half a request."""
        return self._in_head or self._waits_for_body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the clock of the first head. Over `most` connections, the one that has been idle longest is dropped,
        and this one where none is idle."""
        super().connection_made(transport)
        self._arm(HEAD_S)
        if len(self.connections) > self.most:
            spare = [one for one in self.connections if isinstance(one, BoundedProtocol) and one.spare]
            oldest = min(spare, key=lambda one: one.heard_at, default=self)
            DROPPED("too_many", self.loop.time())
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clocks of this connection, so that none fires on a closed transport."""
        self._disarm()
        self._read_again()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The peer does not read: it has `NOT_READ_S` seconds to begin again."""
        super().pause_writing()
        self._unread = self.loop.call_later(NOT_READ_S, self._not_read)

    def resume_writing(self) -> None:
        """The peer reads again: the clock that `pause_writing` started is stopped."""
        self._read_again()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Counts the bytes that belong to no body; over `MAX_HEAD_BYTES` of them the request is refused."""
        self.heard_at = self.loop.time()
        self._loose += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            self._disarm()
        elif (self._in_head or self._waits_for_body) and self._loose > MAX_HEAD_BYTES:
            self._refuse("header-too-large")
        elif self._in_head and self._timer is None and self._loose:
            self._arm(HEAD_S)

    def on_message_begin(self) -> None:
        """A request's head begins; its time is already running."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Refuses a head over `MAX_HEAD_BYTES`; else the head's clock gives way to the body's."""
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD_BYTES:
            self._refuse("header-too-large")
            return
        self._in_head, self._waits_for_body, self._loose = False, True, 0
        self._disarm()
        self._arm(BODY_STALLS_S)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hands a piece of the body on, unless the head was refused."""
        self._loose = 0
        if not self._in_head:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole request is here: no clock runs while it is answered."""
        if self._in_head:
            return  # its head was refused
        self._waits_for_body, self._loose = False, 0
        self._disarm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The connection is idle from now on, unless a body is still to come."""
        if not self._waits_for_body:
            self._in_head, self.heard_at = True, self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the sentence is ours
        """Refuses what is no HTTP with our own problem document; httptools' sentence is not passed on."""
        self._refuse("invalid-http")

    def _refuse(self, code: str) -> None:
        """Answer with a problem and close."""
        self._disarm()
        if self.transport.is_closing():
            return
        texts: Catalogue = getattr(self.config.app, "texts", None) or catalogue(LANGUAGES[0])
        given = as_answer(problem(code, texts), texts)
        headers = {**given.headers, "content-type": given.kind, "content-length": str(len(given.body))}
        lines = [f"{name}: {text}\r\n".encode("latin-1") for name, text in (*headers.items(), ("connection", "close"))]
        self.transport.write(b"".join([STATUS_LINE[given.status], *lines, b"\r\n", given.body]))
        self.transport.close()
        DROPPED(code.replace("-", "_"), self.loop.time())

    def _read_again(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _not_read(self) -> None:
        DROPPED("not_read", self.loop.time())
        self.transport.abort()

    def _arm(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        """Time is up: for a head at once, for a body unless something came, or we ourselves do not read."""
        self._timer = None
        if self._waits_for_body:
            left = self.heard_at + BODY_STALLS_S - self.loop.time()
            if left > 0 or self.flow.read_paused or self.cycle.response_complete:
                self._arm(max(left, 1.0))
                return
        if self._in_head and not self._loose:
            self.transport.close()
            return
        if self._waits_for_body and self.cycle.response_started:
            self.transport.abort()
        else:
            self._refuse("request-timeout")
