"""Short-lived tokens that stand for the key which asked for them: login links, and tokens for the stream of events.

A login link lets a browser in once. A token for the stream is for programs that cannot send a header (browsers'
`EventSource`): it opens a stream within `OPEN_S`, and the stream that it opened may come back with it for `RESUME_S`.
What the key may do, and that it is still good, is asked of the key. They are rows, so that any node takes them, also
after a restart; the key's secret is sealed for its token. Never lives here: the page, the stream.
"""

from __future__ import annotations

from typing import Final

from esteio.clock import Clock
from esteio.engine.commands.keys import hash_of
from esteio.engine.runtime import sealed_for
from esteio.store.base import ShortLivedToken
from esteio.store.ports.maintenance import Keys
from esteio.vault import Vault, WrongKey

LINK_S: Final = 300.0
OPEN_S: Final = 60.0
RESUME_S: Final = 3600.0
PREFIX: Final = "est_"
_LOGIN, _STREAM = "login", "events"


class ShortLivedTokens:
    """Gives them out, and takes them."""

    def __init__(self, keys: Keys, vault: Vault, clock: Clock) -> None:
        self._keys, self._vault, self._clock = keys, vault, clock

    def __repr__(self) -> str:
        return "ShortLivedTokens()"

    async def login_link(self, secret: str) -> tuple[str, float]:
        """A path that lets a browser in once with the key of this secret, and until when."""
        token, until = self._clock.token(), self._clock.now() + LINK_S
        await self._lend(token, secret, _LOGIN, until, None)
        return f"/login/{token}", until

    async def logged_in(self, token: str) -> str | None:
        """The secret of the key that a login link's token stands for, once; None when it is unknown, used or over."""
        return self._opened(token, _LOGIN, await self._keys.use_up(hash_of(token), _LOGIN, self._clock.now()))

    async def for_stream(self, secret: str) -> tuple[str, float]:
        """A token that opens the stream with the key of this secret, and when it was given out."""
        token, now = PREFIX + self._clock.token(), self._clock.now()
        await self._lend(token, secret, _STREAM, now + OPEN_S, now + RESUME_S)
        return token, now

    async def streams(self, token: str) -> str | None:
        """The secret of the key that a stream's token stands for; None when it is unknown, was not used in time, or is
        over."""
        if not token.startswith(PREFIX):
            return None
        return self._opened(token, _STREAM, await self._keys.open_again(hash_of(token), _STREAM, self._clock.now()))

    async def _lend(self, token: str, secret: str, purpose: str, until: float, resume_until: float | None) -> None:
        sealed = self._vault.seal({"secret": secret}, sealed_for.short_lived(purpose, token))
        await self._keys.lend(ShortLivedToken(purpose, sealed, until, resume_until), hash_of(token), self._clock.now())

    def _opened(self, token: str, purpose: str, sealed: bytes | None) -> str | None:
        if sealed is None:
            return None
        try:
            return self._vault.unseal(sealed, sealed_for.short_lived(purpose, token))["secret"]
        except WrongKey:
            return None  # the key that sealed it is gone: another token is quickly made
