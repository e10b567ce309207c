"""The code on a whole terminal, for as long as it may be scanned: a new one takes its place, an old one is gone.

The stream of events says when to look; looking goes on beside it, for a lost event. What may be scanned is the
gateway's word at the last look, and until it expires; while the gateway is not heard, no code is shown. Never lives
here: how a code is drawn (`qr_picture`), a rule of pairing.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import typer

from esteio.cli import output, texts
from esteio.cli.errors import FAILED, Failed, Refused
from esteio.cli.keyboard import Keys, end_by_signal, keyboard
from esteio.cli.remote import qr_picture
from esteio.cli.remote.client import STREAM_AGAIN_S, Client, Document, connect, path
from esteio.clock import SystemClock, stopwatch

LINKED = frozenset({"connected", "degraded"})
LOOK_EVERY_S = 2.0
TICK_S = 0.1
"""So often it is looked whether a key was pressed or an event came."""
ENTER = frozenset({"\n", "\r"})
END = frozenset({"q", "Q"})
NO_SCAN = frozenset(
    {
        "boot-grace",
        "closed",
        "flapping",
        "ghost-socket",
        "half-open",
        "own-duel",
        "quarantine",
        "reconnecting",
        "restart-cooldown",
        "server-down",
        "suspect",
    }
)
"""Reasons of a session that is linked and down (docs/reference/states.md): it comes back without a code."""
ENTER_SCREEN, LEAVE_SCREEN = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
HOME, END_OF_LINE, REST = "\x1b[H", "\x1b[K", "\x1b[J"
Line = str | list[output.Span]
"""As it is written, or to be styled."""


class View(NamedTuple):
    """What is so. `code` may be scanned, `typed` typed, for as many seconds as are left; `lost`: the gateway is not
    heard; `note`: what came of the last key."""

    session: Document
    code: Document | None = None
    typed: str = ""
    left_s: float = 0.0
    lost: str = ""
    note: str = ""


def follow(client: Client, name: str, pairing: Document | None) -> None:
    """Until the session is linked. `pairing`: the answer that brought a code to type, to show that one. Raises
    `Failed`, and `typer.Exit` with 1 when a person ends it."""
    watch = Watch(client, connect(), name, pairing)
    end_by_signal()
    try:
        watch.look()
        if watch.view.session["state"] in LINKED:
            output.line(("good", texts.say("qr-not-needed", **_named(watch.view.session))))
            return
        watch.listen()
        with _screen(), keyboard() as keys:
            _until_linked(watch, keys)
    except KeyboardInterrupt as error:
        raise typer.Exit(FAILED) from error
    output.line(("good", texts.say("qr-linked", name=output.clean(name))))


def _named(session: Document) -> dict[str, str]:
    return {"name": output.clean(session["name"]), "state": texts.named("state", session["state"])}


def _until_linked(watch: Watch, keys: Keys) -> None:
    shown: list[Line] = []
    while watch.view.session["state"] not in LINKED:
        wanted = lines(watch.now_view(), *shutil.get_terminal_size())
        if wanted != shown:
            shown = wanted
            _put(shown)
        pressed = set(keys(TICK_S) or ())
        if END & pressed:
            raise typer.Exit(FAILED)
        if ENTER & pressed:
            watch.ask()
        if watch.due:
            watch.look()


@contextmanager
def _screen() -> Iterator[None]:
    """The terminal's other screen: when it is left, the code is gone from it."""
    sys.stdout.write(ENTER_SCREEN)
    try:
        yield
    finally:
        sys.stdout.write(LEAVE_SCREEN)
        sys.stdout.flush()


def _put(shown: list[Line]) -> None:
    written = [line if isinstance(line, str) else output.styled(line) for line in shown]
    sys.stdout.write(HOME + "".join(f"{line}{END_OF_LINE}\r\n" for line in written) + REST)
    sys.stdout.flush()


class Watch:
    """One session and its code, as the gateway told it last."""

    def __init__(self, client: Client, listener: Client, name: str, pairing: Document | None) -> None:
        self._client, self._listener, self._name = client, listener, name
        self._clock = SystemClock()
        self._ahead, self._looked_at = 0.0, 0.0
        self._news, self._told = threading.Event(), pairing
        self._typing = pairing is not None
        self.view = View({"name": name, "state": "", "reason": {"code": "", "text": "", "action": None}})

    def __repr__(self) -> str:
        return f"Watch({self._name!r})"

    def listen(self) -> None:
        """Events are heard from now on, in a thread that ends with the process."""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        place: int | None = None
        while True:
            try:
                for event in self._listener.stream(place):
                    if event is not None:
                        place = event[0]
                        self._heard(event[1], event[2])
                    else:
                        self._news.set()  # what happened before the stream was open has not been told
            except Failed as error:
                if isinstance(error, Refused):
                    place = None
                    if error.code != "place-ahead":
                        return  # looking goes on, and says why
            self._news.set()
            time.sleep(STREAM_AGAIN_S)

    def _heard(self, kind: str, document: Document) -> None:
        data = document.get("data") or {}
        if self._name not in (document.get("session"), data.get("session"), data.get("name")):
            return
        if kind == "session.qr":
            self._told = data
        self._news.set()

    @property
    def due(self) -> bool:
        """Whether it is time to look: something was heard, or the last look is old."""
        return self._news.is_set() or stopwatch() - self._looked_at > LOOK_EVERY_S

    def look(self) -> None:
        """Ask what is so. Raises `Failed` when the gateway refuses; when it is not heard, that is what is so."""
        self._news.clear()
        self._looked_at = stopwatch()
        try:
            session = self._client.get(path("sessions", self._name))
            answer = self._client.ask("GET", path("sessions", self._name, "qr"))
        except Failed as error:
            if isinstance(error, Refused) or not self.view.session["state"]:
                raise
            self.view = View(self.view.session, lost=texts.say(error.key, **error.values))
            return
        self._ahead = 0.0 if self._client.at is None else self._client.at - self._clock.now()
        self.view = View(session, answer.document() if answer.status == 200 else None, note=self.view.note)

    def ask(self) -> None:
        """Ask for a new code; what the gateway says to that becomes the note."""
        try:
            self._client.post(path("sessions", self._name, "pair"), {"wait_s": 0})
            note = texts.say("pairing", name=output.clean(self._name))
        except Failed as error:
            note = texts.say(error.key, **error.values)
        self.view = self.view._replace(note=note)
        self._news.set()

    def now_view(self) -> View:
        """What may be shown at this moment: no code that is over, and the one to type where that was asked for."""
        view, code = self.view, self.view.code
        if self._typing and self._told is not None:
            typed = self._told.get("pairing_code") or ""
            left_s = self._left_s(self._told.get("qr") or {}) if typed else 0.0
            waits = view.session["state"] == "awaiting_qr" and not view.lost
            return view._replace(code=None, typed=typed if waits and left_s > 0 else "", left_s=left_s)
        left_s = 0.0 if code is None else self._left_s(code)
        return view._replace(code=code if left_s > 0 else None, left_s=left_s)

    def _left_s(self, code: Document) -> float:
        return output.seconds(code["expires_at"]) - self._clock.now() - self._ahead if "expires_at" in code else 0.0


def lines(view: View, width: int, height: int) -> list[Line]:
    """The whole screen, at most `height` - 1 lines of `width`."""
    session = view.session
    state = session["state"]
    style = output.STATE_STYLES.get(state, "")
    shown = f"{output.SHAPES.get(state, output.UNKNOWN)} {texts.named('state', state)}"
    named: list[Line] = [[("head", f"{output.clean(session['name'])}  "), (style, shown)]]
    below = [*_said(view, width), *_wrapped("dim", texts.say("qr-keys"), width)]
    if view.code is None or view.lost:
        return [*named, [], *below][: height - 1]
    try:
        modules = qr_picture.modules_of(view.code)
    except Failed as error:
        return [*named, [], *_wrapped("bad", texts.say(error.key), width)]
    drawn = qr_picture.drawn(modules)
    needs = len(drawn) + 2
    if needs >= height or qr_picture.side(modules) > width:
        small = texts.say("qr-too-large", rows=needs + 1, columns=qr_picture.side(modules))
        return [*named, [], *_wrapped("bad", small, width)][: height - 1]
    # The seconds come first: they are the last to give way where room is short.
    left = _left(view)
    if len(named) + len(drawn) + len(below) + 1 < height:
        return [*named, *drawn, left, *below]
    return [*drawn, left, *below][: height - 1]


def _left(view: View) -> Line:
    return [("warn" if view.left_s < 10 else "", texts.count("qr-left", max(1, round(view.left_s))))]


def _said(view: View, width: int) -> Iterator[Line]:
    """What a person does now, or why nothing is to be done."""
    reason = view.session["reason"]
    if view.lost:
        yield from _wrapped("bad", texts.say("qr-lost", why=view.lost), width)
        return
    if view.typed:
        yield [("head", f"  {view.typed}")]
        yield []
        yield _left(view)
        yield from _wrapped("", texts.say("qr-type"), width)
    elif view.code is not None:
        yield from _wrapped("", f"{texts.say('qr-scan')} {texts.say('qr-replaces')}", width)
    else:
        yield from _wrapped("", reason["text"], width)
        yield from _wrapped("warn", reason["action"] or "", width)
        if reason["code"] in NO_SCAN:
            yield from _wrapped("good", texts.say("qr-no-scan"), width)
    yield from _wrapped("warn", view.note if view.code is None else "", width)


def _wrapped(style: output.Style, told: Any, width: int) -> Iterator[Line]:
    for one in textwrap.wrap(output.clean(told), max(8, width - 1)):
        yield [(style, one)]
