"""One story's account: what was broken, what Esteio saw and did, how long it took, and the proof.

A claim is one sentence: printed as proof when it holds, and as the fault of the run when it does not. What Esteio saw
and did is read from its own timeline; what really happened, from the world's ledger. Never lives here: a story.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

import msgspec

from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.core.views.sentences import sentence, timeline_text
from esteio.sim.demo.stage import Stage
from esteio.sim.demo.texts import Words
from esteio.sim.providers.wapi.instance import WapiInstance
from esteio.sim.world.ledger import ControlCall
from esteio.store.base import JournalEntry

TELLING = frozenset(
    {
        "send_closed", "socket_closed", "round_trip_silent", "said_closed", "said_connecting", "no_qr_yet", "qr_shown",
        "message_received", "look_failed", "paired",
    }
)  # fmt: skip
"""Evidence worth telling: what spoke against the session, and what brought it back."""
DID = frozenset({"begin", "effect", "no-effect", "refused", "not-reached", "server-restart-proposed", "mass-fall"})
PLAIN = frozenset({"live", "suspect", "connecting", "closed"})
"""Reasons whose change alone, without a change of state, is not worth a line."""
DESTRUCTIVE = {"logout", "delete"}
OPENING = {"connect", "restart"}
LINES_TOLD = 5
STEP_S = 0.1


class NotSo(Exception):
    """The story did not go as it must; the text says what was expected."""


class Part(msgspec.Struct):
    """What befell one session, or several together. Lists hold finished sentences."""

    who: str
    since: float
    broke: str
    saw: list[str] = []
    did: list[str] = []
    steps: list[tuple[float, str]] = []
    """What the script did in a person's place, with its moment."""
    took: str = ""
    proof: list[str] = []


class Account:
    """The account of one seed's story while it is played."""

    def __init__(self, code: str, stage: Stage, words: Words, patience_s: float) -> None:
        self.code, self.stage, self.words, self.patience_s = code, stage, words, patience_s
        self.parts: list[Part] = []
        self.faults: list[str] = []
        self.over = False

    def part(self, who: str, broke: str, /, **values: object) -> Part:
        """Something goes wrong now; `broke` names its sentence."""
        part = Part(who, self.stage.world.now(), self.words(broke, **values))
        self.parts.append(part)
        return part

    def took(self, part: Part, key: str = "took.back") -> float:
        """It is well again now."""
        seconds = self.stage.world.now() - part.since
        part.took = self.words(key, seconds=self.words.seconds(seconds))
        return seconds

    def prove(self, part: Part, holds: bool, key: str, /, **values: object) -> None:
        """A claim: proof when it holds. Raises `NotSo` when it does not."""
        claim = self.words(key, **values)
        if not holds:
            raise NotSo(self.words("fault.claim", who=part.who, claim=claim))
        part.proof.append(claim)

    async def together(self, *strands: Coroutine[Any, Any, None]) -> None:
        """Strands of one story side by side; each goes to its own end. Raises the last `NotSo`, the others are kept."""
        results = await asyncio.gather(*strands, return_exceptions=True)
        broken = [result for result in results if isinstance(result, BaseException)]
        for error in broken[:-1]:
            self.faults.append(str(error) if isinstance(error, NotSo) else self.words("fault.error", error=repr(error)))
        if broken:
            raise broken[-1]

    async def until(self, part: Part, done: Callable[[], Awaitable[bool]], key: str, /, **values: object) -> None:
        """Let time pass until it is so. Raises `NotSo` when patience ends."""
        try:
            await self.stage.until(done, self.patience_s, STEP_S)
        except TimeoutError:
            wish = self.words(key, **values)
            raise NotSo(self.words("fault.late", who=part.who, wish=wish, seconds=f"{self.patience_s:g}")) from None

    async def settled(self, *sessions: str) -> None:
        """Before anything is broken: all of these are connected, and their servers know where to send webhooks."""
        before = Part(", ".join(sessions), self.stage.world.now(), "")

        async def so() -> bool:
            rows = [await self.stage.session(name) for name in sessions]
            return all(row.state == "connected" and not row.facts.webhook_gone_at for row in rows)

        await self.until(before, so, "wish.settled")

    async def until_state(self, part: Part, session: str, *states: str) -> Session:
        """The session once it is in one of these states."""

        async def so() -> bool:
            return (await self.stage.session(session)).state in states

        await self.until(part, so, "wish.state", session=session, state=self.words.state(states[0]))
        return await self.stage.session(session)

    # -- what Esteio saw and did -----------------------------------------------------------------------------------

    async def account(self, part: Part, *sessions: str) -> None:
        """Read from the timelines what happened since the part began."""
        for session in sessions:
            mark = f"{session}: " if len(sessions) > 1 else ""
            lines = [line for line in await self.stage.timeline(session) if _first(line) >= part.since]
            seen = [f"+{self._ago(part, _first(line))}  {mark}{line_text(self.words, line)}" for line in _seen(lines)]
            part.saw += seen[:LINES_TOLD]
            acts = (line for line in lines if line.code in DID and line.args.get("rung") != "set_webhook")
            part.steps += [(_first(line), mark + line_text(self.words, line)) for line in acts]
        part.did = [f"+{self._ago(part, at)}  {text}" for at, text in sorted(part.steps)]

    def step(self, part: Part, key: str, /, **values: object) -> None:
        """The script acts now, in a person's place."""
        part.steps.append((self.stage.world.now(), self.words(key, **values)))

    def _ago(self, part: Part, at: float) -> str:
        return self.words.seconds(max(0.0, at - part.since))

    # -- what really happened --------------------------------------------------------------------------------------

    async def delivered(self, part: Part, chats: Mapping[str, Sequence[str]]) -> None:
        """All of these (contact → texts) are brought: once each, in every chat in the order of acceptance."""
        count = sum(len(texts) for texts in chats.values())

        def there(to: str) -> list[str]:
            return [one.text for one in self.stage.world.ledger.delivered if one.recipient == to]

        async def all_there() -> bool:
            return all(set(texts) <= set(there(to)) for to, texts in chats.items())

        await self.until(part, all_there, "wish.delivered", count=count)
        self.prove(part, all(there(to) == list(texts) for to, texts in chats.items()), "proof.delivered", count=count)

    async def arrived(self, part: Part, session: str, provider_id: str) -> None:
        """A contact's message is in the inbox."""
        row = await self.stage.session(session)

        async def there() -> bool:
            return await self.stage.store.messages.by_provider_id(row.id, provider_id) is not None

        await self.until(part, there, "wish.arrived", session=session)

    def unharmed(self, part: Part, server: str) -> None:
        """Nothing was logged out, deleted or unlinked, and no two sockets fought, on this server."""
        ledger = self.stage.world.ledger
        harm = [call.verb for call in ledger.control_calls(server, verbs=DESTRUCTIVE)]
        harm += [one.cause for one in ledger.unlinks if one.server == server]
        harm += [one.cause for one in ledger.duels if one.server == server]
        self.prove(part, not harm, "proof.unharmed", harm=", ".join(harm))

    def opened(self, part: Part, session: str) -> list[ControlCall]:
        """Control calls that the provider got for this session since the part began."""
        calls = self.stage.world.ledger.control_calls(verbs=OPENING)
        return [call for call in calls if call.session == self.ref(session) and call.at >= part.since]

    async def states(self, session: str, since: float) -> list[str]:
        """The other states it came to since then, in order."""
        lines = await self.stage.timeline(session)
        moved = (line.args for line in lines if line.code == "state" and line.at >= since)
        return [args["to"] for args in moved if args["from"] != args["to"]]

    def ref(self, session: str) -> str:
        """What the provider calls it."""
        for server in self.stage.world.servers.values():
            for line in server.lines.values():
                if line.name == session or (isinstance(line, WapiInstance) and line.title == session):
                    return line.name
        raise KeyError(session)


def line_text(words: Words, line: JournalEntry) -> str:
    """A timeline's line in few words: a change of state with its reason, an act without."""
    if line.code == "state":
        why = sentence(Reason(line.args["because"], line.args), words.texts).text
        return f"{words.state(line.args['to'])}: {why}"
    if line.code == "begin":
        return timeline_text("begin", {**line.args, "because": ""}, words.texts)
    return timeline_text(line.code, line.args, words.texts)


def telling(line: JournalEntry) -> bool:
    """Whether a change of state is one that people notice."""
    return line.code != "state" or line.args["from"] != line.args["to"] or line.args["because"] not in PLAIN


def _first(line: JournalEntry) -> float:
    return line.first_at or line.at


def _seen(lines: Sequence[JournalEntry]) -> list[JournalEntry]:
    """Each telling piece of evidence once, and each change of state, in order of their first moments."""
    told: set[str] = set()
    kept = []
    for line in sorted(lines, key=_first):
        new = line.kind == "evidence" and line.code in TELLING and line.code not in told
        if new or (line.code == "state" and telling(line)):
            told.add(line.code)
            kept.append(line)
    return kept


def closest(times: Sequence[float]) -> float:
    """The smallest gap between one and the next, in seconds; infinite when there is none."""
    return min((b - a for a, b in itertools.pairwise(sorted(times))), default=float("inf"))
