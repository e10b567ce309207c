"""The sandbox's page for people: what each instance's provider says, what is true, and buttons that break and heal.

It is drawn here once, and shown in two places: alone, by the sandbox's own servers, and inside the dashboard of `demo`,
whose frame is put around it. Every button is a form, so the page works without JavaScript; a script only draws it anew.
Its texts are in `locales/*/sandbox.po`. Never lives here: HTTP, what a button does (`control`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from esteio.core.views.catalogue import Catalogue, fill
from esteio.sim.sandbox import fault_menu
from esteio.sim.sandbox.control import Control, ControlRefused
from esteio.sim.world.healing import HOOKS
from esteio.sim.world.instance import Instance
from esteio.sim.world.server import SimServer

CALLS_SHOWN = 15
STRANGER = "5511944440000"
"""The number of somebody else's phone, which scans by mistake."""
KINDS: Mapping[str, str] = {"evolution": "Evolution API", "baileys": "Baileys REST", "wapi": "W-API"}
DID = frozenset({"scan", "scan-wrong", "unlink", "fault", "heal", "contact-sends", "restart-server", "calm"})
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


class Place(NamedTuple):
    """Where the page stands; see `drawn`."""

    path: str
    form_token: str = ""
    links: Mapping[tuple[str, str], str] = {}


class SandboxPage:
    """Draws the page of one sandbox and does what its forms ask."""

    def __init__(self, control: Control) -> None:
        self._control, self._world = control, control.world

    def drawn(
        self,
        texts: Catalogue,
        query: Mapping[str, str],
        *,
        path: str,
        form_token: str = "",
        links: Mapping[tuple[str, str], str] = {},
    ) -> str:
        """The page's content, escaped HTML. `query`: its address's, of which `server` and `session` choose what is
        broken, and `did` or `refused` tell of the last form. `path`: its address, which its forms are sent to as well;
        `form_token`: what each of them carries; `links`: the pages of sessions, by (server, instance)."""
        place = Place(path, form_token, links)
        return self._rendered("content.html", texts, place, self._values(texts, query, place))

    def alone(self, texts: Catalogue, query: Mapping[str, str], *, path: str) -> str:
        """The whole page, where no frame is put around it."""
        place = Place(path)
        return self._rendered("alone.html", texts, place, self._values(texts, query, place))

    def do(self, words: Mapping[str, str]) -> str:
        """What a form asks; the query to go back to. Never raises: a refusal is told there."""
        here = {name: words[name] for name in ("server", "session") if words.get(name)}
        act = words.get("do", "")
        try:
            self._done(act, words, dict(here))
            told = {"did": act}
        except ControlRefused as refused:
            told = {"refused": refused.words}
        back = here if words.get("panel") else {}
        return f"?{urlencode({**back, **told})}"

    def _done(self, act: str, words: Mapping[str, str], body: dict[str, Any]) -> None:
        """Raises `ControlRefused`."""
        if act not in DID:
            raise ControlRefused(404, f"no such button: {act}")
        if act == "fault":
            button = fault_menu.BUTTONS.get(words.get("fault", ""))
            if button is None:
                raise ControlRefused(404, "no such fault")
            fault = button.fault
            body = {**fault.params, **body, "kind": fault.kind}
        if words.get("text"):
            body["text"] = words["text"]
        if act == "scan-wrong":
            act, body = "scan", body | {"number": STRANGER}
        self._control.calls[act](body)

    # -- what is shown ------------------------------------------------------------------------------------------------

    def _values(self, texts: Catalogue, query: Mapping[str, str], place: Place) -> dict[str, Any]:
        did = query.get("did", "")
        world = self._world
        chosen = self._chosen(query)
        shown = [one for one in world.servers.values() if chosen is None or one.name == chosen["server"]]
        name = chosen["session"] if chosen else ""
        lines = [line for server in shown for line in server.lines.values() if name in ("", line.name)]
        return {
            "servers": [] if name else [self._server(texts, one) for one in shown],
            "lines": [self._line(texts, line, place) for line in lines],
            "did": did if did in DID else "",
            "refused": query.get("refused", ""),
            "panel": chosen,
            "menu": list(fault_menu.offered("session" if chosen and chosen["session"] else "server")) if chosen else [],
            "received": self._received(),
            "totals": self._totals(),
        }

    def _chosen(self, query: Mapping[str, str]) -> dict[str, Any] | None:
        """What is to be broken, where the address names one that is there."""
        server = self._world.servers.get(query.get("server", ""))
        name = query.get("session", "")
        if server is None or (name and name not in server.lines):
            return None
        title = getattr(server.lines[name], "title", name) if name else server.name
        return {"server": server.name, "session": name, "title": title}

    def _server(self, texts: Catalogue, server: SimServer) -> dict[str, Any]:
        state = "booting" if server.up and server.booting else "up" if server.up else "down"
        return {
            "name": server.name,
            "kind": KINDS[server.kind] + (f" {server.version}" if server.kind == "evolution" else ""),
            "url": server.base_url,
            "state": state,
            "instances": len(server.lines),
            "faults": [self._fault(texts, kind) for kind in self._weather(server)],
        }

    def _weather(self, server: SimServer) -> list[str]:
        """The kinds of fault that hold for a whole server now."""
        kinds = [] if server.road == "ok" else ["network"]
        kinds += ["pairing_broken"] if self._world.pairing_broken else []
        marks = [one for one in self._world.ledger.faults if one.server == server.name and not one.session]
        last = {one.kind: not one.healed for one in marks}
        answers = (*fault_menu.GROUPS["answers"], "lost_response")
        kinds += [kind for kind in answers if server.weather is not None and last.get(kind)]
        hooks = server.webhook_sender.weather.get("")
        kinds += [kind for kind, (field, calm) in HOOKS.items() if hooks and getattr(hooks, field) != calm]
        return kinds

    def _line(self, texts: Catalogue, line: Instance, place: Place) -> dict[str, Any]:
        """An instance: the provider's words beside the truth."""
        truth = line.truth()
        return {
            "server": line.server.name,
            "name": line.name,
            "title": getattr(line, "title", line.name),
            "says": truth.claim,
            "listed": truth.registry,
            "linked": truth.linked,
            "alive": truth.alive,
            "sends": truth.can_send and truth.linked,
            "receives": truth.can_receive and truth.linked,
            "phone": self._control.number_of(line),
            "link": place.links.get((line.server.name, line.name), ""),
            "shows_code": line.sock is not None and line.sock.state == "qr",
            "faults": [self._fault(texts, kind, str(line.faults[kind].get("variant", ""))) for kind in truth.faults],
        }

    def _fault(self, texts: Catalogue, kind: str, variant: str = "") -> str:
        first = next(fault_menu.buttons(kind)).key
        key = f"{kind}.{variant}" if f"{kind}.{variant}" in fault_menu.BUTTONS else first
        return texts.word("sandbox fault", key)

    def _received(self) -> list[dict[str, Any]]:
        """The last acts that reached the providers, newest first."""
        shown = []
        for call in reversed(self._world.ledger.control[-CALLS_SHOWN:]):
            at = datetime.fromtimestamp(call.at, UTC)
            shown.append(
                msgspec.structs.asdict(call)
                | {"clock": at.strftime("%H:%M:%S"), "at": at.isoformat(timespec="milliseconds")}
            )
        return shown

    def _totals(self) -> list[tuple[str, int]]:
        """How many requests of each kind came, the most frequent first."""
        counts: dict[str, int] = {}
        for (_, verb), count in self._world.ledger.calls.items():
            counts[verb] = counts.get(verb, 0) + count
        return sorted(counts.items(), key=lambda one: (-one[1], one[0]))

    def _rendered(self, template: str, texts: Catalogue, place: Place, values: Mapping[str, Any]) -> str:
        def say(key: str, count: int = 1, **given: object) -> str:
            found = texts.find("sandbox", key, count)
            if found is None:
                raise KeyError(key)
            return fill(found, {name: str(value) for name, value in given.items()})

        shown = {"say": say, "word": texts.word, "place": place, "language": texts.language}
        return _TEMPLATES.get_template(template).render({**shown, **values})


def tongue_of(accept_language: str) -> str:
    """`pt-BR` when the browser asks for any Portuguese before English, otherwise `en`."""
    for part in accept_language.lower().split(","):
        if part.strip().startswith("pt"):
            return "pt-BR"
        if part.strip().startswith("en"):
            return "en"
    return "pt-BR"
