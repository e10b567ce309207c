"""An answer that is handed on to the client while it comes from the session's server.

Known secrets are blanked on the way. However it ends, it is taken down once: complete, broken off, or left by the
client. Never lives here: how it was asked for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import NamedTuple

from esteio.providers.base import TransportFailed
from esteio.providers.pass_through import Answering, for_client
from esteio.providers.stream_redaction import StreamRedaction

BEGUN_BYTES = 65_536
Write = Callable[[bytes], Awaitable[None]]
Note = Callable[..., None]


class Begun(NamedTuple):
    """What was read of a body before anything of it is handed on."""

    body: bytes
    complete: bool


async def begin(answer: Answering) -> Begun:
    """The beginning of a refusal, for it tells what it is, and the whole of what is short; of any other answer nothing
    is waited for. Raises `TransportFailed`."""
    body, length = b"", answer.headers.get("content-length", "")
    short = length.isdecimal() and len(length) < 9 and int(length) <= BEGUN_BYTES
    while (short or answer.status >= 400) and len(body) <= BEGUN_BYTES:
        piece = await answer.next()
        if not piece:
            return Begun(body, complete=True)
        body += piece
    return Begun(body, complete=False)


class BrokenOff(Exception):
    """The server's answer ended before its end: the client may not take what it has for the whole."""


class PassedAnswer:
    """`status` and `headers` (lower case, as a client may see them), and the body by `whole`, `write_to` or `close`, of
    which one has to be called. `complete`: nothing more of it will come."""

    def __init__(
        self, answer: Answering, begun: Begun, stack: AsyncExitStack, *, secrets: tuple[str, ...], note: Note
    ) -> None:
        """`note(code, **words)` takes down how it ended."""
        self._answer, self._begun, self._stack, self._note = answer, begun.body, stack, note
        self.complete = begun.complete
        self._redaction = StreamRedaction(secrets)
        self.status = answer.status
        self.headers: Mapping[str, str] = {
            name: self._redaction.blank(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
            for name, text in for_client(answer.headers).items()
        }

    async def write_to(self, write: Write) -> None:
        """The whole body, piece by piece. Raises `BrokenOff`, and what `write` raises."""
        try:
            await self._pump(write)
        except TransportFailed as failed:
            self._note("passed-unanswered", detail=failed.reason)
            raise BrokenOff(failed.reason) from failed
        except BaseException:
            self._note("passed-abandoned")
            raise
        else:
            self._note("passed", status=str(self.status))
        finally:
            await self._stack.aclose()

    async def whole(self) -> bytes:
        """The body of one that is complete."""
        await self.close()
        return self._redaction.blank(self._begun)  # guard: passed-whole-blanked

    async def close(self) -> None:
        """Nobody wants the body."""
        self._note("passed", status=str(self.status))
        await self._stack.aclose()

    async def _pump(self, write: Write) -> None:
        piece = self._begun
        while True:
            if clean := self._redaction.feed(piece):  # guard: passed-pieces-blanked
                await write(clean)
            piece = await self._answer.next()
            if not piece:
                break
        if rest := self._redaction.rest():
            await write(rest)
