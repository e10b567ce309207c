-- The statements of webhook delivery; the same rules as in queries.sql.

-- part: webhook_endpoint
id, url, created_at, format, events, types, sessions, encrypted, by_events, enabled, reason_code, log_cursor, health,
media, updated_at, door_session, ends_after, tenant, tenant IN {{suspended}} AS suspended

-- Whether it is called: those of suspended tenants wait, as disabled ones do.
-- part: called
e.enabled = 1 AND (e.tenant IS NULL OR e.tenant NOT IN {{suspended}})

-- part: delivery_lane
queue, session_name, chat, head, attempts, due_at, tried_since, last_at, fence

-- part: delivery
id, endpoint_id, event, event_at, type, session_name, attempt, at, took_ms, outcome, status, detail

-- part: dead_letter
id, endpoint_id, event, type, session_name, chat, event_at, died_at, attempts, detail

-- == endpoints ==

-- name: webhook_endpoint_add
INSERT INTO webhook_endpoints (id, url, created_at, format, events, types, sessions, encrypted, by_events, media,
    enabled,
    reason_code, log_cursor, health, updated_at, door_session, tenant)
VALUES (:id, :url, :created_at, :format, :events, :types, :sessions, :encrypted, :by_events, :media, :enabled,
    :reason_code,
    (SELECT coalesce(max(seq), 0) FROM events), :health, :updated_at, :door_session, :tenant)
RETURNING {{webhook_endpoint}}

-- name: webhook_endpoint
SELECT {{webhook_endpoint}} FROM webhook_endpoints WHERE id = :id

-- name: webhook_endpoints
SELECT {{webhook_endpoint}} FROM webhook_endpoints ORDER BY created_at, id

-- name: webhook_endpoints_lock
SELECT id FROM webhook_endpoints ORDER BY id {{locked}}

-- name: webhook_endpoint_lock
SELECT id FROM webhook_endpoints WHERE id = :id {{locked}}

-- name: webhook_endpoints_within
SELECT {{webhook_endpoint}} FROM webhook_endpoints WHERE :tenant IS NULL OR tenant = :tenant ORDER BY created_at, id

-- name: webhook_endpoint_change
UPDATE webhook_endpoints SET url = :url, format = :format, events = :events, types = :types, sessions = :sessions,
    encrypted = :encrypted, by_events = :by_events, media = :media, reason_code = :reason_code, updated_at = :updated_at,
    tenant = :tenant,
    health = CASE WHEN enabled = 0 AND :enabled = 1 THEN :health ELSE health END,
    enabled = :enabled
WHERE id = :id

-- name: webhook_endpoint_at_door
SELECT {{webhook_endpoint}} FROM webhook_endpoints WHERE door_session = :door_session

-- name: webhook_endpoint_from_now_on
UPDATE webhook_endpoints SET log_cursor = (SELECT coalesce(max(seq), 0) FROM events) WHERE id = :id

-- name: webhook_endpoint_ends
UPDATE webhook_endpoints SET door_session = NULL, ends_after = (SELECT coalesce(max(seq), 0) FROM events)
WHERE door_session = (SELECT name FROM sessions WHERE id = :id)

-- name: webhook_endpoints_ended
SELECT id FROM webhook_endpoints e WHERE ends_after IS NOT NULL AND (enabled = 0 OR log_cursor >= ends_after
    AND NOT EXISTS (SELECT 1 FROM delivery_lanes WHERE endpoint_id = e.id))

-- name: webhook_endpoint_health
UPDATE webhook_endpoints SET health = :health WHERE id = :id

-- name: webhook_endpoint_disable
UPDATE webhook_endpoints SET enabled = 0, reason_code = :reason_code WHERE id = :id

-- name: webhook_endpoint_forget_lanes
DELETE FROM delivery_lanes WHERE endpoint_id = :id
-- name: webhook_endpoint_forget_replays
DELETE FROM replay_queue WHERE endpoint_id = :id
-- name: webhook_endpoint_forget_dead_letters
DELETE FROM dead_letters WHERE endpoint_id = :id
-- name: webhook_endpoint_forget_deliveries
DELETE FROM deliveries WHERE endpoint_id = :id
-- name: webhook_endpoint_delete
DELETE FROM webhook_endpoints WHERE id = :id

-- name: webhook_endpoint_lanes
SELECT count(*) AS lanes, min(head) AS head FROM delivery_lanes WHERE endpoint_id = :id

-- name: delivery_backlog
SELECT (SELECT count(*) FROM delivery_lanes l JOIN webhook_endpoints e ON e.id = l.endpoint_id
    WHERE {{called}}) AS lanes,
    (SELECT count(*) FROM dead_letters) AS dead

-- name: event_from
SELECT at FROM events WHERE seq >= :seq ORDER BY seq LIMIT 1

-- == dealing ==

-- name: event_last
SELECT coalesce(max(seq), 0) FROM events

-- name: event_at
SELECT at FROM events WHERE seq = :seq

-- name: event_lane
SELECT seq, type, coalesce(session_name, '') AS session_name, coalesce(chat, '') AS chat, tenant FROM events
WHERE seq = :seq

-- name: event
SELECT type, at, data, trace_context FROM events WHERE seq = :seq

-- name: events_to_deal
SELECT seq, type, coalesce(session_name, '') AS session_name, coalesce(chat, '') AS chat, at, tenant FROM events
WHERE seq > :after ORDER BY seq LIMIT
    :limit

-- name: webhook_endpoint_cursor
UPDATE webhook_endpoints SET log_cursor = :cursor WHERE id = :id

-- name: delivery_lane_open
INSERT INTO delivery_lanes (endpoint_id, queue, session_name, chat, head, attempts, due_at, tried_since, last_at, fence,
    lease_until)
VALUES (:endpoint_id, :queue, :session_name, :chat, :head, 0, :due_at, 0, 0, 0, NULL) ON CONFLICT DO NOTHING

-- == claiming and settling ==

-- name: delivery_lanes_lapsed
UPDATE delivery_lanes SET lease_until = NULL, due_at = :now WHERE lease_until <= :now

-- name: delivery_lanes_due
SELECT {{delivery_lane}} FROM delivery_lanes
WHERE endpoint_id = :endpoint_id AND lease_until IS NULL AND due_at <= :now ORDER BY due_at, head LIMIT :limit

-- name: delivery_lanes_oldest
SELECT {{delivery_lane}} FROM delivery_lanes
WHERE endpoint_id = :endpoint_id AND lease_until IS NULL ORDER BY head LIMIT :limit

-- name: delivery_lanes_fresh
SELECT {{delivery_lane}} FROM delivery_lanes
WHERE endpoint_id = :endpoint_id AND lease_until IS NULL AND attempts = 0 ORDER BY head LIMIT :limit

-- name: delivery_lane_claim
UPDATE delivery_lanes SET lease_until = :lease_until, fence = fence + 1, last_at = :now,
    tried_since = CASE WHEN attempts = 0 THEN :now ELSE tried_since END
WHERE endpoint_id = :endpoint_id AND queue = :queue AND session_name = :session_name AND chat = :chat AND lease_until
    IS NULL
RETURNING {{delivery_lane}}

-- name: delivery_lane_held
SELECT {{delivery_lane}} FROM delivery_lanes
WHERE endpoint_id = :endpoint_id AND queue = :queue AND session_name = :session_name AND chat = :chat
    AND fence = :fence AND head = :head AND lease_until IS NOT NULL

-- name: delivery_lane_wait
UPDATE delivery_lanes SET attempts = :attempts, due_at = :due_at, lease_until = NULL
WHERE endpoint_id = :endpoint_id AND queue = :queue AND session_name = :session_name AND chat = :chat

-- name: delivery_next_live
SELECT seq, type, tenant FROM events
WHERE coalesce(session_name, '') = :session_name AND coalesce(chat, '') = :chat AND seq > :head AND seq <= :cursor
ORDER BY seq LIMIT 64

-- name: delivery_next_replay
SELECT min(event) FROM replay_queue
WHERE endpoint_id = :endpoint_id AND session_name = :session_name AND chat = :chat

-- name: replay_queue_done
DELETE FROM replay_queue
WHERE endpoint_id = :endpoint_id AND session_name = :session_name AND chat = :chat AND event = :event

-- name: delivery_lane_move
UPDATE delivery_lanes SET head = :head, attempts = 0, due_at = :due_at, tried_since = 0, lease_until = NULL
WHERE endpoint_id = :endpoint_id AND queue = :queue AND session_name = :session_name AND chat = :chat

-- name: delivery_lane_close
DELETE FROM delivery_lanes
WHERE endpoint_id = :endpoint_id AND queue = :queue AND session_name = :session_name AND chat = :chat

-- name: delivery_lanes_next
SELECT l.queue, l.session_name, l.chat, l.head, l.attempts, l.due_at, coalesce(e.type, '') AS type, coalesce(e.at, 0) AS at
FROM delivery_lanes l LEFT JOIN events e ON e.seq = l.head
WHERE l.endpoint_id = :endpoint_id ORDER BY l.due_at, l.head LIMIT :limit

-- name: delivery_lane_live
SELECT head FROM delivery_lanes
WHERE endpoint_id = :endpoint_id AND queue = 'live' AND session_name = :session_name AND chat = :chat

-- name: delivery_lanes_waiting
SELECT {{delivery_lane}} FROM delivery_lanes WHERE endpoint_id = :endpoint_id AND lease_until IS NULL AND due_at > :now

-- name: delivery_lane_wake
UPDATE delivery_lanes SET due_at = :due_at
WHERE endpoint_id = :endpoint_id AND queue = :queue AND session_name = :session_name AND chat = :chat

-- name: delivery_next_due
SELECT min(due_at) FROM delivery_lanes WHERE endpoint_id = :endpoint_id AND lease_until IS NULL

-- name: delivery_next_lease
SELECT min(lease_until) FROM delivery_lanes WHERE lease_until IS NOT NULL

-- == deliveries, replays, dead letters ==

-- name: delivery_add
INSERT INTO deliveries (endpoint_id, event, event_at, type, session_name, attempt, at, took_ms, outcome, status, detail)
VALUES (:endpoint_id, :event, :event_at, :type, :session_name, :attempt, :at, :took_ms, :outcome, :status, :detail)

-- name: deliveries
SELECT {{delivery}} FROM deliveries WHERE endpoint_id = :endpoint_id AND id < :before ORDER BY id DESC LIMIT :limit

-- name: deliveries_failed
SELECT {{delivery}} FROM deliveries
WHERE endpoint_id = :endpoint_id AND id < :before AND outcome <> 'delivered' ORDER BY id DESC LIMIT :limit

-- name: deliveries_of_event
SELECT {{delivery}} FROM deliveries
WHERE endpoint_id = :endpoint_id AND event = :event AND id < :before ORDER BY id DESC LIMIT :limit

-- name: deliveries_taken
SELECT event FROM deliveries WHERE endpoint_id = :endpoint_id AND event IN {{listed_numbers}} AND outcome = 'delivered'

-- name: replay_queue_add
INSERT INTO replay_queue (endpoint_id, session_name, chat, event) VALUES (:endpoint_id, :session_name, :chat, :event)
ON CONFLICT DO NOTHING

-- name: events_of_time
SELECT seq, type, coalesce(session_name, '') AS session_name, coalesce(chat, '') AS chat, at, tenant FROM events
WHERE at >= :since AND at <= :until AND seq > :after ORDER BY seq LIMIT :limit

-- name: dead_letter_add
INSERT INTO dead_letters (endpoint_id, event, type, session_name, chat, event_at, died_at, attempts, detail)
VALUES (:endpoint_id, :event, :type, :session_name, :chat, :event_at, :died_at, :attempts, :detail)
ON CONFLICT (endpoint_id, event) DO UPDATE SET died_at = excluded.died_at, attempts = excluded.attempts,
    detail = excluded.detail

-- name: dead_letters
SELECT {{dead_letter}} FROM dead_letters
WHERE id > :after AND died_at >= :since AND died_at <= :until
    AND (:session_name IS NULL OR session_name = :session_name) AND (:endpoint_id IS NULL OR endpoint_id = :endpoint_id)
    AND (:tenant IS NULL OR endpoint_id IN (SELECT e.id FROM webhook_endpoints e WHERE e.tenant = :tenant))
ORDER BY id LIMIT :limit

-- name: dead_letter
SELECT {{dead_letter}} FROM dead_letters WHERE id = :id

-- name: dead_letter_delete_of
DELETE FROM dead_letters WHERE endpoint_id = :endpoint_id AND event = :event

-- name: dead_letter_delete
DELETE FROM dead_letters WHERE id = :id

-- name: dead_messages
SELECT m.seq, m.id, s.name AS session_name FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.seq > :after AND m.state IN ('failed', 'expired') AND m.direction = 'out'
    AND m.updated_at >= :since AND m.updated_at <= :until AND (:session_name IS NULL OR s.name = :session_name)
    AND (:tenant IS NULL OR s.tenant = :tenant)
ORDER BY m.seq LIMIT :limit

-- name: doubtful_messages
SELECT m.seq, m.id, s.name AS session_name FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.seq > :after AND m.state = 'in_doubt' AND m.set_aside_at IS NOT NULL
    AND m.set_aside_at >= :since AND m.set_aside_at <= :until AND (:session_name IS NULL OR s.name = :session_name)
    AND (:tenant IS NULL OR s.tenant = :tenant)
ORDER BY m.seq LIMIT :limit

-- == forgetting ==

-- name: delivery_floor
SELECT min(seq) FROM (
    SELECT min(e.log_cursor) + 1 AS seq FROM webhook_endpoints e WHERE {{called}}
    UNION ALL
    SELECT min(l.head) AS seq FROM delivery_lanes l JOIN webhook_endpoints e ON e.id = l.endpoint_id WHERE {{called}}
    UNION ALL
    SELECT min(r.event) AS seq FROM replay_queue r JOIN webhook_endpoints e ON e.id = r.endpoint_id WHERE {{called}}
) AS floors

-- name: purge_events
DELETE FROM events WHERE seq IN (
    SELECT seq FROM events WHERE at < :before AND seq < :floor
        AND NOT EXISTS (SELECT 1 FROM dead_letters WHERE event = events.seq)
    ORDER BY at LIMIT :limit
)

-- name: purge_deliveries
DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE at < :before ORDER BY at LIMIT :limit)

-- name: purge_dead_letters
DELETE FROM dead_letters WHERE id IN (
    SELECT id FROM dead_letters WHERE died_at < :before ORDER BY id LIMIT :limit
)
