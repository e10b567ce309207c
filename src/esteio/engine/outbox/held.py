"""The way to a provider for calls that act: they go only while this node holds their session.

Asked before each exchange, at the last moment: between a claim and the first byte a process may have been asleep for
minutes. Reads need nothing of this; what they bring is written under the session's generation. Never lives here: an
exchange.
"""

from __future__ import annotations

from esteio.core.model.ids import SessionId
from esteio.engine.runtime.leases import Leases
from esteio.providers.base import HttpRequest, HttpResponse, Transport


class NotHeld(Exception):
    """The session is not this node's now: nothing is done for it. `begun`: something of the same call has left."""

    def __init__(self, session_id: SessionId, *, begun: bool) -> None:
        super().__init__(session_id)
        self.begun = begun


class _HeldTransport:
    """A transport that is closed when the session is lost."""

    def __init__(self, transport: Transport, leases: Leases, session_id: SessionId) -> None:
        self._transport, self._leases, self._session_id = transport, leases, session_id
        self._begun = False

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        if not self._leases.begins(self._session_id):  # guard: lost-session-not-acted-for
            raise NotHeld(self._session_id, begun=self._begun)
        self._begun = True
        return await self._transport.exchange(request)

    async def aclose(self) -> None:
        """It is the other's to close."""


def held_transport(transport: Transport, leases: Leases, session_id: SessionId) -> Transport:
    """For calls that act for this session; each raises `NotHeld` once it is lost."""
    return transport if leases.node is None else _HeldTransport(transport, leases, session_id)
