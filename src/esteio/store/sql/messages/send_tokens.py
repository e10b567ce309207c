"""The pace of a server that several nodes share: its tokens are taken in the claim that uses them.

Whoever claims holds the row until the claim is committed, so all nodes together never send faster than the server's
pace. They go by the database's clock. Never lives here: how a bucket fills (`core.judge.pacing`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from esteio.core.judge.pacing import Tokens
from esteio.core.model.ids import ServerName
from esteio.store.base import NotBefore, SendClaim, SendQuota
from esteio.store.sql.db import Db, Row


async def with_tokens(
    db: Db, quota: SendQuota, ready: Sequence[Row], now: float
) -> tuple[SendQuota, Mapping[ServerName, Tokens]]:
    """The quota as the tokens leave it, and the tokens, of the servers that have something ready."""
    wanted = sorted({row.server for row in ready} & quota.paces.keys())
    if not wanted:
        return quota, {}
    at = await db.clock(now)
    tokens = {name: await _filled(db, name, quota, at) for name in wanted}
    room = {name: min(quota.servers.get(name, quota.each_server), one.whole) for name, one in tokens.items()}
    return msgspec.structs.replace(quota, servers={**quota.servers, **room}), tokens


async def spend(db: Db, tokens: Mapping[ServerName, Tokens], claims: Sequence[SendClaim]) -> None:
    """What was claimed is paid for."""
    spent = Counter(claim.server for claim in claims)
    for name, one in tokens.items():
        if spent[name]:
            left = one.taken(spent[name])
            await db.put("send_tokens_put", {"server": name, "tokens": left.left, "filled_at": left.at})


async def resting(db: Db, not_before: NotBefore, now: float) -> NotBefore:
    """With the times until which the servers rest that have a shared pace."""
    if not not_before.paces:
        return not_before
    at, servers = await db.clock(now), dict(not_before.servers)
    for name, pace in not_before.paces.items():
        row = await db.row("send_tokens_left", {"server": name})
        if row is not None:
            rests = Tokens(row.tokens, row.filled_at).filled(pace.rate, pace.most, at).rests_until(pace.rate)
            # By the caller's clock, which may differ from the database's.
            servers[name] = max(servers.get(name, 0.0), rests - at + now if rests else 0.0)
    return msgspec.structs.replace(not_before, servers=servers)


async def _filled(db: Db, name: ServerName, quota: SendQuota, at: float) -> Tokens:
    await db.put("send_tokens_open", {"server": name, "now": at})
    row = await db.row("send_tokens", {"server": name})
    known = Tokens() if row is None else Tokens(row.tokens, row.filled_at)
    return known.filled(*quota.paces[name], at)
