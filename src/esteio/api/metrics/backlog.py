"""What waits: messages to go out, webhooks to be read, events to be delivered, steps and notices to be carried out.

Everything is read from small indexes and rows that exist only while something waits. Never lives here: how many
messages wait (`fleet`, which knows the sessions' gates).
"""

from __future__ import annotations

from collections import Counter
from typing import Final, get_args

from esteio.api.http.route import ApiContext
from esteio.api.metrics.gauges import Gauges
from esteio.core.model.state import Gate
from esteio.store.delivery import Endpoint

ENDPOINT_STATES: Final = ("ok", "failing", "disabled")


async def backlogs(api: ApiContext, gauges: Gauges) -> None:
    """Writes all of it."""
    await _outbox(api, gauges)
    await _inbox(api, gauges)
    await _deliveries(api, gauges)
    about = "How long the oldest recovery step or notice that is due has not been begun"
    gauges.age("esteio_work_overdue_seconds", about, await api.store.work.next_due())


async def _outbox(api: ApiContext, gauges: Gauges) -> None:
    found = await api.store.outbox.backlog()
    ages = {gate: gauges.seconds_since(at) for gate, at in found.oldest_at.items()}
    about = "Age of the oldest message that waits to go out, by its session's gate, 0 for none"
    gauges.by("esteio_messages_oldest_waiting_seconds", about, "gate", get_args(Gate), ages)
    about = "Messages of which nobody knows whether they left, and that wait for a person"
    gauges.one("esteio_messages_in_doubt", about, found.set_aside)


async def _inbox(api: ApiContext, gauges: Gauges) -> None:
    found = await api.store.inbox.backlog()
    gauges.one("esteio_inbox_unread", "Webhooks of providers that were not yet read", found.unread)
    about = "Age of the oldest webhook of a provider that was not yet read"
    gauges.age("esteio_inbox_oldest_unread_seconds", about, found.oldest_at)
    gauges.one("esteio_inbox_unreadable", "Webhooks of providers that cannot be read, and are kept", found.unreadable)


async def _deliveries(api: ApiContext, gauges: Gauges) -> None:
    backlog = await api.store.delivery.backlog()
    gauges.one("esteio_webhook_lanes_pending", "Chats of endpoints with events to deliver", backlog.lanes)
    gauges.one("esteio_webhook_events_dead", "Events that an endpoint never took", backlog.dead)
    gauges.age("esteio_webhook_oldest_pending_seconds", "Age of the oldest event to deliver", backlog.oldest_at)
    endpoints = await api.store.webhook_endpoints.all()
    states = Counter(_state(one) for one in endpoints)
    gauges.by("esteio_webhook_endpoints", "Webhook endpoints by state", "state", ENDPOINT_STATES, states)
    failing = [one.health.failing_since for one in endpoints if _state(one) == "failing"]
    about = "How long that endpoint has failed which has failed longest"
    gauges.age("esteio_webhook_failing_seconds", about, min(failing, default=None))


def _state(endpoint: Endpoint) -> str:
    if not endpoint.enabled or endpoint.suspended:
        return "disabled"
    return "failing" if endpoint.health.failing_since else "ok"
