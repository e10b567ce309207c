"""Calls of a server's own API that a client makes through Esteio: the one act that is no row first.

Asked at most once: whatever happens, nothing is tried again, and a caller who hears no answer does not know either.
What an answer proves is evidence like any other, and each call is a line of the session's timeline. Never lives here:
which calls may be made, a status code for the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import NamedTuple

import msgspec

from esteio.clock import Clock, stopwatch
from esteio.core.messages.outbox import SLOW_S
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.session import Session
from esteio.engine.commands.passed_answer import PassedAnswer, begin
from esteio.engine.commands.passed_journal import PassedJournal, template
from esteio.engine.commands.provider_webhooks import Secrets, blanked, longest_first
from esteio.engine.errors import CommandError
from esteio.engine.supervision.endpoints import Endpoints, EndpointUnknown
from esteio.providers.base import HttpRequest, HttpResponse, SessionEndpoint, TransportFailed
from esteio.providers.pass_through import PassedCall, PassThrough, StreamingTransport

WITHIN_S = 65.0
"""Evolution itself waits up to 60 s for WhatsApp."""
STREAMED_WITHIN_S = 600.0
"""To the end of an answer that is handed on while it comes."""
TOLD_AGAIN_S = 5.0
"""That a server answers is told the judge so often at most."""
Observed = Callable[[SessionId | ServerName, Sequence[Evidence]], None]


class Prepared(NamedTuple):
    """A call on its way: the adapter, the place, and the request that goes there. `began`: by the stopwatch."""

    session: Session
    who: str
    call: PassedCall
    adapter: PassThrough
    where: SessionEndpoint
    request: HttpRequest
    began: float


class PassedCalls:
    """Makes a client's call at the session's server. `transport`: the way to the providers; `observed` is told of what
    an answer proves."""

    def __init__(
        self,
        clock: Clock,
        addresses: Endpoints,
        transport: StreamingTransport,
        *,
        journal: PassedJournal,
        observed: Observed,
    ) -> None:
        self._clock, self._addresses, self._transport = clock, addresses, transport
        self._journal, self._observed = journal, observed
        self._told_at: dict[ServerName, float] = {}

    async def exchange(
        self,
        session: Session,
        method: str,
        path: str,
        *,
        who: str,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        within_s: float = WITHIN_S,
    ) -> HttpResponse:
        """The server's whole answer, whatever its status, without the secrets that are known; the transport bounds it.
        `path` is as at the server's root, percent-encoded, with `{instance}` where the session's name stands; header
        names are lower case; `who`: the caller, as a timeline names them.

        Raises `CommandError`: not-passed (this kind of server has no such API), door-place-unclear (the query names an
        instance), server-not-reached (surely nothing was done), server-unanswered (it may have been),
        server-key-refused, server-wall, unknown-session."""
        call = PassedCall(method, path, query, headers or {}, body)
        prepared = await self._prepare(session, call, who, within_s)
        try:
            answer = await self._transport.exchange(prepared.request)
        except TransportFailed as failed:
            raise self._failed(prepared, failed) from failed
        except BaseException:
            self._note(prepared, "passed-abandoned")
            raise
        self._note(prepared, "passed", status=str(answer.status))
        self._answered(prepared, answer)
        secrets = Secrets(longest_first(prepared.adapter.known_secrets(prepared.where)), ())
        return msgspec.structs.replace(answer, body=await blanked(answer.body, secrets))

    async def open(self, session: Session, call: PassedCall, *, who: str) -> PassedAnswer:
        """The same, with the answer's body still to come. Raises what `exchange` raises."""
        prepared = await self._prepare(session, call, who, STREAMED_WITHIN_S)
        async with AsyncExitStack() as stack:
            try:
                answer = await stack.enter_async_context(self._transport.open(prepared.request))
                begun = await begin(answer)
            except TransportFailed as failed:
                raise self._failed(prepared, failed) from failed
            except BaseException:
                self._note(prepared, "passed-abandoned")
                raise
            self._answered(prepared, HttpResponse(answer.status, answer.headers, begun.body))
            return PassedAnswer(
                answer,
                begun,
                stack.pop_all(),
                secrets=prepared.adapter.known_secrets(prepared.where),
                note=partial(self._note, prepared),
            )

    async def _prepare(self, session: Session, call: PassedCall, who: str, within_s: float) -> Prepared:
        """What goes to the server. Raises `CommandError`: not-passed, door-place-unclear, unknown-session."""
        try:
            provider, where = await self._addresses.of_session(session)
        except EndpointUnknown as gone:
            raise CommandError("unknown-session", name=session.name) from gone
        if not isinstance(provider, PassThrough):
            raise CommandError("not-passed", kind=session.kind)
        if provider.names_instance(call):
            raise CommandError("door-place-unclear")
        request = provider.passed_request(where, call, within_s)
        return Prepared(session, who, call, provider, where, request, stopwatch())

    def _answered(self, prepared: Prepared, answer: HttpResponse) -> None:
        """`answer`: as much of its body as tells what it is. Raises `CommandError`: server-key-refused,
        server-wall. For the caller that is no answer to what they asked."""
        found = self._told(prepared, answer)
        if answer.status == 401:  # guard: our-key-refused-is-not-theirs
            # It is our key that was refused; a client that is told so would take its own for a wrong one.
            raise CommandError("server-key-refused", server=prepared.session.server)
        if any(one.kind == "server_wall" for one in found):
            # Its page names the server's own address.
            raise CommandError("server-wall", server=prepared.session.server)

    def _failed(self, prepared: Prepared, failed: TransportFailed) -> CommandError:
        """Takes down that no answer came, or only a part; what to tell the caller."""
        self._told(prepared, failed)
        self._note(prepared, "passed-unanswered", detail=failed.reason)
        code = "server-not-reached" if failed.sent == "no" else "server-unanswered"
        return CommandError(code, server=prepared.session.server, detail=failed.reason)

    def _told(self, prepared: Prepared, answer: HttpResponse | TransportFailed) -> Sequence[Evidence]:
        """Tells the judge what the answer proves, and answers it."""
        now, session = self._clock.now(), prepared.session
        found = prepared.adapter.passed_evidence(prepared.where, prepared.call, answer, now)
        took_s = stopwatch() - prepared.began
        mine = [_hung(one, now - took_s, took_s) for one in found if one.subject == "session"]
        servers = [one for one in found if one.subject == "server"]
        if mine:
            self._observed(session.id, mine)
        if servers and not self._told_lately(session.server, servers, now):
            self._observed(session.server, servers)
        return found

    def _told_lately(self, server: ServerName, evidence: Sequence[Evidence], now: float) -> bool:
        """Whether the judge knows already: a hundred answers a second tell no more than one."""
        if any(one.kind != "server_answered" for one in evidence):
            self._told_at.pop(server, None)
            return False
        if now - self._told_at.get(server, 0.0) < TOLD_AGAIN_S:
            return True
        self._told_at[server] = now
        return False

    def _note(self, prepared: Prepared, code: str, **words: str) -> None:
        call = prepared.call
        said = {"who": prepared.who, "method": call.method, "path": template(call.path), **words}
        self._journal.note(prepared.session, code, said, (stopwatch() - prepared.began) * 1000)


def _hung(evidence: Evidence, began: float, took_s: float) -> Evidence:
    """A refusal that came late is of the socket that was there when it was asked (`core.judge.facts`)."""
    # guard: passed-refusal-that-hung
    if evidence.kind != "call_closed" or took_s <= SLOW_S:
        return evidence
    return msgspec.structs.replace(evidence, data={**evidence.data, "asked_at": f"{began:.3f}"})
