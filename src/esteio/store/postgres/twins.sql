-- What PostgreSQL has to say in another way: a part or a statement here stands in place of the one of the same name in
-- `store/sql`. The same rules; names and order of parameters and columns are those of the text it replaces.
--
-- LIKE tells capitals apart, where SQLite's does not: ILIKE, which under the columns' collation "C" folds the same
-- letters as SQLite's. A unary plus keeps no index away and fits no text. Lists come as JSON text, as on SQLite.

-- part: listed
(SELECT value FROM jsonb_array_elements_text(CAST(:listed AS jsonb)) AS listed (value))

-- part: listed_servers
(SELECT value FROM jsonb_array_elements_text(CAST(:servers AS jsonb)) AS listed (value))

-- part: listed_numbers
(SELECT CAST(value AS bigint) FROM jsonb_array_elements_text(CAST(:listed AS jsonb)) AS listed (value))

-- `:globs` comes as one regular expression (`statements`).
-- part: found
(:text IS NULL OR lower(name) LIKE :text ESCAPE '!' OR phones LIKE :phone OR phones LIKE :phone_too)
AND (:globs IS NULL OR name ~ :globs)

-- part: matching
m.session_id = :session_id AND m.state <> 'cancelled'
    AND (:direction IS NULL OR m.direction = :direction) AND (:chat IS NULL OR m.chat = :chat)
    AND (:kind IS NULL OR CAST(m.content AS jsonb) ->> 'kind' = :kind)
    AND (:since IS NULL OR m.created_at >= :since) AND (:until IS NULL OR m.created_at <= :until)
    AND m.created_at >= coalesce((
        SELECT r.created_at FROM messages r WHERE r.session_id = :session_id
        ORDER BY r.created_at DESC, r.seq DESC LIMIT 1 OFFSET :reach
    ), 0)

-- part: provider_queued
CASE WHEN :provider_queued = 1 AND NOT EXISTS (
    SELECT 1 FROM inbound_dedupe a
    WHERE a.session_id = :session_id AND a.key IN (SELECT jsonb_array_elements_text(CAST(:departures AS jsonb)))
) THEN :now END

-- part: searched
(:direction IS NULL OR m.direction = :direction)
    AND (:chat IS NULL OR m.chat IN (SELECT jsonb_array_elements_text(CAST(:chat AS jsonb))))
    AND (:state IS NULL OR m.state = :state) AND (:gate IS NULL OR s.gate = :gate)
    AND (:words IS NULL OR m.client_ref = :exact OR CAST(m.content AS jsonb) ->> 'text' ILIKE :words ESCAPE '\'
        OR m.chat LIKE :digits OR m.sender LIKE :digits)

-- part: in_scope
(:scoped = 0 OR m.session_id IN {{listed_numbers}})

-- `add_each` asks for the keys of what it adds.
-- name: message_add
{{new_message}}
RETURNING seq

-- name: fleet_words
SELECT state, CAST(can_send AS jsonb) ->> 'value' AS can_send, CAST(can_receive AS jsonb) ->> 'value' AS can_receive,
    count(*) AS sessions
FROM sessions GROUP BY 1, 2, 3

-- name: search_ids
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.seq IN (
    SELECT seq FROM messages WHERE id = :exact
    UNION
    SELECT p.seq FROM sessions o JOIN messages p ON p.session_id = o.id AND p.provider_id = :exact
) AND {{in_scope}} ORDER BY m.seq DESC LIMIT :limit

-- name: search_waiting
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.seq IN (
    SELECT w.seq FROM messages w WHERE w.state = 'queued' AND w.seq < :seq
    UNION ALL
    SELECT w.seq FROM messages w WHERE w.state = 'sending' AND w.seq < :seq
    UNION ALL
    SELECT w.seq FROM messages w WHERE w.state = 'in_doubt' AND w.seq < :seq
) AND {{in_scope}} AND {{searched}} ORDER BY m.seq DESC LIMIT :limit

-- name: chat_went_on
SELECT 1 FROM events
WHERE coalesce(session_name, '') = :session_name AND coalesce(chat, '') = :chat AND at > :since
    AND type = 'message.state_changed' AND CAST(data AS jsonb) ->> 'state' = 'sent' LIMIT 1

-- name: message_steps
SELECT at, CAST(data AS jsonb) ->> 'state' AS state FROM events
WHERE coalesce(session_name, '') = :session_name AND coalesce(chat, '') = :chat AND at >= :since
    AND type = 'message.state_changed' AND CAST(data AS jsonb) ->> 'id' = :id ORDER BY seq LIMIT 50

-- name: contact_messages
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.session_id = :session_id AND (
    m.chat IN {{listed}} OR m.sender IN {{listed}}
    OR EXISTS (
        SELECT 1 FROM jsonb_array_elements_text(CAST(coalesce(m.mentions, '[]') AS jsonb)) AS mentioned (address)
        WHERE mentioned.address IN {{listed}}
    )
)
ORDER BY m.seq

-- name: provider_webhook_truncate
UPDATE provider_webhooks SET body = substr(body, 1, CAST(:bytes AS integer)) WHERE id = :id

-- name: provider_webhooks_unreadable
SELECT r.id, s.name AS session_name, r.received_at, r.note, substr(r.body, 1, CAST(:shown AS integer)) AS body,
    length(r.body) AS size
FROM provider_webhooks r JOIN sessions s ON s.id = r.session_id
WHERE r.state = 'unreadable' AND r.id > :after AND (:tenant IS NULL OR s.tenant = :tenant) ORDER BY r.id LIMIT :limit

-- == locks: they keep nobody from referring to the row ==

-- part: locked
FOR NO KEY UPDATE

-- part: locked_with_others
FOR SHARE

-- part: not_locked
FOR UPDATE OF w SKIP LOCKED
