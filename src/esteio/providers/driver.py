"""The one way out: runs a flow over a transport, and the transport that speaks real HTTP.

The certainty of a failure is decided here, in one place: until a connection was in hand nothing was sent ("no"); from
then on anything may have arrived ("maybe"). Nothing is ever tried a second time, no redirect is followed, and a failed
TLS handshake is never answered by plain http. Never lives here: a provider's word, a retry, a reading of a body.
"""

from __future__ import annotations

import asyncio
import errno
import re
import socket
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit
from weakref import WeakSet, WeakValueDictionary

import aiohttp
import msgspec

from esteio.clock import stopwatch
from esteio.log import logger
from esteio.providers.base import Flow, HttpRequest, HttpResponse, Transport, TransportFailed
from esteio.providers.classify import HIDDEN, TOO_LARGE, redact

T = TypeVar("T")
log = logger("driver")

MOST_STEPS = 64
"""A flow that asks for more is a defect of its adapter, not a long conversation."""
KEEP_ALIVE_S = 3.5
"""Shorter than the 5 s after which Node closes an idle connection: a request written into that closing is in doubt."""
PLACE_WITHIN_S = 20.0
"""So long a request waits for its turn at a server. A lease outlives its call by more (`dispatch.MARGIN_S`)."""
LATE_S = 1.0
"""A time-out that is over for so long when it is noticed tells that the loop was held up."""
CROWDED = "too many requests to this server are under way"
NOT_ALLOWED = "the name leads to an address that may not be reached"
PLAIN_HEADERS = frozenset({"accept", "accept-encoding", "accept-language", "content-type", "user-agent"})
"""Whatever any other header of a request holds is kept out of the trace: each adapter names its key's header itself."""


async def run(flow: Flow[T], transport: Transport) -> T:
    """The flow's outcome. What the transport could not bring is thrown into the flow as `TransportFailed`."""
    try:
        request = next(flow)
        for _ in range(MOST_STEPS):
            try:
                response = await transport.exchange(request)
            except TransportFailed as failed:
                request = flow.throw(failed)
            else:
                request = flow.send(response)
    except StopIteration as done:
        outcome: T = done.value
        return outcome
    finally:
        flow.close()
    raise RuntimeError(f"a flow asked for more than {MOST_STEPS} steps")


class Exchanged(msgspec.Struct, frozen=True):
    """One exchange as it may be logged: no header, no body, no secret, no phone number in the query."""

    method: str
    host: str
    path: str
    status: int | None
    ms: float
    failed: str = ""


Trace = Callable[[Exchanged], None]


def log_exchange(one: Exchanged) -> None:
    """The trace of a gateway in service: every exchange with a provider, at level debug."""
    words = {"method": one.method, "host": one.host, "path": one.path, "status": one.status, "duration_ms": one.ms}
    if one.failed:
        log.debug("exchange.failed", **words, error=one.failed)
    else:
        log.debug("exchange.finished", **words)


AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


class AiohttpTransport:
    """HTTP over TCP, TLS or a Unix socket (`http+unix://%2Frun%2Fengine.sock/path`).

    `max_body_bytes` bounds an answer after decompression, or what is read of it when `cuts_answers` (the rest is not
    fetched). `connections_per_host` bounds what one server sees of us at a time, 0 does not: who comes later waits for
    its turn, and a request's own time begins with it. `trace` is told of every exchange and may not raise. `may_reach`
    guards addresses that strangers name: it is asked for the very address that a socket is about to connect to, literal
    or looked up, and Unix sockets are refused.
    """

    def __init__(
        self,
        *,
        max_body_bytes: int = 16 * 2**20,
        cuts_answers: bool = False,
        connections_per_host: int = 32,
        trace: Trace | None = None,
        may_reach: Callable[[str], bool] | None = None,
    ) -> None:
        self._max_body_bytes = max_body_bytes
        self._cuts_answers = cuts_answers
        self._per_host = connections_per_host
        self._trace = trace
        self._may_reach = may_reach
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        # Each lives as long as somebody holds it: media may lie on any number of hosts.
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        """Perform one exchange. Raises `TransportFailed` and nothing else."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        status: int | None = None
        failed = ""
        try:
            response = await self._in_turn(request)
            status = response.status
            return response
        except TransportFailed as error:
            failed = error.reason
            raise
        finally:
            self._traced(request, status, (loop.time() - began) * 1000, failed)

    def _traced(self, request: HttpRequest, status: int | None, ms: float, failed: str) -> None:
        if self._trace is not None:
            self._trace(_exchanged(request, status, ms, failed))

    async def aclose(self) -> None:
        """Close what is held open. Double close is harmless."""
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()

    async def _in_turn(self, request: HttpRequest) -> HttpResponse:
        if not self._per_host:  # guard: turns-per-host
            return await self._exchange(request)
        place = await self._place(request.url)
        try:
            return await self._exchange(request)
        finally:
            place.release()

    async def _place(self, url: str) -> asyncio.Semaphore:
        """A place at this host, the caller's until it is released. Raises `TransportFailed`."""
        host = "/".join(url.split("/", 3)[:3])
        places = self._places.get(host)
        if places is None:
            places = self._places[host] = asyncio.Semaphore(self._per_host)
        if places.locked():
            await _turn(places)
        else:
            await places.acquire()
        return places

    async def _exchange(self, request: HttpRequest) -> HttpResponse:
        mark = Mark(stopwatch() + request.timeout_s)
        MARK.set(mark)
        try:
            session, url = self._pool(request.url)
            async with session.request(
                request.method,
                url,
                headers=dict(request.headers),
                data=request.body or None,
                allow_redirects=False,
                timeout=_within(request.timeout_s),
            ) as answer:
                body = await self._read(answer)
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return HttpResponse(answer.status, headers, body)
        except TransportFailed:
            raise
        except Exception as error:
            raise translated(error, mark, request.timeout_s) from error

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        # A length that is told is kept to by the parser; what is packed may be of any length.
        length = answer.content_length
        # guard: packed-answer-measured-unpacked, answer-length-bounded
        if length is not None and length <= self._max_body_bytes and "content-encoding" not in answer.headers:
            return await answer.read()
        chunks: list[bytes] = []
        held = 0
        async for chunk in answer.content.iter_any():
            held += len(chunk)
            if held > self._max_body_bytes:
                answer.close()
                if self._cuts_answers:
                    return b"".join((*chunks, chunk))[: self._max_body_bytes]
                raise TransportFailed(f"{TOO_LARGE}: more than {self._max_body_bytes} bytes", sent="maybe")
            chunks.append(chunk)
        return b"".join(chunks)

    def _pool(self, url: str) -> tuple[aiohttp.ClientSession, str]:
        """The session whose connections lead there, and the URL as that session wants it."""
        if url.startswith(("http://", "https://")):
            # Nearly always; taking the URL apart once more would cost more than the request does.
            return self._session(""), url
        parts = urlsplit(url)
        if parts.scheme in ("http", "https"):
            return self._session(""), url
        if parts.scheme != "http+unix" or self._may_reach is not None:
            raise TransportFailed(f"unknown scheme {parts.scheme!r}", sent="no")
        query = f"?{parts.query}" if parts.query else ""
        return self._session(unquote(parts.netloc)), f"http://localhost{parts.path or '/'}{query}"

    def _session(self, socket: str) -> aiohttp.ClientSession:
        session = self._sessions.get(socket)
        if session is None or session.closed:
            session = self._sessions[socket] = self._new_session(socket)
        return session

    def _new_session(self, socket: str) -> aiohttp.ClientSession:
        connector: aiohttp.BaseConnector
        if socket:
            connector = aiohttp.UnixConnector(
                socket, limit=0, limit_per_host=self._per_host, keepalive_timeout=KEEP_ALIVE_S
            )
        else:
            connector = aiohttp.TCPConnector(
                limit=0,
                limit_per_host=self._per_host,
                keepalive_timeout=KEEP_ALIVE_S,
                socket_factory=None if self._may_reach is None else _guarded(self._may_reach),
            )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            request_class=_Marked,
            headers={"User-Agent": "esteio", "Accept": "application/json"},
        )
        # The library repeats GET, PUT and DELETE by itself when a kept connection turns out closed. A DELETE is a
        # logout, a GET is a W-API restart: only rows may repeat what acts. There is no public switch.
        session._retry_connection = False
        return session


async def _turn(places: asyncio.Semaphore) -> None:
    """A place among those under way, in the order of asking. Raises `TransportFailed`."""
    try:
        async with asyncio.timeout(PLACE_WITHIN_S):  # guard: turn-wait-is-bounded
            await places.acquire()
    except TimeoutError as error:
        raise TransportFailed(CROWDED, sent="no", crowded=True) from error  # guard: turn-timeout-not-sent


@lru_cache(maxsize=64)
def _within(timeout_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=timeout_s)


class NotAllowed(OSError):
    """The address may not be connected to."""


def _guarded(may_reach: Callable[[str], bool]) -> Callable[[AddressInfo], socket.socket]:
    """Makes sockets for allowed addresses only. Asked at connect: a name that now leads elsewhere changes nothing."""

    def make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not may_reach(str(address[0])):  # guard: connected-address-checked
            raise NotAllowed(errno.EACCES, "the address is in a private network")
        return socket.socket(family, kind, protocol)

    return make


class Mark:
    """Whether a connection was in hand: from then on the request may have arrived. And whether it was a kept one.
    `until`: when its time is over, by the machine's own clock (the loop's stands still while the loop is busy)."""

    def __init__(self, until: float) -> None:
        self.sent: Literal["no", "maybe"] = "no"
        self.kept = False
        self.until = until


MARK: ContextVar[Mark] = ContextVar("mark")
"""Of the exchange that this task performs."""
_USED: WeakSet[Any] = WeakSet()
"""Connections on which something was asked before."""


class _Marked(aiohttp.ClientRequest):
    """A request that tells when it is about to be written. (The library's own trace costs a fifth of an exchange.)"""

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        """Marked first, then written."""
        mark = MARK.get()
        mark.sent, mark.kept = "maybe", conn.protocol in _USED  # guard: written-is-not-surely-unsent
        _USED.add(conn.protocol)
        return await super().send(conn)


Cause = Literal["", "name", "certificate", "tls"]
_REASONS: tuple[tuple[type[BaseException], str, Cause], ...] = (
    (aiohttp.ClientConnectorCertificateError, "TLS: the certificate was not accepted", "certificate"),
    (aiohttp.ClientConnectorSSLError, "TLS: the handshake failed", "tls"),
    (aiohttp.ClientConnectorDNSError, "the name could not be resolved", "name"),
    (aiohttp.ClientConnectorError, "the connection was refused", ""),
    (aiohttp.ServerDisconnectedError, "the server closed the connection without an answer", ""),
    (aiohttp.ClientPayloadError, "the answer broke off", ""),
    (aiohttp.InvalidURL, "this is no URL", ""),
    (ConnectionError, "the connection was reset", ""),
)


_ENDED = (aiohttp.ServerDisconnectedError, ConnectionError, aiohttp.ClientOSError)
"""What a connection that has ended looks like before any answer."""


def translated(error: Exception, mark: Mark, timeout_s: float) -> TransportFailed:
    """The library's error in our words. Our own mistakes (a header that cannot be written) land here too."""
    sent, ours = mark.sent, mark.kept and isinstance(error, _ENDED)  # guard: only-kept-connection-had-ended
    if isinstance(error, TimeoutError):
        # Noticed more than LATE_S after the deadline: our loop was blocked, the response may already have arrived, so
        # the server is not blamed.
        late = stopwatch() - mark.until > LATE_S  # guard: late-timeout-is-ours
        return TransportFailed(f"no answer within {timeout_s:g} s", sent=sent, timed_out=True, ours=late)
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno == errno.EACCES:
        return TransportFailed(NOT_ALLOWED, sent="no")
    for kind, reason, cause in _REASONS:
        if isinstance(error, kind):
            return TransportFailed(reason, sent=sent, ours=ours, cause=cause)
    return TransportFailed(f"the exchange failed: {type(error).__name__}", sent=sent, ours=ours)


# -- the trace ---------------------------------------------------------------------------------------------------


def _secrets_of(request: HttpRequest) -> Iterator[str]:
    for name, value in request.headers.items():
        if value and name.lower() not in PLAIN_HEADERS:
            yield value
            yield value.rpartition(" ")[2]


def _exchanged(request: HttpRequest, status: int | None, ms: float, failed: str) -> Exchanged:
    secrets = list(_secrets_of(request))
    parts = urlsplit(request.url)
    query = re.sub(r"=[^&]*", f"={HIDDEN}", parts.query)
    path = redact(parts.path, secrets) + (f"?{query}" if query else "")
    return Exchanged(request.method, parts.hostname or "", path, status, round(ms, 1), redact(failed, secrets))
