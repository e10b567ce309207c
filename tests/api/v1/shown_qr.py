"""A code that a session shows, as the engine would have written it."""

from typing import Any

from esteio.core.model.state import Reason
from esteio.store.base import Qr
from tests.api.conftest import Gateway


def a_qr(gateway: Gateway, *, ago: float = 0.0, lasts: float = 45.0, pairing_code: str | None = None) -> Qr:
    seen_at = gateway.clock.now() - ago
    return Qr("2@abc,def", "", 1, seen_at, seen_at + lasts, pairing_code)


async def show_qr(gateway: Gateway, **how: Any) -> None:
    session = await gateway.session("line")
    await gateway.store.qr_codes.put(session.id, a_qr(gateway, **how))
    await gateway.judge("line", state="awaiting_qr", reason=Reason("awaiting-qr"))


async def ready(gateway: Gateway) -> None:
    await gateway.add_server()
    await gateway.add_session()
    gateway.bells.rung.clear()
