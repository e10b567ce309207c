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
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit
from weakref import WeakSet, WeakValueDictionary

import aiohttp
import msgspec
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from yarl import URL

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
_HEADERS = {"User-Agent": "esteio", "Accept": "application/json"}
_MOST_DESTINATIONS = 1024
"""Media may lie on any number of hosts."""
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


def trace_at(level: str) -> Trace | None:
    """The trace of a gateway in service, whose log tells of `level` and above: every exchange with a provider, at level
    debug."""
    return log_exchange if level == "debug" else None


def log_exchange(one: Exchanged) -> None:
    """One line at level debug."""
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
        self._connectors: dict[str, aiohttp.BaseConnector] = {}
        """By Unix socket; of TCP under no name."""
        self._destinations: dict[str, aiohttp.ClientRequest] = {}
        """Where a URL leads and the headers that every request there has, by its beginning."""
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
        connectors = list(self._connectors.values())
        self._connectors.clear()
        for connector in connectors:
            await connector.close()

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
        headers = request.headers
        if request.method in aiohttp.ClientRequest.POST_METHODS:
            headers = {"content-type": "application/octet-stream", **headers}
        try:
            async with asyncio.timeout(request.timeout_s):
                asked = await self._ask(request, headers, mark)
                try:
                    body = await self._read(asked)
                finally:
                    # What was not read to its end is not used again.
                    asked.connection.release()
        except TransportFailed:
            raise
        except Exception as error:
            raise translated(error, mark, request.timeout_s) from error
        return HttpResponse(asked.head.code, {name.lower(): value for name, value in asked.head.headers.items()}, body)

    async def _ask(
        self,
        request: HttpRequest,
        headers: Mapping[str, str],
        mark: Mark,
        *,
        as_written: bool = False,
        connect_s: float | None = None,
        idle_s: float | None = None,
    ) -> Asked:
        """Write the request on a connection, and wait for the head of its answer. The library's session above its
        connections would do the same for twice the price, and repeat GET, PUT and DELETE by itself when a kept
        connection turns out closed: a DELETE is a logout, a GET is a W-API restart, and only rows may repeat what acts.
        `as_written`: the URL's path and query are not touched.
        """
        connector, url = self._connector(request.url, as_written=as_written)
        to = self._destination(url)
        connection = await connector.connect(to, [], aiohttp.ClientTimeout(sock_connect=connect_s))
        protocol, pipe = connection.protocol, connection.transport
        if protocol is None or pipe is None:
            raise aiohttp.ServerDisconnectedError
        try:
            protocol.set_response_params(
                skip_payload=request.method == "HEAD",
                read_until_eof=True,
                auto_decompress=True,
                read_timeout=idle_s,
            )
            head = _head(request, url, to, headers)
            mark.sent, mark.kept = "maybe", protocol in _USED  # guard: written-is-not-surely-unsent
            _USED.add(protocol)
            pipe.write(head + request.body)
            protocol.start_timeout()
            while True:
                message, payload = await protocol.read()
                if message.code == 101 or not 100 <= message.code <= 199:
                    return Asked(connection, message, payload)
        except BaseException:
            connection.close()
            raise

    async def _read(self, asked: Asked) -> bytes:
        # A length that is told is kept to by the parser; what is packed may be of any length.
        told = asked.head.headers
        length = told.get("content-length", "")
        # guard: packed-answer-measured-unpacked, answer-length-bounded
        if length.isdecimal() and int(length) <= self._max_body_bytes and "content-encoding" not in told:
            return await asked.payload.read()
        chunks: list[bytes] = []
        held = 0
        async for chunk in asked.payload.iter_any():
            held += len(chunk)
            if held > self._max_body_bytes:
                if self._cuts_answers:
                    return b"".join((*chunks, chunk))[: self._max_body_bytes]
                raise TransportFailed(f"{TOO_LARGE}: more than {self._max_body_bytes} bytes", sent="maybe")
            chunks.append(chunk)
        return b"".join(chunks)

    def _connector(self, url: str, *, as_written: bool) -> tuple[aiohttp.BaseConnector, URL]:
        """The connections that lead there, and the URL as it is asked for on them."""
        if url.startswith(("http://", "https://")):
            # Nearly always; taking the URL apart once more would cost more than the request does.
            return self._connections(""), URL(url, encoded=as_written)
        parts = urlsplit(url)
        if parts.scheme in ("http", "https"):
            return self._connections(""), URL(url, encoded=as_written)
        if parts.scheme != "http+unix" or self._may_reach is not None:
            raise TransportFailed(f"unknown scheme {parts.scheme!r}", sent="no")
        query = f"?{parts.query}" if parts.query else ""
        return self._connections(unquote(parts.netloc)), URL(
            f"http://localhost{parts.path or '/'}{query}", encoded=as_written
        )

    def _destination(self, url: URL) -> aiohttp.ClientRequest:
        """Whom the library connects to for this URL. Raises `aiohttp.InvalidURL`."""
        place = f"{url.scheme}://{url.raw_authority}"
        known = self._destinations.get(place)
        if known is None:
            if len(self._destinations) >= _MOST_DESTINATIONS:
                self._destinations.clear()
            loop = asyncio.get_running_loop()
            known = self._destinations[place] = aiohttp.ClientRequest("GET", url, headers=_HEADERS, loop=loop)
        return known

    def _connections(self, socket: str) -> aiohttp.BaseConnector:
        connector = self._connectors.get(socket)
        if connector is None or connector.closed:
            connector = self._connectors[socket] = self._new_connector(socket)
        return connector

    def _new_connector(self, socket: str) -> aiohttp.BaseConnector:
        if socket:
            return aiohttp.UnixConnector(socket, limit=0, limit_per_host=self._per_host, keepalive_timeout=KEEP_ALIVE_S)
        return aiohttp.TCPConnector(
            limit=0,
            limit_per_host=self._per_host,
            keepalive_timeout=KEEP_ALIVE_S,
            socket_factory=None if self._may_reach is None else _guarded(self._may_reach),
        )


class Asked(msgspec.Struct, frozen=True):
    """A request that was written, and the head of its answer; whoever has it releases the connection."""

    connection: Connection
    head: RawResponseMessage
    payload: aiohttp.StreamReader


def _head(request: HttpRequest, url: URL, to: aiohttp.ClientRequest, own: Mapping[str, str]) -> bytes:
    """A request's first lines. Raises `ValueError` for what would end one of them early."""
    headers = to.headers.copy()
    headers.update(own)
    if request.body or request.method not in aiohttp.ClientRequest.GET_METHODS:
        headers["Content-Length"] = str(len(request.body))
    lines = [f"{request.method} {url.raw_path_qs} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        raise ValueError("a header with a line break")
    return f"{text}\r\n\r\n".encode()


async def _turn(places: asyncio.Semaphore) -> None:
    """A place among those under way, in the order of asking. Raises `TransportFailed`."""
    try:
        async with asyncio.timeout(PLACE_WITHIN_S):  # guard: turn-wait-is-bounded
            await places.acquire()
    except TimeoutError as error:
        raise TransportFailed(CROWDED, sent="no", crowded=True) from error  # guard: turn-timeout-not-sent


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


_USED: WeakSet[Any] = WeakSet()
"""Connections on which something was asked before."""


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
