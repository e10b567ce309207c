"""Tables with many rows, as SQL for both dialects: `NUMBERS` gives the numbers up to `MANY` in a column `n`.

Never lives here: what is asked of them.
"""

from __future__ import annotations

MANY = 30_000
SQLITE = f"""(
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {MANY}) SELECT n FROM number
)"""
POSTGRES = f"(SELECT n FROM generate_series(1, {MANY}) AS n)"

TEXT = """
INSERT INTO servers (name, kind, base_url, encrypted, limits, health, health_reason_code, health_at, facts, slots,
    last_attempt_at, row_version, created_at)
VALUES ('big', 'evolution', 'http://p', '', '{}', 'up', '', 0, '{}', '[]', 0, 0, 0);

INSERT INTO sessions (name, server, kind, created_at, ref, encrypted, token, policy, state, since, reason, can_send,
    can_receive, gate, gate_since, recovery, facts, paused, linked, row_version, phones)
VALUES ('big', 'big', 'evolution', 0, '{}', '', 'big', 'default', 'connected', 0, '{}', '{}', '{}', 'open', 0, '{}',
    '{}', 0, 1, 0, '');

INSERT INTO journal (session_id, server, kind, at, code, args, data, count, applied)
SELECT (SELECT id FROM sessions WHERE name = 'big'), 'big', 'decision', n, 'x', '{}', '{}', 1, 1 FROM NUMBERS AS o;

INSERT INTO messages (id, session_id, direction, chat, content, state, created_at, updated_at, priority, on_down,
    attempts, due_at, socket_closed_count, recovered, fence)
SELECT 'm' || n, (SELECT id FROM sessions WHERE name = 'big'), 'out', 'c' || (n % 99), '{}', 'sent', n, n, 5, 'hold',
    1, 0, 0, 0, 1
FROM NUMBERS AS o;

INSERT INTO attempts (message_id, at, outcome, detail) SELECT 'm' || n, n, 'accepted', '' FROM NUMBERS AS o;

INSERT INTO inbound_dedupe (session_id, key, at)
SELECT (SELECT id FROM sessions WHERE name = 'big'), 'k' || n, n FROM NUMBERS AS o;

INSERT INTO idempotency (scope, session_id, key, fingerprint, message_id, until)
SELECT 'api', (SELECT id FROM sessions WHERE name = 'big'), 'k' || n, 'f', 'm' || n, n FROM NUMBERS AS o;

INSERT INTO approvals (id, session_id, rung, reason_code, cost, created_at, state, decided_at)
SELECT 'a' || n, (SELECT id FROM sessions WHERE name = 'big'), 'logout', 'x', 'x', n, 'stale', n FROM NUMBERS AS o;

INSERT INTO pending_receipts (session_id, provider_id, state, at)
SELECT (SELECT id FROM sessions WHERE name = 'big'), 'P' || n, 'read', n FROM NUMBERS AS o
"""


def grown(numbers: str) -> list[str]:
    """The statements of one dialect (`SQLITE` or `POSTGRES`)."""
    return [text.replace("NUMBERS", numbers) for text in TEXT.split(";")]
