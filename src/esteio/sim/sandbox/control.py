"""What a person may do to the sandbox: scan, break, heal, restart, write as a contact, and see the truth.

Plain JSON in and out, over one `World`. Never lives here: HTTP serving (see `servers`), what a fault does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from esteio.sim.world.faults import KINDS, Fault, inject
from esteio.sim.world.healing import calm, heal
from esteio.sim.world.instance import Instance
from esteio.sim.world.server import SimServer
from esteio.sim.world.whatsapp import ScanRefused
from esteio.sim.world.world import World

Json = Any
Body = dict[str, Json]


class ControlRefused(Exception):
    """The call makes no sense: `status` and a sentence for the caller."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class Control:
    """The sandbox's control calls by name; each takes a JSON object and returns one. Raises `ControlRefused`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._numbers: dict[tuple[str, str], str] = {}
        self.calls: Mapping[str, Callable[[Body], Json]] = {
            "scan": self.scan,
            "unlink": self.unlink,
            "fault": self.fault,
            "heal": self.heal,
            "calm": self.calm,
            "restart-server": self.restart_server,
            "contact-sends": self.contact_sends,
            "phone-sends": self.phone_sends,
        }

    # -- naming things --------------------------------------------------------------------------------------------

    def _server(self, body: Body) -> SimServer:
        name = body.get("server")
        if name is None and len(self.world.servers) == 1:
            return next(iter(self.world.servers.values()))
        if name not in self.world.servers:
            what = "name the server" if name is None else f"no such server: {name}"
            raise ControlRefused(404, f"{what}; known: {', '.join(self.world.servers)}")
        return self.world.servers[name]

    def _line(self, body: Body) -> Instance:
        name = str(body.get("session", ""))
        servers = [self._server(body)] if "server" in body else list(self.world.servers.values())
        found = [server.lines[name] for server in servers if name in server.lines]
        if not found:
            raise ControlRefused(404, f"no such session: {name}")
        if len(found) > 1:
            raise ControlRefused(409, f"several servers hold {name!r}: name the server")
        return found[0]

    def number_of(self, line: Instance) -> str:
        """The phone that belongs to a session in this sandbox: the one it is linked to, or one made up for it."""
        if line.link is not None:
            self._numbers[line.server.name, line.name] = line.link.number
        key = (line.server.name, line.name)
        if key not in self._numbers:
            self._numbers[key] = f"55119{55500000 + len(self._numbers) + 1:08d}"
        return self._numbers[key]

    # -- calls ----------------------------------------------------------------------------------------------------

    def scan(self, body: Body) -> Json:
        """`{code, number?, name?}` or `{session, server?, number?, name?}`: the phone's camera sees the code. `name` is
        the phone's push name, "" one that has none yet."""
        if "code" in body:
            number, code = str(body.get("number", "5511955500000")), str(body["code"])
        else:
            line = self._line(body)
            number, code = str(body.get("number") or self.number_of(line)), line.sock.qr if line.sock else ""
            if line.sock is None or line.sock.state != "qr":
                raise ControlRefused(409, f"{line.name} shows no QR now")
        phone = self.world.phone(number)
        phone.name = str(body.get("name", phone.name))
        try:
            link = phone.scan(code)
        except ScanRefused as refused:
            raise ControlRefused(409, str(refused)) from refused
        self._numbers[link.server, link.session] = number
        return {"paired": True, "number": number, "server": link.server, "session": link.session}

    def unlink(self, body: Body) -> Json:
        """`{session}`: the person removes the device on the phone."""
        line = self._line(body)
        if line.link is None:
            raise ControlRefused(409, f"{line.name} is not linked")
        return {"removed": self.world.phone(line.link.number).unlink(line.name)}

    def fault(self, body: Body) -> Json:
        """`{kind, session?|server?, …}`: everything else are the fault's parameters."""
        params = {key: value for key, value in body.items() if key not in ("kind", "session", "server")}
        fault = Fault(str(body.get("kind", "")), **params)
        variants = KINDS[fault.kind].variants if fault.kind in KINDS else ()
        variant = params.get("variant")
        if fault.kind in KINDS and variant is not None and variant not in variants:
            known = ", ".join(variants) or "none"
            raise ControlRefused(400, f"{fault.kind} has no variant {variant!r}; known: {known}")
        line = self._line(body) if "session" in body else None
        server = line.server if line is not None else self._server(body)
        try:
            inject(self.world, server.name, line.name if line is not None else None, fault)
        except (ValueError, TypeError) as wrong:
            raise ControlRefused(400, str(wrong)) from wrong
        return {"injected": fault.kind, "server": server.name, "session": line.name if line is not None else None}

    def heal(self, body: Body) -> Json:
        """`{server?, session?, kind?}`: faults go, sockets are mended; lost links stay lost."""
        line = self._line(body) if "session" in body else None
        server = line.server.name if line is not None else body.get("server")
        heal(self.world, server, line.name if line is not None else None, body.get("kind"))
        return {"healed": True}

    def calm(self, _body: Body) -> Json:
        """`{}`: all bad weather ends, nothing is repaired."""
        calm(self.world)
        return {"calm": True}

    def restart_server(self, body: Body) -> Json:
        """`{server?, down_s?, boot_s?, flap_s?}`."""
        server = self._server(body)
        try:
            times = {key: float(body[key]) for key in ("down_s", "boot_s", "flap_s") if key in body}
        except (TypeError, ValueError) as wrong:
            raise ControlRefused(400, "down_s, boot_s and flap_s are seconds") from wrong
        self.world.restart_server(server.name, **times)
        return {"restarting": server.name}

    def contact_sends(self, body: Body) -> Json:
        """`{to, from, text, kind?}`; `to` is a phone, or the session whose phone is meant."""
        to = str(body.get("to") or body.get("session") or "")
        if not to.isdigit():
            line = self._line({"session": to, **({"server": body["server"]} if "server" in body else {})})
            to = self.number_of(line)
        sender, text = str(body.get("from", "5511988887777")), str(body.get("text", "oi"))
        extra = {key: value for key, value in body.items() if key in ("push_name", "lid", "target", "quoted")}
        provider_id = self.world.contact_sends(to, sender, text, str(body.get("kind", "text")), **extra)
        return {"provider_id": provider_id, "to": to, "from": sender}

    def phone_sends(self, body: Body) -> Json:
        """`{session, to, text}`: typed on the session's own phone."""
        phone = self.world.phone(self.number_of(self._line(body)))
        return {"provider_id": phone.send(str(body.get("to", "5511988887777")), str(body.get("text", "oi")))}

    # -- looking --------------------------------------------------------------------------------------------------

    def truth(self) -> Json:
        """Servers, sessions (claim, registry, truth, the QR on show) and phones."""
        world = self.world
        servers = [
            {
                "name": server.name, "kind": server.kind, "version": server.version, "base_url": server.base_url,
                "up": server.up, "booting": server.booting, "road": server.road, "sessions": len(server.lines),
                "weather": msgspec.to_builtins(server.weather) if server.weather else None,
                "webhooks_under_way": server.webhook_sender.under_way,
            }
            for server in world.servers.values()
        ]  # fmt: skip
        sessions = [
            msgspec.to_builtins(line.truth())
            | {"qr": line.sock.qr if line.sock and line.sock.state == "qr" else None, "phone": self.number_of(line)}
            for server in world.servers.values()
            for line in server.lines.values()
        ]
        phones = [
            {"number": phone.number, "name": phone.name, "linked": [link.session for link in phone.links.values()]}
            for phone in world.whatsapp.phones.values()
        ]
        return {"now": world.now(), "servers": servers, "sessions": sessions, "phones": phones}

    def vocabulary(self) -> Json:
        """Every kind of fault with its scope, meaning and variants."""
        return {kind: msgspec.to_builtins(spec) for kind, spec in KINDS.items()}
