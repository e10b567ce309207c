"""What a client of Evolution changes at the door stands in the audit log, with the key that it came with."""

from __future__ import annotations

import pytest

from esteio.store.ports.audit import AuditFilter
from tests.api.audit.recorded_routes import DOOR
from tests.api.evolution.conftest import DoorLab, DoorRunner, at_door

__all__ = ["at_door"]
SETTINGS = {
    "rejectCall": True, "msgCall": "", "groupsIgnore": True, "alwaysOnline": False, "readMessages": False,
    "readStatus": False, "syncFullHistory": False,
}  # fmt: skip
CHATWOOT = {
    "enabled": True,
    "accountId": "1",
    "token": "chatwoot-token-1",
    "url": "http://127.0.0.1:9",
    "signMsg": True,
}
BODIES: dict[str, object] = {
    "POST /instance/create": {"instanceName": "nova", "integration": "WHATSAPP-BAILEYS"},
    "POST /settings/set/{instance}": SETTINGS,
    "POST /webhook/set/{instance}": {"webhook": {"enabled": True, "url": "http://127.0.0.1:9/hook"}},
    "POST /chatwoot/set/{instance}": CHATWOOT,
}
WALKED = sorted(route for route, actions in DOOR.items() if isinstance(actions, tuple))


@pytest.mark.parametrize("route", WALKED)
def test_a_route_of_the_door_leaves_its_row(at_door: DoorRunner, route: str) -> None:
    async def test(door: DoorLab) -> None:
        await door.linked()
        method, path = route.split()
        audit = door.lab.store.audit
        before = len(await audit.found(AuditFilter(), 500))
        given = await door.call(method, path.replace("{instance}", "loja"), BODIES.get(route))
        assert given.status_code < 300, given.text
        new = (await audit.found(AuditFilter(), 500))[before:]
        assert set(DOOR[route]) & {row.action for row in new}, [row.action for row in new]
        assert {(row.actor, row.actor_id) for row in new} == {("key", "admin")}
        assert "chatwoot-token-1" not in str(new)
        assert (await door.lab.gateway.audit.verify()).whole

    at_door(test)
