"""`GET /` and `POST /verify-creds`: what Evolution's own manager asks before it lets a person in.

Never lives here: an instance.
"""

from __future__ import annotations

from esteio.api.evolution.answers import unauthorized
from esteio.api.evolution.route import Door, DoorCall, DoorRoute
from esteio.api.http.request import ApiResponse, answer

VERSION = "2.3.7"
"""The release of Evolution API whose shapes are answered."""
CLIENT_NAME = "esteio"


async def welcome(door: Door, _call: DoorCall) -> ApiResponse:
    """Recording 001; there is no manager here, and no question to WhatsApp for its version."""
    return answer(
        {
            "status": 200,
            "message": "Welcome to the Evolution API, it is working!",
            "version": VERSION,
            "clientName": CLIENT_NAME,
            "manager": f"{door.api.settings.base_url}/",
            "documentation": f"{door.api.settings.base_url}/docs",
        }
    )


async def verify_creds(_door: Door, call: DoorCall) -> ApiResponse:
    """Whether the key opens this door for more than one instance: as at Evolution an instance's own token is 401 here,
    and clients that want such a token (evolution-api-mcp) tell by that."""
    if call.request.scope.one_session:
        raise unauthorized()
    return answer({"status": 200, "message": "Credentials are valid", "facebookAppId": "", "facebookConfigId": ""})


ROUTES = (
    DoorRoute("GET", "/", welcome, None),
    DoorRoute("POST", "/verify-creds", verify_creds, "read"),
)
