"""The accounts at the end of a demo: what the gateway accepted and kept, against what really happened in the world.

Never lives here: a story's own proof (`scenarios`).
"""

from __future__ import annotations

from collections import Counter, defaultdict

from esteio.core.model.recovery import DESTRUCTIVE
from esteio.sim.demo.account import Account, Part


async def settle_accounts(account: Account) -> None:
    """Every claim of the last page. Raises `NotSo` at the first that does not hold."""
    part = Part(account.words("title.ledger"), account.stage.world.now(), "")
    account.parts.append(part)
    _outbound(account, part)
    await _inbound(account, part)
    await _links(account, part)
    _notices(account, part)
    await _states(account, part)


def _outbound(account: Account, part: Part) -> None:
    sent, ledger = account.stage.sent, account.stage.world.ledger
    took = Counter((one.recipient, one.text) for one in ledger.delivered)
    lost = [one for one in sent if not took[one.to, one.text]]
    account.prove(part, not lost, "ledger.accepted", count=len(sent))
    account.prove(part, max(took.values(), default=0) <= 1, "ledger.once")
    account.prove(part, _in_order(account), "ledger.order")


def _in_order(account: Account) -> bool:
    asked, came = defaultdict(list), defaultdict(list)
    for sent in account.stage.sent:
        asked[sent.to].append(sent.text)
    for told in account.stage.world.ledger.delivered:
        came[told.recipient].append(told.text)
    return all(came[to] == texts for to, texts in asked.items())


async def _inbound(account: Account, part: Part) -> None:
    kept = 0
    for one in account.stage.came:
        session = await account.stage.session(one.session)
        page = await account.stage.store.messages.page(session.id, direction="in", limit=500)
        kept += sum(row.provider_id == one.provider_id for row in page.items)
    account.prove(part, kept == len(account.stage.came), "ledger.inbound", count=len(account.stage.came))


async def _links(account: Account, part: Part) -> None:
    ledger = account.stage.world.ledger
    harm = [*ledger.unlinks, *ledger.duels, *ledger.control_calls(verbs=set(DESTRUCTIVE))]
    asked = await account.stage.store.approvals.by_state()
    account.prove(part, not harm and not asked, "ledger.links")


def _notices(account: Account, part: Part) -> None:
    told = Counter(work.dedupe for work in account.stage.told.notices)
    account.prove(part, max(told.values(), default=0) <= 1, "ledger.notices", count=sum(told.values()))


async def _states(account: Account, part: Part) -> None:
    page = await account.stage.store.sessions.page(limit=500)
    linked = [row for row in page.items if row.linked]
    account.prove(part, all(row.state == "connected" for row in linked), "ledger.states", count=len(linked))
