"""A loopback TCP proxy in front of a server: slow, cut off, or gone at will.

    with Proxy(server_port, delay_s=0.001) as proxy:     clients connect to proxy.port
        proxy.freeze()      nothing passes in either direction and nothing is closed: the network is gone
        proxy.drop()        open connections are reset, new ones pass: a fail-over
        proxy.refuse()      open connections are reset, and nobody listens
        proxy.restore()     everything passes again; what was frozen goes on
        proxy.lose_answer(b"COMMIT")    the next connection that sends these bytes is reset when the server has answered
        proxy.lose_request(b"COMMIT")   the same, but the server never sees them

`delay_s` is added to every round trip, half in each direction, without slowing down what follows in the same direction.
It runs in a thread of its own, or as a process: `python -m tests.postgres_server.proxy PORT DELAY_MS`, which prints its
port. `select` is used for its microseconds: `epoll` counts in milliseconds.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

_CHUNK = 1 << 18
_RESET = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class _Pipe:
    """One direction of a connection: what has been read and is not written yet, each with its due time."""

    source: socket.socket
    target: socket.socket
    requests: bool
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    other: _Pipe | None = None
    ended: bool = False
    losing: bool = False


class Proxy:
    """Listens on a port of its own before `127.0.0.1:target`."""

    def __init__(self, target: int, *, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self._target = target
        self._listener = _listening(0)
        self.port = int(self._listener.getsockname()[1])
        self._pipes: list[_Pipe] = []
        self._acts: deque[tuple[Callable[[], None], threading.Event]] = deque()
        self._frozen = self._closed = False
        self._lose_answer = self._lose_request = b""
        self._bell, self._rings = socket.socketpair()
        self._thread = threading.Thread(target=self._live, name="proxy", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def freeze(self) -> None:
        """From now on nothing passes, and nobody is told."""
        self._do(self._freeze)

    def drop(self) -> None:
        """Reset what is open; who connects again is let through."""
        self._do(self._reset_all)

    def refuse(self) -> None:
        """Reset what is open, and listen no more."""
        self._do(self._deafen)

    def restore(self) -> None:
        """Everything passes again, on the same port."""
        self._do(self._restore)

    def lose_answer(self, marker: bytes) -> None:
        """Once: the server hears what holds `marker`, its client never hears the answer."""
        self._lose_answer = marker

    def lose_request(self, marker: bytes) -> None:
        """Once: the connection is reset before the server hears what holds `marker`."""
        self._lose_request = marker

    @property
    def lost(self) -> bool:
        """Whether what was to be lost has been lost."""
        return not self._lose_answer and not self._lose_request

    def close(self) -> None:
        """End it, with all connections."""
        self._closed = True
        self._do(self._deafen)
        self._thread.join()
        self._bell.close()
        self._rings.close()

    def _do(self, act: Callable[[], None]) -> None:
        """In the proxy's own thread, which alone touches sockets: what another thread closes stays open under a
        `select` that waits for it."""
        done = threading.Event()
        self._acts.append((act, done))
        self._bell.send(b".")
        done.wait()

    def _freeze(self) -> None:
        self._frozen = True

    def _reset_all(self) -> None:
        for pipe in list(self._pipes):
            self._reset(pipe)

    def _deafen(self) -> None:
        self._listener.close()
        self._reset_all()

    def _restore(self) -> None:
        self._frozen = False
        if self._listener.fileno() < 0:
            self._listener = _listening(self.port)

    def _live(self) -> None:
        while not self._closed or self._acts:
            readers, writers, timeout = self._wanted()
            readable, writable, _ = select.select(readers, writers, [], timeout)
            self._turn(set(readable), set(writable))

    def _wanted(self) -> tuple[list[socket.socket], list[socket.socket], float | None]:
        if self._frozen:
            return [self._rings], [], None
        listening = [] if self._listener.fileno() < 0 else [self._listener]
        readers = [self._rings, *listening, *(pipe.source for pipe in self._pipes if not pipe.ended)]
        now, due = time.monotonic(), [pipe.waiting[0][0] for pipe in self._pipes if pipe.waiting]
        writers = [pipe.target for pipe in self._pipes if pipe.waiting and pipe.waiting[0][0] <= now]
        later = [at - now for at in due if at > now]
        return readers, writers, min(later, default=None)

    def _turn(self, readable: set[socket.socket], writable: set[socket.socket]) -> None:
        if self._rings in readable:
            self._rings.recv(4096)
            while self._acts:
                act, done = self._acts.popleft()
                act()
                done.set()
            return
        if self._listener in readable:
            self._accept()
        for pipe in list(self._pipes):
            if pipe in self._pipes and pipe.source in readable:
                self._read(pipe)
            if pipe in self._pipes and (pipe.target in writable or not self.delay_s):
                self._write(pipe)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.socket()
        try:
            server.connect(("127.0.0.1", self._target))
        except OSError:
            server.close()
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.setblocking(False)
        there, back = _Pipe(client, server, requests=True), _Pipe(server, client, requests=False)
        there.other, back.other = back, there
        self._pipes += [there, back]

    def _read(self, pipe: _Pipe) -> None:
        try:
            data = pipe.source.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            pipe.ended = True
            if not pipe.waiting:
                self._reset(pipe, politely=True)
            return
        if self._loses(pipe, data):
            self._reset(pipe)
            return
        pipe.waiting.append((time.monotonic() + self.delay_s / 2, data))

    def _loses(self, pipe: _Pipe, data: bytes) -> bool:
        if not pipe.requests:
            return pipe.losing
        if self._lose_request and self._lose_request in data:
            self._lose_request = b""
            return True
        if self._lose_answer and self._lose_answer in data:
            self._lose_answer = b""
            assert pipe.other is not None
            pipe.other.losing = True
        return False

    def _write(self, pipe: _Pipe) -> None:
        now = time.monotonic()
        while pipe.waiting and pipe.waiting[0][0] <= now:
            at, data = pipe.waiting.popleft()
            try:
                sent = pipe.target.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._reset(pipe)
                return
            if sent < len(data):
                pipe.waiting.appendleft((at, data[sent:]))
                return
        if pipe.ended and not pipe.waiting:
            self._reset(pipe, politely=True)

    def _reset(self, pipe: _Pipe, *, politely: bool = False) -> None:
        for each in (pipe, pipe.other):
            if each in self._pipes:
                self._pipes.remove(each)
        for end in (pipe.source, pipe.target):
            with suppress(OSError):
                if not politely:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.close()


def _listening(port: int) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", port))
    found.listen(128)
    found.setblocking(False)
    return found


if __name__ == "__main__":
    with Proxy(int(sys.argv[1]), delay_s=float(sys.argv[2]) / 1000) as running:
        print(running.port, flush=True)  # noqa: T201 - for whoever started this process
        with suppress(KeyboardInterrupt):
            sys.stdin.read()
