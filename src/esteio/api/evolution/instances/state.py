"""What is true of instances: `connectionState` and `fetchInstances`, answered from what Esteio knows.

Also while a provider is down; a header says how old the newest evidence is. Never lives here: an act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from esteio.api.evolution.addresses import addressed
from esteio.api.evolution.answers import EvolutionError, unauthorized
from esteio.api.evolution.instances.settings import shown
from esteio.api.evolution.route import Door, DoorCall, DoorRoute
from esteio.api.evolution.welcome import CLIENT_NAME
from esteio.api.http.request import LARGEST_PAGE, ApiResponse, answer
from esteio.core.model.address import jid_of, same_line
from esteio.core.model.session import Session
from esteio.core.views.documents import timestamp
from esteio.core.webhooks.evolution_names import instance_id, instance_name
from esteio.core.webhooks.evolution_states import CLOSED, closed_code, state_of

AGE: Final = "x-esteio-evidence-age-s"
INTEGRATION: Final = "WHATSAPP-BAILEYS"


async def connection_state(door: Door, call: DoorCall) -> ApiResponse:
    """Recording 015; never `open` by hearsay."""
    return answer(state_document(call.known), 200, **age(door, [call.known]))


def state_document(session: Session) -> dict[str, Any]:
    """`{"instance": {"instanceName", "state"}}`."""
    return {"instance": {"instanceName": instance_name(session), "state": state_of(session)}}


async def fetch_instances(door: Door, call: DoorCall) -> ApiResponse:
    """Always an array: the sessions that the key reaches, or the one that is asked for (recordings 022 to 026)."""
    found = await _asked_for(door, call)
    rows = [await _row(door, call, session) for session in found]
    return answer(rows, 200, **age(door, found))


def age(door: Door, sessions: Sequence[Session]) -> dict[str, str]:
    """The header with the age of the evidence, of the oldest where there are several; none where nothing was heard."""
    heard = [session.facts.any_evidence_at for session in sessions if session.facts.any_evidence_at]
    if not heard:
        return {}
    return {AGE: str(max(0, int(door.api.clock.now() - min(heard))))}


async def _asked_for(door: Door, call: DoorCall) -> list[Session]:
    request = call.request
    name, wanted_id, number = (request.query_word(word) for word in ("instanceName", "instanceId", "number"))
    if name:
        session = await addressed(door.api, name, request.scope)
        if session is None:
            raise not_found(call, name)
        return [session]
    reached = await _reached(door, call)
    if wanted_id or number:
        found = [one for one in reached if _is_asked(one, wanted_id, number)]
        if not found:
            raise not_found(call, wanted_id or number)
        return found[:1]
    return reached


def not_found(call: DoorCall, asked: str) -> EvolutionError:
    """Recording 024; whose key does not see everything is not told what there is."""
    return EvolutionError(404, [f'Instance "{asked}" not found']) if call.request.scope.everything else unauthorized()


def _is_asked(session: Session, wanted_id: str, number: str) -> bool:
    if wanted_id:
        return instance_id(session) == wanted_id
    digits = "".join(word for word in number if word.isdecimal())
    return any(one and same_line(one, digits) for one in (session.phone, session.facts.phone_seen))


async def _reached(door: Door, call: DoorCall) -> list[Session]:
    scope = call.request.scope
    found: list[Session] = []
    after: str | None = None
    while True:
        page = await door.api.store.sessions.page(reach=scope, limit=LARGEST_PAGE, after=after)
        found += [session for session in page.items if scope.named(session.name)]
        if page.next is None:
            return found
        after = page.next


async def _row(door: Door, call: DoorCall, session: Session) -> dict[str, Any]:
    """Evolution's database row, key by key. `token` is the key that the caller presented: its manager uses it for
    every later call."""
    state, own_id = state_of(session), instance_id(session)
    settings = await door.api.commands.instance_settings.kept(session) or {}
    owner = session.facts.phone_seen or (session.phone if session.linked else None)
    return {
        "id": own_id,
        "name": instance_name(session),
        "connectionStatus": state,
        "ownerJid": jid_of(owner) if owner else None,
        "profileName": None,
        "profilePicUrl": None,
        "integration": INTEGRATION,
        "number": settings.get("number"),
        "businessId": None,
        "token": call.request.secret,
        "clientName": CLIENT_NAME,
        **_disconnection(session),
        "createdAt": timestamp(session.created_at),
        "updatedAt": timestamp(session.since),
        **dict.fromkeys(("Chatwoot", "Proxy", "Rabbitmq", "Nats", "Sqs", "Websocket")),
        "Setting": _setting(session, own_id, settings),
        "_count": {"Message": 0, "Contact": 0, "Chat": 0},
    }


def _disconnection(session: Session) -> dict[str, Any]:
    """Only of one that was connected and is not: Evolution leaves the last reason standing (recording 138)."""
    fell = session.linked or session.outage is not None or session.facts.paired_at > 0
    if state_of(session) != "close" or not fell:
        return {"disconnectionReasonCode": None, "disconnectionObject": None, "disconnectionAt": None}
    return {
        "disconnectionReasonCode": session.facts.code or closed_code(session.reason.code) or CLOSED,
        "disconnectionObject": f'{{"reason":"{session.reason.code}"}}',
        "disconnectionAt": timestamp(session.since),
    }


def _setting(session: Session, own_id: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    made = timestamp(session.created_at)
    return {"id": f"cset{own_id[:8]}", **shown(settings), "createdAt": made, "updatedAt": made, "instanceId": own_id}


ROUTES = (
    DoorRoute("GET", "/instance/connectionState/{instance}", connection_state, "read"),
    DoorRoute("GET", "/instance/fetchInstances", fetch_instances, "read"),
)
