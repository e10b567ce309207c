"""What a run came to, in numbers and in one Markdown table with a column for each policy.

Numbers are counted from the world's truth wherever it knows them. Never lives here: a picture (`charts`), a run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from esteio.sim.storm.observer import Fall
from esteio.sim.storm.storm import Outcome

HARMLESS = frozenset({"ghost/restart_cures", "ghost/late_open", "stuck_connecting", "stale_registry", "half_open"})
"""Falls that a connect or a restart heals, and nothing else does."""
STALE = frozenset({"ghost", "stale_registry"})
"""Falls about which the provider's registry lies."""


Pick = Callable[[Sequence[Fall]], Sequence[float]]
"""Seconds, out of falls: `detections`, `recoveries` and the like."""


class Row(NamedTuple):
    """One line of the table: its name, and how to tell it of an outcome."""

    name: str
    tell: Callable[[Outcome], str]


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value below which `share` of them lie; nan of none."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1 if share > 0 else 0)]


def availability(outcome: Outcome) -> float:
    """The share of all lines' time in which their sockets could really carry messages."""
    total = sum(uptimes(outcome, 0.0, outcome.ended_at).values())
    return total / (outcome.ended_at * len(outcome.lines)) if outcome.lines else math.nan


def uptimes(outcome: Outcome, begins: float, ends: float) -> dict[tuple[str, str], float]:
    """Seconds within [begins, ends] of the run in which each line was up."""
    found = dict.fromkeys(outcome.lines, 0.0)
    for one in outcome.intervals:
        up = one.up_at - outcome.epoch0
        down = math.inf if one.down_at is None else one.down_at - outcome.epoch0
        key = (one.server, one.session)
        if key in found:
            found[key] += max(0.0, min(down, ends) - max(up, begins))
    return found


def grid(outcome: Outcome, width_s: float) -> dict[tuple[str, str], list[float]]:
    """For each line, the share of each `width_s` of the run in which it was up."""
    count = max(1, math.ceil(outcome.ended_at / width_s))
    found = {line: [0.0] * count for line in outcome.lines}
    for one in outcome.intervals:
        cells = found.get((one.server, one.session))
        if cells is None:
            continue
        up = max(0.0, one.up_at - outcome.epoch0)
        down = outcome.ended_at if one.down_at is None else min(outcome.ended_at, one.down_at - outcome.epoch0)
        for index in range(int(up // width_s), min(count, int(down // width_s) + 1)):
            cells[index] += max(0.0, min(down, (index + 1) * width_s) - max(up, index * width_s))
    last = outcome.ended_at - (count - 1) * width_s
    return {line: [*(c / width_s for c in cells[:-1]), cells[-1] / last] for line, cells in found.items()}


# -- falls --------------------------------------------------------------------------------------------------------


def detections(falls: Iterable[Fall]) -> list[float]:
    """From death to being seen, of all falls that were seen."""
    return [fall.seen_at - fall.down_at for fall in falls if fall.seen_at]


def detections_with_traffic(falls: Iterable[Fall]) -> list[float]:
    """From the first send into a silent death to being seen, where the server could be asked."""
    return [f.seen_at - f.sent_at for f in falls if f.seen_at and f.sent_at and f.kind in STALE and not f.rough]


def detections_idle(falls: Iterable[Fall]) -> list[float]:
    """From a silent death to being seen with nothing sent into it, where the server could be asked."""
    return [f.seen_at - f.down_at for f in falls if f.seen_at and not f.sent_at and f.kind in STALE and not f.rough]


def recoveries(falls: Iterable[Fall]) -> list[float]:
    """From being seen to working again and known to."""
    return [fall.back_at - fall.seen_at for fall in falls if fall.seen_at and fall.back_at]


def single_recoveries(falls: Iterable[Fall]) -> list[float]:
    """The same for single falls with a harmless cure under a calm sky."""
    return recoveries(f for f in falls if f.name in HARMLESS and not f.many and not f.rough)


def returns(outcome: Outcome) -> list[float]:
    """From the moment in which a server could reach WhatsApp again to its line being back and known to be; infinite
    where it was not by the end."""
    return [one.back_at - one.at if one.back_at else math.inf for one in outcome.returns]


def repairs(falls: Iterable[Fall]) -> list[float]:
    """From death to a socket that works again."""
    return [fall.up_at - fall.down_at for fall in falls if fall.up_at]


def groups(falls: Iterable[Fall]) -> dict[str, list[Fall]]:
    """Falls by what bounds them, each in one group: nobody could look; others of the server fell too (its budget lets
    them up one by one); the rest by kind, single and under a calm sky."""
    found: dict[str, list[Fall]] = {}
    for fall in falls:
        name = "under bad weather" if fall.rough else "with others of its server" if fall.many else fall.name
        found.setdefault(name, []).append(fall)
    return dict(sorted(found.items(), key=lambda one: (" " not in one[0], one[0])))


def apart(falls: Iterable[Fall]) -> str:
    """A Markdown table of what each group came to."""
    lines = [["falls", "n", "from death to seen, p50 / p95", "from seen to back, p50 / p95"], ["---", *["---:"] * 3]]
    for name, group in groups(falls).items():
        lines.append([name, str(len(group)), _seconds(detections(group)), _seconds(recoveries(group))])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


# -- the table ----------------------------------------------------------------------------------------------------


def _seconds(values: Sequence[float]) -> str:
    if not values:
        return "–"
    told = [f"{_short(quantile(values, share))}" for share in (0.5, 0.95)]
    return f"{told[0]} / {told[1]} (n={len(values)})"


def _short(value: float) -> str:
    if math.isinf(value):
        return "never"
    if value >= 600:
        return f"{value / 60:.0f} min"
    return f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def _unlinks(outcome: Outcome) -> str:
    ours = sum(count for cause, count in outcome.unlinks.items() if cause in ("logout", "delete", "repair"))
    return f"{ours} (of {sum(outcome.unlinks.values())})"


ROWS: tuple[Row, ...] = (
    Row("availability of sockets (truth)", lambda o: f"{100 * availability(o):.2f} %"),
    Row("falls / seen by the supervisor", lambda o: f"{len(o.falls)} / {len(detections(o.falls))}"),
    Row("from death to seen, p50 / p95", lambda o: _seconds(detections(o.falls))),
    Row("– silent deaths, from the first send", lambda o: _seconds(detections_with_traffic(o.falls))),
    Row("– silent deaths, idle line", lambda o: _seconds(detections_idle(o.falls))),
    Row("from seen to back, p50 / p95", lambda o: _seconds(recoveries(o.falls))),
    Row("– single falls with a harmless cure", lambda o: _seconds(single_recoveries(o.falls))),
    Row("from WhatsApp answering again to back, p50 / p95", lambda o: _seconds(returns(o))),
    Row("from death to a working socket, p50 / p95", lambda o: _seconds(repairs(o.falls))),
    Row("messages handed over / delivered", lambda o: f"{o.messages.accepted} / {o.messages.delivered}"),
    Row("– delivered later than a minute", lambda o: str(o.messages.late)),
    Row("– still waiting, with a reason", lambda o: str(o.messages.waiting + o.messages.in_doubt)),
    Row("– failed or expired, and said so", lambda o: str(o.messages.said_failed)),
    Row("– **lost**", lambda o: f"**{o.messages.lost}**"),
    Row("– **doubled**", lambda o: f"**{o.messages.doubled}**"),
    Row("destructive calls", lambda o: str(o.destructive)),
    Row("unlinks by the supervisor (of all)", _unlinks),
    Row("second sockets opened beside one on its way", lambda o: str(o.races)),
    Row("false alarms", lambda o: str(o.false_alarms)),
    Row("notices to people", lambda o: str(o.notices)),
    Row("calls to providers per session and minute", lambda o: f"{_calls(o):.2f}"),
    Row("socket-opening calls, most in a minute (budget)", lambda o: f"{_most(o)} ({o.budget_per_minute:.0f})"),
    Row("broken rules", lambda o: str(len(o.violations)) if o.policy != "monitor" else "–"),
)


def _calls(outcome: Outcome) -> float:
    minutes = max(1.0, len(outcome.calls_per_minute))
    return sum(outcome.calls_per_minute) / minutes / max(1, outcome.sessions)


def _most(outcome: Outcome) -> int:
    return max(outcome.opens_per_minute, default=0)


def table(outcomes: Sequence[Outcome]) -> str:
    """One Markdown table, a column for each outcome."""
    head = ["", *(outcome.policy for outcome in outcomes)]
    lines = [head, ["---"] + ["---:"] * len(outcomes)]
    lines += [[row.name, *(row.tell(outcome) for outcome in outcomes)] for row in ROWS]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def story(outcome: Outcome) -> str:
    """What every policy met, in one sentence."""
    told = ", ".join(f"{kind} {count}" for kind, count in outcome.faults.items())
    servers = f"{outcome.servers} servers" if outcome.servers > 1 else "one server"
    watched = f", watched by {outcome.gateways} gateways" if outcome.gateways > 1 else ""
    return (
        f"{outcome.sessions} sessions on {servers}{watched}, {outcome.hours:g} h of virtual time,"
        f" seed {outcome.seed}; {sum(outcome.faults.values())} faults: {told}."
    )


def page(outcomes: Sequence[Outcome], command: str, pictures: Mapping[str, str]) -> str:
    """The whole report: the command, the story, the table, broken rules, the pictures (name → alternative text)."""
    parts = [
        "# A simulated fleet",
        f"```\n{command}\n```",
        story(outcomes[0]),
        table(outcomes),
        *(f"## Falls apart under `{o.policy}`\n\n" + apart(o.falls) for o in outcomes[:1]),
    ]
    parts += [f"## Broken rules under `{o.policy}`\n\n" + broken(o) for o in outcomes if o.violations]
    parts += [f"![{text}]({name})" for name, text in pictures.items()]
    took = ", ".join(f"`{o.policy}` {o.real_s:.1f} s (digest `{o.digest}`)" for o in outcomes)
    parts.append(f"Real time, all gateways together: {took}.")
    return "\n\n".join(parts) + "\n"


def broken(outcome: Outcome, most: int = 20) -> str:
    """The first broken rules, one a line."""
    lines = [f"- {violation}" for violation in outcome.violations[:most]]
    if len(outcome.violations) > most:
        lines.append(f"- and {len(outcome.violations) - most} more")
    return "\n".join(lines)


def swarm_line(outcomes: Sequence[Outcome]) -> str:
    """What many small runs came to, in one line."""
    falls = [fall for outcome in outcomes for fall in outcome.falls]
    told: dict[str, object] = {
        "seeds": len(outcomes),
        "broken": sum(1 for one in outcomes if one.violations),
        "faults": sum(sum(one.faults.values()) for one in outcomes),
        "falls": len(falls),
        "messages": sum(one.messages.accepted for one in outcomes),
        "lost": sum(one.messages.lost for one in outcomes),
        "doubled": sum(one.messages.doubled for one in outcomes),
        "doubled where nobody could tell": sum(one.messages.untellable for one in outcomes),
        "destructive": sum(one.destructive for one in outcomes),
        "asked while away": sum(v.rule == "asked-while-away" for one in outcomes for v in one.violations),
        "races": sum(one.races for one in outcomes),
        "false alarms": sum(one.false_alarms for one in outcomes),
    }
    times = (
        ("silent death to seen, with traffic", detections_with_traffic(falls)),
        ("idle", detections_idle(falls)),
        ("seen to back, single falls", single_recoveries(falls)),
        ("WhatsApp again to back", [one for outcome in outcomes for one in returns(outcome)]),
    )
    told |= {name: _seconds(values) for name, values in times}
    return ", ".join(f"{name} {value}" for name, value in told.items())
