"""Evidence: one thing seen, about whom, by which road, when; and what each kind of it can prove.

The closed list `KINDS` is the vocabulary of the whole house: adapters, the inbox, the dispatcher and the operators only
ever produce these words, and only `core.judge.facts.apply_evidence` reads them. A word that is not in the list is kept
and never acted
on. Never lives here: a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

Source = Literal["webhook", "state", "probe", "list", "send", "act", "receipt", "operator", "self"]
"""How it came: a pushed event, a state read, a socket or round-trip probe, the server's list, the answer of a send, the
answer of a control act, a delivery receipt, a person, or Esteio's own bookkeeping."""

Subject = Literal["session", "server"]
Weight = Literal["life", "death", "hint", "fact"]
"""`life` and `death` prove; `hint` makes us look; `fact` is bookkeeping (acts, operators, configuration)."""


class KindSpec(msgspec.Struct, frozen=True):
    """One line of `KINDS`: what such evidence is about, and how much it proves."""

    subject: Subject
    weight: Weight
    text: str
    """English gloss; the timeline's sentences (pt-BR, en) live in `core.views.sentences`."""


def _session(weight: Weight, text: str) -> KindSpec:
    return KindSpec("session", weight, text)


def _server(weight: Weight, text: str) -> KindSpec:
    return KindSpec("server", weight, text)


NOT_LOADED = "not-loaded"
"""The word of `said_unknown` for a session that its provider knows and has not taken into its running process."""
LIVES = frozenset({"said_open", "socket_ok", "round_trip_ok", "question_answered"})
"""What a look brings of a session that is well."""
AWAY = "away"
"""In the data of a server's failure: nobody listens at its address, by the word of the network or of a proxy."""
KINDS: Mapping[str, KindSpec] = {
    # life: dates from `happened_at`
    "message_received": _session("life", "a message came in: it receives"),
    "phone_echo_received": _session("life", "a message typed on the phone came in: it receives"),
    "receipt_received": _session("life", "WhatsApp acknowledged delivery of one of our messages: it sends"),
    "server_ack_received": _session("life", "WhatsApp's server acknowledged one of our messages: it sends"),
    "round_trip_ok": _session("life", "WhatsApp answered a question through this session: it sends"),
    "send_accepted": _session("life", "the provider wrote our message to an open socket and gave an id"),
    "socket_ok": _session("life", "the provider's socket object is open (not yet a round trip)"),
    # death: two of them without life between are proof (see `core.judge.facts`)
    "send_closed": _session("death", "a send was refused with 'Connection Closed': not sent"),
    "call_closed": _session("death", "a client's own call was refused with 'Connection Closed': nothing was done"),
    "socket_closed": _session("death", "a probe was refused with 'Connection Closed'"),
    "round_trip_silent": _session("death", "WhatsApp did not answer through this session in time"),
    # terminal words; proof by road state/list/probe, hint by webhook
    "logged_out": _session("death", "unlinked (401): only a person with the phone can pair again"),
    "temp_banned": _session("death", "temporarily banned (402); `until` where known"),
    "banned": _session("death", "banned or locked (403, 406)"),
    "outdated": _session("death", "WhatsApp refuses this client version (405): the server needs an update"),
    "replaced": _session("hint", "another process uses the same credentials (440)"),
    # pairing
    "qr_shown": _session("death", "the provider shows a fresh QR: not paired"),
    "qr_limit": _session("hint", "the provider stopped making QR codes; connect starts over"),
    "no_qr_yet": _session("hint", "the provider has no QR yet (`count:0`): not an error"),
    "paired": _session("hint", "the provider says that pairing succeeded"),
    "unpaired": _session("hint", "the provider says that there are no credentials"),
    # claims
    "said_open": _session("hint", "the provider reported open"),
    "said_connecting": _session("hint", "the provider reported connecting"),
    "said_closed": _session("hint", "the provider reported closed"),
    "said_unknown": _session("hint", "a word for a state that we do not know; kept, never acted on"),
    "instance_missing": _session("hint", "the provider does not know this instance (its own words, not a 404 page)"),
    "identity_seen": _session("fact", "the phone number that the instance is linked to"),
    # quality
    "ack_error": _session("hint", "WhatsApp refused one message after it was accepted (e.g. 463)"),
    "ack_missing": _session("hint", "no acknowledgement within the learned time"),
    "silence": _session("hint", "nothing came in for longer than this session's usual traffic explains"),
    "list_unheard": _session("hint", "the provider's list has a message that no webhook brought"),
    "list_heard": _session("fact", "the provider's list has nothing beyond what the webhooks brought"),
    "unlisted": _session("hint", "the server's list does not hold this instance"),
    "webhook_config_ok": _session("fact", "the provider's webhook points at us with the events we need"),
    "webhook_config_gone": _session("hint", "the provider's webhook configuration is not ours any more"),
    "webhook_unreadable": _session("fact", "a webhook came that could not be read; it is kept"),
    "webhook_config_unread": _session("fact", "the provider cannot tell where it sends its events"),
    "request_wrong": _session("fact", "the provider refused our request: our mistake, says nothing of the session"),
    "send_queued": _session("fact", "the provider took our message into a queue of its own: that proves nothing yet"),
    "question_asked": _session("fact", "the provider was asked what a dead socket refuses to answer"),
    "question_unanswerable": _session("fact", "the server cannot answer that, or was queried too often"),
    "question_unanswered": _session("fact", "that was not answered in time"),
    "question_answered": _session("fact", "that was answered: counts only where it had gone unanswered before"),
    "look_failed": _session("fact", "a probe returned nothing about the session"),
    # acts: `data` {attempt, rung, answer, detail}
    "act_answered": _session("fact", "a control act was answered"),
    "act_interrupted": _session("fact", "a control act was under way when the process stopped: look before anything"),
    # people: `data` {who}
    "operator_paused": _session("fact", "a person paused the session"),
    "operator_resumed": _session("fact", "a person resumed the session"),
    "operator_recover": _session("fact", "a person asked for recovery now"),
    "operator_pair": _session("fact", "a person wants to pair"),
    "operator_recreate": _session("fact", "a person asked to recreate outright"),
    "operator_logout": _session("fact", "a person logged the session out"),
    "operator_approved": _session("fact", "a person approved a destructive rung"),
    "operator_rejected": _session("fact", "a person rejected a destructive rung"),
    "clock_stepped_back": _session("fact", "our own wall clock was put back: what is dated later counts as now"),
    "operator_changed": _session("fact", "a person changed the session's settings"),
    "created": _session("fact", "the session was created here"),
    "adopted": _session("fact", "an existing instance was taken over"),
    # the server
    "server_answered": _server("life", "the server answered sensibly"),
    "server_slow": _server("hint", "the server answered late"),
    "server_failed": _server("death", "the server answered 5xx without a word about the session"),
    "server_no_route": _server("hint", "the server answers, and knows none of the paths of its kind"),
    "server_wrong_kind": _server("hint", "what answers there does not answer as this kind of server does"),
    "server_unknown_host": _server("death", "the server's name could not be resolved"),
    "server_certificate_refused": _server("death", "the server's certificate was not accepted"),
    "server_tls_failed": _server("death", "the TLS handshake with the server failed"),
    "server_html": _server("hint", "the server answered a page for people: a proxy, or a wrong path of ours"),
    "server_unreachable": _server("death", "the server refused the connection"),
    "server_timed_out": _server("death", "the server did not answer in time"),
    "server_wall": _server("death", "the server wants a licence activated before it does anything"),
    "server_auth_refused": _server("hint", "the server refused our key"),
    "server_booted": _server("fact", "the server's process has just started"),
    "server_listed": _server("fact", "the server told how many sessions it holds, and its version"),
    "server_boot_observed": _server("fact", "a person says that they restarted the server"),
}


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One thing seen. Append-only.

    `happened_at` is when it happened, as far as its road can tell (a message's own timestamp, never later than
    `seen_at`); `seen_at` is when we learned it. `count` and `first_at` are set when identical news was folded into one
    row. `data` holds short strings only: `code`, `detail`, `phone`, `until`, `state`, `rung`, `answer`, `attempt` …
    """

    kind: str
    happened_at: float
    seen_at: float
    source: Source
    data: Mapping[str, str] = {}
    count: int = 1
    first_at: float | None = None

    @property
    def subject(self) -> Subject:
        """Whom it speaks of; unknown words are booked on the session and never acted on."""
        spec = KINDS.get(self.kind)
        return spec.subject if spec else "session"

    def repeats(self, other: Evidence) -> bool:
        """Whether `other` repeats this one but for its time: such rows may be folded into one counted row."""
        return self.kind == other.kind and self.source == other.source and self.data == other.data


_NOTHING: Mapping[str, str] = {}
"""One value for nearly all evidence."""


def seen(kind: str, now: float, source: Source, *, happened_at: float | None = None, **data: str) -> Evidence:
    """Evidence seen at `now`. A `happened_at` in the future is a clock that runs ahead: clipped to `now`."""
    return seen_with(kind, now, source, data, happened_at)


def seen_with(
    kind: str, now: float, source: Source, data: Mapping[str, str], happened_at: float | None = None
) -> Evidence:
    """The same with the data as a mapping."""
    when = now if happened_at is None else min(happened_at, now)
    return Evidence(kind=kind, happened_at=when, seen_at=now, source=source, data=data or _NOTHING)


def as_answered(evidence: Iterable[Evidence], at: float, *, asked_at: float | None = None) -> tuple[Evidence, ...]:
    """What a flow's answers told, dated: a flow knows no clock but the time of its question, and stamps with that.

    `at`: when the last answer came; claims and outcomes are true as of then. What dates itself (a disconnect, a ban)
    keeps its date, and so does a QR: a scan in between outlives it. `asked_at`, of a look: only that the session lives
    is true as of then, for an act may come between a look's first answer and its last.
    """
    return tuple([_dated(one, at, asked_at) for one in evidence])


def _dated(one: Evidence, at: float, asked_at: float | None) -> Evidence:
    if one.happened_at < one.seen_at or one.kind == "qr_shown":
        return msgspec.structs.replace(one, seen_at=at)
    # guard: look-dated-by-question
    happened_at = at if asked_at is None or one.kind not in LIVES else asked_at
    return msgspec.structs.replace(one, seen_at=at, happened_at=happened_at)
