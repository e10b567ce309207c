"""`/incidents/{incident}`: one outage as a page that can be handed on.

What fell, why, how it was noticed, what was done, who was told, how it came back, what it cost: everything is read from
the journal between its beginning and its end. Never lives here: the list (`lists`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from esteio.api.dashboard.incidents.lists import CAUSES, told
from esteio.api.dashboard.page import Moment, Visit
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.api.http.route import teller
from esteio.core.model.evidence import KINDS, LIVES
from esteio.core.model.history import OutageRecord
from esteio.core.model.ids import SessionId, SessionName
from esteio.core.views.sentences import sentence, timeline_text
from esteio.engine.errors import CommandError
from esteio.store.base import JournalEntry

BEFORE_S = 300.0
"""What was seen so long before it began may have been its first sign."""
AFTER_S = 900.0
"""What comes so long after its end may belong to it: the notice that it is over waits for a second fall."""
SIGNS = 8
_GOOD = LIVES | {"said_connecting", "paired", "no_qr_yet", "server_answered"}
"""Hints that are no sign of a fall."""
LINES_AT_ONCE, MOST_LINES = 400, 4000
RESULTS = {
    "effect": "incident.effect",
    "no-effect": "incident.no-effect",
    "refused": "incident.refused",
    "exists": "incident.exists",
    "not-reached": "incident.not-reached",
    "interrupted": "incident.interrupted",
}
"""How a step ends, and what is said of it."""
STANDS = frozenset({"quarantined", "approval-asked", "approval-stale", "logout-in-vain", "server-restart-proposed",
                    "canary-healed", "canary-changed", "mass-fall-over"})  # fmt: skip
"""Decisions that are told among the steps."""


class Line(NamedTuple):
    """A sentence of the journal."""

    text: str
    at: Moment | None


class Step(NamedTuple):
    """One thing that was done: `result` "" while it is not known; `good` None where that is no question."""

    text: str
    at: Moment | None
    result: str
    good: bool | None


class Course(NamedTuple):
    """The journal of an outage, sorted. `cut`: more happened than is read."""

    signs: Sequence[JournalEntry]
    done: Sequence[JournalEntry]
    notices: Sequence[JournalEntry]
    proof: JournalEntry | None
    cut: bool


class Cost(NamedTuple):
    """Messages: that waited when it began, that were accepted in it, that wait still, that failed."""

    held: int
    accepted: int
    waiting: int
    failed: int


async def show(visit: Visit) -> ApiResponse:
    """The page. Raises `CommandError`."""
    found = visit.request.path["incident"]
    record = await visit.api.store.history.outage(found)
    if record is None:
        raise CommandError("not-found")
    if record.session_id is None or record.session is None:
        visit.request.scope.check_everything()
    else:
        await _check(visit, record.session_id, record.session)
    course = await _course(visit, record)
    parts = await visit.api.store.history.parts_of(found) if record.session is None else []
    tell = teller(visit.texts)
    return visit.drawn(
        "incident.html",
        causes=CAUSES,
        one=told(visit, record),
        action=await _action(visit, record),
        part_of=record.part_of if visit.request.scope.everything else None,
        signs=[Line(tell(line), visit.moment(_happened(line))) for line in course.signs],
        steps=_steps(visit, course.done),
        notices=[Line(tell(line), visit.moment(line.at)) for line in course.notices],
        proof=None if course.proof is None else Line(tell(course.proof), visit.moment(_happened(course.proof))),
        cut=course.cut,
        cost=await _cost(visit, [record, *parts]),
        parts=[told(visit, one) for one in parts],
    )


async def _check(visit: Visit, session_id: SessionId, session: SessionName) -> None:
    """Raises `CommandError`: not-found for another tenant's, session-out-of-reach for a name outside the patterns."""
    if not await visit.api.commands.lookup.owned(session_id, visit.request.scope):
        raise CommandError("not-found")
    visit.request.scope.check_name(session)  # guard: incident-page-in-scope


async def _action(visit: Visit, record: OutageRecord) -> str:
    """What a person can do, while it lasts."""
    if record.outage.ended_at is not None or record.session is None:
        return ""
    session = await visit.api.store.sessions.by_name(record.session)
    return "" if session is None else sentence(session.reason, visit.texts).action


async def _course(visit: Visit, record: OutageRecord) -> Course:
    outage = record.outage
    before, lines = await _read(visit, record)
    began = next((n for n, line in enumerate(lines) if line.code in ("outage-started", "mass-fall")), 0)
    seen = [line for line in (*before, *lines[:began]) if line.kind == "evidence" and _speaks_of_trouble(line)]
    signs = [line for line in seen if _happened(line) >= outage.since - BEFORE_S]
    ended = outage.ended_at
    within = [line for line in lines if ended is None or line.at <= ended + AFTER_S]
    during = [line for line in within if ended is None or line.at <= ended + 1]
    life = [line for line in during if line.kind == "evidence" and _lives(line)]
    return Course(
        signs=signs[-SIGNS:],
        done=[line for line in during if line.kind in ("act", "operator") or _of_people(line) or line.code in STANDS],
        notices=[line for line in within if line.kind == "notice"],
        proof=life[-1] if life and ended is not None else None,
        cut=len(lines) >= MOST_LINES,
    )


def _speaks_of_trouble(line: JournalEntry) -> bool:
    kind = KINDS.get(line.code)
    return kind is None or (kind.weight in ("death", "hint") and line.code not in _GOOD)


def _of_people(line: JournalEntry) -> bool:
    return line.kind == "evidence" and line.data.get("source") == "operator"


def _happened(line: JournalEntry) -> float:
    """When what it tells of happened, which of evidence is before it was written."""
    return float(line.data.get("happened_at", line.at))


def _lives(line: JournalEntry) -> bool:
    kind = KINDS.get(line.code)
    return kind is not None and (kind.weight == "life" or line.code == "server_answered")


async def _read(visit: Visit, record: OutageRecord) -> tuple[list[JournalEntry], list[JournalEntry]]:
    """What stood in its subject's journal before it, and what came after, up to its end."""
    journal, seq, until = visit.api.store.journal, record.after_seq, record.outage.ended_at
    if record.session_id is None:
        before = list(await journal.page_back_of_server(record.server, seq + 1, SIGNS * 3))[::-1]
    else:
        before = list(await journal.page_back(record.session_id, seq + 1, SIGNS * 3))[::-1]
    lines: list[JournalEntry] = []
    while len(lines) < MOST_LINES:
        if record.session_id is None:
            page = await journal.page_of_server(record.server, seq, LINES_AT_ONCE)
        else:
            page = await journal.page(record.session_id, seq, LINES_AT_ONCE)
        lines += page
        if len(page) < LINES_AT_ONCE or (until is not None and page[-1].at > until + AFTER_S):
            break
        seq = page[-1].seq or seq
    return before, lines


def _steps(visit: Visit, done: Sequence[JournalEntry]) -> list[Step]:
    """Each step with its result, which is a line of its own in the journal."""
    steps: list[Step] = []
    open_at: dict[str, int] = {}
    for line in done:
        rung = line.args.get("rung", "")
        if line.code in RESULTS and rung in open_at:
            place = open_at.pop(rung)
            steps[place] = steps[place]._replace(result=visit.say(RESULTS[line.code]), good=line.code == "effect")
            continue
        if line.code == "begin":
            open_at[rung] = len(steps)
            steps.append(Step(_begun(visit, line.args), visit.moment(line.at), "", None))
        else:
            text = timeline_text(line.code, line.args, visit.texts, count=line.count)
            steps.append(Step(text, visit.moment(line.at), "", None))
    return steps


def _begun(visit: Visit, args: Mapping[str, str]) -> str:
    """A step by its name, without the reason that stands above already."""
    rung = visit.texts.word("rung", args.get("rung", ""))
    return visit.say("incident.step", rung=rung[:1].upper() + rung[1:], number=_again(args.get("number", "")))


def _again(number: str) -> str:
    return "" if number in ("", "0", "1") else number


async def _cost(visit: Visit, records: Sequence[OutageRecord]) -> Cost:
    """Of all of them together."""
    now, found = visit.api.clock.now(), []
    for one in records:
        if one.session_id is not None:
            until = now if one.outage.ended_at is None else one.outage.ended_at
            found.append((one, await visit.api.store.history.cost(one.session_id, one.outage.since, until)))
    return Cost(
        held=sum(one.outage.held_at_start for one, _ in found),
        accepted=sum(cost.accepted for _, cost in found),
        waiting=sum(cost.waiting for _, cost in found),
        failed=sum(cost.failed for _, cost in found),
    )


ROUTES = (PageRoute("GET", "/incidents/{incident}", show, "read"),)
