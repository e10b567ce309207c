"""Webhooks out of a provider: each event on its own, with the provider's own retries, late, lost or doubled.

Order is not kept: every event is its own task, as in the real ones. A server's death loses what was under way.
Never lives here: what an event says (see the faces).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from esteio.core.judge.pacing import doubling
from esteio.sim.world.environment import Environment
from esteio.sim.world.ledger import Emission


class RetryRule(NamedTuple):
    """How a provider repeats a webhook that was not answered 2xx."""

    attempts: int
    first_s: float
    cap_s: float
    jitter: float
    never: frozenset[int]
    timeout_s: float


EVOLUTION_RULE = RetryRule(10, 5.0, 300.0, 0.2, frozenset({400, 401, 403, 404, 422}), 60.0)
ONCE = RetryRule(1, 0.0, 0.0, 0.0, frozenset(), 30.0)


class WebhookWeather(msgspec.Struct):
    """What happens to webhooks on their way: `late_s` (from, to) and the share that is late, lost, doubled."""

    late_s: tuple[float, float] = (0.0, 0.0)
    late: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    unreachable: bool = False
    """None ever comes: the address is one that the provider cannot reach."""
    events: frozenset[str] = frozenset()
    """Only these events are hit; empty: all."""


class QueuedWebhook(msgspec.Struct):
    """One event on its way to one URL. `emission` is the ledger's line about an inbound message."""

    session: str
    event: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    emission: Emission | None = None


class WebhookSender:
    """Delivers one server's webhooks."""

    def __init__(self, world: Environment, server: str, rule: RetryRule) -> None:
        self._world = world
        self._server = server
        self.rule = rule
        self.weather: dict[str, WebhookWeather] = {}
        """By session; "" for the whole server."""
        self._under_way: set[asyncio.Task[bool]] = set()
        self.outcomes: list[tuple[float, QueuedWebhook, int]] = []
        """The server's own log of deliveries (W-API shows it), newest last; kept short."""

    def post(self, webhook: QueuedWebhook) -> asyncio.Task[bool]:
        """Send it off; the task ends True when it was taken, False when the series gave up."""
        task = asyncio.get_running_loop().create_task(self._deliver(webhook))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    def stop(self) -> None:
        """The process died: everything under way is lost, retries too."""
        for task in list(self._under_way):
            task.cancel()
        self._under_way.clear()

    @property
    def under_way(self) -> int:
        """How many series are not over yet."""
        return len(self._under_way)

    async def _deliver(self, webhook: QueuedWebhook) -> bool:
        weather = self.weather.get(webhook.session) or self.weather.get("")
        if any(one.unreachable for one in (weather, self.weather.get("")) if one):
            self._count(webhook, "lost")
            return False
        if weather and (not weather.events or webhook.event in weather.events):
            dice = self._world.dice
            if dice.random() < weather.lost:
                self._count(webhook, "lost")
                return False
            if dice.random() < weather.late:
                await asyncio.sleep(dice.uniform(*weather.late_s))
            if dice.random() < weather.doubled:
                await self._try(webhook)
        return await self._series(webhook)

    async def _series(self, webhook: QueuedWebhook) -> bool:
        rule = self.rule
        for attempt in range(rule.attempts):
            status = await self._try(webhook)
            if 200 <= status < 300:
                return True
            if status in rule.never or attempt + 1 == rule.attempts:
                break
            delay = doubling(rule.first_s, rule.cap_s, attempt)
            await asyncio.sleep(max(rule.first_s, delay * (1 + self._world.dice.uniform(-rule.jitter, rule.jitter))))
        self._count(webhook, "gave_up")
        return False

    async def _try(self, webhook: QueuedWebhook) -> int:
        sink = self._world.on_webhook
        try:
            if sink is None:
                status = 0
            else:
                status = await asyncio.wait_for(sink(webhook.url, webhook.headers, webhook.body), self.rule.timeout_s)
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 - whatever the receiver's side throws is "no answer" to a provider
            status = 0
        if webhook.emission:
            webhook.emission.posts += 1
            webhook.emission.answered = status
        self._count(webhook, "ok" if 200 <= status < 300 else "failed")
        self.outcomes.append((self._world.now(), webhook, status))
        if len(self.outcomes) > 1_000:
            del self.outcomes[:500]
        return status

    def _count(self, webhook: QueuedWebhook, outcome: str) -> None:
        self._world.ledger.webhooks[self._server, webhook.event, outcome] += 1
