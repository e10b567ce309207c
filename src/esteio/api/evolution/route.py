"""A route of the door as data, and one request as its handlers see it.

The table (`app.TABLE`) is read by the application, by the test of `docs/reference/evolution-door.md` and by the tests
of keys. Never lives here: a handler.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from esteio.api.evolution.answers import EvolutionError
from esteio.api.http.decode import as_javascript_reads, decode
from esteio.api.http.request import ApiRequest, ApiResponse
from esteio.api.http.route import ApiContext
from esteio.core.model.session import Session
from esteio.core.views.catalogue import Catalogue
from esteio.engine.commands.chatwoot.chatwoot_commands import ChatwootCommands
from esteio.engine.commands.passed_calls import PassedCalls
from esteio.engine.commands.requests import Role
from esteio.engine.errors import CommandError

DOOR_PREFIX = "/evolution"
Method = Literal["GET", "POST", "PUT", "DELETE", "PATCH"]
Treatment = Literal["owned", "translated", "passed", "refused"]
"""`owned`: answered by Esteio. `translated`: passed to the session's server, with its ids in the place of ours.
`passed`: handed through as it is. `refused`: not done, and the answer says why."""


class Door:
    """What the door's handlers work with: the API's own context; `passed`, which makes a client's call at the session's
    server; and what is known of each session's Chatwoot."""

    def __init__(self, api: ApiContext, passed: PassedCalls, chatwoot: ChatwootCommands) -> None:
        self.api = api
        self.passed = passed
        self.chatwoot = chatwoot

    def begin_span(self, request: ApiRequest, method: str, path: str) -> None:
        """The request of a caller that was let in is a span of the trace that it names. `path`: below the door."""
        self.api.begin_span(request, method, f"{DOOR_PREFIX}{path}", parent=request.sent_trace)


class DoorCall:
    """One request at the door. `session`: the one that the address names, already found and inside the key's reach."""

    __slots__ = ("instance", "request", "session")

    def __init__(self, request: ApiRequest, instance: str = "", session: Session | None = None) -> None:
        self.request = request
        self.instance = instance
        """As the client wrote it; "" where the address names none."""
        self.session = session

    @property
    def texts(self) -> Catalogue:
        """For what only Esteio can say."""
        return self.request.texts

    @property
    def known(self) -> Session:
        """The session, where the route names one. Raises `LookupError` where it does not: a defect."""
        if self.session is None:
            raise LookupError("this route names no instance")
        return self.session

    async def document(self) -> dict[str, object]:
        """The body as a JSON object; an empty body is an empty object. Raises `EvolutionError` in the words of
        recording 010."""
        body = await self.request.body()
        if not body.strip():
            return {}
        try:
            return _read(body)
        except Exception as error:
            raise EvolutionError(400, "Unexpected end of JSON input", "Internal Server Error") from error


def _read(body: bytes) -> dict[str, object]:
    """Raises whatever tells that it is no JSON object."""
    try:
        return decode(body, dict[str, object])
    except CommandError:
        return decode(as_javascript_reads(body), dict[str, object])


DoorHandler = Callable[[Door, DoorCall], Awaitable[ApiResponse]]


class DoorRoute(msgspec.Struct, frozen=True):
    """One address of the door. In `path` `{instance}` stands for the instance's name."""

    method: Method
    path: str
    handler: DoorHandler
    role: Role | None
    """Who may call it; None: everybody."""
    treatment: Treatment = "owned"
    carries_media: bool = False
    """Whether a body may be as large as media in base64."""
