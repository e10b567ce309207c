"""Looks at Evolution: probe, inventory, read_qr, check_webhook. All are reads, but for the presence of a socket probe.

What each look is worth (2.3.7, observed): `connectionState` is hearsay in memory, `fetchInstances` is hearsay on disk
that knows why and when a session ended, `setPresence unavailable` proves the websocket object open or dead in 5 ms
(never `available`, which silences the phone) where the login has a name, `fetchBusinessProfile` asks WhatsApp itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern
from urllib.parse import quote

from esteio.core.model.evidence import NOT_LOADED, Evidence, Source, seen
from esteio.providers.base import Flow, InventoryEntry, InventoryOutcome, ProbeDepth, ProbeOutcome, SessionEndpoint
from esteio.providers.classify import SHORT, list_news
from esteio.providers.evolution.client import (
    LIST_S,
    ROUND_TRIP_S,
    STATE_S,
    Word,
    call,
    claim,
    instance,
    news,
    qr_of,
    say,
    terminal,
)
from esteio.providers.evolution.control import webhook_evidence
from esteio.providers.parsing import Json, at, decode, iso, items, number, text
from esteio.providers.quirks import has
from esteio.providers.whatsapp import phone_of


def probe(where: SessionEndpoint, now: float, depth: ProbeDepth) -> Flow[ProbeOutcome]:
    """The state; for `socket` also the websocket; for `roundtrip` also WhatsApp. Where the state is not plainly open,
    or the socket contradicts it, the list tells why. Evidence stands in the order in which it was seen. For `pulse` the
    websocket alone, as long as it is open."""
    if depth == "pulse":
        beat = yield from _pulse(where, now)
        if beat is not None:
            return beat
    word = yield from say(where, call(where, "GET", "/instance/connectionState/{}", timeout_s=STATE_S))
    if word.kind != "ok":
        return ProbeOutcome(_unseen(word, now, "state"), detail=word.detail)
    if not isinstance(at(word.body, "instance"), dict):
        strange = seen("server_wrong_kind", now, "state", detail=word.detail[:SHORT])
        return ProbeOutcome(
            (strange, seen("look_failed", now, "state", detail=word.detail[:SHORT])), detail=word.detail
        )
    state = at(word.body, "instance", "state")
    # An instance that is in the database and not in memory has no state at all (recorded: simO-boot-state).
    evidence = [*news(word, now, "state"), claim(state or NOT_LOADED, now, "state")]
    socket = ""
    if depth != "state":
        socket = yield from _socket(where, now, evidence)
    if socket == "unwritten" or (depth == "roundtrip" and socket == "ok"):
        asked = yield from _round_trip(where, now, evidence)
        socket = "closed" if asked == "closed" else socket
    if _disagree(state, socket):
        yield from _why(where, now, evidence, state, socket)
    return ProbeOutcome(_once(evidence))


def _once(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Without repetitions: every step of one look says anew that the server answered."""
    kept: list[Evidence] = []
    for one in evidence:
        if not any(one.repeats(other) or one.kind == other.kind == "server_answered" for other in kept):
            kept.append(one)
    return tuple(kept)


def _unseen(word: Word, now: float, source: Source) -> tuple[Evidence, ...]:
    """A look that found nothing: the server's news, the session's where there is any, else that it failed."""
    found = news(word, now, source)
    if word.kind == "no":
        found = (*found, seen("request_wrong", now, source, detail=word.detail[:SHORT]))
    if any(one.subject == "session" and one.kind != "request_wrong" for one in found):
        return found
    return (*found, seen("look_failed", now, source, detail=word.detail[:SHORT]))


def _disagree(state: Json, socket: str) -> bool:
    return state == "close" or socket == "no_client" or (state == "open" and socket in ("closed", "unpaired"))


def _presence(where: SessionEndpoint) -> Flow[Word]:
    word = yield from say(
        where, call(where, "POST", "/instance/setPresence/{}", {"presence": "unavailable"}, timeout_s=STATE_S)
    )
    return word


def _pulse(where: SessionEndpoint, now: float) -> Flow[ProbeOutcome | None]:
    """None when it is not open, or cannot tell: then all is read, and the socket once more beside it."""
    if _may_be_nameless(where):  # guard: nameless-has-no-heartbeat
        return None
    word = yield from _presence(where)
    if word.kind == "ok":
        return ProbeOutcome((*news(word, now, "probe"), seen("socket_ok", now, "probe")))
    if word.kind in ("closed", "no_client", "silent"):  # guard: heartbeat-second-reading
        return None
    return ProbeOutcome(_unseen(word, now, "probe"), detail=word.detail)


def _may_be_nameless(where: SessionEndpoint) -> bool:
    """Whether a presence may be taken and never written: Baileys drops it where the login has no push name, and
    Evolution answers 201 over a dead socket. A login paired as a private account has none at first."""
    return not where.login_named and has("presence-nameless", "evolution", where.version)


def _named(where: SessionEndpoint, now: float, evidence: list[Evidence]) -> Flow[bool]:
    """Whether the row has the login's name. It is written at every open, so a name that came later is not in it: no
    name proves nothing, a name stays as long as the login."""
    row = yield from _row(where, now, evidence)
    if row is None or not (phone := phone_of(at(row, "ownerJid"))):
        return False
    name = text(at(row, "profileName"))
    if name:
        evidence.append(seen("identity_seen", now, "list", phone=phone, named="yes"))
    return bool(name)


def _socket(where: SessionEndpoint, now: float, evidence: list[Evidence]) -> Flow[str]:
    """`ok`, `unwritten` where a presence proves nothing, or why not. Half-open sockets pass this probe (recording 121):
    it is not yet a round trip."""
    word = yield from _presence(where)
    if word.kind == "ok" and _may_be_nameless(where):  # guard: nameless-presence-proves-nothing
        named = yield from _named(where, now, evidence)
        if not named:
            return "unwritten"
    if word.kind == "ok":
        evidence.append(seen("socket_ok", now, "probe"))
    elif word.kind == "closed":
        evidence.append(seen("socket_closed", now, "probe"))
    elif word.kind == "no_client":
        pass  # whether there are credentials the list must say
    elif word.kind == "silent":
        # A presence is written and never waited for: "Timed Out" here is the write's, and proves nothing.
        evidence.append(seen("look_failed", now, "probe", detail=word.detail[:SHORT]))
    else:
        evidence.extend(_unseen(word, now, "probe"))
    return word.kind


def _round_trip(where: SessionEndpoint, now: float, evidence: list[Evidence]) -> Flow[str]:
    """A question to WhatsApp itself: what came of it. Asked right after two answers of the same server, so silence here
    is the session's: the one time-out that speaks of a session."""
    word = yield from say(where, call(where, "POST", "/chat/fetchBusinessProfile/{}", {}, timeout_s=ROUND_TRIP_S))
    if word.kind == "ok":
        evidence.append(seen("round_trip_ok", now, "probe"))
    elif word.kind == "closed":
        evidence.append(seen("socket_closed", now, "probe"))
    elif word.kind in ("late", "silent"):
        evidence.append(seen("round_trip_silent", now, "probe", detail=word.detail[:SHORT]))
    else:
        evidence.extend(_unseen(word, now, "probe"))
    return word.kind


def _row(where: SessionEndpoint, now: float, evidence: list[Evidence]) -> Flow[Json]:
    """The list's row; None where there is none, with what that tells of the server."""
    path = f"/instance/fetchInstances?instanceName={quote(instance(where), safe='')}"
    word = yield from say(where, call(where, "GET", path, timeout_s=STATE_S))
    row = next((one for one in items(word.body) if text(at(one, "name")) == instance(where)), None)
    if word.kind == "ok" and row is not None:
        return row
    if word.kind not in ("ok", "unlisted"):
        evidence.extend(one for one in news(word, now, "list") if one.subject == "server")
    return None


def _why(where: SessionEndpoint, now: float, evidence: list[Evidence], state: Json, socket: str) -> Flow[None]:
    """The list's row: what ended the session and when, the phone, the list's own claim."""
    row = yield from _row(where, now, evidence)
    if row is None:
        return
    evidence.extend(row_evidence(row, now))
    if socket != "no_client":
        return
    if at(row, "ownerJid") is None:
        # No client in this process and never a phone on record: nobody has paired it yet.
        evidence.append(seen("unpaired", now, "list"))
    elif state == "close":
        # Loaded and never connected by this process: there is no socket at all.
        evidence.append(seen("socket_closed", now, "probe", detail="no client"))


def row_evidence(row: Json, now: float) -> Iterable[Evidence]:
    """One row of the database. The reason is never cleared on a later open (recording 138), but `open` is written
    with every open: a reason counts only while the row does not say open, and dates from when it was written."""
    status = at(row, "connectionStatus")
    yield claim(status, now, "list")
    if phone := phone_of(at(row, "ownerJid")):
        yield seen("identity_seen", now, "list", phone=phone)
    when = iso(at(row, "disconnectionAt"))
    if status != "open" and when is not None:
        ended = terminal(at(row, "disconnectionReasonCode"), now, "list", when, **_until(row, when))
        if ended is not None:
            yield ended


def _until(row: Json, when: float) -> dict[str, str]:
    """When a temporary ban ends, where WhatsApp said so (`expire`, seconds)."""
    why = at(row, "disconnectionObject")
    why = decode(why.encode()) if isinstance(why, str) else why
    expire = number(at(why, "error", "data", "expire"))
    return {"until": str(when + expire)} if expire else {}


def inventory(where: SessionEndpoint, now: float) -> Flow[InventoryOutcome]:
    """All rows. The version is read only while none is known (`where.version`), for `GET /` asks the world."""
    word = yield from say(where, call(where, "GET", "/instance/fetchInstances", timeout_s=LIST_S))
    fits = isinstance(word.body, list) if word.kind == "ok" else at(word.body, "response") is not None
    told = list_news(word.heard, now, fits=fits)
    if word.kind != "ok" or not fits:
        # Behind its licence wall a server still tells which version it is.
        behind = word.kind == "wall" and where.version is None
        return InventoryOutcome(None, told, (yield from _version(where)) if behind else None)
    entries = tuple(_entry(row) for row in word.body if isinstance(at(row, "name"), str))
    version = where.version
    if version is None:
        version = yield from _version(where)
    return InventoryOutcome(entries, told, version)


def _version(where: SessionEndpoint) -> Flow[str | None]:
    root = yield from say(where, call(where, "GET", "/", timeout_s=LIST_S))
    return text(at(root.body, "version")) if root.kind == "ok" else None


def _entry(row: Json) -> InventoryEntry:
    messages = number(at(row, "_count", "Message"))
    return InventoryEntry(
        key=intern(at(row, "name")),
        state=intern(text(at(row, "connectionStatus")) or ""),
        claim=claim(at(row, "connectionStatus"), 0.0, "list").kind,
        phone=phone_of(at(row, "ownerJid")),
        messages=None if messages is None else int(messages),
    )


def read_qr(where: SessionEndpoint, now: float) -> Flow[ProbeOutcome]:
    """The current code, when three reads prove that it belongs to a pairing under way.

    `connect` is free of side effects only while connecting, and then returns the last code ever made, used or not
    (recording 113). But the database says `connecting` from when a QR is shown and `open` from when the session opens:
    list `connecting` and state `connecting` together mean that a code was made and nobody has been let in since
    (recordings 045 against 107). One hole is left: for up to 60 s after a pairing the list still says `connecting`. So
    whoever shows codes must compare: a code equal to one seen before keeps its first date (each lives 45 s), and is not
    shown again after any sign that the pairing went on. `count` grows with every code while the server's process lives.
    """
    path = f"/instance/fetchInstances?instanceName={quote(instance(where), safe='')}"
    word = yield from say(where, call(where, "GET", path, timeout_s=STATE_S))
    row = next((one for one in items(word.body) if text(at(one, "name")) == instance(where)), None)
    if word.kind != "ok" or at(row, "connectionStatus") != "connecting":
        return ProbeOutcome(_unseen(word, now, "probe") if word.kind != "ok" else news(word, now, "list"))
    word = yield from say(where, call(where, "GET", "/instance/connectionState/{}", timeout_s=STATE_S))
    state = at(word.body, "instance", "state") if word.kind == "ok" else None
    if word.kind != "ok":
        return ProbeOutcome(_unseen(word, now, "state"))
    evidence = (*news(word, now, "state"), claim(state, now, "state"))
    if state != "connecting":
        return ProbeOutcome(evidence)
    word = yield from say(where, call(where, "GET", "/instance/connect/{}"))
    qr = qr_of(word.body) if word.kind == "ok" else None
    if qr is None:
        missing = (seen("no_qr_yet", now, "probe"),) if word.kind == "ok" else _unseen(word, now, "probe")
        return ProbeOutcome((*evidence, *missing))
    return ProbeOutcome((*evidence, seen("qr_shown", now, "probe")), qr)


def check_webhook(where: SessionEndpoint, now: float) -> Flow[ProbeOutcome]:
    """Whether the row is ours: address, switched on, all we need, and nothing that corrupts 2.3.7."""
    word = yield from say(where, call(where, "GET", "/webhook/find/{}", timeout_s=STATE_S))
    if word.kind != "ok":
        return ProbeOutcome(_unseen(word, now, "probe"), detail=word.detail)
    found = webhook_evidence(where, word.body, now, "probe")
    return ProbeOutcome((*news(word, now, "probe"), found), detail=found.data.get("detail", ""))
