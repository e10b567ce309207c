"""`esteio simulate`: one plan under several policies, or many small seeds in search of a broken rule.

What the command line calls; it prints nothing itself. Never lives here: a rule, a picture, an option's spelling.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from esteio.clock import stopwatch
from esteio.core.model.policy import build
from esteio.log import is_set_up, set_up
from esteio.sim.clock.virtual_loop import START_EPOCH
from esteio.sim.storm import charts, report
from esteio.sim.storm.partition import as_one, gateways_for
from esteio.sim.storm.plan import Plan, draw
from esteio.sim.storm.processes import Piece, side_by_side
from esteio.sim.storm.storm import Outcome, run
from esteio.sim.storm.supervisors import MONITOR

COLLECT_AFTER = 200_000
"""An hour of sixty lines leaves less than ten thousand objects for the collector, and makes millions."""
SWARM_SESSIONS = 20
SWARM_HOURS = 1.0
DEFAULT_POLICIES = ("default", "seeds", MONITOR)
Tables = Mapping[str, Mapping[str, Any]]
Asks = tuple[Plan, str, Tables | None]


class UnknownPolicy(ValueError):
    """No policy of this name; the message names those there are."""


def policies_known(tables: Tables | None = None) -> tuple[str, ...]:
    """What `--policy` may say."""
    return (*build(tables or {}), MONITOR)


def check(policies: Sequence[str], tables: Tables | None = None) -> None:
    """Raises `UnknownPolicy` for the first name that neither ships nor stands in `tables`."""
    known = policies_known(tables)
    for name in policies:
        if name not in known:
            raise UnknownPolicy(f"unknown policy {name!r}; known: {', '.join(known)}")


class Story(NamedTuple):
    """A plan under a policy, watched by so many gateways."""

    plan: Plan
    policy: str
    gateways: int
    name: str


def runs(stories: Iterable[Story], *, tables: Tables | None = None, jobs: int = 1) -> Iterator[Outcome]:
    """What comes of each story, in their order, on `jobs` processes; how many there are changes nothing else.
    Raises `processes.Failed`, which names the story."""
    told: deque[tuple[Story, int]] = deque()

    def pieces() -> Iterator[Piece[Asks]]:
        for story in stories:
            parts = story.plan.parts(story.gateways)
            told.append((story, len(parts)))
            for part in parts:
                yield Piece(
                    f"{story.name}, {', '.join(one.name for one in part.servers)}", (part, story.policy, tables)
                )

    done: list[Outcome] = []
    for outcome in side_by_side(_run, pieces(), jobs):
        done.append(outcome)
        story, count = told[0]
        if len(done) == count:
            told.popleft()
            yield as_one(story.plan, done)
            done = []


def _run(asks: Asks) -> Outcome:
    plan, policy, tables = asks
    if not is_set_up():
        set_up("error", "console", for_good=True)
    usual = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER)
    try:
        return run(plan, policy, tables=tables)
    finally:
        gc.set_threshold(*usual)


def compare(
    plan: Plan,
    policies: Sequence[str] = DEFAULT_POLICIES,
    *,
    tables: Tables | None = None,
    gateways: int | None = None,
    jobs: int = 1,
    told: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """The same plan under each policy; `told` hears of each as it is done. Raises `UnknownPolicy`, and as `runs`."""
    check(policies, tables)
    count = gateways or gateways_for(plan)
    stories = [Story(plan, policy, count, f"seed {plan.seed} under {policy}") for policy in policies]
    outcomes = []
    for outcome in runs(stories, tables=tables, jobs=jobs):
        outcomes.append(outcome)
        told(outcome)
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
    gateways: int | None = None,
    jobs: int = 1,
) -> Iterator[Outcome]:
    """Small seeds in their order, until all are done; none is begun after `within_s` of real time. Raises
    `UnknownPolicy`, and as `runs`."""
    check((policy,))
    began = stopwatch()

    def stories() -> Iterator[Story]:
        for seed in seeds:
            if within_s is not None and stopwatch() - began >= within_s:
                return
            plan = swarm_plan(seed, sessions, hours)
            yield Story(plan, policy, gateways or gateways_for(plan), f"seed {seed} under {policy}")

    yield from runs(stories(), jobs=jobs)


def command_of(
    seed: int, sessions: int, hours: float, policies: Sequence[str], *, swarm: bool = False, gateways: int | None = None
) -> str:
    """The command that repeats a run."""
    told = " ".join(f"--policy {name}" for name in policies)
    few = " --swarm 1" if swarm else ""
    split = f" --gateways {gateways}" if gateways else ""
    return f"esteio simulate{few} --sessions {sessions} --hours {hours:g} --seed {seed}{split} {told}"


def keep(outcomes: Sequence[Outcome], out: Path, command: str) -> list[Path]:
    """Write the report, its pictures (where `charts.installed`) and the raw numbers into `out`; the files. Raises
    OSError."""
    out.mkdir(parents=True, exist_ok=True)
    drawn = charts.draw(outcomes) if charts.installed() else {}
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
    names = (
        "policy",
        "seed",
        "sessions",
        "servers",
        "gateways",
        "hours",
        "faults",
        "unlinks",
        "calls",
        "digest",
        "real_s",
    )
    return {name: getattr(outcome, name) for name in names} | {"table": told}
