"""The pictures of the documents, drawn from the code's own tables: states of a session and of a message, the ladder.

Where things stand is said here; what stands there, and which arrows there are, is asked of the core. An arrow that the
core has and no place here draws is an error, so that a picture cannot fall behind. Never lives here: how SVG is written
(`drawing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import get_args

from esteio.core.judge import ladder
from esteio.core.judge.diagnose import Kind, Verdict
from esteio.core.judge.state import update_state
from esteio.core.messages.transitions import MOVES, PUBLIC, Event
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.decision import Draft, View
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.message import MessageState
from esteio.core.model.policy import DEFAULT
from esteio.core.model.recovery import DESTRUCTIVE, Recovery
from esteio.core.model.server import Server
from esteio.core.model.session import SENDS, Session
from esteio.core.model.state import Reason, SessionState
from esteio.providers.registry import load
from tests.docs.drawing import LINE, Drawing, Point

FOLDER = "docs/pictures"
T0 = 1_795_247_456.0


def pictures() -> dict[str, str]:
    """Path in the repository → SVG."""
    return {f"{FOLDER}/{name}.svg": one.svg() for name, one in drawn().items()}


def drawn() -> dict[str, Drawing]:
    """Every picture by its name."""
    return {"session-states": session_states(), "message-states": message_states(), "recovery-ladder": ladder_drawn()}


def shown(name: str) -> tuple[str, str]:
    """Of a picture the mark in the page of states, and what stands there: it, with its words for who cannot see it."""
    return f"<!-- picture {name}: made from the core -->", f"![{drawn()[name].words}](../pictures/{name}.svg)"


# -- a session -----------------------------------------------------------------------------------------------------

SHOWN_AS: Mapping[SessionState, tuple[int, str]] = {
    "connected": (0, "good"),
    "degraded": (1, "asks"),
    "connecting": (2, "box"),
    "awaiting_qr": (3, "asks"),
    "disconnected": (4, "bad"),
    "error": (5, "bad"),
    "paused": (6, "box"),
}
"""Of each state its place from the top, and how it is drawn."""
LATER = Recovery(strikes=1)


def state_of(kind: Kind, *, weak: bool = False, later: bool = False, paused: bool = False) -> SessionState:
    """What a linked session is shown as that was connected, under a verdict; `later`: after a ladder that failed."""
    session = Session(
        id=SessionId(1), name=SessionName("shop-1"), server=ServerName("evo-1"), kind="evolution", created_at=T0,
        state="connected", linked=True, paused=paused, recovery=LATER if later else Recovery(),
    )  # fmt: skip
    can = load(()).as_mapping()["evolution"].capabilities
    view = View(session, Server(ServerName("evo-1"), "evolution", "http://evolution.example"), (), DEFAULT, can)
    draft = Draft(view, T0 + 600)
    reasons = (Reason("deaf"),) if weak else ()
    update_state(draft, Verdict(kind, Reason(kind), T0, weak=reasons))
    return draft.session.state


def verdict_states() -> dict[str, tuple[SessionState, SessionState]]:
    """Verdict → what it is shown as at first, and what after a ladder that failed."""
    found = {kind: (state_of(kind), state_of(kind, later=True)) for kind in get_args(Kind)}
    extra = (state_of("live", weak=True), state_of("live", weak=True, later=True))
    person = (state_of("live", paused=True), state_of("ghost", later=True, paused=True))
    return {**found, "live, with something wrong": extra, "any, while a person paused it": person}


def session_groups() -> list[tuple[tuple[SessionState, SessionState], list[str]]]:
    """The verdicts that are shown alike, from the best state to the worst."""

    def place(one: tuple[str, tuple[SessionState, SessionState]]) -> tuple[int, int]:
        return SHOWN_AS[one[1][0]][0], SHOWN_AS[one[1][1]][0]

    listed = sorted(verdict_states().items(), key=place)
    return [(shown, [name for name, _ in group]) for shown, group in groupby(listed, key=lambda one: one[1])]


def session_words() -> str:
    said = [
        f"{', '.join(names)}: {first if first == later else f'{first}, and {later} once a ladder failed'}"
        for (first, later), names in session_groups()
    ]
    return "What a session is shown as, by the verdict of its evidence. " + "; ".join(said) + "."


def session_states() -> Drawing:
    groups = session_groups()
    heights = [max(len(wrapped(names)) * LINE + 14, 40) for _, names in groups]
    height = max(sum(heights) + 14 * len(heights), 7 * 76) + 60
    drawing = Drawing(760, height, "States of a session", session_words())
    drawing.text((20, 28), "what the evidence comes to (the verdict)", "soft")
    drawing.text((740, 28), "what the session is shown as", "soft", "end")
    step = (height - 60) / len(SHOWN_AS)
    for state, (place, kind) in SHOWN_AS.items():
        drawing.box((560, 46 + place * step, 180, 54), [state, "sends" if SENDS[state] else "messages wait"], kind)
    top = 46.0
    for ((first, later), names), tall in zip(groups, heights, strict=True):
        drawing.box((20, top, 330, tall), wrapped(names), first="soft")
        for state in dict.fromkeys((first, later)):
            end = 46 + SHOWN_AS[state][0] * step + 27 + (6 if state != first else -6)
            drawing.arrow([(350, top + tall / 2), (560, end)], dashed=state != first)
        top += tall + 14
    drawing.text((20, height - 12), "dashed: once a whole ladder failed, or a step waits for a person", "soft")
    return drawing


def wrapped(names: Iterable[str], most: int = 46) -> list[str]:
    """Names in lines that are short enough for a box."""
    lines = [""]
    for name in names:
        if lines[-1] and len(lines[-1]) + len(name) + 2 > most:
            lines.append("")
        lines[-1] += f"{', ' if lines[-1] else ''}{name}"
    return lines


# -- a message -----------------------------------------------------------------------------------------------------

Edge = tuple[str, str]
PLACES: Mapping[MessageState, tuple[Point, str]] = {
    "queued": ((120, 70), "box"),
    "sending": ((330, 70), "box"),
    "in_doubt": ((330, 190), "asks"),
    "sent": ((570, 70), "good"),
    "delivered": ((790, 70), "good"),
    "read": ((790, 190), "good"),
    "cancelled": ((120, 376), "box"),
    "expired": ((330, 376), "bad"),
    "failed": ((570, 376), "bad"),
}
OPEN = ("queued", "sending", "in_doubt")
ENDED = ("cancelled", "expired", "failed")
ARROWS: Mapping[Edge, tuple[list[Point], Point | None]] = {
    ("queued", "sending"): ([(250, 84), (330, 84)], None),
    ("sending", "queued"): ([(330, 108), (250, 108)], None),
    ("sending", "in_doubt"): ([(395, 124), (395, 190)], None),
    ("in_doubt", "queued"): ([(330, 217), (185, 217), (185, 124)], (258, 217)),
    ("sending", "sent"): ([(460, 97), (570, 97)], (515, 84)),
    ("in_doubt", "sent"): ([(460, 210), (515, 210), (515, 112), (570, 112)], (515, 170)),
    ("sent", "delivered"): ([(700, 97), (790, 97)], (745, 84)),
    ("delivered", "read"): ([(855, 124), (855, 190)], None),
    ("queued", "cancelled"): ([(145, 124), (145, 376)], (150, 310)),
    ("open", "expired"): ([(395, 272), (395, 376)], (395, 310)),
    ("open", "failed"): ([(470, 272), (470, 310), (600, 310), (600, 376)], (535, 310)),
    ("sent", "failed"): ([(660, 124), (660, 376)], (660, 310)),
    ("ended", "queued"): ([(100, 420), (45, 420), (45, 97), (120, 97)], (45, 240)),
}
"""Every arrow, by what it joins: its corners, and where its label stands if not in the middle."""
LABELS: Mapping[Edge, str] = {
    ("queued", "sending"): "its turn",
    ("sending", "queued"): "not sent",
    ("sending", "in_doubt"): "no clear answer",
    ("in_doubt", "queued"): "surely not there,\nor resent",
    ("sending", "sent"): "accepted",
    ("in_doubt", "sent"): "found",
    ("sent", "delivered"): "on the phone",
    ("delivered", "read"): "read",
    ("queued", "cancelled"): "by a person",
    ("open", "expired"): "time is over",
    ("open", "failed"): "not tried again",
    ("sent", "failed"): "refused\nafterwards",
    ("ended", "queued"): "by a person,\nanew",
}
RECEIPTS: tuple[Event, ...] = ("receipt_server", "receipt_device", "receipt_read")


def message_edges() -> set[Edge]:
    """What follows what, as people see it. A receipt may skip a step; the picture shows the steps."""
    edges = {(PUBLIC[a], PUBLIC[b]) for moves in MOVES.values() for a, b in moves.items() if PUBLIC[a] != PUBLIC[b]}
    by_receipt = {(PUBLIC[a], PUBLIC[b]) for name in RECEIPTS for a, b in MOVES[name].items()}
    skips = {
        (a, c) for a, c in by_receipt for b in ("sent", "delivered") if {(a, b), (b, c)} <= by_receipt and a != b != c
    }
    return together({(str(a), str(b)) for a, b in edges - skips})


def together(edges: set[Edge]) -> set[Edge]:
    """Arrows that all of a group have are one arrow of the group."""
    for state in ("expired", "failed"):
        alike = {(one, state) for one in OPEN}
        assert alike <= edges, f"not all of {OPEN} may become {state}"
        edges = edges - alike | {("open", state)}
    alike = {(one, "queued") for one in ENDED}
    assert alike <= edges, f"not all of {ENDED} may be sent again"
    return edges - alike | {("ended", "queued")}


def message_words() -> str:
    names = {"open": "queued, sending or in_doubt", "ended": "cancelled, expired or failed"}
    said = [f"{names.get(a, a)} to {b} ({LABELS[a, b].replace(chr(10), ' ')})" for a, b in ARROWS]
    return "How a message moves: " + "; ".join(said) + ". A receipt may skip steps, and never leads back."


def message_states() -> Drawing:
    assert message_edges() == ARROWS.keys() == LABELS.keys(), (
        "an arrow of the code has no place in the picture, or none is left"
    )
    assert PLACES.keys() | {"held"} == set(get_args(MessageState)), "a state of a message has no place in the picture"
    drawing = Drawing(960, 470, "States of a message", message_words())
    drawing.group((100, 40, 380, 232), "not with the provider yet, as far as anybody knows")
    drawing.group((550, 40, 390, 232), "with the provider")
    drawing.group((100, 340, 620, 110), "over; a person may send it again", 58)
    for (start, end), (points, at) in ARROWS.items():
        drawing.arrow(points, LABELS[start, end], at, dashed="by a person" in LABELS[start, end])
    for state, ((x, y), kind) in PLACES.items():
        drawing.box((x, y, 130, 54), [state, *(["shown held, too"] if state == "queued" else [])], kind)
    return drawing


# -- the ladder ----------------------------------------------------------------------------------------------------

CASES: Mapping[Kind, str] = {
    "ghost": "a dead socket, said to be open",
    "closed": "closed, and said to be",
    "reconnecting": "the provider reconnects",
    "missing": "gone at the provider",
}


def plans(can: Capabilities) -> dict[Kind, tuple[str, ...]]:
    """Verdict → the rungs in their order, for a linked session under the default policy."""
    found = {kind: ladder.plan(Verdict(kind, Reason(kind), T0), DEFAULT, can) for kind in get_args(Kind)}
    assert {kind for kind, rungs in found.items() if rungs} == CASES.keys(), "a verdict with a plan is not drawn"
    return {kind: found[kind] for kind in CASES}


def counted(rungs: Iterable[str]) -> list[tuple[str, int]]:
    """Equal rungs in a row as one, with how many they are."""
    return [(rung, len(list(same))) for rung, same in groupby(rungs)]


def ladder_words() -> str:
    said = [
        f"{kind}, {CASES[verdict]}: "
        + ", then ".join(f"{rung} {count} times" if count > 1 else rung for rung, count in counted(rungs))
        for kind, adapter in load(()).as_mapping().items()
        for verdict, rungs in plans(adapter.capabilities).items()
    ]
    tail = f"At the end a pause of {DEFAULT.quarantine_s:g} s, doubled each time up to {DEFAULT.quarantine_max_s:g} s."
    return f"What is tried, in which order, under the default policy. {'; '.join(said)}. {tail}"


def ladder_drawn() -> Drawing:
    adapters = load(()).as_mapping()
    rows = len(adapters) * (len(CASES) * 54 + 40)
    drawing = Drawing(980, rows + 70, "The ladder", ladder_words())
    top = 16.0
    for kind, adapter in adapters.items():
        drawing.text((20, top + 22), kind, "title")
        top += 36
        for verdict, rungs in plans(adapter.capabilities).items():
            row(drawing, top, CASES[verdict], counted(rungs))
            top += 54
        top += 4
    effect = f"connect: {DEFAULT.connect_every_s:g} s for an effect, every other rung {DEFAULT.effect_within_s:g} s"
    when = f"after {DEFAULT.destructive_after_s:g} s, with proof, and only when a person agrees"
    asks = f"green keeps the link; yellow unlinks the phone: {when}"
    ends = f"pause: {DEFAULT.quarantine_s:g} s, doubled up to {DEFAULT.quarantine_max_s / 60:g} min"
    drawing.text((20, top + 22), f"{effect} · {ends}", "soft")
    drawing.text((20, top + 40), asks, "soft")
    return drawing


def row(drawing: Drawing, top: float, case: str, rungs: list[tuple[str, int]]) -> None:
    drawing.box((20, top, 240, 42), [case], first="soft")
    left = 260.0
    for rung, count in [*rungs, ("pause", 1)]:
        drawing.arrow([(left, top + 21), (left + 28, top + 21)])
        left += 28
        kind = "box" if rung == "pause" else "asks" if rung in DESTRUCTIVE else "good"
        drawing.box((left, top, 106, 42), [f"{rung} × {count}" if count > 1 else rung], kind)
        left += 106
