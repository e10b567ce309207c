"""An answer that is handed on to the client while it comes from the session's server.

Known secrets are blanked on the way. However it ends, it is taken down once: complete, broken off, or left by the
client. Never lives here: how it was asked for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack

from esteio.providers.base import TransportFailed
from esteio.providers.pass_through import Answering, for_client
from esteio.providers.stream_redaction import StreamRedaction

Write = Callable[[bytes], Awaitable[None]]
Note = Callable[..., None]


class BrokenOff(Exception):
    """The server's answer ended before its end: the client may not take what it has for the whole."""


class PassedAnswer:
    """`status` and `headers` (lower case, as a client may see them), and the body by `write_to` or `close`, of which
    one has to be called."""

    def __init__(
        self, answer: Answering, begun: bytes, stack: AsyncExitStack, *, secrets: tuple[str, ...], note: Note
    ) -> None:
        """`begun`: what was read of the body already. `note(code, **words)` takes down how it ended."""
        self._answer, self._begun, self._stack, self._note = answer, begun, stack, note
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

    async def close(self) -> None:
        """Nobody wants the body."""
        self._note("passed", status=str(self.status))
        await self._stack.aclose()

    async def _pump(self, write: Write) -> None:
        piece = self._begun
        while True:
            if clean := self._redaction.feed(piece):
                await write(clean)
            piece = await self._answer.next()
            if not piece:
                break
        if rest := self._redaction.rest():
            await write(rest)
