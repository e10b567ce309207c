"""The vocabulary of what goes wrong, and how each word changes the world.

A fault is data: `Fault("ghost", variant="restart_noop")`. Every kind has the variants that were really met; `for_s` on
any of them takes it away by itself. Never lives here: which faults come when (that is drawn from a seed elsewhere).
"""

# ruff: noqa: ARG001 - every fault has the same signature
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from esteio.sim.world.healing import heal
from esteio.sim.world.instance import Instance
from esteio.sim.world.ledger import FaultMark
from esteio.sim.world.server import SimServer
from esteio.sim.world.webhooks import WebhookWeather
from esteio.sim.world.world import World

Params = dict[str, Any]
Scope = Literal["session", "server", "both"]


class Fault:
    """One thing that goes wrong: a kind of `KINDS` and its parameters."""

    __slots__ = ("kind", "params")

    def __init__(self, kind: str, **params: Any) -> None:
        self.kind = kind
        self.params: Params = params

    def __repr__(self) -> str:
        told = "".join(f", {key}={value!r}" for key, value in self.params.items())
        return f"Fault({self.kind!r}{told})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fault) and (self.kind, self.params) == (other.kind, other.params)

    __hash__ = None  # type: ignore[assignment]


class FaultSpec(msgspec.Struct, frozen=True):
    """One word of the vocabulary. `weather` ends by itself when the sky clears; the rest must be repaired."""

    scope: Scope
    weather: bool
    text: str
    variants: tuple[str, ...] = ()


KINDS: dict[str, FaultSpec] = {
    "drop": FaultSpec(
        "session",
        True,
        "the socket breaks (`code`) and the provider reconnects by itself, at once or when "
        "WhatsApp is reachable again after `down_s` (`road`: refused, shut, blackhole)",
    ),
    "send_dropped": FaultSpec(
        "session",
        True,
        "the socket breaks in the middle of the next `count` sends: not sent, and the websocket's close `code` "
        "(1006, 1000) is the error",
    ),
    "unstored": FaultSpec(
        "session",
        True,
        "the next `count` sends go out and never come into the provider's list: its database is full, or its process "
        "dies in between",
        ("adapter", "prisma", "died"),
    ),
    "ghost": FaultSpec(
        "session",
        False,
        "the socket is dead and everybody says open",
        ("restart_cures", "restart_noop", "old_logout_works", "late_open"),
    ),
    "half_open": FaultSpec(
        "session",
        False,
        "frames leave and nobody answers; keep-alive notices after `notice_s` (35 to 65 s) or, with `forever`, never; "
        "the next `again` sockets as well, though each opens",
    ),
    "flap": FaultSpec(
        "session", True, "let in and thrown out about once a second for `for_s`; `opens` (share) get as far as open"
    ),
    "stuck_connecting": FaultSpec(
        "session", False, "a non-101 answer to the upgrade: connecting until someone restarts"
    ),
    "revoked": FaultSpec(
        "session",
        False,
        "the person removes the device on the phone (401); `late_open`: and the dead socket says open a minute later",
        ("plain", "late_open"),
    ),
    "replaced": FaultSpec(
        "session", True, "a twin with the same credentials takes the session (440) `times` times or for `for_s`"
    ),
    "banned": FaultSpec("session", False, "WhatsApp locks the account (`code` 403 or 406)"),
    "temp_banned": FaultSpec("session", True, "a temporary ban (402) of `until_s` seconds"),
    "deaf": FaultSpec(
        "session",
        False,
        "sends and receipts work, nothing comes in; `swallow`: messages are lost instead of waiting",
        ("restart_cures", "only_server_restart", "only_rescan"),
    ),
    "stalled": FaultSpec(
        "session",
        False,
        "the event queue stands still (`socket`: alive or dead); only a server restart, or `for_s`, moves it",
    ),
    "ack_error_463": FaultSpec("session", True, "sends are accepted and refused by WhatsApp (`who`: all, cold)"),
    "ack_silent": FaultSpec("session", True, "sends are accepted, never brought, and nothing is ever said"),
    "stale_registry": FaultSpec("session", False, "the database says open, memory says close, nobody reconnects"),
    "webhook_forgotten": FaultSpec(
        "session", False, "the provider lost its webhook configuration", ("gone", "events", "disabled", "url")
    ),
    "webhook_late": FaultSpec("both", True, "a `rate` of the webhooks comes `late_s` (from, to) later"),
    "webhook_lost": FaultSpec("both", True, "a `rate` of the webhooks never comes"),
    "webhook_doubled": FaultSpec("both", True, "a `rate` of the webhooks comes twice"),
    "webhook_unreachable": FaultSpec(
        "server", True, "no webhook ever comes: the provider cannot reach our address, and its configuration is right"
    ),
    "lost_response": FaultSpec(
        "both",
        True,
        "the next `count` answers to `verbs` (send, control, all) are lost; `happens` "
        "tells whether the act was done; `how`: hang, cut",
    ),
    "slow": FaultSpec("both", True, "answers take `seconds` (from, to) longer (`verbs`)"),
    "errors_5xx": FaultSpec("both", True, "a `rate` of the requests is answered `status` by something in front"),
    "key_refused": FaultSpec("server", True, "401 to our key on everything"),
    "licence_wall": FaultSpec("server", True, "503 LICENSE_REQUIRED on everything"),
    "html_404": FaultSpec("server", True, "a proxy's page (`status`) instead of the server"),
    "server_down": FaultSpec(
        "server", True, "the process is gone: connections refused; back after `for_s` with a boot of `boot_s`"
    ),
    "server_boot": FaultSpec(
        "server",
        True,
        "the process restarts: `down_s` refused, instances back within `boot_s`, thrown out again for `flap_s`",
    ),
    "network": FaultSpec(
        "server",
        True,
        "the way from the server to WhatsApp (`road`: refused, shut, blackhole, non101, flap); `cut` breaks what is "
        "open too",
    ),
    "pairing_broken": FaultSpec("server", True, "scans are taken and never complete (companion_reg_refresh)"),
}


def inject(world: World, server: str, session: str | None, fault: Fault) -> None:
    """Make something go wrong (`KINDS`); `session` None: the server. Raises ValueError on an unknown kind, or without a
    session where one is meant; KeyError on an unknown server or session."""
    spec = KINDS.get(fault.kind)
    if spec is None:
        raise ValueError(f"unknown fault {fault.kind!r}; known: {', '.join(sorted(KINDS))}")
    if spec.scope == "session" and session is None:
        raise ValueError(f"{fault.kind} needs a session")
    home = world.servers[server]
    instance = home.lines[session] if session is not None else None
    params = dict(fault.params)
    for_s = params.get("for_s")
    world.ledger.faults.append(FaultMark(world.now(), server, session or "", fault.kind, params))
    if instance is not None:
        instance.faults[fault.kind] = params
    if spec.scope == "session" and instance is not None:
        _ON_LINE[fault.kind](world, instance, params)
    else:
        _ON_SERVER[fault.kind](world, home, session or "", params)
    if for_s is not None and fault.kind != "server_boot":
        world.later(for_s, _over, world, server, session, fault.kind, params)


def _over(world: World, server: str, session: str | None, kind: str, params: Params) -> None:
    """`for_s` has passed; a later fault of the same kind is not taken away with it."""
    instance = world.servers[server].lines.get(session) if session is not None else None
    if session is not None and (instance is None or instance.faults.get(kind) is not params):
        return
    heal(world, server, session, kind)


# -- on a session ------------------------------------------------------------------------------------------------


def _drop(world: World, instance: Instance, params: Params) -> None:
    if down_s := params.get("down_s", 0.0):
        instance.road = params.get("road", "refused")
        world.later(down_s, _reopen, instance, instance.road)
    instance.lose_all(params.get("code", 428), "dropped")


def _send_dropped(world: World, instance: Instance, params: Params) -> None:
    instance.drop_in_sends(params)


def _unstored(world: World, instance: Instance, params: Params) -> None:
    instance.store_nothing(params)


def _reopen(instance: Instance, road: str) -> None:
    if instance.road == road:
        instance.road = None


def _ghost(world: World, instance: Instance, params: Params) -> None:
    variant = params.setdefault("variant", "restart_cures")
    if variant == "late_open":
        instance.road, instance.stuck_once = "non101", True
        for sock in list(instance.sockets):
            sock.announced = False
        instance.lose_all(428, "ghost")
        return
    instance.die_quietly(ended=variant == "restart_noop")
    instance.haunt(variant)


def _half_open(world: World, instance: Instance, params: Params) -> None:
    notice = params.get("notice_s") or world.dice.uniform(35.0, 65.0)
    instance.silences = params.get("again", 0)
    instance.fall_silent(None if params.get("forever") else notice)


def _flap(world: World, instance: Instance, params: Params) -> None:
    instance.road, instance.flap_opens = "flap", params.get("opens", 0.0)
    instance.lose_all(428, "flap")


def _stuck(world: World, instance: Instance, params: Params) -> None:
    instance.road, instance.stuck_once = "non101", True
    instance.lose_all(428, "stuck")


def _revoked(world: World, instance: Instance, params: Params) -> None:
    if params.get("variant") == "late_open":
        for sock in instance.sockets:
            sock.announced = False
    if instance.link is not None:
        world.whatsapp.unlink(instance.link, cause="phone")


def _replaced(world: World, instance: Instance, params: Params) -> None:
    instance.twin_until = world.now() + params["for_s"] if "for_s" in params else None
    instance.twin_kicks = max(0, params.get("times", 1) - 1)
    for sock in list(instance.sockets):
        if sock.usable:
            world.ledger.kicked(world.now(), instance.server.name, instance.name, "twin")
            instance.lose(sock, 440, "replaced")


def _banned(world: World, instance: Instance, params: Params) -> None:
    if instance.link is not None:
        world.phone(instance.link.number).ban(params.get("code", 403))


def _temp_banned(world: World, instance: Instance, params: Params) -> None:
    if instance.link is not None:
        world.phone(instance.link.number).ban(402, world.now() + params.get("until_s", 3600.0))


DEAFNESS: dict[str, Literal["until_socket", "until_boot", "until_rescan"]] = {
    "restart_cures": "until_socket",
    "only_server_restart": "until_boot",
    "only_rescan": "until_rescan",
}


def _deaf(world: World, instance: Instance, params: Params) -> None:
    instance.deaf = DEAFNESS[params.setdefault("variant", "restart_cures")]
    instance.swallows = bool(params.get("swallow"))


def _stalled(world: World, instance: Instance, params: Params) -> None:
    instance.stall()
    if params.get("socket") == "dead":
        instance.lose_all(428, "stalled")


def _463(world: World, instance: Instance, params: Params) -> None:
    instance.ack_error = params.get("who", "all")


def _ack_silent(world: World, instance: Instance, params: Params) -> None:
    instance.ack_error = "silent"


def _stale(world: World, instance: Instance, params: Params) -> None:
    """Its process loaded it anew and did not connect it: nothing of its old life goes on, a stalled queue neither."""
    instance.life += 1
    instance.preparing = instance.stalls = 0
    instance.pending.clear()
    instance.faults.pop("stalled", None)
    for sock in list(instance.sockets):
        instance.discard(sock, "stale registry")
    instance.state = "close"


def _forgotten(world: World, instance: Instance, params: Params) -> None:
    instance.forget_webhook(params.setdefault("variant", "gone"))


_ON_LINE: dict[str, Callable[[World, Instance, Params], None]] = {
    "drop": _drop, "send_dropped": _send_dropped, "unstored": _unstored, "ghost": _ghost, "half_open": _half_open,
    "flap": _flap, "stuck_connecting": _stuck,
    "revoked": _revoked, "replaced": _replaced, "banned": _banned, "temp_banned": _temp_banned, "deaf": _deaf,
    "stalled": _stalled, "ack_error_463": _463, "ack_silent": _ack_silent, "stale_registry": _stale,
    "webhook_forgotten": _forgotten,
}  # fmt: skip


# -- on a server -------------------------------------------------------------------------------------------------


def _hooks(world: World, server: SimServer, session: str, params: Params, **changes: Any) -> None:
    weather = server.webhook_sender.weather.setdefault(session, WebhookWeather())
    for name, value in changes.items():
        setattr(weather, name, value)
    weather.events = frozenset(params.get("events", weather.events))


def _late(world: World, server: SimServer, session: str, params: Params) -> None:
    late_s = tuple(params.get("late_s", (60.0, 1500.0)))
    _hooks(world, server, session, params, late=params.get("rate", 1.0), late_s=late_s)


def _lost(world: World, server: SimServer, session: str, params: Params) -> None:
    _hooks(world, server, session, params, lost=params.get("rate", 1.0))


def _doubled(world: World, server: SimServer, session: str, params: Params) -> None:
    _hooks(world, server, session, params, doubled=params.get("rate", 1.0))


def _unreachable(world: World, server: SimServer, session: str, params: Params) -> None:
    _hooks(world, server, session, params, unreachable=True)


def _lost_response(world: World, server: SimServer, session: str, params: Params) -> None:
    weather = server.gentle()
    weather.lost = params.get("count", 1)
    weather.lost_verbs = params.get("verbs", "send")
    weather.lost_happens = params.get("happens", True)
    weather.lost_how = params.get("how", "hang")
    weather.session = session


def _slow(world: World, server: SimServer, session: str, params: Params) -> None:
    weather = server.gentle()
    low, high = params.get("seconds", (3.0, 20.0))
    weather.slow_s, weather.slow_verbs, weather.session = (low, high), params.get("verbs", "all"), session


def _errors(world: World, server: SimServer, session: str, params: Params) -> None:
    weather = server.gentle()
    weather.error, weather.error_rate = params.get("status", 503), params.get("rate", 1.0)
    weather.session = session


def _key(world: World, server: SimServer, session: str, params: Params) -> None:
    server.gentle().key_refused = True


def _licence(world: World, server: SimServer, session: str, params: Params) -> None:
    server.gentle().licence = True


def _html(world: World, server: SimServer, session: str, params: Params) -> None:
    server.gentle().html = params.get("status", 404)


def _down(world: World, server: SimServer, session: str, params: Params) -> None:
    server.stop()
    server.boot_s = params.get("boot_s", 20.0)


def _boot(world: World, server: SimServer, session: str, params: Params) -> None:
    server.reboot(params.get("down_s", 2.0), params.get("boot_s", 20.0), params.get("flap_s", 0.0))


def _network(world: World, server: SimServer, session: str, params: Params) -> None:
    server.road = params.get("road", "refused")
    server.flap_opens = params.get("opens", 0.0)
    if params.get("cut", True):
        for instance in server.lines.values():
            instance.lose_all(428, "network")


def _no_pairing(world: World, server: SimServer, session: str, params: Params) -> None:
    world.pairing_broken = True


_ON_SERVER: dict[str, Callable[[World, SimServer, str, Params], None]] = {
    "webhook_late": _late, "webhook_lost": _lost, "webhook_doubled": _doubled,
    "webhook_unreachable": _unreachable, "key_refused": _key, "lost_response": _lost_response,
    "slow": _slow, "errors_5xx": _errors, "licence_wall": _licence, "html_404": _html, "server_down": _down,
    "server_boot": _boot, "network": _network, "pairing_broken": _no_pairing,
}  # fmt: skip
