"""The guards that stand between a misreading and harm, each with what deletes it and the tests that must notice.

Data only. `text` stands exactly once in `path` (under `src/esteio`); a guard that was moved or rewritten is a mistake
here, said by `test_guards.py` at once, not a row that rots. `tests` are paths under `tests`, with `::name` where one
suffices. `run_guards.py` deletes one after the other in a copy.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """`guard`: its family. `gone`: what is missing once `text` is replaced by `instead`."""

    guard: str
    gone: str
    path: str
    text: str
    instead: str
    tests: tuple[str, ...]


LADDER = ("core/test_ladder.py",)
PACING = ("core/test_pacing.py", "core/test_climb.py")
ATTEMPT = ("core/test_attempt.py",)
FACTS = ("core/test_diagnose.py",)
OUTBOUND = ("core/test_outbound.py",)
STORED = ("store/test_messages.py", "store/test_sessions.py", "store/test_work.py", "store/test_sql.py")

IN_GRACE = 'return Step("wait", Reason("boot-grace"), until=server.facts.booted_at + policy.boot_grace_s)\n    '

WEATHER = (
    Guard(
        "boot grace",
        "a server that has just started is not told from one that runs",
        "core/pacing.py",
        "return bool(server.facts.booted_at) and now < server.facts.booted_at + policy.boot_grace_s",
        "return False",
        PACING,
    ),
    Guard(
        "boot grace",
        "destructive rungs do not wait for it",
        "core/ladder.py",
        f"if pacing.in_boot_grace(server, policy, now):\n        {IN_GRACE}if not verdict.proven",
        "if not verdict.proven",
        LADDER,
    ),
    Guard(
        "boot grace",
        "an approved rung does not wait for it",
        "core/ladder.py",
        "if pacing.in_boot_grace(server, policy, now) and not session.recovery.asked_by_person:",
        "if False:",
        LADDER,
    ),
    Guard(
        "boot grace",
        "an instance that is still being loaded counts as missing",
        "core/ladder.py",
        'if verdict.kind == "missing" and pacing.in_boot_grace(server, policy, now):',
        "if False:",
        LADDER,
    ),
    Guard(
        "budget", "the slots of a server are endless", "core/pacing.py", "if len(others) >= most:", "if False:", PACING
    ),
    Guard(
        "budget",
        "attempts follow each other without a pause",
        "core/pacing.py",
        "soonest = max(now, server.last_attempt_at + spacing) if server.last_attempt_at else now",
        "soonest = now",
        PACING,
    ),
    Guard("budget", "the ladder does not ask for it", "core/climb.py", "if free_at > draft.now:", "if False:", PACING),
    Guard(
        "budget",
        "an attempt is not booked on it",
        "core/attempt.py",
        "if pacing.costs_slot(rung):",
        "if False:",
        ATTEMPT,
    ),
    Guard(
        "mass fall",
        "all sessions of a server are healed at once, not one as a canary",
        "core/climb.py",
        "frozen = incident is not None and incident.ended_at is None and incident.canary_ok_at is None",
        "frozen = False",
        ("core/test_server.py",),
    ),
    Guard(
        "server's silence",
        "a server that does not answer is not told from a session that fell",
        "core/diagnose.py",
        "    if weather:\n        return weather\n",
        "",
        FACTS,
    ),
)

EFFECTS = (
    Guard(
        "effect check",
        "a 200 counts as the effect",
        "core/attempt.py",
        "return lives or facts.qr_at > since",
        "return True",
        ATTEMPT,
    ),
    Guard(
        "effect check",
        "what was seen before the act counts as its effect",
        "core/attempt.py",
        "lives = facts.life_at > since and not facts.closed and not facts.dead_at",
        "lives = facts.life_at > 0 and not facts.closed and not facts.dead_at",
        ATTEMPT,
    ),
    Guard(
        "effect check",
        "a rung without effect is not used up",
        "core/attempt.py",
        'if result in ("no-effect", "refused", "interrupted")',
        'if result in ("refused", "interrupted")',
        ATTEMPT,
    ),
    Guard(
        "effect check",
        "an effect that was only claimed stays one after the next send refuted it",
        "core/attempt.py",
        'if found.kind == "ghost" and last is not None and recovery.open is None and only_claimed(draft):',
        "if False:",
        ATTEMPT,
    ),
    Guard(
        "one act at a time",
        "a call that is still under way is doubled",
        "core/attempt.py",
        "elif draft.now >= attempt.until and attempt.performed_at is not None:",
        "elif draft.now >= attempt.until:",
        ATTEMPT,
    ),
    Guard(
        "one act at a time",
        "an act begins beside an open one",
        "core/climb.py",
        "if draft.session.recovery.open is not None:\n        return\n",
        "pass\n",
        (*ATTEMPT, "core/test_story_properties.py"),
    ),
    Guard(
        "look after a crash",
        "an act follows a crash without a look before it",
        "core/climb.py",
        "return max(facts.said_at, facts.life_seen_at, facts.missing_at, facts.look_failed_at) <= facts.interrupted_at",
        "return False",
        ATTEMPT,
    ),
    Guard(
        "restart cool-down",
        "restarts follow each other",
        "core/ladder.py",
        'if now < allowed:\n            return Step("wait", Reason("restart-cooldown"), until=allowed)',
        "pass",
        LADDER,
    ),
    Guard(
        "restart cool-down",
        "it does not double",
        "core/pacing.py",
        "policy.restart_cooldown_max_s, recovery.restarts - 1)",
        "policy.restart_cooldown_max_s, 0)",
        PACING,
    ),
    Guard(
        "quarantine",
        "it does not double",
        "core/pacing.py",
        "policy.quarantine_max_s, strikes - 1)",
        "policy.quarantine_max_s, 0)",
        PACING,
    ),
    Guard("quarantine", "it is not kept", "core/ladder.py", "if now < recovery.quarantine_until:", "if False:", LADDER),
    Guard(
        "stable period",
        "counters are forgotten with the first sign of life",
        "core/decide.py",
        "if draft.now >= stable_at:",
        "if True:",
        ("core/test_decide.py",),
    ),
)

VERDICTS = (
    Guard(
        "two witnesses",
        "one refusal proves a death",
        "core/fold.py",
        "second = beside or latest - first >= apart",
        "second = True",
        FACTS,
    ),
    Guard(
        "two witnesses",
        "the first refusal proves a death",
        "core/fold.py",
        "return msgspec.structs.replace(facts, closed=(at,), closed_by=(road,))",
        "return msgspec.structs.replace(facts, closed=(at,), closed_by=(road,), dead_at=at)",
        FACTS,
    ),
    Guard(
        "two witnesses",
        "one unanswered round trip proves a death",
        "core/fold.py",
        "(max(at, facts.life_at) if silents >= 2 else 0.0)",
        "max(at, facts.life_at)",
        FACTS,
    ),
    Guard(
        "two witnesses",
        "refusals count although there was life between them",
        "core/fold.py",
        "later = [(t, road) for t, road in zip(facts.closed, facts.closed_by, strict=True) if t > at]",
        "later = list(zip(facts.closed, facts.closed_by, strict=True))",
        FACTS,
    ),
    Guard(
        "age of news",
        "a refusal older than proved life counts",
        "core/fold.py",
        "    if at <= facts.life_at:\n        return facts\n    if not facts.closed:",
        "    if not facts.closed:",
        FACTS,
    ),
    Guard(
        "claims prove nothing",
        "the provider's own word is believed where a socket can be asked",
        "core/fold.py",
        "    if not trust_claims:\n        return facts\n",
        "",
        FACTS,
    ),
    Guard(
        "pushed codes",
        "a pushed 401 is believed without a look",
        "core/diagnose.py",
        'agrees = facts.said != "open" and facts.said_at >= facts.code_at',
        "agrees = True",
        FACTS,
    ),
    Guard(
        "connecting is no connect",
        "a provider that reconnects by itself is asked to connect",
        "core/ladder.py",
        'case "reconnecting":\n            return (*(restart or connects), *tail)',
        'case "reconnecting":\n            return (*connects, *tail)',
        LADDER,
    ),
    Guard(
        "connecting is no connect",
        "closed at one look is enough for a connect",
        "core/ladder.py",
        'return facts.said != "closed" or (stood and not moved)',
        "return True",
        LADDER,
    ),
    Guard(
        "connecting is no connect",
        "a provider that reconnects gets no time to do so",
        "core/ladder.py",
        "if now < ready:",
        "if False:",
        LADDER,
    ),
    Guard(
        "flap",
        "a flapping session is restarted",
        "core/ladder.py",
        'if verdict.kind == "flapping":',
        "if False:",
        LADDER,
    ),
    Guard(
        "unknown words",
        "a state that we do not know is acted on",
        "core/ladder.py",
        'if verdict.kind == "unknown" and not policy.unknown_is_corrupt:',
        "if False:",
        LADDER,
    ),
    Guard(
        "gate",
        "it stays open when the session is dead",
        "core/standing.py",
        '"open" if SENDS[state] and found.kind in ("live", "suspect") else "held"',
        '"open"',
        ("core/test_standing.py", *FACTS),
    ),
    Guard(
        "identity",
        "another phone than the pinned one is not noticed",
        "core/diagnose.py",
        "if _wrong_phone(session):",
        "if False:",
        FACTS,
    ),
)

CONSENT = (
    Guard(
        "approval",
        "a destructive rung runs under `ask`",
        "core/ladder.py",
        'if policy.destructive == "auto":',
        'if policy.destructive != "never":',
        LADDER,
    ),
    Guard(
        "approval",
        "it runs under `never`",
        "core/ladder.py",
        'if policy.destructive == "never":',
        "if False:",
        LADDER,
    ),
    Guard(
        "approval",
        "a stale one is carried out on a session that healed",
        "core/ladder.py",
        "return session.recovery.asked_by_person or verdict.kind not in NOTHING_TO_HEAL",
        "return True",
        LADDER,
    ),
    Guard(
        "approval",
        "one that healed meanwhile stays open",
        "core/decide.py",
        'msgspec.structs.replace(draft.view.approval, state="stale", decided_at=draft.now)',
        "draft.view.approval",
        ("core/test_wishes.py", "core/test_climb.py", "core/test_story_properties.py"),
    ),
    Guard(
        "approval",
        "it is decided twice",
        "store/queries.sql",
        "decided_at = :now WHERE id = :id AND state = 'open' RETURNING",
        "decided_at = :now WHERE id = :id RETURNING",
        ("store/test_sessions.py",),
    ),
    Guard(
        "approval",
        "a rejected rung is asked for again",
        "core/climb.py",
        "if recovery.rejected or step.rung is None:",
        "if step.rung is None:",
        ("core/test_wishes.py", "core/test_climb.py", "core/test_story_properties.py"),
    ),
    Guard(
        "proof before harm",
        "a destructive rung follows a verdict that is not proved",
        "core/ladder.py",
        "if not verdict.proven and not policy.unknown_is_corrupt:",
        "if False:",
        LADDER,
    ),
    Guard(
        "age before harm",
        "a destructive rung follows at once",
        "core/ladder.py",
        "if now < verdict.since + policy.destructive_after_s:",
        "if False:",
        LADDER,
    ),
    Guard(
        "logouts apart",
        "logouts follow each other",
        "core/ladder.py",
        'if now < allowed:\n            return Step("wait", Reason("logout-limit"), until=allowed)',
        "pass",
        LADDER,
    ),
    Guard(
        "a person's pause",
        "a paused session is healed",
        "core/decide.py",
        "if not draft.session.paused:",
        "if True:",
        ("core/test_wishes.py", "core/test_story_properties.py"),
    ),
)

WRITES = (
    Guard(
        "version check",
        "a judgement on an outdated session is written",
        "store/queries.sql",
        "WHERE id = :id AND version = :version",
        "WHERE id = :id",
        STORED,
    ),
    Guard(
        "version check",
        "a judgement on an outdated server is written",
        "store/queries.sql",
        "WHERE name = :name AND version_n = :version_n",
        "WHERE name = :name",
        STORED,
    ),
    Guard(
        "version check",
        "a judgement that was overtaken is taken for written",
        "engine/reconcile.py",
        "if await self._store.commit_decision(self._commit(seen, unsaved, decision, now)):",
        "if await self._store.commit_decision(self._commit(seen, unsaved, decision, now)) in (True, False):",
        ("engine/test_reconcile.py",),
    ),
    Guard(
        "version check",
        "a session that others judge faster every time is given up in silence",
        "engine/reconcile.py",
        "raise Overtaken(session_id)",
        "return None",
        ("engine/test_reconcile.py",),
    ),
    Guard(
        "fence",
        "a claim that was lost settles its message",
        "store/queries.sql",
        "WHERE id = :id AND session_id = :session_id AND state = 'sending' AND fence = :fence",
        "WHERE id = :id AND session_id = :session_id AND state = 'sending'",
        STORED,
    ),
    Guard(
        "fence",
        "a claim that was lost settles its act",
        "store/queries.sql",
        "    updated_at = :now\nWHERE id = :id AND state = 'performing' AND fence = :fence",
        "    updated_at = :now\nWHERE id = :id AND state = 'performing'",
        STORED,
    ),
    Guard(
        "fence",
        "a lease that ended is renewed",
        "store/queries.sql",
        "AND fence = :fence AND lease_until > :now",
        "AND fence = :fence",
        STORED,
    ),
    Guard(
        "fence",
        "what somebody else holds is claimed",
        "store/queries.sql",
        "WHERE seq IN {{listed}} AND state = 'queued'\nRETURNING {{written_message}}\n\n-- name: message_settle\n",
        "WHERE seq IN {{listed}}\nRETURNING {{written_message}}\n\n-- name: message_settle\n",
        STORED,
    ),
    Guard(
        "fence",
        "an act that nobody wants any more is performed",
        "engine/performers.py",
        "if session is None or not _still_wanted(session, work):",
        "if session is None:",
        ("engine/test_reconcile.py",),
    ),
    Guard(
        "order in a chat",
        "two messages of one chat may be under way",
        "store/migrations/001_ground.sql",
        "CREATE UNIQUE INDEX messages_one_at_a_time",
        "CREATE INDEX messages_one_at_a_time",
        ("store/test_sql.py",),
    ),
    Guard(
        "order in a chat",
        "the next message goes while one is in doubt",
        "store/sqlite/lanes.py",
        "if busy is not None:",
        "if False:",
        STORED,
    ),
    Guard(
        "idempotency",
        "the same key makes a second message",
        "store/sqlite/messages.py",
        "if new.idem_key is not None and (earlier := _replay(db, new)) is not None:",
        "if False:",
        STORED,
    ),
    Guard(
        "idempotency",
        "the same key with another body is taken for the first",
        "store/sqlite/messages.py",
        "if row[0] != new.fingerprint:",
        "if False:",
        STORED,
    ),
    Guard(
        "once for good",
        "an event that comes twice is applied twice",
        "store/sqlite/inbox.py",
        'if db.run("applied_add", key):',
        'if db.run("applied_add", key) or True:',
        ("store/test_inbox.py",),
    ),
)

DOUBT = (
    Guard(
        "no blind resend",
        "a lost answer counts as not sent",
        "core/outbound.py",
        'if result.certainty == "in_doubt":\n        return _doubted(message, now)\n',
        "pass\n",
        OUTBOUND,
    ),
    Guard(
        "no blind resend",
        "absence is believed of a session that is not proved alive",
        "core/outbound.py",
        "live_proved and read_began > conclusive_at(began, policy)",
        "read_began > conclusive_at(began, policy)",
        OUTBOUND,
    ),
    Guard(
        "no blind resend",
        "absence is believed while the send may still go on",
        "core/outbound.py",
        "live_proved and read_began > conclusive_at(began, policy)",
        "live_proved",
        OUTBOUND,
    ),
    Guard(
        "no blind resend",
        "what nobody can tell is sent again, whatever the policy says",
        "core/outbound.py",
        "match policy.in_doubt:",
        'match "resend":',
        OUTBOUND,
    ),
    Guard(
        "no blind resend",
        "a claim whose lease ran out goes out again",
        "store/queries.sql",
        "UPDATE messages SET state = 'in_doubt', doubt_since = claimed_at,",
        "UPDATE messages SET state = 'queued', doubt_since = claimed_at,",
        STORED,
    ),
    Guard(
        "echo",
        "another text is taken for ours",
        "core/echo.py",
        "if ours.kind != shown.kind or _text(ours) != _text(shown):",
        "if ours.kind != shown.kind:",
        ("core/test_echo.py",),
    ),
    Guard(
        "echo",
        "another chat is taken for ours",
        "store/sqlite/inbox.py",
        "if same_chat(ours.chat, chat) and same_content",
        "if same_content",
        ("store/test_inbox.py",),
    ),
    Guard(
        "echo",
        "what was said before the send is taken for it",
        "store/sqlite/inbox.py",
        "if happened_at + CLOCKS_APART_S < began:",
        "if False:",
        ("store/test_inbox.py",),
    ),
    Guard(
        "receipts only climb",
        "a message that was read is delivered again",
        "core/outbound.py",
        '"read": frozenset(),',
        '"read": frozenset({"delivered"}),',
        OUTBOUND,
    ),
)

DOORS = (
    Guard(
        "stale QR",
        "a code from before the last connect is shown",
        "engine/session_commands.py",
        "fresh = qr is not None and (first or qr.seen_at >= asked_at)",
        "fresh = qr is not None",
        ("api/test_sessions.py",),
    ),
    Guard(
        "stale QR",
        "a code that was used is shown",
        "engine/desk.py",
        "or used >= qr.seen_at or",
        "or",
        ("api/test_sessions.py",),
    ),
    Guard(
        "stale QR",
        "the code in connect's own answer is shown",
        "providers/evolution/control.py",
        'code if code and code.pairing_code and state == "close" else None',
        "code",
        ("providers/evolution/test_flows.py", "providers/evolution/test_recordings.py"),
    ),
    Guard(
        "stale QR",
        "an older code replaces a newer one",
        "store/queries.sql",
        "WHERE excluded.seen_at >= qrs.seen_at",
        "WHERE TRUE",
        STORED,
    ),
    Guard(
        "SSRF",
        "an address that a caller names is not looked at",
        "engine/targets.py",
        "if not addresses or not all(_may(address, allowed) for address in addresses):",
        "if not addresses:",
        ("api/test_addresses.py", "relay/test_outside.py"),
    ),
    Guard(
        "SSRF",
        "only the first address of a name is looked at",
        "engine/targets.py",
        "all(_may(address, allowed) for address in addresses)",
        "_may(addresses[0], allowed)",
        ("api/test_addresses.py", "relay/test_outside.py"),
    ),
    Guard(
        "SSRF",
        "a name that leads elsewhere by now is connected to",
        "providers/driver.py",
        "if not may_reach(str(address[0])):",
        "if False:",
        ("relay/test_outside.py",),
    ),
    Guard(
        "SSRF",
        "private addresses inside IPv6 forms are not seen",
        "engine/targets.py",
        "forms += [inner] if inner else []",
        "pass",
        ("api/test_addresses.py", "relay/test_outside.py"),
    ),
)

GUARDS = (*WEATHER, *EFFECTS, *VERDICTS, *CONSENT, *WRITES, *DOUBT, *DOORS)
