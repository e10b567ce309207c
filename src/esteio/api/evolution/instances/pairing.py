"""`instance/connect`: a code to scan or to type, never an old or a used one (Evolution may answer one: recording 113).

Never lives here: which code may be shown (`engine.commands.sessions.pairing`).
"""

from __future__ import annotations

import base64
from typing import Any, Final

from esteio.api.evolution.answers import invalid
from esteio.api.evolution.instances.state import age, state_document
from esteio.api.evolution.route import Door, DoorCall, DoorRoute
from esteio.api.http import qr_image
from esteio.api.http.request import ApiResponse, answer
from esteio.core.webhooks.evolution_states import state_of
from esteio.engine.commands.requests import PairRequest
from esteio.engine.commands.sessions.pairing import PairingResult
from esteio.engine.errors import CommandError
from esteio.store.base import Qr

RECONNECT_WAIT_S: Final = 2.0
"""Of a phone that is linked no code is to be expected; Evolution waits as long."""
_WITHOUT_NUMBER: Final = frozenset({"not-while-a-qr-is-shown", "pairing-code-unsupported"})
"""Why there is no code to type; the one to scan is there."""


async def connect(door: Door, call: DoorCall) -> ApiResponse:
    """A link that is there stays as it is (recording 048). Raises `CommandError` as `PairingCommands.pair`."""
    session = call.known
    if state_of(session) == "open":
        return answer(state_document(session), 200, **age(door, [session]))
    number = read_number(call.request.query_word("number"))
    return answer(_document(await _asked(door, call, number)))


async def _asked(door: Door, call: DoorCall, number: str | None) -> PairingResult:
    pairing, session = door.api.commands.pairing, call.known
    # As Evolution does (recording 156): a number is read only where nothing is on show yet.
    asked = None if number is None or await pairing.current_qr(session) is not None else f"+{number}"
    wait_s = RECONNECT_WAIT_S if session.linked else None
    try:
        request = PairRequest(wait_s=wait_s, phone_number=asked)
        return await pairing.pair(session.name, request, call.request.who, scope=call.request.scope)
    except CommandError as error:
        if error.code not in _WITHOUT_NUMBER:
            raise
        request = PairRequest(wait_s=wait_s)
        return await pairing.pair(session.name, request, call.request.who, scope=call.request.scope)


def _document(found: PairingResult) -> dict[str, Any]:
    if found.qr is None and state_of(found.session) == "open":
        return state_document(found.session)
    return code_document(found.qr)


def code_document(qr: Qr | None) -> dict[str, Any]:
    """`{"count": 0}` while there is none (recording 032)."""
    if qr is None:
        return {"count": 0}
    picture = qr_image.png(qr.code) if qr.code else qr_image.provided(qr.png_base64)
    return {
        "pairingCode": qr.pairing_code or None,
        "code": qr.code or None,
        "base64": None if picture is None else f"data:image/png;base64,{base64.b64encode(picture).decode()}",
        "count": qr.count,
    }


def read_number(said: object) -> str | None:
    """The digits of a number as Evolution reads it: with its country code, whatever stands around it. None for none.
    Raises `EvolutionError`."""
    if said is None or said == "":
        return None
    digits = "".join(word for word in str(said) if word in "0123456789")
    if isinstance(said, bool) or not isinstance(said, (str, int)) or not 8 <= len(digits) <= 15:
        raise invalid("number is not a phone number with its country code")
    return digits


ROUTES = (DoorRoute("GET", "/instance/connect/{instance}", connect, "operate"),)
