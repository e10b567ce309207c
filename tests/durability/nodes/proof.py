"""What holds after any fault: nothing lost, nothing doubled, every chat in order, one actor for each session.

Never lives here: a fault.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter

from tests.durability.nodes.stage import Application, Stage
from tests.durability.nodes.witness import overlaps, returns, trespasses

SETTLED = ("sent", "delivered", "read")
_LEFT = (
    "SELECT s.name, s.state, m.state, m.attempts, m.reason, m.content, extract(epoch FROM now()) - m.created_at,"
    " m.due_at - extract(epoch FROM now()) FROM messages m JOIN sessions s ON s.id = m.session_id"
    " WHERE m.direction = 'out' AND m.state NOT IN ('sent', 'delivered', 'read') LIMIT 8"
)
_LAST_EVENTS = "SELECT seq, coalesce(session_name, ''), coalesce(chat, '') FROM events ORDER BY seq"


async def proved(stage: Stage, application: Application) -> dict[str, int]:
    """Ends the load, waits until nothing is under way, and checks; how much there was."""
    await application.end()
    await _all_settled(stage, application)
    await _all_in(stage, application)
    events = await _all_told(stage)
    _check_sent(stage, application)
    _check_told(stage, events)
    owners = stage.book.owners()
    assert trespasses(stage.face.acts, owners, stage.book.leases()) == []
    assert overlaps(stage.face.acts) == []
    assert returns(stage.face.acts, owners) == []
    assert stage.world.ledger.unlinks == []
    sent = sum(map(len, application.accepted.values()))
    return {"accepted": sent, "received": len(application.written), "events": len(events), "acts": len(stage.face.acts)}


async def _all_settled(stage: Stage, application: Application) -> None:
    """Nothing waits, nothing is in doubt; the phones have what was sent."""
    states: dict[str, int] = {}

    async def so() -> bool:
        sql = "SELECT state, count(*) FROM messages WHERE direction = 'out' GROUP BY state"
        states.clear()
        states.update((str(state), int(str(many))) for state, many in await asyncio.to_thread(stage.book.rows, sql))
        accepted = sum(map(len, application.accepted.values()))
        return set(states) <= set(SETTLED) and sum(states.values()) == accepted <= len(stage.world.ledger.delivered)

    try:
        await stage.until("all messages are settled", so, 150)
    except AssertionError as never:
        delivered = len(stage.world.ledger.delivered)
        accepted = sum(map(len, application.accepted.values()))
        left = stage.book.rows(_LEFT)
        raise AssertionError(f"{never}: {states} of {accepted}, {delivered} delivered; left: {left}") from None


async def _all_in(stage: Stage, application: Application) -> None:
    """What contacts wrote is there, once each."""
    found: list[str] = []

    async def so() -> bool:
        rows = await asyncio.to_thread(stage.book.rows, "SELECT content FROM messages WHERE direction = 'in'")
        found[:] = sorted(json.loads(str(content))["text"] for (content,) in rows)
        return len(found) >= len(application.written)

    await stage.until("all that was written has come in", so, 180)
    assert found == sorted(application.written)


async def _all_told(stage: Stage) -> list[tuple[object, ...]]:
    """What the subscriber was to be told; it has come."""
    events: list[tuple[object, ...]] = []

    async def so() -> bool:
        events[:] = await asyncio.to_thread(stage.book.rows, _LAST_EVENTS)
        first = min(stage.subscriber.came, default=0)
        return {seq for seq, *_ in events if int(str(seq)) >= first} <= set(stage.subscriber.came)

    await stage.until("the subscriber was told of every event", so, 180)
    return events


def _check_sent(stage: Stage, application: Application) -> None:
    told: dict[tuple[str, str], list[str]] = {}
    for one in stage.world.ledger.delivered:
        told.setdefault((one.session, one.recipient), []).append(one.text)
    for place, accepted in application.accepted.items():
        mine = told.get(place, [])
        assert [text for text, many in Counter(mine).items() if many > 1] == [], f"sent twice at {place}"
        assert mine == accepted, f"lost, or out of order at {place}"


def _check_told(stage: Stage, events: list[tuple[object, ...]]) -> None:
    """No gap in the stream; the subscriber had each chat's events in their order."""
    seqs = [int(str(seq)) for seq, *_ in events]
    assert seqs == list(range(1, len(seqs) + 1))
    lane = {int(str(seq)): (session, chat) for seq, session, chat in events}
    for which in set(lane.values()):
        mine = [seq for seq in stage.subscriber.came if lane[seq] == which]
        assert mine == sorted(mine), f"out of order: {which}"
