"""A route as data: address, role, body, answers, handler. The app, the API's description and the tests read the table.

`ApiContext` is what a handler has at hand. Never lives here: a handler, the framework.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol

import msgspec
from msgspec import UNSET

from esteio.api.http.large_bodies import LargeBodies
from esteio.api.http.latency import LatencyMetrics
from esteio.api.http.request import ApiRequest, ApiResponse, answer
from esteio.api.login.cookies import Logins
from esteio.api.login.pair_visits import PairVisits
from esteio.api.login.short_lived_tokens import ShortLivedTokens
from esteio.clock import Clock
from esteio.config import Settings
from esteio.core.model.ids import SessionId
from esteio.core.model.message import Message
from esteio.core.model.recovery import Approval
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.core.views import documents, server_documents
from esteio.core.views import sentences as errors
from esteio.core.views.catalogue import Catalogue, Translations
from esteio.engine.commands.commands import Commands
from esteio.engine.commands.requests import Role
from esteio.engine.delivery.event_log import EventLog
from esteio.engine.key_scope import addresses_told
from esteio.engine.media.links import MediaLinks
from esteio.engine.runtime.node_leases import NodeLeases
from esteio.engine.runtime.waiters import Waiters
from esteio.log import in_trace
from esteio.providers.base import Provider
from esteio.store.base import Qr, Store, StoredServer
from esteio.store.media import MediaStore
from esteio.tracing import names
from esteio.tracing.tracer import NOT_TRACED, Tracer
from esteio.vault import Vault

Method = Literal["GET", "POST", "PATCH", "DELETE"]


class SandboxPage(Protocol):
    """The page on which simulated providers are broken and healed, as `sim.sandbox` draws it."""

    def drawn(
        self,
        texts: Catalogue,
        query: Mapping[str, str],
        *,
        path: str,
        form_token: str = "",
        links: Mapping[tuple[str, str], str] = {},
    ) -> str:
        """Its content, escaped HTML. `path`: its address, which its forms are sent to; `form_token`: what each of them
        carries; `links`: the pages of sessions, by (server, the provider's name of it)."""

    def do(self, words: Mapping[str, str]) -> str:
        """What a form asks; the query to go back to. Never raises."""


class ApiContext:
    """What the handlers work with: the commands to ask, the store to read, the words to say it in."""

    def __init__(
        self,
        *,
        commands: Commands,
        store: Store,
        clock: Clock,
        settings: Settings,
        waiters: Waiters,
        providers: Mapping[str, Provider],
        links: MediaLinks,
        media_store: MediaStore,
        texts: Translations,
        recovery_steps: Mapping[tuple[str, str], int],
        vault: Vault,
        tracer: Tracer = NOT_TRACED,
        nodes: NodeLeases | None = None,
        living_nodes: Callable[[], int] = lambda: 1,
    ) -> None:
        """`providers`: every adapter, by kind; `links` signs the addresses of media, and `media_store` holds their
        bytes; `recovery_steps`: how many ended, by rung and result; `living_nodes`: how many share what all are
        allowed together."""
        self.sandbox: SandboxPage | None = None
        """Only where the providers are simulated ones of this process (`demo`)."""
        self.stepped_aside = False
        """Whether it is about to stop: it accepts what comes, and is not ready."""
        self.commands = commands
        self.store = store
        self.clock = clock
        self.settings = settings
        self.waiters = waiters
        self.providers = providers
        self.links = links
        self.media_store = media_store
        self.texts = texts
        self.recovery_steps = recovery_steps
        self.addresses_told = addresses_told(one.declaration for one in providers.values())
        """Finds a server's own address in what providers send; see `Scope.without_addresses`."""
        self.feed = EventLog(store.events, texts.default, links, waiters)
        self.stopwatches = LatencyMetrics()
        self.short_lived_tokens = ShortLivedTokens(store.keys, vault, clock)
        self.logins = Logins(vault, clock, secure=settings.public_url.startswith("https:"), nodes=living_nodes)
        self.pair_visits = PairVisits(living_nodes)
        self.large_bodies = LargeBodies()
        self.tracer = tracer
        self.nodes = nodes
        """This node among several; None where the gateway is alone with its database."""

    @property
    def closing(self) -> bool:
        """Whether the process is stopping: nothing new is accepted, and it is not ready."""
        return self.waiters.closing

    def begin_span(self, call: ApiRequest, method: str, route: str, *, parent: str | None) -> None:
        """From now on the request is a span below `parent`, and what it makes carries `call.trace_context`. `route`:
        its pattern. Only for callers that were let in: strangers begin no traces here."""
        if self.tracer.on:
            given = {names.HTTP_METHOD: method, names.HTTP_ROUTE: route, names.URL_SCHEME: call.scheme}
            title, now = f"{method} {route}", self.clock.now()
            call.span = self.tracer.start(title, "server", now, parent=parent, attributes=given)
            parent = call.span.context
        call.trace_context = parent
        in_trace(parent)

    def end_span(self, call: ApiRequest, status: int) -> None:
        """The request was answered; of one that began no span nothing is said."""
        if call.span is not None:
            error = str(status) if status >= 500 else ""
            call.span.end(self.clock.now(), {names.HTTP_STATUS: status}, error=error)

    def session_document(
        self,
        session: Session,
        held: int,
        texts: Catalogue,
        *,
        qr: Qr | None = None,
        approval: Approval | None = None,
        retry_after_s: int | None = None,
    ) -> documents.SessionDocument:
        """A session, with what create, pair and recreate add."""
        say = speaker(texts)
        return msgspec.structs.replace(
            documents.session(session, held, say),
            qr=UNSET if qr is None else documents.qr(qr),
            pairing_code=qr.pairing_code if qr is not None and qr.pairing_code else UNSET,
            approval=UNSET if approval is None else documents.approval(approval, say),
            retry_after_s=UNSET if retry_after_s is None else retry_after_s,
        )

    async def session_answer(self, session: Session, call: ApiRequest, status: int = 200) -> ApiResponse:
        """The session's document with its count of held messages, in the caller's language, under `status`."""
        return answer(self.session_document(session, await self.held(session.id), call.texts), status)

    async def held(self, session_id: SessionId) -> int:
        """How many messages wait."""
        return await self.store.messages.waiting(session_id)

    def server_document(self, stored: StoredServer, texts: Catalogue) -> server_documents.ServerDocument:
        """A server with the quirks of its version."""
        provider = self.providers.get(stored.server.kind)
        quirks = provider.quirks(stored.server.version) if provider is not None else ()
        return server_documents.server(
            stored.server, quirks, self.settings.policy_of("default"), self.clock.now(), texts
        )

    def server_shown(self, stored: StoredServer, call: ApiRequest) -> server_documents.ServerDocument:
        """The same as its caller may see it: only who sees all that its owner has sees the address, and how many
        sessions of others there are."""
        shown, scope = self.server_document(stored, call.texts), call.scope
        if scope.everything or (scope.whole and scope.tenant == stored.server.tenant):
            return shown
        return msgspec.structs.replace(shown, **dict.fromkeys(server_documents.HIDDEN))

    def message_answer(self, message: Message, call: ApiRequest, status: int = 200, **headers: str) -> ApiResponse:
        """The message's document, with links to its media, in the caller's language, under `status` and `headers`."""
        return answer(documents.message(message, speaker(call.texts), link=self.link), status, **headers)

    @property
    def link(self) -> documents.Link:
        """Signs the address of a media, anew for each reading."""
        return self.links.of


def speaker(texts: Catalogue) -> documents.Say:
    """Makes a reason's document, in the language of `texts`."""

    def say(reason: Reason) -> documents.ReasonDocument:
        said = errors.sentence(reason, texts)
        return documents.ReasonDocument(reason.code, said.text, said.action or None)

    return say


def teller(texts: Catalogue) -> documents.Tell:
    """Makes the sentence of a timeline's line, in the language of `texts`."""

    def tell(line: documents.TimelineLine) -> str:
        return errors.timeline_text(line.code, line.args, texts, count=line.count)

    return tell


class Parameter(msgspec.Struct, frozen=True):
    """A word of the query or a header, for the API's description."""

    name: str
    text: str
    where: Literal["query", "header"] = "query"
    schema: Mapping[str, Any] = msgspec.field(default_factory=lambda: {"type": "string"})


Handler = Callable[[ApiContext, ApiRequest], Awaitable[ApiResponse]]
Check = Callable[[ApiContext, ApiRequest], Awaitable[None]]


class Rule(msgspec.Struct, frozen=True):
    """How a route stays inside its caller's scope. `check` runs before the handler; without one the handler itself
    must use `call.scope`, and an answer of a scoped key that did not is thrown away (500)."""

    name: str
    check: Check | None = None


class Unguarded(TypeError):
    """A route that needs a key and does not say how it stays inside the key's scope."""


class Route(msgspec.Struct, frozen=True):
    """One address. `role` None: open to everybody. `answers`: status → shape (None: no body, or not JSON).

    A route with a role needs a `scope` (see `api.http.scopes`). Raises `Unguarded`.
    """

    method: Method
    path: str
    handler: Handler
    role: Role | None
    text: str
    answers: Mapping[int, Any]
    body: Any = None
    parameters: tuple[Parameter, ...] = ()
    carries_media: bool = False
    """Whether a body may be as large as media in base64."""
    while_closing: bool = False
    """Whether it is answered while the process is stopping."""
    tag: str = ""
    errors: tuple[str, ...] = ()
    """Problems beside those that follow from the rest (see `openapi_errors`)."""
    contents: Mapping[str, Any] = {}
    """What its 200 may hold beside the shape in `answers`: content type → schema."""
    by_token: bool = False
    """Whether `?token=` may stand for the key (see `short_lived_tokens`)."""
    scope: Rule | None = None
    """How a key for some sessions is kept to them; one of `api.http.scopes`."""

    def __post_init__(self) -> None:
        if self.role is not None and self.scope is None:
            raise Unguarded(f"{self.method} {self.path} has a role and no scope; see esteio.api.http.scopes")


def page_parameters(*more: Parameter) -> tuple[Parameter, ...]:
    """What every list takes, and more."""
    return (
        *more,
        Parameter(
            "limit", "how many at most", schema={"type": "integer", "minimum": 1, "maximum": 500, "default": 100}
        ),
        Parameter("after", "`next` of the page before"),
    )
