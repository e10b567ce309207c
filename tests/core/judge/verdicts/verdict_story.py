"""A session that was well, and then a list of evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from esteio.core.judge.diagnose import verdict
from esteio.core.model.evidence import NOT_LOADED
from esteio.core.model.policy import Policy
from tests.core.rehearsal import T0, Fleet

S, P, W, L, SEND = "state", "probe", "webhook", "list", "send"


GHOST: list[tuple[Any, ...]] = [("said_open", S, 4), ("send_closed", SEND, 4), ("socket_closed", P, 0)]


MISSING = [("ack_missing", "self", ago) for ago in (990, 980, 970)]


STORIES: dict[str, list[tuple[Any, ...]]] = {
    # name: evidence as (kind, road, seconds ago, data?), on a paired session that was well 100 s ago
    "nothing new": [],
    "one refusal": [("send_closed", SEND, 0)],
    "one silence": [("round_trip_silent", P, 0)],
    "refused twice, said open": GHOST,
    "refused twice by sends alone": [("send_closed", SEND, 4), ("send_closed", SEND, 0)],
    "refused, then alive": [*GHOST, ("message_received", W, 0)],
    "silent twice": [("round_trip_silent", P, 6), ("round_trip_silent", P, 0)],
    "silent twice beside an open socket": [
        ("said_open", S, 6),
        ("round_trip_silent", P, 6),
        ("socket_ok", P, 1),
        ("round_trip_silent", P, 0),
    ],
    "refused, reconnecting by itself": [("said_connecting", S, 6), ("send_closed", SEND, 6), ("socket_closed", P, 0)],
    "refused, closed by its own word": [("said_closed", S, 6), ("send_closed", SEND, 6), ("socket_closed", P, 0)],
    "refused, a word we do not know": [
        ("send_closed", SEND, 4),
        ("socket_closed", P, 0),
        ("said_unknown", S, 0, {"state": "limbo"}),
    ],
    "five connecting": [("said_connecting", W, ago) for ago in (9, 7, 5, 3, 1)],
    "pushed closed": [("said_closed", W, 0)],
    "listed closed": [("said_closed", L, 0)],
    "read closed": [("said_closed", S, 0)],
    "unlinked, read": [("logged_out", S, 0)],
    "unlinked, only pushed": [("logged_out", W, 0)],
    "unlinked, pushed and a look agrees": [("logged_out", W, 2), ("said_closed", S, 0)],
    "unlinked, then paired again": [("logged_out", S, 5), ("message_received", W, 0)],
    "banned": [("banned", S, 0, {"code": "403"})],
    "banned for a time": [("temp_banned", S, 0)],
    "banned for a time that is over": [("temp_banned", S, 50, {"until": str(T0 + 90)})],
    "too old": [("outdated", P, 0)],
    "replaced": [("replaced", L, 0)],
    "a QR on show": [("qr_shown", S, 0)],
    "a QR long gone": [("qr_shown", S, 95)],
    "no more QR": [("qr_limit", W, 0)],
    "no credentials": [("unpaired", S, 0)],
    "not known there": [("instance_missing", S, 0)],
    "not known there, then spoken of": [("instance_missing", S, 5), ("said_open", S, 0)],
    "not loaded for three minutes": [("said_unknown", S, ago, {"state": NOT_LOADED}) for ago in (180, 90, 0)],
    "not loaded yet": [("said_unknown", S, ago, {"state": NOT_LOADED}) for ago in (170, 90, 0)],
    "another phone": [("identity_seen", S, 0, {"phone": "5511911112222"})],
    "restricted": [("ack_error", "receipt", 0, {"code": "463"})],
    "another ack error": [("ack_error", "receipt", 0, {"code": "479"})],
    "deaf": [("silence", "self", 5), ("list_heard", "list", 0)],
    "silent, not looked into": [("silence", "self", 0)],
    "silent, and the list was read before": [("list_heard", "list", 5), ("silence", "self", 0)],
    "silent, its address for us gone": [
        ("silence", "self", 5),
        ("webhook_config_gone", P, 0),
        ("list_heard", "list", 0),
    ],
    "silent, the list moves": [("silence", "self", 99), ("list_unheard", "list", 70)],
    "silent, the list has just moved": [("silence", "self", 9), ("list_unheard", "list", 5)],
    "no send answered": [*MISSING, ("round_trip_ok", P, 0), ("list_heard", "list", 0)],
    "no send answered, then a receipt": [
        *MISSING,
        ("round_trip_ok", P, 0),
        ("list_heard", "list", 0),
        ("receipt_received", "receipt", 0),
    ],
    "no send answered, and WhatsApp does not either": [*MISSING, ("list_heard", "list", 0)],
    "no send answered for a while": [("ack_missing", "self", ago) for ago in (90, 80, 70)]
    + [("round_trip_ok", P, 0), ("list_heard", "list", 0)],
    "no send answered, other events came": [
        *MISSING,
        ("said_open", W, 3),
        ("round_trip_ok", P, 0),
        ("list_heard", "list", 0),
    ],
    "webhook just gone": [("webhook_config_gone", S, 0)],
    "webhook gone": [("webhook_config_gone", S, 25), ("webhook_config_gone", S, 0)],
    "webhook set again": [("webhook_config_gone", S, 5), ("webhook_config_ok", S, 0)],
    "three acks missing": [("ack_missing", "self", ago) for ago in (3, 2, 1)],
    "two acks missing": [("ack_missing", "self", ago) for ago in (3, 2)],
    "a word nobody knows": [("frobnicated", W, 0)],
}


def told(policy: Policy, story: Sequence[tuple[Any, ...]], **how: Any) -> Fleet:
    """A session that was well, 100 s ago, and then this."""
    fleet = Fleet(policy=policy, **how)
    fleet.sessions[1] = msgspec.structs.replace(fleet.one, phone="5511987654321")
    fleet.now += 1000
    for kind, road, ago, *data in story:
        fleet.hear(kind, road=road, ago=ago, **(data[0] if data else {}))
    fleet.judge()
    return fleet


def outcome(fleet: Fleet) -> tuple[str, str, str, str]:
    found = verdict(fleet.one, fleet.server, fleet.policy, fleet.now)
    return found.kind, fleet.one.reason.code, fleet.one.state, fleet.one.gate
