"""How faults end: one by one (`heal`), or all bad weather at once (`calm`), which repairs nothing.

Never lives here: what a fault does (see `faults`), and never a way to give lost credentials back.
"""

from __future__ import annotations

from esteio.sim.world.instance import Instance
from esteio.sim.world.ledger import FaultMark
from esteio.sim.world.server import SimServer
from esteio.sim.world.world import World

WEATHER = {
    "lost_response": ("lost", 0),
    "slow": ("slow_s", None),
    "errors_5xx": ("error", None),
    "licence_wall": ("licence", False),
    "html_404": ("html", None),
    "key_refused": ("key_refused", False),
}
HOOKS: dict[str, tuple[str, float | bool]] = {
    "webhook_late": ("late", 0.0),
    "webhook_lost": ("lost", 0.0),
    "webhook_doubled": ("doubled", 0.0),
    "webhook_unreachable": ("unreachable", False),
}
PASSING = ("drop", "send_dropped", "unstored", "flap", "replaced", "ack_error_463", "ack_silent")
SOCKETS = ("ghost", "half_open", "stuck_connecting", "stale_registry")


def heal(world: World, server: str | None = None, session: str | None = None, kind: str | None = None) -> None:
    """Take faults away (of one server, one session, one kind; None: all) and mend what they broke: a ghost reconnects,
    a queue drains. Lost credentials stay lost."""
    for home in world.servers.values():
        if server in (None, home.name):
            _heal_server(world, home, session, kind)
            for instance in list(home.lines.values()):
                if session in (None, instance.name):
                    _heal_line(world, instance, kind)


def calm(world: World) -> None:
    """End all bad weather (network, slow, walls, lost webhooks …) and leave sockets as they are: what is dead must be
    brought back by whoever watches."""
    world.pairing_broken = False
    for server in world.servers.values():
        _heal_server(world, server, None, None)
        for instance in server.lines.values():
            instance.road, instance.twin_until, instance.twin_kicks, instance.ack_error, instance.silences = (
                None,
                None,
                0,
                "",
                0,
            )
            instance.mend_sends()
            for kind in (*PASSING, *WEATHER, *HOOKS):
                instance.faults.pop(kind, None)


def _heal_server(world: World, server: SimServer, session: str | None, kind: str | None) -> None:
    if server.weather is not None and (session is None or server.weather.session == session):
        for name, (field, value) in WEATHER.items():
            if kind in (None, name):
                setattr(server.weather, field, value)
        server.clear_weather()
    _heal_hooks(server, session, kind)
    if session is not None:
        return
    if kind in (None, "pairing_broken"):
        world.pairing_broken = False
    if kind in (None, "network", "flap"):
        server.road, server.flap_opens = "ok", 0.0
    if kind in (None, "server_down") and not server.up:
        server.start(server.boot_s)
    if kind is not None:
        world.ledger.faults.append(FaultMark(world.now(), server.name, "", kind, {}, healed=True))


def _heal_hooks(server: SimServer, session: str | None, kind: str | None) -> None:
    for name, weather in list(server.webhook_sender.weather.items()):
        if session is not None and name != session:
            continue
        for word, (field, value) in HOOKS.items():
            if kind in (None, word):
                setattr(weather, field, value)
        if not (weather.late or weather.lost or weather.doubled or weather.unreachable):
            del server.webhook_sender.weather[name]


def _heal_line(world: World, instance: Instance, kind: str | None) -> None:
    for name in list(instance.faults):
        if kind in (None, name):
            params = instance.faults.pop(name)
            world.ledger.faults.append(
                FaultMark(world.now(), instance.server.name, instance.name, name, params, healed=True)
            )
            _mend(world, instance, name)


def _mend(world: World, instance: Instance, kind: str) -> None:
    if kind in ("drop", "flap"):
        instance.road, instance.flap_opens = None, 0.0
    elif kind == "replaced":
        instance.twin_until, instance.twin_kicks = None, 0
    elif kind in ("ack_error_463", "ack_silent"):
        instance.ack_error = ""
    elif kind in ("send_dropped", "unstored"):
        instance.mend_sends()
    elif kind == "deaf":
        instance.deaf = ""
        if instance.link is not None:
            world.whatsapp.flush(instance.link)
    elif kind == "stalled":
        instance.unstall()
    elif kind in ("banned", "temp_banned"):
        if instance.link is not None:
            phone = world.phone(instance.link.number)
            phone.banned_code = phone.banned_until = None
    elif kind in SOCKETS:
        revive(instance)


def revive(instance: Instance) -> None:
    """Give a line with living credentials a new socket, whatever its process believes."""
    if instance.alive or instance.link is None or not instance.server.up or not instance.in_memory:
        return
    instance.road, instance.stuck_once, instance.silences = None, False, 0
    instance.life += 1
    instance.preparing = 0
    for sock in list(instance.sockets):
        instance.discard(sock, "healed")
    instance.state = "close"
    instance.prepare()
