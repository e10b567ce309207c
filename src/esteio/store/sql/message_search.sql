-- The statements of a look for messages across sessions; the same rules as in queries.sql.
--
-- What no index answers is walked from the newest on, at most :reach rows a look, down to a floor; the next look goes on
-- from there. `+` keeps a condition away from the indexes, so that the walk keeps its order and its bound.

-- part: searched
(:direction IS NULL OR m.direction = :direction) AND (:chat IS NULL OR m.chat IN (SELECT value FROM json_each(:chat)))
    AND (:state IS NULL OR +m.state = :state) AND (:gate IS NULL OR s.gate = :gate)
    AND (:words IS NULL OR m.client_ref = :exact OR json_extract(m.content, '$.text') LIKE :words ESCAPE '\'
        OR m.chat LIKE :digits OR m.sender LIKE :digits)

-- part: in_scope
(:scoped = 0 OR +m.session_id IN {{listed_numbers}})

-- name: search_sessions
SELECT id, name FROM sessions WHERE name > ''

-- name: search_sessions_of_tenant
SELECT id, name FROM sessions WHERE tenant = :tenant AND name > ''

-- name: search_ids
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.seq IN (
    SELECT seq FROM messages WHERE id = :exact
    UNION
    SELECT p.seq FROM sessions o CROSS JOIN messages p ON p.session_id = o.id AND p.provider_id = :exact
    WHERE o.name > ''
) AND {{in_scope}} ORDER BY m.seq DESC LIMIT :limit

-- name: search_session
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.session_id = :session_id AND (m.created_at, m.seq) < (:created_at, :seq)
    AND (m.created_at, m.seq) >= (:floor_at, :floor) AND {{searched}}
ORDER BY m.created_at DESC, m.seq DESC LIMIT :limit

-- name: search_session_floor
SELECT created_at, seq FROM messages WHERE session_id = :session_id AND (created_at, seq) < (:created_at, :seq)
ORDER BY created_at DESC, seq DESC LIMIT 1 OFFSET :reach

-- name: search_all
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.seq < :seq AND m.seq >= :floor AND {{in_scope}} AND {{searched}} ORDER BY m.seq DESC LIMIT :limit

-- name: search_all_floor
SELECT created_at, seq FROM messages WHERE seq < :seq ORDER BY seq DESC LIMIT 1 OFFSET :reach

-- name: search_dead
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.state IN ('failed', 'expired') AND m.seq < :seq AND m.seq >= :floor AND {{in_scope}} AND {{searched}}
ORDER BY m.seq DESC LIMIT :limit

-- name: search_dead_floor
SELECT created_at, seq FROM messages WHERE state IN ('failed', 'expired') AND seq < :seq
ORDER BY seq DESC LIMIT 1 OFFSET :reach

-- What waits is found by its state, where not too many wait: they may be older than any walk reaches.
-- name: search_waiting
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.seq IN (
    SELECT w.seq FROM messages w WHERE w.state = 'queued' AND +w.seq < :seq
    UNION ALL
    SELECT w.seq FROM messages w WHERE w.state = 'sending' AND +w.seq < :seq
    UNION ALL
    SELECT w.seq FROM messages w WHERE w.state = 'in_doubt' AND +w.seq < :seq
) AND {{in_scope}} AND {{searched}} ORDER BY m.seq DESC LIMIT :limit

-- name: search_waiting_many
SELECT count(*) FROM (SELECT 1 FROM messages WHERE state = 'queued' LIMIT :reach) AS waiting

-- A later message of the same chat that went since then.
-- name: chat_went_on
SELECT 1 FROM events
WHERE coalesce(session_name, '') = :session_name AND coalesce(chat, '') = :chat AND at > :since
    AND type = 'message.state_changed' AND json_extract(data, '$.state') = 'sent' LIMIT 1

-- name: message_steps
SELECT at, json_extract(data, '$.state') AS state FROM events
WHERE coalesce(session_name, '') = :session_name AND coalesce(chat, '') = :chat AND at >= :since
    AND type = 'message.state_changed' AND json_extract(data, '$.id') = :id ORDER BY seq LIMIT 50
