"""The five seeds' stories, each played on servers of its own: break something, watch Esteio, prove the outcome.

A sabotaged story differs in the world only (a link is cut, the healing step is left out, a message is swallowed), never
in what is proved. Never lives here: how an account is kept (`account`), a sentence (`words`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from esteio.engine.key_scope import EVERYTHING
from esteio.sim.demo.account import Account, Part, closest
from esteio.sim.providers.wapi.instance import Habits, WapiInstance
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import heal

Story = Callable[[Account, bool], Awaitable[None]]
MASS = tuple(f"004-{letter}" for letter in "bcdefg")
CREATED = (("000-baileys", "baileys-000"), ("000-evolution", "evolution-000"), ("000-wapi", "wapi-000"))
SLOW_S = 11.0
SEEDS_RETRY_S = 3.0


def phone(index: int) -> str:
    """The number of a session's own phone."""
    return f"551199900{index:04d}"


def customer(index: int) -> str:
    """The number of somebody who talks with a session."""
    return f"551198800{index:04d}"


# -- 000: sessions are made --------------------------------------------------------------------------------------


async def seed_000(account: Account, sabotage: bool) -> None:
    """Row first, provider awaited for eight seconds, the QR by itself; slow and refusing providers too."""
    made = [_made(account, index, name, server, sabotage) for index, (name, server) in enumerate(CREATED)]
    await account.together(*made, _slow(account), _refused(account))


async def _made(account: Account, index: int, name: str, server: str, sabotage: bool) -> None:
    part = account.part(name, "000.create", server=server)
    await account.stage.create(server, name)
    await _qr_shown(account, part, name)
    seconds = account.stage.world.now() - part.since
    account.prove(part, seconds < account.patience_s / 2, "000.qr-by-itself", seconds=account.words.seconds(seconds))
    if not sabotage:
        account.step(part, "000.script-scans")
        await account.stage.control("scan", server=server, session=account.ref(name), number=phone(index))
    session = await account.until_state(part, name, "connected")
    account.took(part, "took.connected")
    await account.account(part, name)
    account.prove(part, session.phone == phone(index), "000.phone", phone=session.phone)
    await account.stage.send(name, customer(index), f"{name}: 1")
    await account.delivered(part, {customer(index): [f"{name}: 1"]})
    account.unharmed(part, server)


async def _qr_shown(account: Account, part: Part, name: str) -> None:
    async def shown() -> bool:
        status, _ = await account.stage.api("GET", f"/v1/sessions/{name}/qr")
        return status == 200

    await account.until(part, shown, "wish.qr", session=name)


async def _slow(account: Account) -> None:
    name, server = "000-slow", "baileys-slow"
    inject(account.stage.world, server, None, Fault("slow", seconds=(SLOW_S, SLOW_S), verbs="control"))
    part = account.part(name, "000.slow", server=server, seconds=f"{SLOW_S:g}")
    status, answer = await account.stage.api("POST", "/v1/sessions", {"name": name, "server": server})
    seconds = account.stage.world.now() - part.since
    said = (status, answer["state"], answer["reason"]["code"])
    so = said == (201, "connecting", "provider-slow")
    account.prove(part, so and seconds < SLOW_S, "000.slow-answer", seconds=account.words.seconds(seconds))
    await _qr_shown(account, part, name)
    account.prove(part, account.stage.world.now() - part.since >= SLOW_S, "000.slow-qr")
    await account.stage.control("scan", server=server, session=name, number=phone(5))
    await account.until_state(part, name, "connected")
    account.took(part, "took.connected")
    heal(account.stage.world, server, kind="slow")
    await account.account(part, name)


async def _refused(account: Account) -> None:
    name = "000-refused"
    part = account.part(name, "000.refused")
    ask = {"name": name, "server": "wapi-000", "ref": {"instance_id": "LITE-AAAAAA-BBBBBB", "token": "no-such-token"}}
    status, answer = await account.stage.api("POST", "/v1/sessions", ask)
    said = (status, answer["state"], answer["reason"]["code"])
    text = answer["reason"]["text"]
    account.prove(part, said == (201, "error", "provider-refused") and len(text) > 0, "000.words", text=text)
    account.took(part, "took.answered")
    await account.account(part, name)


# -- 001: ghosts -------------------------------------------------------------------------------------------------


async def seed_001(account: Account, sabotage: bool) -> None:
    """The server says open and its sends say Connection Closed: a restart cures, or only a restart of the process."""
    await account.together(_ghost(account), _ended(account, sabotage))


async def _haunt(account: Account, name: str, server: str, index: int, variant: str) -> tuple[Part, list[str]]:
    """A session in good health becomes a ghost, and three messages are accepted while it is one."""
    await account.stage.adopt(server, name, phone(index))
    await account.settled(name)
    inject(account.stage.world, server, name, Fault("ghost", variant=variant))
    part = account.part(name, f"001.{variant}", server=server)
    texts = [f"{name}: {number}" for number in (1, 2, 3)]
    for text in texts:
        await account.stage.send(name, customer(index), text, client_ref="conversa-42")
    return part, texts


async def _ghost(account: Account) -> None:
    name, server = "001-ghost", "evolution-001a"
    part, texts = await _haunt(account, name, server, 10, "restart_cures")
    await account.delivered(part, {customer(10): texts})
    await account.until_state(part, name, "connected")
    account.took(part)
    await account.account(part, name)
    calls = [call.verb for call in account.opened(part, name)]
    account.prove(part, calls == ["restart"], "proof.one-restart", calls=", ".join(calls))
    effects = [line.code for line in await account.stage.timeline(name) if line.code in ("effect", "no-effect")]
    account.prove(part, "effect" in effects, "001.effect-seen")
    account.unharmed(part, server)


async def _ended(account: Account, sabotage: bool) -> None:
    name, server = "001-process", "evolution-001b"
    part, texts = await _haunt(account, name, server, 11, "restart_noop")

    async def proposed() -> bool:
        session = await account.stage.session(name)
        return session.reason.code == "ghost-needs-server-restart" and session.reason.args.get("server") == server

    await account.until(part, proposed, "wish.proposed", server=server)
    seconds = account.stage.world.now() - part.since
    account.prove(part, True, "001.proposed", server=server, seconds=account.words.seconds(seconds))
    codes = [line.code for line in await account.stage.timeline(name)]
    account.prove(part, "no-effect" in codes, "001.no-effect")
    held = await account.stage.store.messages.waiting((await account.stage.session(name)).id)
    account.prove(part, held == len(texts), "proof.held", count=len(texts))
    if not sabotage:
        account.step(part, "001.script-restarts", server=server)
        await account.stage.control("restart-server", server=server, down_s=2, boot_s=4)
    await account.until_state(part, name, "connected")
    await account.delivered(part, {customer(11): texts})
    account.took(part)
    await account.account(part, name)
    account.unharmed(part, server)


# -- 002: a server starts ----------------------------------------------------------------------------------------


async def seed_002(account: Account, sabotage: bool) -> None:
    """The provider's server restarts, flaps, and answers an empty QR; nothing destructive is done about it."""
    server, names = "evolution-002", ("002-a", "002-b", "002-c")
    for index, name in enumerate(names):
        await account.stage.adopt(server, name, phone(20 + index))
    await account.settled(*names)
    part = account.part(", ".join(names), "002.boot", server=server)
    await account.stage.control("restart-server", server=server, down_s=3, boot_s=8, flap_s=14)
    await asyncio.sleep(0.2)
    chats = {customer(20 + index): [f"{name}: {number}" for number in (1, 2)] for index, name in enumerate(names)}
    for name, (to, texts) in zip(names, chats.items(), strict=True):
        for text in texts:
            await account.stage.send(name, to, text)
    wrote = await account.stage.contact("002-a", phone(20), customer(20), "002-a: ?")
    await _flapping(account, part, server, names)
    await _qr_wanted(account, part, "002-a")
    if sabotage:
        account.stage.world.phone(phone(21)).unlink("002-b")
    await account.together(_newcomer(account, server), _calm_again(account, part, server))
    for name in names:
        await account.until_state(part, name, "connected")
    await account.delivered(part, chats)
    account.took(part)
    await account.arrived(part, "002-a", wrote)
    await account.account(part, "002-a")
    account.unharmed(part, server)


async def _flapping(account: Account, part: Part, server: str, names: Sequence[str]) -> None:
    """The process listens again: those who are linked get in now and then, a newcomer does not."""
    home = account.stage.world.servers[server]

    async def listens() -> bool:
        return home.up

    await account.until(part, listens, "wish.listens", server=server)
    for name in names:
        home.lines[name].flap_opens = home.flap_opens
    home.flap_opens = 0.0
    await asyncio.sleep(1)


async def _calm_again(account: Account, part: Part, server: str) -> None:
    async def calm() -> bool:
        return account.stage.world.servers[server].road == "ok"

    await account.until(part, calm, "wish.listens", server=server)


async def _qr_wanted(account: Account, part: Part, name: str) -> None:
    """A person asks for a code in the middle of it, as in the seed; no approval of anything destructive comes of it."""
    status, answer = await account.stage.api("POST", f"/v1/sessions/{name}/pair", {"wait_s": 1})
    calm = status in (200, 202) and not answer.get("approval") and not answer.get("qr")
    account.prove(part, calm, "002.qr-wanted", session=name)


async def _newcomer(account: Account, server: str) -> None:
    """A session is made while the server is like that: its QR is empty, which means not yet."""
    name = "002-new"
    part = account.part(name, "002.new", server=server)
    await account.stage.create(server, name)

    async def empty() -> bool:
        return any(line.code == "no_qr_yet" for line in await account.stage.timeline(name))

    await account.until(part, empty, "wish.empty", session=name)
    await _qr_shown(account, part, name)
    await account.stage.control("scan", server=server, session=name, number=phone(25))
    await account.until_state(part, name, "connected")
    account.took(part, "took.connected")
    await account.account(part, name)
    calls = account.stage.world.ledger.control_calls(server, verbs={"create", "delete", "logout"})
    made = [call.verb for call in calls if call.session == name]
    account.prove(part, made == ["create"], "002.made-once", calls=", ".join(made))


# -- 003: a silent fall ------------------------------------------------------------------------------------------


async def seed_003(account: Account, sabotage: bool) -> None:
    """W-API says nothing when it falls; and a message that comes in restores at once."""
    await account.together(_quiet(account, sabotage), _knock(account))


async def _wapi_line(account: Account, name: str, index: int, policy: str) -> WapiInstance:
    line = await account.stage.adopt("wapi-003", name, phone(index), policy=policy)
    await account.settled(name)
    if not isinstance(line, WapiInstance):
        raise TypeError(name)
    return line


async def _quiet(account: Account, sabotage: bool) -> None:
    name, server = "003-quiet", "wapi-003"
    line = await _wapi_line(account, name, 30, "patient")
    line.habits = Habits(tells_disconnect=0.0)
    part = account.part(name, "003.quiet", server=server)
    down_s = 10_000.0 if sabotage else 12.0
    inject(account.stage.world, server, name, Fault("drop", down_s=down_s))
    inject(account.stage.world, server, name, Fault("stale_registry"))
    line.faults.clear()
    await account.until_state(part, name, "connecting", "disconnected")
    seconds = account.stage.world.now() - part.since
    account.prove(part, True, "003.seen", seconds=account.words.seconds(seconds))
    message = await account.stage.send(name, customer(30), f"{name}: 1")
    _, shown = await account.stage.api("GET", f"/v1/messages/{message}")
    account.prove(part, shown["state"] == "held", "proof.held", count=1)
    await account.until_state(part, name, "connected")
    account.took(part)
    await account.delivered(part, {customer(30): [f"{name}: 1"]})
    calls = [call.verb for call in account.opened(part, name)]
    account.prove(part, calls == ["restart"], "proof.one-restart", calls=", ".join(calls))

    async def told() -> bool:
        return account.stage.told.phases(name) == ["opened", "closed"]

    await account.until(part, told, "wish.told", session=name)
    await account.account(part, name)
    account.prove(part, True, "003.one-notice")
    account.unharmed(part, server)


async def _knock(account: Account) -> None:
    name, server = "003-knock", "wapi-003"
    line = await _wapi_line(account, name, 31, "rarely-looks")
    line.habits = Habits(tells_disconnect=1.0)
    part = account.part(name, "003.knock", server=server)
    inject(account.stage.world, server, name, Fault("webhook_lost", events=["webhookConnected"]))
    inject(account.stage.world, server, name, Fault("drop", down_s=13.0))
    await account.until_state(part, name, "connecting", "disconnected")

    async def alive() -> bool:
        return line.alive

    await account.until(part, alive, "wish.alive", session=name)
    wrote_at = account.stage.world.now()
    wrote = await account.stage.contact(name, phone(31), customer(31), f"{name}: ?")
    session = await account.until_state(part, name, "connected")
    seconds = account.stage.world.now() - wrote_at
    account.took(part)
    await account.arrived(part, name, wrote)
    by = session.can_receive.evidence
    account.prove(part, by == "message_received", "003.by-message", seconds=account.words.seconds(seconds))
    await account.account(part, name)
    account.unharmed(part, server)


# -- 004: a hiccup, and many at once -----------------------------------------------------------------------------


async def seed_004(account: Account, sabotage: bool) -> None:
    """One "Connection Closed" is a hiccup; many dead sessions of one server are one incident, healed in a ramp."""
    await account.together(_hiccup(account), _mass(account, sabotage))


async def _hiccup(account: Account) -> None:
    name, server = "004-hiccup", "evolution-004a"
    await account.stage.adopt(server, name, phone(40))
    await account.settled(name)
    part = account.part(name, "004.hiccup", server=server)
    inject(account.stage.world, server, name, Fault("drop", down_s=2.0))
    message = await account.stage.send(name, customer(40), f"{name}: 1")
    await account.delivered(part, {customer(40): [f"{name}: 1"]})
    account.took(part, "took.delivered")

    async def answered() -> bool:
        return (await account.stage.message(message)).state in ("sent", "delivered", "read")

    await account.until(part, answered, "wish.delivered", count=1)
    tries = await account.stage.store.messages.attempts((await account.stage.message(message)).id)
    outcomes = [one.outcome for one in tries]
    pause = tries[1].at - tries[0].at if len(tries) > 1 else 0.0
    twice = outcomes == ["not_sent:socket", "accepted"] and pause >= SEEDS_RETRY_S
    account.prove(part, twice, "004.retried", seconds=account.words.seconds(pause))
    await asyncio.sleep(3)
    account.prove(part, await account.states(name, part.since) == [], "004.no-state")
    account.prove(part, account.opened(part, name) == [], "004.no-connect")
    await account.account(part, name)
    account.unharmed(part, server)


async def _mass(account: Account, sabotage: bool) -> None:
    server = "evolution-004b"
    for index, name in enumerate(MASS):
        await account.stage.adopt(server, name, phone(50 + index))
    await account.settled(*MASS)
    part = account.part(f"{MASS[0]} … {MASS[-1]}", "004.mass", server=server, count=len(MASS))
    if sabotage:
        inject(account.stage.world, server, MASS[1], Fault("ack_silent"))
    for index, name in enumerate(MASS):
        inject(account.stage.world, server, name, Fault("ghost", variant="restart_cures"))
        await account.stage.send(name, customer(50 + index), f"{name}: 1")
    await account.delivered(part, {customer(50 + index): [f"{name}: 1"] for index, name in enumerate(MASS)})
    for name in MASS:
        await account.until_state(part, name, "connected")
    account.took(part)
    await _one_incident(account, part, server)
    account.unharmed(part, server)


async def _one_incident(account: Account, part: Part, server: str) -> None:
    calls = [call for name in MASS for call in account.opened(part, name)]
    gap = closest([call.at for call in calls])
    limit = account.stage.settings.policies["default"].seconds_between_connects
    # Measured where they arrive: on a busy machine one may be late and the next not. A cascade would be no gap at all.
    account.prove(part, gap >= limit / 2, "004.spaced", count=len(calls), seconds=account.words.seconds(gap))
    falls = [line for name in MASS for line in await account.stage.timeline(name) if line.code == "mass-fall"]
    account.prove(part, len(falls) == 1, "004.one-incident", server=server)

    async def over() -> bool:
        incident = (await account.stage.commands.lookup.server(server, EVERYTHING)).server.incident
        return incident is None or incident.ended_at is not None

    await account.until(part, over, "wish.incident-over", server=server)
    told = [
        (work.payload["session"], work.payload["phase"]) for work in account.stage.told.notices if work.server == server
    ]
    account.prove(part, told == [(None, "opened"), (None, "closed")], "004.one-notice", server=server)
    await account.account(part, MASS[0])


STORIES: Mapping[str, Story] = {
    "000": seed_000,
    "001": seed_001,
    "002": seed_002,
    "003": seed_003,
    "004": seed_004,
}
