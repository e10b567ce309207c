-- What is forgotten in time, where a table grows with every message and every look. The same rules as in queries.sql.
--
-- `journal`, `attempts` and `messages` are walked in the order of their serial, a piece (`:after` to `:through`) at a
-- time: it is the order of time, but for an hour in which a line is counted up and a week in which a gap is read back.
-- So they need no index by time, which every write would have to keep.

-- name: retention_journal
SELECT max(seq) AS through, min(at) AS oldest FROM (
    SELECT seq, at FROM journal WHERE seq > :after ORDER BY seq LIMIT :limit
) AS piece

-- Evidence that nobody has judged stays, unless nobody ever will; so does the story of an outage that is not over.
-- name: purge_journal
DELETE FROM journal WHERE seq > :after AND seq <= :through AND at < :before
    -- guard: unjudged-evidence-kept
    AND (applied = 1 OR session_id IS NULL AND NOT EXISTS (SELECT 1 FROM servers v WHERE v.name = journal.server))
    AND NOT EXISTS (
        -- guard: open-outage-keeps-its-story
        SELECT 1 FROM outages o WHERE o.ended_at IS NULL AND o.session_id = journal.session_id
            AND o.after_seq < journal.seq
    )
    AND NOT EXISTS (
        SELECT 1 FROM outages o WHERE o.ended_at IS NULL AND o.session_id IS NULL AND journal.session_id IS NULL
            AND o.server = journal.server AND o.after_seq < journal.seq
    )

-- name: retention_attempts
SELECT max(seq) AS through, min(at) AS oldest FROM (
    SELECT seq, at FROM attempts WHERE seq > :after ORDER BY seq LIMIT :limit
) AS piece

-- name: purge_attempts
DELETE FROM attempts WHERE seq > :after AND seq <= :through AND at < :before
    -- guard: open-message-keeps-its-attempts
    AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = attempts.message_id AND {{open_message}})

-- name: retention_messages
SELECT max(seq) AS through, min(created_at) AS oldest FROM (
    SELECT seq, created_at FROM messages WHERE seq > :after ORDER BY seq LIMIT :limit
) AS piece

-- name: purge_messages
DELETE FROM messages AS m WHERE m.seq > :after AND m.seq <= :through AND m.created_at < :before
    -- guard: open-message-kept
    AND NOT {{open_message}}
    -- guard: promised-message-kept
    AND NOT EXISTS (SELECT 1 FROM idempotency i WHERE i.message_id = m.id AND i.until > :now)
    AND NOT EXISTS (SELECT 1 FROM media_fetches f WHERE f.message_id = m.id)
RETURNING id

-- part: open_message
(m.state IN ('queued', 'sending', 'in_doubt') OR m.provider_queued_at IS NOT NULL)

-- name: attempts_of_messages_forget
DELETE FROM attempts WHERE message_id IN {{listed}}

-- A gap that is not read back yet may bring again what came since then.
-- name: purge_inbound_dedupe
DELETE FROM inbound_dedupe WHERE (session_id, key) IN (
    SELECT a.session_id, a.key FROM inbound_dedupe a WHERE a.at < :before
        -- guard: open-gap-keeps-its-keys
        AND NOT EXISTS (SELECT 1 FROM history_gaps g WHERE g.session_id = a.session_id AND g.since - :seconds <= a.at)
    ORDER BY a.at LIMIT :limit
)

-- name: purge_approvals
DELETE FROM approvals WHERE id IN (
    SELECT a.id FROM approvals a WHERE a.state IN ('approved', 'rejected', 'stale') AND a.created_at < :before
        AND a.decided_at < :before
        AND NOT EXISTS (SELECT 1 FROM outages o WHERE o.id = a.outage AND o.ended_at IS NULL)
    ORDER BY a.created_at LIMIT :limit
)
