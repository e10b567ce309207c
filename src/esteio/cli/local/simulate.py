"""`simulate` and `replay`: the storm, and a recorded journal before the judge again.

Progress goes to stderr, and only when a person reads it. Never lives here: a run, a number (`sim.storm.simulate`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from esteio.cli import output, texts
from esteio.cli.errors import FAILED
from esteio.cli.remote.look import Json

if TYPE_CHECKING:
    from esteio.sim.storm.storm import Outcome

Sessions = Annotated[int | None, typer.Option(min=1, max=5000, help="Number of sessions. [60; in a swarm 20]")]
Hours = Annotated[float | None, typer.Option(min=0.1, max=2000, help="Hours of virtual time. [12; in a swarm 1]")]
Seed = Annotated[int, typer.Option(metavar="N", help="Seed of the fleet, the traffic and the faults.")]
Policies = Annotated[
    list[str] | None,
    typer.Option("--policy", metavar="NAME", help="May be repeated; default: default, seeds and monitor."),
]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Write the report, its charts and numbers here.")]
Swarm = Annotated[
    int, typer.Option(min=0, metavar="COUNT", help="Run this many small seeds instead, starting at --seed.")
]
Gateways = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="How many gateways share the servers; default: one for five.")
]
Jobs = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Processes at a time; default: as many as there are cores.")
]
Within = Annotated[float | None, typer.Option(min=1, metavar="SECONDS", help="End the swarm after this real time.")]


def simulate(
    *,
    sessions: Sessions = None,
    hours: Hours = None,
    seed: Seed = 1,
    policy: Policies = None,
    out: Out = None,
    swarm: Swarm = 0,
    within_s: Within = None,
    gateways: Gateways = None,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """A fleet under seeded faults in virtual time: one table, a column for each policy, and charts.

    `monitor` is not a policy of the gateway but a plain poller, for comparison. Exit code 1: a rule was broken; the
    command that repeats it is printed. The result does not depend on the number of processes. With --json: one
    document, of a swarm one a line.
    """
    from esteio.sim.storm import processes  # noqa: PLC0415 - heavy, and only this verb needs it
    from esteio.sim.storm import simulate as sim  # noqa: PLC0415

    try:
        sim.check(policy or ())
    except sim.UnknownPolicy as error:
        raise typer.BadParameter(str(error), param_hint="--policy") from error
    crew = Crew(gateways, jobs or processes.cores())
    try:
        if swarm:
            size = (sessions or sim.SWARM_SESSIONS, hours or sim.SWARM_HOURS)
            _swarm(range(seed, seed + swarm), (policy or ["default"])[0], size, within_s, crew, as_json=as_json)
        else:
            named = policy or list(sim.DEFAULT_POLICIES)
            _compare(seed, (sessions or 60, hours or 12.0), named, out, crew, as_json=as_json)
    except processes.Failed as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FAILED) from error


class Crew(NamedTuple):
    """Who watches, and who does the work."""

    gateways: int | None
    jobs: int


def _compare(
    seed: int, size: tuple[int, float], policies: list[str], out: Path | None, crew: Crew, *, as_json: bool
) -> None:
    from esteio.sim.storm import charts, report  # noqa: PLC0415
    from esteio.sim.storm import simulate as sim  # noqa: PLC0415

    sessions, hours = size
    command = sim.command_of(seed, sessions, hours, policies, gateways=crew.gateways)
    plan = sim.plan_of(seed, sessions, hours)
    with output.progress("simulate.begun", len(policies)) as step:
        outcomes = sim.compare(plan, policies, told=lambda one: step(_line(one)), **crew._asdict())
    if as_json:
        output.data({"command": command, "outcomes": [_document(one) for one in outcomes]})
    else:
        print(f"{report.story(outcomes[0])}\n\n{report.table(outcomes)}")
    if out is not None:
        for file in sim.keep(outcomes, out, command):
            _say(f"wrote {file}")
        if not charts.installed():
            print(texts.say("simulate.no-charts"), file=sys.stderr)
    broken = [outcome for outcome in outcomes if outcome.violations]
    for outcome in () if as_json else broken:
        print(f"\n{outcome.policy}: {len(outcome.violations)} broken rules\n{report.broken(outcome)}\n{command}")
    if broken:
        raise typer.Exit(FAILED)


def _swarm(
    seeds: range, policy: str, size: tuple[int, float], within_s: float | None, crew: Crew, *, as_json: bool
) -> None:
    from esteio.sim.storm import report  # noqa: PLC0415
    from esteio.sim.storm import simulate as sim  # noqa: PLC0415

    bad, total = 0, []
    sessions, hours = size
    told = sim.swarm(seeds, policy=policy, sessions=sessions, hours=hours, within_s=within_s, **crew._asdict())
    with output.progress("simulate.begun", len(seeds)) as step:
        for outcome in told:
            total.append(outcome)
            step(_line(outcome))
            bad += bool(outcome.violations)
            if as_json:
                print(json.dumps(_document(outcome), ensure_ascii=False), flush=True)
            elif outcome.violations:
                command = sim.command_of(outcome.seed, sessions, hours, [policy], swarm=True, gateways=crew.gateways)
                print(f"seed {outcome.seed}:\n{report.broken(outcome)}\n{command}", flush=True)
    if not as_json:
        print(report.swarm_line(total))
    if bad:
        raise typer.Exit(FAILED)


def _line(outcome: Outcome) -> str:
    return f"seed {outcome.seed} {outcome.policy}: {len(outcome.violations)} broken rules, {outcome.real_s:.1f} s"


def _document(outcome: Outcome) -> dict[str, Any]:
    """What `simulate --out` keeps as numbers, with the rules that were broken."""
    import msgspec  # noqa: PLC0415 - heavy, and only this verb needs it

    from esteio.sim.storm import simulate as sim  # noqa: PLC0415

    return sim.summary(outcome) | {"broken": msgspec.to_builtins(outcome.violations)}


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A journal, as `esteio export` writes it.", exists=True)],
    policy: Annotated[str | None, typer.Option(metavar="NAME", help="Instead of the journal's own.")] = None,
    as_json: Json = False,
) -> None:
    """Judge a recorded journal again: what would be decided now, and where that differs."""
    from esteio.core.model.policy import build  # noqa: PLC0415
    from esteio.sim import replay as again  # noqa: PLC0415

    known = build({})
    try:
        head, entries = again.read(file.read_bytes().splitlines())
    except again.BadJournal as error:
        raise typer.BadParameter(f"{file.name}: {error}", param_hint="FILE") from error
    name = policy or head.policy
    if name not in known:
        raise typer.BadParameter(f"unknown policy {name!r}; known: {', '.join(known)}", param_hint="--policy")
    from esteio.core.views.documents import timestamp  # noqa: PLC0415

    with output.progress("replay.begun", n=len(entries)):
        told = again.replay(head, entries, known[name])
    if as_json:
        differ = [{"at": timestamp(one.at), "side": one.side, "what": one.what} for one in told.differences]
        output.data({"policy": name, "pieces": told.pieces, "same": told.same, "differences": differ})
        return
    for one in told.differences:
        print(f"{timestamp(one.at)}  {'only then' if one.side == 'then' else 'only now '}  {one.what}")
    print(f"{told.pieces} pieces of evidence, {told.same} decisions alike, {len(told.differences)} differ ({name})")
