"""The accounts at the end of a demo: what the gateway accepted and kept, against what really happened in the world.

Never lives here: a story's own proof (`scenarios`).
"""

from __future__ import annotations

from collections import Counter, defaultdict

from esteio.core.model.recovery import DESTRUCTIVE
from esteio.sim.demo.account import Account, Part


async def settle_accounts(tale: Account) -> None:
    """Every claim of the last page. Raises `NotSo` at the first that does not hold."""
    part = Part(tale.words("title.ledger"), tale.stage.world.now(), "")
    tale.parts.append(part)
    _outbound(tale, part)
    await _inbound(tale, part)
    await _links(tale, part)
    _notices(tale, part)
    await _states(tale, part)


def _outbound(tale: Account, part: Part) -> None:
    sent, ledger = tale.stage.sent, tale.stage.world.ledger
    took = Counter((one.recipient, one.text) for one in ledger.delivered)
    lost = [one for one in sent if not took[one.to, one.text]]
    tale.prove(part, not lost, "ledger.accepted", count=len(sent))
    tale.prove(part, max(took.values(), default=0) <= 1, "ledger.once")
    tale.prove(part, _in_order(tale), "ledger.order")


def _in_order(tale: Account) -> bool:
    asked, came = defaultdict(list), defaultdict(list)
    for sent in tale.stage.sent:
        asked[sent.to].append(sent.text)
    for told in tale.stage.world.ledger.delivered:
        came[told.recipient].append(told.text)
    return all(came[to] == texts for to, texts in asked.items())


async def _inbound(tale: Account, part: Part) -> None:
    kept = 0
    for one in tale.stage.came:
        session = await tale.stage.session(one.session)
        page = await tale.stage.store.messages.page(session.id, direction="in", limit=500)
        kept += sum(row.provider_id == one.provider_id for row in page.items)
    tale.prove(part, kept == len(tale.stage.came), "ledger.inbound", count=len(tale.stage.came))


async def _links(tale: Account, part: Part) -> None:
    ledger = tale.stage.world.ledger
    harm = [*ledger.unlinks, *ledger.duels, *ledger.control_calls(verbs=set(DESTRUCTIVE))]
    asked = await tale.stage.store.approvals.by_state()
    tale.prove(part, not harm and not asked, "ledger.links")


def _notices(tale: Account, part: Part) -> None:
    told = Counter(work.dedupe for work in tale.stage.told.notices)
    tale.prove(part, max(told.values(), default=0) <= 1, "ledger.notices", count=sum(told.values()))


async def _states(tale: Account, part: Part) -> None:
    page = await tale.stage.store.sessions.page(limit=500)
    linked = [row for row in page.items if row.linked]
    tale.prove(part, all(row.state == "connected" for row in linked), "ledger.states", count=len(linked))
