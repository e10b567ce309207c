"""After a boot: of twenty sessions of a server six come back `close` with their credentials; how soon do they live?

2.3.7 connects at its start what its database calls open or connecting, and loads the rest without connecting it. The
scenario plays that seed after seed, in virtual time, under the default policy, and counts from the ledger's truth:
`python -m esteio.sim.storm.reboot --seeds 200`. Never lives here: a rule of the gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sys
from collections.abc import Iterable, Sequence

import msgspec

from esteio.core.model.recovery import OPENS_SOCKET
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.providers.evolution.instance import EvolutionInstance
from esteio.sim.storm.report import quantile
from esteio.sim.world.faults import Fault, inject

SESSIONS, CLOSED = 20, 6
WATCHED_S = 240.0
BOUND_S = 30.0
SERVER = "evo"


class Boot(msgspec.Struct, frozen=True):
    """One boot: seconds from the server's answering again until each of the six lived, and what else was counted."""

    seed: int
    back_s: tuple[float, ...]
    never: int
    in_flight: int
    closest_s: float
    notices: int
    started: int
    ended: int
    duels: int
    destructive: int


async def _fleet(lab: Lab, dice: random.Random) -> list[str]:
    await lab.add_server(SERVER)
    names = [f"s{i:02}" for i in range(SESSIONS)]
    for i, name in enumerate(names):
        await lab.adopt(SERVER, name, f"55119999{i:05}")
    await asyncio.sleep(60 + dice.uniform(0, 60))
    return sorted(dice.sample(names, CLOSED))


async def _story(lab: Lab, seed: int) -> Boot:
    dice = random.Random(f"reboot {seed}")
    shut = await _fleet(lab, dice)
    for name in shut:
        line = lab.world.line(SERVER, name)
        if isinstance(line, EvolutionInstance):
            line.db_state = "close"
    await asyncio.sleep(dice.uniform(0, 40))
    # Longer than an idle server is left unasked: a start that nobody could notice is no outage.
    down_s, boot_s = dice.uniform(35, 120), dice.uniform(0.5, 10)
    told = len(lab.told.notices)
    inject(lab.world, SERVER, None, Fault("server_boot", down_s=down_s, boot_s=boot_s))
    await asyncio.sleep(down_s)
    began = lab.world.servers[SERVER].booted_at
    back: dict[str, float] = {}
    while lab.world.now() < began + WATCHED_S:
        await asyncio.sleep(0.25)
        for name in shut:
            if (
                name not in back
                and lab.world.line(SERVER, name).alive
                and (await lab.session(name)).state == "connected"
            ):
                back[name] = lab.world.now() - began
    spans = [span for i in range(SESSIONS) for span in await _attempts(lab, f"s{i:02}", began)]
    events = [event.type for event in await lab.store.events.page(0, 100_000)]
    return Boot(
        seed=seed,
        back_s=tuple(sorted(back.values())),
        never=CLOSED - len(back),
        in_flight=_most_at_once(spans),
        closest_s=min((b - a for a, b in itertools.pairwise(sorted(start for start, _ in spans))), default=WATCHED_S),
        notices=sum(work.payload["phase"] == "opened" for work in lab.told.notices[told:]),
        started=events.count("server.outage_started"),
        ended=events.count("server.outage_ended"),
        duels=len(lab.world.ledger.duels),
        destructive=sum(call.verb in ("logout", "delete") for call in lab.world.ledger.control),
    )


async def _attempts(lab: Lab, session: str, since: float) -> list[tuple[float, float]]:
    """When each socket-opening attempt of a session began and was over."""
    spans: list[tuple[float, float]] = []
    began: float | None = None
    for entry in await lab.timeline(session):
        if entry.kind != "act" or entry.at < since or entry.args.get("rung") not in OPENS_SOCKET:
            continue
        if entry.code == "begin":
            began = entry.at
        elif began is not None:
            spans.append((began, entry.at))
            began = None
    return spans if began is None else [*spans, (began, since + WATCHED_S)]


def _most_at_once(spans: Sequence[tuple[float, float]]) -> int:
    # What ends in the moment in which another begins has made room for it.
    steps = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    return max(itertools.accumulate(step for _, step in steps), default=0)


def boot(seed: int) -> Boot:
    """One boot under this seed; the same on any machine."""

    async def whole() -> Boot:
        async with Lab(seed) as lab:
            return await _story(lab, seed)

    return run_virtual(whole, limit_s=10_000)


def summary(boots: Iterable[Boot]) -> str:
    """What many boots came to, in the words of the docs."""
    all_of_them = list(boots)
    back = [s for one in all_of_them for s in one.back_s]
    never = sum(one.never for one in all_of_them)
    return (
        f"{len(all_of_them)} boots, {CLOSED} of {SESSIONS} sessions closed: back p50 {quantile(back, 0.5):.1f} s, "
        f"p95 {quantile(back, 0.95):.1f} s, at most {max(back, default=0.0):.1f} s (n={len(back)}), never {never}; "
        f"in flight at most {max(one.in_flight for one in all_of_them)}, "
        f"apart at least {min(one.closest_s for one in all_of_them):.2f} s; "
        f"notices at most {max(one.notices for one in all_of_them)}; "
        f"server.outage_started {sorted({one.started for one in all_of_them})}, "
        f"server.outage_ended {sorted({one.ended for one in all_of_them})}; "
        f"duels {sum(one.duels for one in all_of_them)}, destructive {sum(one.destructive for one in all_of_them)}"
    )


def main(words: Sequence[str] | None = None) -> int:
    """Run it from a shell; 1 when the bound is broken."""
    parser = argparse.ArgumentParser(prog="python -m esteio.sim.storm.reboot", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1)
    asked = parser.parse_args(words)
    boots = [boot(seed) for seed in range(asked.first, asked.first + asked.seeds)]
    sys.stdout.write(summary(boots) + "\n")
    back = [s for one in boots for s in one.back_s]
    return int(any(one.never for one in boots) or quantile(back, 0.95) > BOUND_S)


if __name__ == "__main__":
    sys.exit(main())
