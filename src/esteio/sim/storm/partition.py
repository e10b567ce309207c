"""A fleet watched by several gateways: each has its own servers, and what came of it all is one outcome.

Providers' servers are worlds of their own: budgets, incidents and faults belong to one of them. What a gateway knows
beyond a single server (whether a silence is the day's, told by lines of other servers) takes a handful of them. So a
large story is split by servers, always in the same way, whatever processes there are to run it. Never lives here: a
process (`processes`), a run (`storm`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, zip_longest

import msgspec

from esteio.sim.storm.plan import Plan
from esteio.sim.storm.storm import Outcome
from esteio.sim.storm.supervisors import MessageCounts

SERVERS_A_GATEWAY = 5
"""So many servers a gateway watches, unless told otherwise."""
SUMS = (
    "inbound", "inbound_told", "budget_per_minute", "destructive", "races", "notices", "false_alarms", "real_s",
)  # fmt: skip
"""Plain numbers of an outcome that add up."""


def gateways_for(plan: Plan) -> int:
    """How many gateways watch this story, unless told otherwise."""
    return -(-len(plan.servers) // SERVERS_A_GATEWAY)


def as_one(plan: Plan, outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of the whole story, of those of its parts in their order."""
    if len(outcomes) == 1:
        return outcomes[0]
    return msgspec.structs.replace(
        outcomes[0],
        gateways=len(outcomes),
        sessions=len(plan.lines),
        servers=len(plan.servers),
        lines=[(line.server, line.name) for line in plan.lines],
        ended_at=max(one.ended_at for one in outcomes),
        calm_took_s=max(one.calm_took_s for one in outcomes),
        falls=sorted(chain.from_iterable(one.falls for one in outcomes), key=lambda fall: fall.down_at),
        returns=sorted(chain.from_iterable(one.returns for one in outcomes), key=lambda one: one.at),
        intervals=sorted(chain.from_iterable(one.intervals for one in outcomes), key=lambda one: one.up_at),
        violations=sorted(chain.from_iterable(one.violations for one in outcomes), key=lambda one: one.at),
        messages=_messages(one.messages for one in outcomes),
        # As long as all were watched: the calm after the story is as long as each needs.
        calls_per_minute=[sum(calls) for calls in zip(*(one.calls_per_minute for one in outcomes), strict=False)],
        opens_per_minute=[sum(opens) for opens in zip_longest(*(o.opens_per_minute for o in outcomes), fillvalue=0)],
        faults=_counts(one.faults for one in outcomes),
        calls=_counts(one.calls for one in outcomes),
        unlinks=_counts(one.unlinks for one in outcomes),
        digest=_digest(one.digest for one in outcomes),
        **{name: sum(getattr(one, name) for one in outcomes) for name in SUMS},
    )


def _messages(counts: Iterable[MessageCounts]) -> MessageCounts:
    found = MessageCounts()
    for one in counts:
        for name in MessageCounts.__struct_fields__:
            setattr(found, name, getattr(found, name) + getattr(one, name))
    return found


def _counts(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for one in counts:
        found.update(one)
    return dict(sorted(found.items()))


def _digest(digests: Iterable[str]) -> str:
    return hashlib.blake2b("\n".join(digests).encode(), digest_size=16).hexdigest()
