"""`/v1/servers/{name}/instances` and `/adopt`: what a provider holds, and taking it over, one or many.

Never lives here: what an adoption is (`engine.commands.sessions.session_commands.replaced_webhook`).
"""

from __future__ import annotations

import msgspec

from esteio.api.http import scopes
from esteio.api.http.problems import Problem, of_command_error
from esteio.api.http.request import ApiRequest, ApiResponse, answer
from esteio.api.http.route import ApiContext, Route
from esteio.core.views.documents import ReplacedWebhookDocument
from esteio.engine.commands.requests import AdoptRequest
from esteio.engine.commands.sessions.instances import Adopted, Instance
from esteio.engine.errors import CommandError
from esteio.providers.base import StandingWebhook


class InstanceDocument(msgspec.Struct, frozen=True):
    """One instance of a server, in the provider's own words; `session` is its name here once it is adopted."""

    name: str
    phone: str | None
    state: str
    adopted: bool
    session: str | None


class InstancePage(msgspec.Struct, frozen=True):
    """The instances that a server holds, as the provider lists them; all in one page, so `next` is null."""

    items: tuple[InstanceDocument, ...]
    next: str | None = None


class AdoptionDocument(msgspec.Struct, frozen=True):
    """What became of one instance, or would. `result`: `adopted`, `would-adopt`, `already-adopted`,
    `instance-missing` or `refused`, and then `problem` says why."""

    instance: str
    session: str
    result: str
    replaced_webhook: ReplacedWebhookDocument | None = None
    problem: Problem | None = None


class AdoptionPage(msgspec.Struct, frozen=True):
    """The outcome of an adoption, one item an instance; all in one page, so `next` is null."""

    items: tuple[AdoptionDocument, ...]
    next: str | None = None


async def instances(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """The provider's own list; a key for some sessions sees what it could adopt, or has."""
    call.query()
    found = await api.commands.instances.of_server(call.path["name"], call.scope)
    return answer(InstancePage(tuple(_instance(one) for one in found)))


async def adopt(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """200 whatever became of each: the results tell."""
    ask = await call.ask(AdoptRequest)
    results = await api.commands.instances.adopt(call.path["name"], ask, call.who, call.scope)
    return answer(AdoptionPage(tuple(adoption(one, call) for one in results)))


def adoption(value: Adopted, call: ApiRequest) -> AdoptionDocument:
    """One result, in the caller's language."""
    return AdoptionDocument(
        instance=value.instance,
        session=value.session,
        result=value.result,
        replaced_webhook=replaced(value.stands),
        problem=_problem(value.error, call),
    )


def replaced(value: StandingWebhook | None) -> ReplacedWebhookDocument | None:
    """Somebody else's webhook that stood there; its headers are nobody's who may read a session."""
    return ReplacedWebhookDocument(value.url, value.events) if value is not None and value.found == "foreign" else None


def _problem(error: CommandError | None, call: ApiRequest) -> Problem | None:
    return None if error is None else of_command_error(error, call.texts)


def _instance(value: Instance) -> InstanceDocument:
    entry = value.entry
    return InstanceDocument(entry.key, entry.phone, entry.state, value.session is not None, value.session)


ROUTES = (
    Route(
        "GET",
        "/v1/servers/{name}/instances",
        instances,
        "operate",
        "What the provider holds, adopted or not",
        {200: InstancePage},
        errors=("instances-unlisted", "provider-unanswered"),
        scope=scopes.ITEMS,
    ),
    Route(
        "POST",
        "/v1/servers/{name}/adopt",
        adopt,
        "operate",
        "Adopt instances of a server",
        {200: AdoptionPage},
        body=AdoptRequest,
        errors=("instances-unlisted", "provider-unanswered", "ref-out-of-reach", "unknown-tenant"),
        scope=scopes.BODY,
    ),
)
