"""One provider server: its process, its network, its HTTP weather and the instances it holds.

`SimServer` is the truth about a deployment; its `face` is what answers HTTP for it. Never lives here: a dialect.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Literal, Protocol

import msgspec

from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.world.environment import Environment
from esteio.sim.world.host import WhatsAppPath
from esteio.sim.world.instance import Instance
from esteio.sim.world.ledger import ControlCall, ServerLife
from esteio.sim.world.webhooks import QueuedWebhook, RetryRule, WebhookSender

Verbs = Literal["send", "control", "all"]


class Face(Protocol):
    """A dialect's HTTP side."""

    retry_rule: RetryRule

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request as the real server would. Never raises."""
        ...

    def verb_of(self, request: HttpRequest) -> str:
        """`send`, `create`, `connect`, `restart`, `logout`, `delete`, `set_webhook`, or another word for reads."""
        ...

    def key_refused(self) -> HttpResponse:
        """How it refuses a wrong key."""
        ...

    def plant(self, name: str, number: str, *, webhook_url: str, token: str) -> Instance:
        """An instance that exists already: paired, open, with its webhook set."""
        ...


class HttpWeather(msgspec.Struct):
    """What stands between the client and a server that runs. `session`: only requests that name it."""

    slow_s: tuple[float, float] | None = None
    slow_verbs: Verbs = "all"
    error: int | None = None
    error_rate: float = 1.0
    licence: bool = False
    html: int | None = None
    key_refused: bool = False
    lost: int = 0
    """How many more answers are lost."""
    lost_verbs: Verbs = "send"
    lost_happens: bool = True
    """The act is done and its answer lost; False: the request itself is lost, nothing is done."""
    lost_how: Literal["hang", "cut"] = "hang"
    session: str = ""

    @property
    def calm(self) -> bool:
        return not (self.slow_s or self.error or self.licence or self.html or self.key_refused or self.lost)


CONTROL_VERBS = frozenset({"create", "connect", "restart", "logout", "delete", "set_webhook"})


class SimServer:
    """A provider deployment. `up`: its process listens; `epoch` counts its processes."""

    def __init__(self, world: Environment, name: str, *, kind: str, version: str, base_url: str, apikey: str) -> None:
        self.world = world
        self.name = name
        self.kind = kind
        self.version = version
        self.base_url = base_url.rstrip("/")
        self.apikey = apikey
        _, _, tail = self.base_url.partition("://")
        self.host, slash, path = tail.partition("/")
        self.base_path = slash + path
        self.up = True
        self.epoch = 0
        self.booted_at = float("-inf")
        self.boot_s = 0.0
        self._road: WhatsAppPath = "ok"
        self.away_since: float | None = None
        """Since when it cannot reach WhatsApp as it should; None while it can."""
        self.flap_opens = 0.0
        """While the road flaps: how often a socket gets as far as `open` before it is thrown out."""
        self.connecting_event_rate = world.connecting_event_rate
        self.weather: HttpWeather | None = None
        self.calm_since = float("-inf")
        """When the last weather was over."""
        self.lines: dict[str, Instance] = {}
        self.known_numbers: set[str] = set()
        """Numbers whose existence the server has cached (on disk)."""
        self.tz_offset_s = -3 * 3600
        """The server's local time, which some providers write with a false `Z`."""
        self.race_rate = 1 / 3
        """How often the provider's own races show (Evolution: a logout that happened answers 500)."""
        self.answer_s = (0.002, 0.03)
        self.face: Face
        self.webhook_sender: WebhookSender
        self.power_listeners: list[asyncio.Event] = []

    # -- facts ----------------------------------------------------------------------------------------------------

    @property
    def booting(self) -> bool:
        return self.world.now() - self.booted_at < self.boot_s

    @property
    def road(self) -> WhatsAppPath:
        """Its way to WhatsApp."""
        return self._road

    @road.setter
    def road(self, road: WhatsAppPath) -> None:
        was, self._road = self._road, road
        if (was == "ok") == (road == "ok"):
            return
        self.away_since = None if road == "ok" else self.world.now()
        if road == "ok":
            self.world.ledger.answers_again(self.world.now(), self.name)

    @property
    def loop_pause_s(self) -> float:
        """The pause in loops that the real one runs without any: 1 / `connecting_event_rate`."""
        return 1.0 / self.connecting_event_rate

    def local(self, url: str) -> str:
        """The path (with query) of a request as this server's router sees it."""
        return _under(self.base_path, url)

    # -- the process ----------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """The process ends: connections are refused, memory and webhook retries are gone."""
        self.up = False
        self.epoch += 1
        self.webhook_sender.stop()
        for instance in self.lines.values():
            instance.power_off()
        self._tell_power()

    def start(self, boot_s: float, flap_s: float = 0.0) -> None:
        """A new process: HTTP answers at once, instances are loaded one after another within `boot_s`, and for
        `flap_s` WhatsApp throws sockets out again."""
        self.up = True
        self.boot_s = max(boot_s, flap_s)
        self.booted_at = self.world.now()
        dice = self.world.dice
        if flap_s:
            self.road, self.flap_opens = "flap", 0.25
            self.world.later(flap_s, self._settle, self.epoch)
        for instance in self.lines.values():
            instance.slow_shake_s = dice.uniform(0, boot_s * 0.6)
            instance.later(dice.uniform(0, boot_s * 0.4), self._load, instance)
        self._tell_power()

    def _settle(self, epoch: int) -> None:
        if epoch == self.epoch and self.road == "flap":
            self.road, self.flap_opens = "ok", 0.0

    def _load(self, instance: Instance) -> None:
        instance.in_memory = True
        instance.boot()

    def _tell_power(self) -> None:
        for event in self.power_listeners:
            event.set()

    def reboot(self, down_s: float, boot_s: float, flap_s: float) -> None:
        """Stop now, start `down_s` later; the ledger remembers."""
        self.stop()
        now = self.world.now()
        self.world.ledger.boots.append(ServerLife(self.name, now, now + down_s, max(boot_s, flap_s)))
        self.world.later(down_s, self._restarted, self.epoch, boot_s, flap_s)

    def _restarted(self, epoch: int, boot_s: float, flap_s: float) -> None:
        if epoch == self.epoch and not self.up:
            self.start(boot_s, flap_s)

    # -- bookkeeping ----------------------------------------------------------------------------------------------

    def control(self, verb: str, session: str) -> ControlCall:
        """Enter a control call into the ledger; the face fills in what it did."""
        instance = self.lines.get(session)
        call = ControlCall(
            self.world.now(), self.name, verb, session, instance is not None and instance.alive, self.booting
        )
        self.world.ledger.control.append(call)
        return call

    def post(self, webhook: QueuedWebhook) -> asyncio.Task[bool]:
        """Queues a webhook at the server's postman; the task gives whether it was accepted."""
        return self.webhook_sender.post(webhook)

    def gentle(self) -> HttpWeather:
        """The weather to change; the ground state is none at all."""
        if self.weather is None:
            self.weather = HttpWeather()
        return self.weather

    def clear_weather(self) -> None:
        """Drops an HTTP weather in which nothing is wrong any more, and notes since when it is calm."""
        if self.weather is not None and self.weather.calm:
            self.weather, self.calm_since = None, self.world.now()


@lru_cache(maxsize=8192)
def _under(base_path: str, url: str) -> str:
    """A fleet is asked the same for days."""
    _, _, tail = url.partition("://")
    slash = tail.find("/")
    path = tail[slash:] if slash >= 0 else "/"
    return path[len(base_path) :] if base_path and path.startswith(base_path) else path


def header(request: HttpRequest, name: str) -> str | None:
    """A request's header whatever the case it was written in; `name` is lower case."""
    value = request.headers.get(name)
    if value is None:
        for key, other in request.headers.items():
            if key.lower() == name:
                return other
    return value
