"""The two questions, can it send and can it receive, with what answered them: seen when, from which source, and what
such evidence proves. Never lives here: an answer (`core.judge.state`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from esteio.api.dashboard.page import Moment, Visit
from esteio.api.v1.sessions import LAST_SEQ
from esteio.core.judge.facts import CODES
from esteio.core.model.evidence import KINDS
from esteio.core.model.session import Session
from esteio.core.model.state import Axis
from esteio.core.views.sentences import proof, timeline_text
from esteio.store.base import JournalEntry

LOOKED_BACK = 100
"""So many pieces of evidence back the source of an answer is looked for."""
WITNESSES = 2
"""Two of them make a death."""
BEFORE_S = 120.0
"""The first witness of a fall comes so long before it is proved, at most."""


CODED = "code"
"""The weight of a disconnect code: where it is read, and not only pushed, it proves by itself."""


class Witness(NamedTuple):
    """One piece of evidence behind an answer. `source` and `weight` as `core.model.evidence` has them; `text` "" where
    the answer's own sentence says the same."""

    text: str
    source: str
    weight: str
    at: Moment | None


class Light(NamedTuple):
    """One answer. `name`: `sends` or `receives`."""

    name: str
    value: str
    because: str
    at: Moment | None
    witnesses: tuple[Witness, ...]


async def shown(visit: Visit, session: Session) -> tuple[Light, Light]:
    """Both, as they stand."""
    seen = await visit.api.store.journal.page_back(session.id, LAST_SEQ, LOOKED_BACK, "evidence")
    sends = _light(visit, session, "sends", session.can_send, seen)
    receives = _light(visit, session, "receives", session.can_receive, seen)
    if session.can_send.value == "no" and session.can_send == session.can_receive:
        return sends, receives._replace(because=visit.say("session.same-reason"), witnesses=())
    return sends, receives


def _light(visit: Visit, session: Session, name: str, axis: Axis, seen: Sequence[JournalEntry]) -> Light:
    because = proof(axis, session.reason, visit.texts)
    found = _behind(axis, seen) if axis.value != "unknown" else iter(())
    witnesses = tuple(_witness(visit, line, because) for line in islice(found, WITNESSES if axis.value == "no" else 1))
    return Light(name, axis.value, because, visit.moment(axis.at), witnesses)


def _behind(axis: Axis, seen: Sequence[JournalEntry]) -> Iterator[JournalEntry]:
    """A `yes` is the evidence that it names; a `no` came of the deaths around its time, each kind once, and of none
    before the last life."""
    if axis.value == "yes":
        yield from (line for line in seen if line.code == axis.evidence)
        return
    since, told = axis.at or 0.0, set()
    lived = max((line.at for line in seen if _weight(line) == "life" and line.at < since), default=0.0)
    for line in seen:
        if _weight(line) == "death" and line.at >= max(lived, since - BEFORE_S) and line.code not in told:
            told.add(line.code)
            yield line


def _weight(line: JournalEntry) -> str:
    spec = KINDS.get(line.code)
    return "" if spec is None else spec.weight


def _witness(visit: Visit, line: JournalEntry, because: str) -> Witness:
    text = timeline_text(line.code, line.args, visit.texts)
    return Witness(
        text="" if text == because else text,
        source=line.data.get("source", "self"),
        weight=CODED if line.code in CODES else _weight(line),
        at=visit.moment(line.at),
    )
