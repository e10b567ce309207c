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
            for line in list(home.lines.values()):
                if session in (None, line.name):
                    _heal_line(world, line, kind)


def calm(world: World) -> None:
    """End all bad weather (network, slow, walls, lost webhooks …) and leave sockets as they are: what is dead must be
    brought back by whoever watches."""
    world.pairing_broken = False
    for server in world.servers.values():
        _heal_server(world, server, None, None)
        for line in server.lines.values():
            line.road, line.twin_until, line.twin_kicks, line.ack_error, line.silences = None, None, 0, "", 0
            line.mend_sends()
            for kind in (*PASSING, *WEATHER, *HOOKS):
                line.faults.pop(kind, None)


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
    for name, weather in list(server.postman.weather.items()):
        if session is not None and name != session:
            continue
        for word, (field, value) in HOOKS.items():
            if kind in (None, word):
                setattr(weather, field, value)
        if not (weather.late or weather.lost or weather.doubled or weather.unreachable):
            del server.postman.weather[name]


def _heal_line(world: World, line: Instance, kind: str | None) -> None:
    for name in list(line.faults):
        if kind in (None, name):
            params = line.faults.pop(name)
            world.ledger.faults.append(FaultMark(world.now(), line.server.name, line.name, name, params, healed=True))
            _mend(world, line, name)


def _mend(world: World, line: Instance, kind: str) -> None:
    if kind in ("drop", "flap"):
        line.road, line.flap_opens = None, 0.0
    elif kind == "replaced":
        line.twin_until, line.twin_kicks = None, 0
    elif kind in ("ack_error_463", "ack_silent"):
        line.ack_error = ""
    elif kind in ("send_dropped", "unstored"):
        line.mend_sends()
    elif kind == "deaf":
        line.deaf = ""
        if line.link is not None:
            world.whatsapp.flush(line.link)
    elif kind == "stalled":
        line.unstall()
    elif kind in ("banned", "temp_banned"):
        if line.link is not None:
            phone = world.phone(line.link.number)
            phone.banned_code = phone.banned_until = None
    elif kind in SOCKETS:
        revive(line)


def revive(line: Instance) -> None:
    """Give a line with living credentials a new socket, whatever its process believes."""
    if line.alive or line.link is None or not line.server.up or not line.in_memory:
        return
    line.road, line.stuck_once, line.silences = None, False, 0
    line.life += 1
    line.preparing = 0
    for sock in list(line.sockets):
        line.discard(sock, "healed")
    line.state = "close"
    line.prepare()
