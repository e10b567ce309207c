"""The closed list of log events: each name, the level it is logged at, when, and the keys it may carry.

An event is added here, then logged: `log.info("message.sent", message=…)`. A name, level or key that is not declared
fails `tests/test_documented_log.py`, by reading the source, and raises in every test that logs it. The page
`docs/reference/log.md` is checked against this list. Names are `thing.happened`; a key means the same in
every event, and its kind (`KEYS`) says how `redaction` shows it.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Final, Literal

import msgspec

Level = Literal["debug", "info", "warning", "error"]
Kind = Literal["name", "id", "code", "number", "time", "address", "path", "text", "traceback"]
"""How a value is shown. `name`, `id`, `code`, `path`: words without blanks, as they are but for phone numbers; whatever
else comes there is shown as its length. `number`: int, float, bool. `time`: epoch seconds, shown as RFC 3339 UTC.
`address`: a phone or chat, the last four digits and its kind. `text`: a sentence of ours, cleaned: what it
quotes is shown as its length. `traceback`: the same, its frames as they are."""


class Event(msgspec.Struct, frozen=True):
    """One event of the list. `levels`: usually one; two where the line's own values decide. `keys`: all it may carry,
    not all it always carries."""

    levels: tuple[Level, ...]
    when: str
    keys: frozenset[str]


class UndeclaredEvent(ValueError):
    """An event or a key that is not in the list."""


KEYS: Final[dict[str, tuple[Kind, str]]] = {
    # who
    "session": ("name", "the session's name"),
    "server": ("name", "the server's name"),
    "tenant": ("name", "the tenant's name"),
    "endpoint": ("id", "the outgoing webhook's id (`wh_…`)"),
    "message": ("id", "the message's id (`msg_…`)"),
    "client_ref": ("name", "the caller's own word for it, as given with the message"),
    "chat": ("address", "the chat, by its last four digits"),
    "approval": ("id", "the approval's id"),
    "key": ("id", "the API key's id"),
    "outage": ("id", "the outage's id"),
    "work": ("id", "the id of a row of work"),
    "lane": ("id", "what runs one at a time: the lane of a row of work"),
    "attempt_id": ("id", "the recovery attempt's id; its row of work has the same"),
    "provider_webhook": ("number", "the row of the provider's webhook, as in `GET /v1/inbox`"),
    "event_seq": ("number", "the event's sequence number, as in `GET /v1/events`"),
    "event_type": ("code", "the event's type, such as `message.received`"),
    "node": ("name", "the node's id, which it keeps over restarts"),
    "epoch": ("number", "which boot of the node it is"),
    "sessions": ("number", "how many sessions"),
    "chores": ("number", "how many chores: servers' health, shares of the deliveries, upkeep"),
    # what
    "state": ("code", "the state it is in from now on"),
    "before": ("code", "what it was before"),
    "after": ("code", "what it is now"),
    "reason": ("code", "the reason code, as documents show it"),
    "outcome": ("code", "what the attempt came to"),
    "result": ("code", "what a look came to"),
    "rung": ("code", "the step of the recovery ladder"),
    "answer": ("code", "how the provider answered an act"),
    "kind": ("code", "which kind of it"),
    "role": ("code", "the API key's role"),
    "decision": ("code", "`approved` or `rejected`"),
    "at_provider": ("code", "what a delete does at the provider: `keep`, `logout` or `delete`"),
    "changed": ("code", "the fields that changed"),
    "depth": ("code", "how much a look asked for"),
    "evidence": ("code", "the kinds of evidence that it brought"),
    "method": ("code", "the HTTP method"),
    "route": ("path", "the route's pattern"),
    "host": ("name", "the other side's host"),
    "path": ("path", "the path there, query values blanked"),
    "task": ("code", "the task's name"),
    "target": ("text", "a notice's target, by its number and scheme"),
    "listen": ("text", "our own address"),
    # how much, how long, when
    "status": ("number", "the HTTP status, null without an answer"),
    "attempt": ("number", "which attempt it was, from 1"),
    "tries": ("number", "how often it was made again because others were faster"),
    "duration_ms": ("number", "how long it took, or lasted"),
    "age_ms": ("number", "how long after the thing itself (accepted, received, happened) this line was written"),
    "next_at": ("time", "when it is tried or looked at again, null when never"),
    "count": ("number", "how many"),
    "suppressed": ("number", "how many like it since the last such line were not written"),
    "size": ("number", "bytes"),
    "in_doubt": ("number", "messages that the last end of a process left in doubt"),
    "interrupted": ("number", "acts that the last end of a process cut short"),
    "new": ("number", "whether the database is new"),
    "adopted": ("number", "whether the instance was there before the session"),
    "soft": ("number", "the soft limit"),
    "hard": ("number", "the hard limit"),
    "vault_key": ("id", "the id of a key that seals secrets at rest; it says nothing of the key"),
    "head": ("id", "the hash of the audit log's last row"),
    "causes": ("code", "how many for which cause, `cause:count`"),
    "back_ms": ("number", "how far the clock went back"),
    # words
    "note": ("text", "the adapter's note on what it read"),
    "title": ("text", "the notice's title"),
    "error": ("text", "our own error"),
    "detail": ("text", "how a provider answered an act or a download, in words"),
    "text": ("text", "a library's own line"),
    "exception": ("traceback", "the traceback"),
}
"""Each key, its kind and its meaning."""

ALWAYS: Final = frozenset({"event", "level", "timestamp", "component"})
"""In every line."""

_SESSION = ("session", "server")
_ATTEMPT = ("session", "server", "message", "chat", "client_ref", "kind", "attempt", "outcome", "reason", "duration_ms")
_DELIVERY = ("endpoint", "session", "event_seq", "event_type", "attempt", "duration_ms", "age_ms")
_REQUEST = ("method", "route", "status", "reason", "duration_ms")
_EXCHANGE = ("method", "host", "path", "status", "duration_ms")


def _one(level: Level, when: str, *keys: str) -> Event:
    return Event((level,), when, frozenset(keys))


def _either(levels: tuple[Level, Level], when: str, *keys: str) -> Event:
    return Event(levels, when, frozenset(keys))


EVENTS: Final[dict[str, Event]] = {
    # -- the five units of work, one line each -------------------------------------------------------------------------
    "message.accepted": _one(
        "debug",
        "A message is on disk, before its 202.",
        *(*_SESSION, "message", "chat", "client_ref", "kind", "state", "reason", "duration_ms"),
    ),
    "message.sent": _one("debug", "An attempt succeeded: the provider took the message.", *_ATTEMPT, "age_ms"),
    "message.requeued": _one(
        "info", "An attempt did not send the message; the next is due at `next_at`.", *_ATTEMPT, "age_ms", "next_at"
    ),
    "message.in_doubt": _one(
        "warning",
        "Whether an attempt sent the message is not known; it is looked for at `next_at`.",
        *(*_ATTEMPT, "age_ms", "next_at"),
    ),
    "message.failed": _one("warning", "An attempt failed and there will be no other.", *_ATTEMPT, "age_ms"),
    "provider_webhook.received": _one(
        "debug",
        "A provider's webhook is on disk, before its 200.",
        *(*_SESSION, "provider_webhook", "path", "size", "duration_ms"),
    ),
    "provider_webhook.read": _one(
        "debug",
        "A stored webhook was read and applied; `count` events came of it.",
        *(*_SESSION, "provider_webhook", "count", "evidence", "note", "size", "duration_ms", "age_ms"),
    ),
    "provider_webhook.unreadable": _one(
        "warning",
        "A stored webhook could not be read and is kept; one line a minute and session.",
        *(*_SESSION, "provider_webhook", "note", "size", "suppressed", "exception", "duration_ms", "age_ms"),
    ),
    "decision.committed": _one(
        "debug",
        "A decision about a session or a server was written.",
        *(*_SESSION, "state", "reason", "rung", "attempt_id", "evidence", "tries", "duration_ms", "next_at"),
    ),
    "delivery.succeeded": _one("debug", "An outgoing webhook was answered with 2xx.", *_DELIVERY, "status"),
    "delivery.failed": _one(
        "warning",
        "An outgoing webhook was not delivered: `reason` says why, `next_at` when it is tried again.",
        *(*_DELIVERY, "outcome", "status", "reason", "next_at"),
    ),
    # -- messages, beside the units ------------------------------------------------------------------------------------
    "message.fence_lost": _one(
        "warning", "An attempt's lease was lost meanwhile: its outcome was not written.", *_ATTEMPT, "age_ms"
    ),
    "message.doubt_settled": _one(
        "info",
        "A message in doubt was found, or found not to be there.",
        *(*_SESSION, "message", "client_ref", "state", "result", "reason", "duration_ms", "age_ms", "next_at"),
    ),
    "message.expired": _one("warning", "Messages were not sent in time.", "count"),
    "message.cancelled": _one("info", "A caller took a message back.", "session", "message", "client_ref"),
    "message.retried": _one("info", "A caller queued a message again.", "session", "message", "client_ref"),
    # -- deliveries, beside the units ----------------------------------------------------------------------------------
    "delivery.skipped": _one(
        "debug",
        "The webhook does not take this event: it was changed meanwhile, or its format has no word for it.",
        *_DELIVERY,
    ),
    "delivery.deferred": _one("debug", "The event waits for the bytes of its media.", *_DELIVERY, "reason", "next_at"),
    "delivery.fence_lost": _one(
        "warning", "A delivery's lease was lost meanwhile: its outcome was not written.", *_DELIVERY, "status", "reason"
    ),
    "delivery.given_up": _one("warning", "Events became dead letters: 72 hours of failure.", "count"),
    "endpoint.created": _one("info", "An outgoing webhook was added.", "endpoint"),
    "endpoint.changed": _one("info", "An outgoing webhook was changed, or its secret rotated.", "endpoint", "changed"),
    "endpoint.deleted": _one("info", "An outgoing webhook was deleted, with its queue.", "endpoint"),
    "endpoint.disabled": _one(
        "warning", "A subscriber answered 410: nothing is sent there any more.", "endpoint", "reason"
    ),
    # -- what comes in -------------------------------------------------------------------------------------------------
    "provider_webhook.refused": _one(
        "warning", "A provider's webhook went over the session's hourly budget (503).", *_SESSION, "size"
    ),
    "session.qr_received": _one("info", "A QR or pairing code came in.", *_SESSION),
    "media.fetched": _one("debug", "The bytes of a received medium are kept.", *_SESSION, "message", "size"),
    "media.fetch_failed": _one(
        "debug",
        "A received medium could not be fetched; it is tried again at `next_at`.",
        *(*_SESSION, "message", "detail", "next_at"),
    ),
    "media.given_up": _one(
        "warning", "A received medium will not be fetched any more.", *_SESSION, "message", "reason", "detail"
    ),
    "backfill.finished": _one(
        "info", "What was missed in a gap was read back; `count` messages came.", *_SESSION, "count", "note"
    ),
    "backfill.given_up": _one("warning", "What was missed in a gap could not be read back.", *_SESSION, "note"),
    # -- sessions ------------------------------------------------------------------------------------------------------
    "session.created": _one("info", "A session was added.", *_SESSION, "adopted"),
    "session.changed": _one("info", "Its phone, policy or ref changed.", *_SESSION, "changed"),
    "session.deleted": _one("info", "A session was deleted.", *_SESSION, "at_provider"),
    "session.moved": _one("info", "It is another tenant's from now on.", "session", "tenant"),
    "session.paused": _one("info", "A caller paused it.", *_SESSION),
    "session.resumed": _one("info", "A caller resumed it.", *_SESSION),
    "session.pair_requested": _one("info", "A caller asked for a code.", *_SESSION),
    "session.pair_link_made": _one("info", "A link to its code was made for the phone's owner.", *_SESSION),
    "session.pair_link_revoked": _one("info", "The link to its code was revoked.", *_SESSION),
    "session.recover_requested": _one("info", "A caller started the ladder from its first rung.", *_SESSION),
    "session.logout_requested": _one("info", "A caller asked to log it out at its provider.", *_SESSION),
    "session.settings_kept": _one("info", "What a client set of its instance was kept.", *_SESSION),
    "session.recreate_requested": _one("info", "A caller asked to recreate it.", *_SESSION),
    "session.probed": _one("debug", "The provider was asked about a session.", *_SESSION, "depth", "evidence"),
    "session.state_changed": _either(
        ("info", "warning"),
        "Its state changed; a warning where it can neither send nor is on its way to.",
        *(*_SESSION, "before", "after", "reason"),
    ),
    "session.outage_started": _one("warning", "It was proved to be down.", *_SESSION, "outage", "reason"),
    "session.outage_ended": _one("info", "It was proved to work again.", *_SESSION, "outage", "duration_ms"),
    "session.attempt_started": _one(
        "info", "A step of the recovery ladder begins.", *_SESSION, "rung", "attempt_id", "reason"
    ),
    "session.webhook_saved": _one("info", "The webhook that stood at the provider was kept.", *_SESSION, "result"),
    "approval.requested": _one(
        "warning", "A destructive rung waits for a person.", *_SESSION, "approval", "rung", "reason"
    ),
    "approval.decided": _one("info", "A person answered.", "session", "approval", "rung", "decision"),
    # -- servers -------------------------------------------------------------------------------------------------------
    "server.added": _one("info", "A server was added.", "server", "kind"),
    "server.changed": _one("info", "Its address, credentials or limits changed.", "server"),
    "server.deleted": _one("info", "A server was deleted.", "server"),
    "server.health_changed": _either(
        ("info", "warning"),
        "Its health changed; a warning where it is neither up, slow, booting nor unknown.",
        *("server", "before", "after", "reason"),
    ),
    "server.outage_started": _one("warning", "It, or most of its sessions at once, went down.", "server", "reason"),
    "server.outage_ended": _one("info", "It works again.", "server"),
    # -- work: control acts and notices --------------------------------------------------------------------------------
    "work.claimed": _one("debug", "A row of work is being performed.", "work", "kind", "lane"),
    "work.performed": _one(
        "info",
        "A control act was answered by the provider.",
        *_SESSION,
        "work",
        "rung",
        "answer",
        "detail",
        "duration_ms",
    ),
    "work.settled": _one("debug", "A row's outcome was written.", "work", "outcome"),
    "work.dropped": _one("info", "A row was no longer wanted and was not performed.", "work", "outcome"),
    "work.fence_lost": _one(
        "warning", "A row's lease was lost meanwhile: its outcome was not written.", "work", "outcome"
    ),
    "notice.sent": _one(
        "info", "A notice reached its target; without targets it is only this line.", "title", "target"
    ),
    "notice.failed": _one("warning", "A target did not take a notice; it is tried again.", "title", "target"),
    # -- defects of ours: one row, message or session was set aside, the others go on ------------------------------
    "decision.lost": _one(
        "warning",
        "A decision could not be written (a full disk, or others were faster); it is made again.",
        *_SESSION,
        "error",
    ),
    "decision.failed": _one("error", "Deciding about a session or a server raised.", *_SESSION, "exception"),
    "probe.failed": _one("error", "Asking a provider raised.", *_SESSION, "exception"),
    "message.attempt_crashed": _one(
        "error", "An attempt, or a look for a message in doubt, raised.", *_SESSION, "message", "exception"
    ),
    "queue.read_failed": _one("error", "Reading a provider's own queue raised.", *_SESSION, "exception"),
    "work.failed": _one("error", "Performing a row of work raised.", "work", "exception"),
    "delivery.crashed": _one("error", "Delivering an event raised; it is tried again.", *_DELIVERY, "exception"),
    "media.fetch_crashed": _one("error", "Fetching a medium raised.", *_SESSION, "message", "exception"),
    "backfill.failed": _one("error", "Reading a gap back raised.", *_SESSION, "exception"),
    "request.failed": _one("error", "A request of the API raised (500).", *_REQUEST, "error", "exception"),
    # -- HTTP ----------------------------------------------------------------------------------------------------------
    "request.served": _one("debug", "A request of the API was answered.", *_REQUEST),
    "request.refused": _one("info", "A request of the API was refused, with a code.", *_REQUEST),
    "exchange.finished": _one("debug", "A provider or subscriber answered one of our requests.", *_EXCHANGE),
    "exchange.failed": _one("debug", "One of our requests got no answer.", *_EXCHANGE, "error"),
    # -- keys and people -----------------------------------------------------------------------------------------------
    "key.created": _one("info", "An API key was made.", "key", "role"),
    "key.revoked": _one("info", "An API key was revoked.", "key"),
    "audit.head": _one(
        "info", "Once a day: how many rows the audit log ever had, and the last one's hash.", "count", "head"
    ),
    "audit.head_missing": _one(
        "error", "The audit log has rows and no head: what was written before cannot be verified any more.", "count"
    ),
    "audit.purged": _one("info", "Rows of the audit log beyond their time were removed, up to this one.", "count"),
    "vault.key_made": _one("info", "A new key seals secrets at rest from now on.", "vault_key"),
    "vault.rotated": _one("info", "Every secret at rest is sealed with this key.", "vault_key", "count"),
    "vault.key_kept": _one("warning", "Older keys could not be retired yet; tried again in ten minutes.", "reason"),
    "vault.key_retired": _one("info", "So many older keys open nothing any more.", "count"),
    "tenant.created": _one("info", "A tenant was made.", "tenant"),
    "tenant.changed": _one("info", "A tenant was changed, suspended or let in again.", "tenant", "changed"),
    "tenant.deleted": _one("info", "An empty tenant was deleted.", "tenant"),
    "contact.erased": _one("info", "What was stored of a person was removed.", "count", "in_doubt"),
    # -- the process ---------------------------------------------------------------------------------------------------
    "gateway.started": _one("info", "It serves.", "listen"),
    "gateway.unready": _one("info", "It was asked to end: `/readyz` says 503, everything else goes on for a while."),
    "gateway.stopping": _one("info", "It was asked to end, and accepts nothing new."),
    "calls.cut_off": _one(
        "warning", "It ended before these calls did; `drain.calls_s` gives them time.", "task", "count"
    ),
    "gateway.stopped": _one("info", "It ended."),
    "gateway.failed": _one("error", "It ends because a task was given up.", "error"),
    "settings.applied": _one("info", "Declared servers and sessions were added or changed.", "count"),
    "files.limit_set": _one("info", "The limit of open files, at the start.", "soft", "hard"),
    "connections.dropped": _one("warning", "Clients' connections were closed; one line a minute.", "causes"),
    "clock.stepped_back": _one("warning", "The machine's clock went back.", "back_ms"),
    "task.started": _one("debug", "A loop of the gateway begins.", "task"),
    "task.failed": _one(
        "error", "A loop raised, or returned unexpectedly; it is started again.", "task", "error", "exception"
    ),
    "task.restarted": _one("warning", "A loop that failed was started again.", "task"),
    "task.gave_up": _one("error", "A loop failed too often; the process ends.", "task"),
    "store.opened": _one(
        "info", "The database is open, and what a crash left is put right.", "new", "interrupted", "in_doubt"
    ),
    "store.full": _one("warning", "The disk, or the database, takes no more.", "error"),
    # -- several nodes on one database ---------------------------------------------------------------------------------
    "node.joined": _one(
        "info", "This node works on the database from now on; `count` nodes live.", *("node", "epoch", "count")
    ),
    "node.left": _one("info", "This node has given up all that it held.", "node", "epoch"),
    "node.lease_lost": _one(
        "warning",
        "This node has stopped acting, for its lease is over; it joins again.",
        *("node", "epoch", "reason", "sessions"),
    ),
    "node.beat_failed": _one("warning", "Nobody knows whether the lease was renewed.", "node", "error"),
    "node.took_over": _one(
        "info",
        "This node holds more from now on; what was under way there was put right.",
        *("node", "sessions", "chores", "interrupted", "in_doubt"),
    ),
    "node.gave_up": _one("info", "What belongs to another living node is free for it.", "node", "sessions", "chores"),
    "node.take_failed": _one("warning", "Nobody knows whether what is free was taken.", "node", "error"),
    "store.purged": _one("info", "Rows beyond their time were removed.", "count"),
    "media.swept": _one("info", "Files that no message names were removed.", "count"),
    "library.logged": _either(
        ("warning", "error"), "A library logged a warning or worse; `component` is the library.", "text", "exception"
    ),
}
"""Each event. The five units of work come first."""


def declared(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor for tests. Raises `UndeclaredEvent`."""
    known = EVENTS.get(event["event"])
    if known is None:
        raise UndeclaredEvent(f"{event['event']!r} is not among the log's events")
    if extra := event.keys() - known.keys - ALWAYS - {"exc_info"}:
        raise UndeclaredEvent(f"{event['event']} does not declare {', '.join(sorted(extra))}")
    if event.get("exc_info") and "exception" not in known.keys:
        raise UndeclaredEvent(f"{event['event']} does not declare exception")
    return event
