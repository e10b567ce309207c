"""A code that a session shows, as the engine would have written it."""

from esteio.core.model.state import Reason
from esteio.store.base import Qr


def a_qr(gateway, *, ago=0.0, lasts=45.0, pairing_code=None):
    seen_at = gateway.clock.now() - ago
    return Qr("2@abc,def", "", 1, seen_at, seen_at + lasts, pairing_code)


async def show_qr(gateway, **how):
    session = await gateway.session("line")
    await gateway.store.qr_codes.put(session.id, a_qr(gateway, **how))
    await gateway.judge("line", state="awaiting_qr", reason=Reason("awaiting-qr"))


async def ready(gateway):
    await gateway.add_server()
    await gateway.add_session()
    gateway.bells.rung.clear()
