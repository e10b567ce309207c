"""A fleet and its fate, drawn from one seed: servers, lines, who writes when, and what goes wrong when.

Everything is decided before the first second passes, by dice of the plan's own: each policy meets the same fleet, the
same conversations and the same faults. Each seed uses only a part of the vocabulary and its own intensity, so that
many small seeds reach corners that one average storm never does. Never lives here: what a fault does (`faults`), a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from random import Random
from typing import Any, Literal

import msgspec

HOUR = 3600.0
LOCAL_OFFSET_S = -3 * HOUR
"""The rhythm of the day is Brasília's."""
FLEET_PER_SERVER = 12
"""Sessions per server when the number of servers is not given, up to `SERVERS_AT_MOST` servers."""
SERVERS_AT_MOST = 20
DAY = (0.02, 0.01, 0.01, 0.01, 0.02, 0.05, 0.15, 0.4, 0.8, 1.0, 1.0, 0.95,
       0.7, 0.85, 1.0, 1.0, 0.95, 0.9, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05)  # fmt: skip
"""How busy each local hour is."""
WEEKEND = 0.25


class PlannedServer(msgspec.Struct, frozen=True):
    """A provider's server of the plan: its name, and the kind of its dialect."""

    name: str
    kind: str


class PlannedLine(msgspec.Struct, frozen=True):
    """One session. Rates are messages per busy hour; `answers` is how often its bot replies to a contact."""

    name: str
    server: str
    number: str
    out_rate: float
    in_rate: float
    answers: float
    contacts: tuple[str, ...]


class PlannedFault(msgspec.Struct, frozen=True):
    """A fault at `at` seconds after the start; `session` None hits the server."""

    at: float
    server: str
    session: str | None
    kind: str
    params: Mapping[str, Any]


class Talk(msgspec.Struct, frozen=True):
    """One message that somebody wants to send at `at`: a contact (`in`) or the application (`out`)."""

    at: float
    line: int
    way: Literal["in", "out"]
    contact: str
    number: int


class Plan(msgspec.Struct, frozen=True):
    """The whole story but for what the supervisor makes of it, or the part of it that happens at some servers."""

    seed: int
    hours: float
    epoch0: float
    servers: tuple[PlannedServer, ...]
    lines: tuple[PlannedLine, ...]
    faults: tuple[PlannedFault, ...]
    whole: tuple[PlannedLine, ...] = ()
    """Of a part: the lines of the whole story, whose conversations are drawn together."""

    @property
    def lasts_s(self) -> float:
        return self.hours * HOUR

    def talks(self) -> Iterator[Talk]:
        """Every message of the story, in order of time; `Talk.line` is an index into `lines`."""
        if not self.whole:
            return _talks(self)
        place = {line.name: index for index, line in enumerate(self.lines)}
        here = {index: place[line.name] for index, line in enumerate(self.whole) if line.name in place}
        told = _talks(msgspec.structs.replace(self, lines=self.whole))
        return (msgspec.structs.replace(talk, line=here[talk.line]) for talk in told if talk.line in here)

    def parts(self, count: int) -> tuple[Plan, ...]:
        """The story told by servers, in at most `count` parts, the most eventful first: who has it in hand should not
        be the last to be done. Nothing in it spans servers: neither lines, nor faults, nor who writes to whom."""
        if count <= 1:
            return (self,)
        parts = [self._part(self.servers[first::count]) for first in range(min(count, len(self.servers)))]
        return tuple(sorted(parts, key=lambda part: -len(part.faults)))

    def _part(self, servers: tuple[PlannedServer, ...]) -> Plan:
        names = {server.name for server in servers}
        return msgspec.structs.replace(
            self,
            servers=servers,
            lines=tuple(line for line in self.lines if line.server in names),
            faults=tuple(fault for fault in self.faults if fault.server in names),
            whole=self.whole or self.lines,
        )


def draw(
    seed: int,
    *,
    sessions: int,
    hours: float,
    epoch0: float,
    servers: int = 0,
    storm: float | None = None,
    talk: float | None = None,
    every_kind: bool = False,
) -> Plan:
    """The plan of this seed. `storm` scales how much goes wrong; None lets the seed choose, from calm to wild.
    `talk` does the same for the conversations. Unless `every_kind`, the seed leaves some kinds of faults out."""
    dice = Random(f"esteio plan {seed}")
    count = servers or max(1, min(SERVERS_AT_MOST, round(sessions / FLEET_PER_SERVER)))
    homes = tuple(_server(dice, i) for i in range(count))
    words = dice.choice((1.0, 1.0, 5.0, 20.0)) if talk is None else talk
    lines = tuple(_line(dice, i, homes[i % count], words) for i in range(sessions))
    scale = dice.choice((1.0, 4.0, 12.0, 40.0)) if storm is None else storm
    later = Random(f"esteio plan {seed}, later")
    faults = sorted(
        chain(
            _faults(dice, homes, lines, FIRST, hours=hours, scale=scale, every=every_kind),
            _faults(later, homes, lines, LATER, hours=hours, scale=scale, every=every_kind),
            _unreachable(later, homes) if storm is None else (),
        ),
        key=lambda one: (one.at, one.server, one.session or ""),
    )
    return Plan(seed, hours, epoch0, homes, lines, tuple(faults))


def _server(dice: Random, index: int) -> PlannedServer:
    kind = dice.choices(("evolution", "baileys", "wapi"), (70, 15, 15))[0] if index else "evolution"
    return PlannedServer(f"{kind}-{index + 1}", kind)


def _line(dice: Random, index: int, home: PlannedServer, talk: float) -> PlannedLine:
    idle = dice.random() < 0.15
    busy = min(12.0, dice.lognormvariate(0.2, 0.8)) * talk
    contacts = tuple(f"55119{8_000_0000 + index * 40 + n:08d}" for n in range(dice.randint(3, 20)))
    return PlannedLine(
        name=f"line{index + 1:04d}",
        server=home.name,
        number=f"55119{9_000_0000 + index:08d}",
        out_rate=0.02 if idle else busy * dice.uniform(0.2, 1.0),
        in_rate=0.02 if idle else busy * dice.uniform(0.3, 1.2),
        answers=0.0 if idle else dice.choice((0.0, 0.5, 0.9)),
        contacts=contacts,
    )


# -- what goes wrong ----------------------------------------------------------------------------------------------


class Habit(msgspec.Struct, frozen=True):
    """How often a kind comes, per session or server and day, with the ways it comes in."""

    per_day: float
    ways: tuple[Mapping[str, Any], ...] = ({},)


SESSION_HABITS: Mapping[str, Habit] = {
    "drop": Habit(2.0, ({"code": 428}, {"code": 408}, {"code": 503}, {"code": 428, "down_s": (5.0, 120.0)},
                        {"code": 428, "down_s": (20.0, 300.0), "road": "blackhole"})),
    "ghost": Habit(1.0, ({"variant": "restart_cures"}, {"variant": "restart_cures"}, {"variant": "restart_noop"},
                         {"variant": "late_open"}, {"variant": "old_logout_works"})),
    "half_open": Habit(0.4, ({}, {}, {"forever": True})),
    "flap": Habit(0.3, ({"for_s": (10.0, 240.0)}, {"for_s": (30.0, 120.0), "opens": 0.3})),
    "stuck_connecting": Habit(0.4),
    "replaced": Habit(0.1, ({"times": 1}, {"times": 4}, {"for_s": (60.0, 600.0)})),
    "revoked": Habit(0.03),
    "banned": Habit(0.01, ({"code": 403}, {"code": 406})),
    "temp_banned": Habit(0.03, ({"until_s": (600.0, 7200.0)},)),
    "deaf": Habit(0.15, ({"variant": "restart_cures"}, {"variant": "only_server_restart"}, {"variant": "restart_cures",
                                                                                       "swallow": True})),
    "stalled": Habit(0.1, ({"socket": "alive", "for_s": (60.0, 1800.0)}, {"socket": "dead"})),
    "ack_error_463": Habit(0.1, ({"who": "cold", "for_s": (600.0, 7200.0)}, {"who": "all", "for_s": (600.0, 3600.0)})),
    "ack_silent": Habit(0.05, ({"for_s": (60.0, 900.0)},)),
    "stale_registry": Habit(0.3),
    "webhook_forgotten": Habit(0.2, ({"variant": "gone"}, {"variant": "events"}, {"variant": "disabled"},
                                     {"variant": "url"})),
}  # fmt: skip
SERVER_HABITS: Mapping[str, Habit] = {
    "webhook_late": Habit(0.7, ({"rate": 0.5, "late_s": (5.0, 1500.0), "for_s": (300.0, 5400.0)},)),
    "webhook_lost": Habit(0.7, ({"rate": 0.3, "for_s": (300.0, 3600.0)}, {"rate": 1.0, "for_s": (60.0, 900.0)})),
    "webhook_doubled": Habit(0.7, ({"rate": 0.5, "for_s": (300.0, 7200.0)},)),
    "lost_response": Habit(2.0, ({"verbs": "send", "count": 1}, {"verbs": "send", "count": 2, "how": "cut"},
                                 {"verbs": "send", "count": 1, "happens": False},
                                 {"verbs": "control", "count": 1}, {"verbs": "all", "count": 2})),
    "slow": Habit(0.7, ({"seconds": (1.0, 6.0), "for_s": (60.0, 600.0)}, {"seconds": (20.0, 90.0), "verbs": "send",
                                                                         "for_s": (60.0, 400.0)})),
    "errors_5xx": Habit(0.7, ({"rate": 0.3, "for_s": (30.0, 600.0)},
                              {"rate": 1.0, "status": 502, "for_s": (20.0, 300.0)})),
    "licence_wall": Habit(0.1, ({"for_s": (120.0, 1800.0)},)),
    "html_404": Habit(0.3, ({"for_s": (20.0, 300.0)},)),
    "server_down": Habit(0.3, ({"for_s": (30.0, 900.0), "boot_s": 20.0},)),
    "server_boot": Habit(1.0, ({"down_s": 3.0, "boot_s": 20.0}, {"down_s": 12.0, "boot_s": 30.0},
                               {"down_s": 8.0, "boot_s": 30.0, "flap_s": 90.0})),
    "network": Habit(0.5, ({"road": "refused", "for_s": (10.0, 600.0)}, {"road": "blackhole", "for_s": (30.0, 600.0)},
                           {"road": "flap", "for_s": (20.0, 180.0)}, {"road": "non101", "for_s": (20.0, 300.0)})),
}  # fmt: skip
LATER_SESSION_HABITS: Mapping[str, Habit] = {
    "drop": Habit(0.5, ({"code": 428, "down_s": (20.0, 300.0), "road": "shut"},)),
    "send_dropped": Habit(0.5, ({"code": 1006}, {"code": 1000})),
    "unstored": Habit(0.3, ({"variant": "adapter"}, {"variant": "prisma"}, {"variant": "died"})),
    "half_open": Habit(0.1, ({"again": 1},)),
    "revoked": Habit(0.01, ({"variant": "late_open"},)),
}
"""What was learned later is drawn by dice of its own, so that what a seed told before it still tells."""
LATER_SERVER_HABITS: Mapping[str, Habit] = {
    "network": Habit(0.5, ({"road": "shut", "for_s": (30.0, 600.0)}, {"road": "non101", "for_s": (60.0, 600.0)},
                           {"road": "refused", "for_s": (60.0, 600.0)})),
    "key_refused": Habit(0.3, ({"for_s": (60.0, 900.0)},)),
}  # fmt: skip
FIRST, LATER = (SESSION_HABITS, SERVER_HABITS), (LATER_SESSION_HABITS, LATER_SERVER_HABITS)
UNREACHABLE = 1 / 3
"""So many of the seeds that choose their own weather tell of a fleet whose webhooks never come."""
QUIET_S = 90.0
"""Nothing goes wrong in the first minute and a half: the fleet is adopted and looked at."""


def _faults(
    dice: Random,
    homes: tuple[PlannedServer, ...],
    lines: tuple[PlannedLine, ...],
    habits: tuple[Mapping[str, Habit], Mapping[str, Habit]],
    *,
    hours: float,
    scale: float,
    every: bool,
) -> Iterator[PlannedFault]:
    of_sessions, of_servers = habits
    # The last of them has no habit; it was thrown for when seeds first told their stories.
    kinds = sorted({*of_sessions, *of_servers, "pairing_broken"})
    enabled = {kind for kind in kinds if dice.random() < 0.6 or every}
    for kind, habit in of_sessions.items():
        if kind in enabled:
            for at in _times(dice, habit.per_day * scale * len(lines), hours):
                line = dice.choice(lines)
                yield PlannedFault(at, line.server, line.name, kind, _way(dice, habit))
    for kind, habit in of_servers.items():
        if kind in enabled:
            for at in _times(dice, habit.per_day * scale * len(homes), hours):
                yield PlannedFault(at, dice.choice(homes).name, None, kind, _way(dice, habit))


def _unreachable(dice: Random, homes: tuple[PlannedServer, ...]) -> Iterator[PlannedFault]:
    if dice.random() < UNREACHABLE:
        for home in homes:
            yield PlannedFault(0.0, home.name, None, "webhook_unreachable", {})


def _times(dice: Random, per_day: float, hours: float) -> Iterator[float]:
    at = QUIET_S
    while per_day > 0:
        at += dice.expovariate(per_day / (24 * HOUR))
        if at >= hours * HOUR:
            return
        yield round(at, 3)


def _way(dice: Random, habit: Habit) -> dict[str, Any]:
    """One of the ways, its ranges drawn; `seconds` and `late_s` are ranges for the fault itself."""
    way = dict(dice.choice(habit.ways))
    for name, value in way.items():
        if isinstance(value, tuple) and name not in ("seconds", "late_s"):
            way[name] = round(dice.uniform(*value), 1)
    return way


# -- who writes when ----------------------------------------------------------------------------------------------


def busyness(at_epoch: float) -> float:
    """How busy this moment is, from nearly nothing at night to one in the busiest hour of a working day."""
    local = at_epoch + LOCAL_OFFSET_S
    weekday = int(local // 86400 + 3) % 7
    return DAY[int(local % 86400 // HOUR)] * (WEEKEND if weekday >= 5 else 1.0)


def _talks(plan: Plan) -> Iterator[Talk]:
    dice = Random(f"esteio talk {plan.seed}")
    number = 0
    spill: list[tuple[float, int, Literal["in", "out"], str]] = []
    hour = 0.0
    while hour < plan.lasts_s:
        ends = min(hour + HOUR, plan.lasts_s)
        found = spill + [talk for index in range(len(plan.lines)) for talk in _hour(dice, plan, index, hour, ends)]
        spill = [one for one in found if one[0] >= ends]
        for at, line, way, contact in sorted(one for one in found if one[0] < ends):
            number += 1
            yield Talk(at, line, way, contact, number)
        hour = ends


def _hour(
    dice: Random, plan: Plan, index: int, begins: float, ends: float
) -> Iterator[tuple[float, int, Literal["in", "out"], str]]:
    line = plan.lines[index]
    busy = busyness(plan.epoch0 + begins)
    for at in _arrivals(dice, line.in_rate * busy, begins, ends):
        contact = dice.choice(line.contacts)
        yield at, index, "in", contact
        if dice.random() < line.answers:
            yield at + dice.uniform(1.5, 40.0), index, "out", contact
    for at in _arrivals(dice, line.out_rate * busy, begins, ends):
        yield at, index, "out", dice.choice(line.contacts)
    if dice.random() < 0.01 * busy * line.out_rate:
        began = dice.uniform(begins, ends)
        for contact in line.contacts:
            for _ in range(2):
                yield began + dice.uniform(0.0, 20.0), index, "out", contact


def _arrivals(dice: Random, per_hour: float, begins: float, ends: float) -> Iterator[float]:
    at = begins
    while per_hour > 0:
        at += dice.expovariate(per_hour / HOUR)
        if at >= ends:
            return
        yield round(at, 3)
