"""A server's pace that several nodes share."""

from esteio.core.model.ids import ServerName
from esteio.core.model.session import Session
from esteio.store.base import NotBefore, Pace, SendQuota
from tests.narrowing import not_none
from tests.store.make import NOW, AnyStore, Make

SV = ServerName("sv")
PACES = {SV: Pace(0.5, 2.0)}


async def two_nodes(store: AnyStore, make: Make) -> dict[int, Session]:
    """Two nodes with a session each and forty messages."""
    sessions = [await make.session(store, f"s{n}") for n in range(12)]
    epochs = [(await store.nodes.join(name, "", "", 1e6, NOW)).epoch for name in ("a", "b")]
    held = {}
    for epoch in epochs:
        mine = not_none(await store.nodes.take(epoch, (), 99, NOW)).held.sessions
        held[epoch] = next(session for session in sessions if session.id in mine)
    for session in held.values():
        for number in range(20):
            await make.accept(store, session, chat=f"55119888{number:05}")
    return held


async def test_all_nodes_together_never_send_faster_than_the_server_allows(store: AnyStore, make: Make) -> None:
    nodes = await two_nodes(store, make)
    sent: list[float] = []
    for step in range(160):
        now = NOW + step / 4
        for epoch in nodes:
            claims = await store.outbox.claim(now, 9, 60.0, SendQuota(paces=PACES), node=epoch)
            sent += [now] * len(claims)
    assert len(sent) >= 19, "and they use what is allowed"
    for at in sent:
        assert sum(at <= one < at + 10 for one in sent) <= 2 + 0.5 * 10


async def test_a_node_naps_until_there_is_a_token(store: AnyStore, make: Make) -> None:
    nodes = await two_nodes(store, make)
    first, second = nodes
    assert len(await store.outbox.claim(NOW, 9, 60.0, SendQuota(paces=PACES), node=first)) == 1
    assert await store.outbox.claim(NOW, 9, 60.0, SendQuota(paces=PACES), node=second) == []
    assert await store.outbox.next_due(NOW, NotBefore(paces=PACES), node=second) == NOW + 2
    assert not_none(await store.outbox.next_due(NOW + 2, NotBefore(paces=PACES), node=second)) <= NOW
    assert len(await store.outbox.claim(NOW + 2, 9, 60.0, SendQuota(paces=PACES), node=second)) == 1


async def test_a_servers_own_room_still_holds_beside_its_pace(store: AnyStore, make: Make) -> None:
    first, _ = await two_nodes(store, make)
    assert await store.outbox.claim(NOW, 9, 60.0, SendQuota(servers={SV: 0}, paces=PACES), node=first) == []


async def test_a_deleted_servers_tokens_go_with_it(store: AnyStore, make: Make) -> None:
    nodes = await two_nodes(store, make)
    await store.outbox.claim(NOW, 9, 60.0, SendQuota(paces=PACES), node=next(iter(nodes)))
    for session in [*nodes.values()]:
        await store.sessions.delete(session.id, NOW)
    for number in range(12):
        if (left := await store.sessions.by_name(f"s{number}")) is not None:  # type: ignore[arg-type]
            await store.sessions.delete(left.id, NOW)
    assert await store.servers.delete(SV)
