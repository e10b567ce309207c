-- The relay's statements; the same rules as in queries.sql.

-- part: endpoint
id, url, created_at, format, events, types, sessions, sealed, by_events, enabled, because, log_cursor, health, media

-- part: relay_lane
road, session, chat, head, attempts, due_at, tried_since, last_at, fence

-- part: delivery
id, endpoint_id, event, event_at, type, session, attempt, at, took_ms, outcome, status, detail

-- part: dead_event
id, endpoint_id, event, type, session, chat, event_at, died_at, attempts, detail

-- == endpoints ==

-- name: endpoint_add
INSERT INTO endpoints (id, url, created_at, format, events, types, sessions, sealed, by_events, media, enabled,
    because, log_cursor, health)
VALUES (:id, :url, :created_at, :format, :events, :types, :sessions, :sealed, :by_events, :media, :enabled, :because,
    (SELECT coalesce(max(seq), 0) FROM events), :health)
RETURNING {{endpoint}}

-- name: endpoint
SELECT {{endpoint}} FROM endpoints WHERE id = :id

-- name: endpoints
SELECT {{endpoint}} FROM endpoints ORDER BY created_at, id

-- name: endpoint_change
UPDATE endpoints SET url = :url, format = :format, events = :events, types = :types, sessions = :sessions,
    sealed = :sealed, by_events = :by_events, media = :media, because = :because,
    health = CASE WHEN enabled = 0 AND :enabled = 1 THEN :health ELSE health END,
    enabled = :enabled
WHERE id = :id

-- name: endpoint_learn
UPDATE endpoints SET health = :health WHERE id = :id

-- name: endpoint_disable
UPDATE endpoints SET enabled = 0, because = :because WHERE id = :id

-- name: endpoint_forget_lanes
DELETE FROM relay_lanes WHERE endpoint_id = :id
-- name: endpoint_forget_again
DELETE FROM relay_again WHERE endpoint_id = :id
-- name: endpoint_forget_dead
DELETE FROM dead_events WHERE endpoint_id = :id
-- name: endpoint_forget_deliveries
DELETE FROM deliveries WHERE endpoint_id = :id
-- name: endpoint_delete
DELETE FROM endpoints WHERE id = :id

-- name: endpoint_lanes
SELECT count(*), min(head) FROM relay_lanes WHERE endpoint_id = :id

-- name: relay_backlog
SELECT (SELECT count(*) FROM relay_lanes l JOIN endpoints e ON e.id = l.endpoint_id WHERE e.enabled = 1),
    (SELECT count(*) FROM dead_events)

-- name: event_from
SELECT at FROM events WHERE seq >= :seq ORDER BY seq LIMIT 1

-- == dealing ==

-- name: event_last
SELECT coalesce(max(seq), 0) FROM events

-- name: event_at
SELECT at FROM events WHERE seq = :seq

-- name: event
SELECT type, at, data FROM events WHERE seq = :seq

-- name: events_to_deal
SELECT seq, type, coalesce(session, ''), coalesce(chat, ''), at FROM events WHERE seq > :after ORDER BY seq LIMIT :limit

-- name: endpoint_cursor
UPDATE endpoints SET log_cursor = :cursor WHERE id = :id

-- name: relay_lane_open
INSERT INTO relay_lanes (endpoint_id, road, session, chat, head, attempts, due_at, tried_since, last_at, fence,
    lease_until)
VALUES (:endpoint_id, :road, :session, :chat, :head, 0, :due_at, 0, 0, 0, NULL) ON CONFLICT DO NOTHING

-- == claiming and settling ==

-- name: relay_lapsed
UPDATE relay_lanes SET lease_until = NULL, due_at = :now WHERE lease_until <= :now

-- name: relay_free
UPDATE relay_lanes SET lease_until = NULL, due_at = :now WHERE lease_until IS NOT NULL

-- name: relay_due
SELECT {{relay_lane}} FROM relay_lanes
WHERE endpoint_id = :endpoint_id AND lease_until IS NULL AND due_at <= :now ORDER BY due_at, head LIMIT :limit

-- name: relay_oldest
SELECT {{relay_lane}} FROM relay_lanes
WHERE endpoint_id = :endpoint_id AND lease_until IS NULL ORDER BY head LIMIT :limit

-- name: relay_fresh
SELECT {{relay_lane}} FROM relay_lanes
WHERE endpoint_id = :endpoint_id AND lease_until IS NULL AND attempts = 0 ORDER BY head LIMIT :limit

-- name: relay_claim
UPDATE relay_lanes SET lease_until = :lease_until, fence = fence + 1, last_at = :now,
    tried_since = CASE WHEN attempts = 0 THEN :now ELSE tried_since END
WHERE endpoint_id = :endpoint_id AND road = :road AND session = :session AND chat = :chat AND lease_until IS NULL
RETURNING {{relay_lane}}

-- name: relay_held
SELECT {{relay_lane}} FROM relay_lanes
WHERE endpoint_id = :endpoint_id AND road = :road AND session = :session AND chat = :chat
    AND fence = :fence AND head = :head AND lease_until IS NOT NULL

-- name: relay_wait
UPDATE relay_lanes SET attempts = :attempts, due_at = :due_at, lease_until = NULL
WHERE endpoint_id = :endpoint_id AND road = :road AND session = :session AND chat = :chat

-- name: relay_next_live
SELECT seq, type FROM events
WHERE coalesce(session, '') = :session AND coalesce(chat, '') = :chat AND seq > :head AND seq <= :cursor
ORDER BY seq LIMIT 64

-- name: relay_next_again
SELECT min(event) FROM relay_again
WHERE endpoint_id = :endpoint_id AND session = :session AND chat = :chat

-- name: relay_again_done
DELETE FROM relay_again
WHERE endpoint_id = :endpoint_id AND session = :session AND chat = :chat AND event = :event

-- name: relay_move
UPDATE relay_lanes SET head = :head, attempts = 0, due_at = :due_at, tried_since = 0, lease_until = NULL
WHERE endpoint_id = :endpoint_id AND road = :road AND session = :session AND chat = :chat

-- name: relay_close
DELETE FROM relay_lanes
WHERE endpoint_id = :endpoint_id AND road = :road AND session = :session AND chat = :chat

-- name: relay_waiting
SELECT {{relay_lane}} FROM relay_lanes WHERE endpoint_id = :endpoint_id AND lease_until IS NULL AND due_at > :now

-- name: relay_wake
UPDATE relay_lanes SET due_at = :due_at
WHERE endpoint_id = :endpoint_id AND road = :road AND session = :session AND chat = :chat

-- name: relay_next_due
SELECT min(due_at) FROM relay_lanes WHERE endpoint_id = :endpoint_id AND lease_until IS NULL

-- name: relay_next_lease
SELECT min(lease_until) FROM relay_lanes WHERE lease_until IS NOT NULL

-- == deliveries, replays, dead letters ==

-- name: delivery_add
INSERT INTO deliveries (endpoint_id, event, event_at, type, session, attempt, at, took_ms, outcome, status, detail)
VALUES (:endpoint_id, :event, :event_at, :type, :session, :attempt, :at, :took_ms, :outcome, :status, :detail)

-- name: deliveries
SELECT {{delivery}} FROM deliveries WHERE endpoint_id = :endpoint_id AND id < :before ORDER BY id DESC LIMIT :limit

-- name: again_add
INSERT INTO relay_again (endpoint_id, session, chat, event) VALUES (:endpoint_id, :session, :chat, :event)
ON CONFLICT DO NOTHING

-- name: events_of_time
SELECT seq, type, coalesce(session, ''), coalesce(chat, ''), at FROM events
WHERE at >= :since AND at <= :until AND seq > :after ORDER BY seq LIMIT :limit

-- name: dead_event_add
INSERT INTO dead_events (endpoint_id, event, type, session, chat, event_at, died_at, attempts, detail)
VALUES (:endpoint_id, :event, :type, :session, :chat, :event_at, :died_at, :attempts, :detail)
ON CONFLICT (endpoint_id, event) DO UPDATE SET died_at = excluded.died_at, attempts = excluded.attempts,
    detail = excluded.detail

-- name: dead_events
SELECT {{dead_event}} FROM dead_events
WHERE id > :after AND died_at >= :since AND died_at <= :until
    AND (:session IS NULL OR session = :session) AND (:endpoint IS NULL OR endpoint_id = :endpoint)
ORDER BY id LIMIT :limit

-- name: dead_event
SELECT {{dead_event}} FROM dead_events WHERE id = :id

-- name: dead_event_gone
DELETE FROM dead_events WHERE id = :id

-- name: dead_messages
SELECT m.seq, m.id, s.name FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.seq > :after AND m.state IN ('failed', 'expired') AND m.direction = 'out'
    AND m.updated_at >= :since AND m.updated_at <= :until AND (:session IS NULL OR s.name = :session)
ORDER BY m.seq LIMIT :limit

-- name: doubtful_messages
SELECT m.seq, m.id, s.name FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.seq > :after AND m.state = 'in_doubt' AND m.aside_at IS NOT NULL
    AND m.aside_at >= :since AND m.aside_at <= :until AND (:session IS NULL OR s.name = :session)
ORDER BY m.seq LIMIT :limit

-- == forgetting ==

-- name: relay_floor
SELECT min(place) FROM (
    SELECT min(log_cursor) + 1 AS place FROM endpoints WHERE enabled = 1
    UNION ALL
    SELECT min(l.head) AS place FROM relay_lanes l JOIN endpoints e ON e.id = l.endpoint_id WHERE e.enabled = 1
    UNION ALL
    SELECT min(event) AS place FROM relay_again
) AS places

-- name: purge_events
DELETE FROM events WHERE seq IN (
    SELECT seq FROM events WHERE at < :before AND seq < :floor
        AND NOT EXISTS (SELECT 1 FROM dead_events WHERE event = events.seq)
    ORDER BY at LIMIT :limit
)

-- name: purge_deliveries
DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE at < :before ORDER BY at LIMIT :limit)

-- name: purge_dead_events
DELETE FROM dead_events WHERE id IN (
    SELECT id FROM dead_events WHERE died_at < :before ORDER BY id LIMIT :limit
)
