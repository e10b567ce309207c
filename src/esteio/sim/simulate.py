"""`esteio simulate`: one plan under several policies, or many small seeds in search of a broken rule.

What the command line calls; it prints nothing itself. Never lives here: a rule, a picture, an option's spelling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from esteio.clock import stopwatch
from esteio.core.policy import build
from esteio.sim import pictures, report
from esteio.sim.plan import Plan, draw
from esteio.sim.storm import Outcome, run
from esteio.sim.supervisors import MONITOR
from esteio.sim.vloop import START_EPOCH

SWARM_SESSIONS = 20
SWARM_HOURS = 1.0
DEFAULT_POLICIES = ("default", "seeds", MONITOR)
Tables = Mapping[str, Mapping[str, Any]]


class UnknownPolicy(ValueError):
    """No policy of this name; the message names those there are."""


def policies_known(tables: Tables | None = None) -> tuple[str, ...]:
    """What `--policy` may say."""
    return (*build(tables or {}), MONITOR)


def check(policies: Sequence[str], tables: Tables | None = None) -> None:
    """Raises `UnknownPolicy`."""
    known = policies_known(tables)
    for name in policies:
        if name not in known:
            raise UnknownPolicy(f"unknown policy {name!r}; known: {', '.join(known)}")


def compare(
    plan: Plan,
    policies: Sequence[str] = DEFAULT_POLICIES,
    *,
    tables: Tables | None = None,
    told: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """The same plan under each policy, one after the other; `told` hears of each as it is done."""
    check(policies, tables)
    outcomes = []
    for policy in policies:
        outcomes.append(run(plan, policy, tables=tables))
        told(outcomes[-1])
    return outcomes


def plan_of(seed: int, sessions: int, hours: float) -> Plan:
    """The plan that `esteio simulate --seed … --sessions … --hours …` means: an ordinary storm, ordinary traffic."""
    return draw(seed, sessions=sessions, hours=hours, epoch0=START_EPOCH, storm=1.0, talk=1.0, every_kind=True)


def swarm_plan(seed: int, sessions: int = SWARM_SESSIONS, hours: float = SWARM_HOURS) -> Plan:
    """A small plan whose seed also chooses how wild it is."""
    return draw(seed, sessions=sessions, hours=hours, epoch0=START_EPOCH)


def swarm(
    seeds: range,
    *,
    policy: str = "default",
    sessions: int = SWARM_SESSIONS,
    hours: float = SWARM_HOURS,
    within_s: float | None = None,
) -> Iterator[Outcome]:
    """Small seeds one after the other, until all are done or `within_s` of real time have passed."""
    check((policy,))
    began = stopwatch()
    for seed in seeds:
        if within_s is not None and stopwatch() - began >= within_s:
            return
        yield run(swarm_plan(seed, sessions, hours), policy)


def command_of(seed: int, sessions: int, hours: float, policies: Sequence[str], *, swarm: bool = False) -> str:
    """The command that repeats a run."""
    told = " ".join(f"--policy {name}" for name in policies)
    few = " --swarm 1" if swarm else ""
    return f"esteio simulate{few} --sessions {sessions} --hours {hours:g} --seed {seed} {told}"


def keep(outcomes: Sequence[Outcome], out: Path, command: str) -> list[Path]:
    """Write the report, its pictures and the raw numbers into `out`; the files. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    drawn = pictures.draw(outcomes)
    files = {name: svg for name, (_, svg) in drawn.items()}
    files["report.md"] = report.page(outcomes, command, {name: text for name, (text, _) in drawn.items()})
    numbers = msgspec.json.encode([summary(one) for one in outcomes])
    files["numbers.json"] = msgspec.json.format(numbers, indent=2).decode() + "\n"
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")
    return [out / name for name in files]


def summary(outcome: Outcome) -> dict[str, Any]:
    """The outcome without its long lists, with the table's rows."""
    told: dict[str, Any] = {row.name.replace("*", ""): row.tell(outcome).replace("*", "") for row in report.ROWS}
    names = ("policy", "seed", "sessions", "servers", "hours", "faults", "unlinks", "calls", "digest", "real_s")
    return {name: getattr(outcome, name) for name in names} | {"table": told}
