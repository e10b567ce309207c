-- What is kept of the past. For the rules of this text see `queries.sql`.

-- part: outage
o.id, o.session_id, s.name AS session_name, o.server, o.since, o.ended_at, o.reason_code, o.reopened, o.noticed,
o.expected, o.held_at_start, o.part_of, o.after_seq

-- part: outages_shown
FROM outages o LEFT JOIN sessions s ON s.id = o.session_id LEFT JOIN outages p ON p.id = o.part_of

-- part: outages_meant
(:server IS NULL OR o.server = :server) AND (:session_id IS NULL OR o.session_id = :session_id)
    AND (:tenant IS NULL OR s.tenant = :tenant)

-- A session falls with its server if the server's outage had begun by then and is not over.
-- name: outage_keep_of_session
INSERT INTO outages (id, session_id, server, since, ended_at, reason_code, reopened, noticed, expected, held_at_start,
    part_of, after_seq)
SELECT :id, :session_id, :server, :since, :ended_at, :reason_code, :reopened, :noticed, :expected, :held_at_start,
    (SELECT id FROM outages WHERE server = :server AND session_id IS NULL AND ended_at IS NULL AND since <= :since),
    (SELECT coalesce(max(seq), 0) FROM journal WHERE session_id = :session_id)
WHERE true
ON CONFLICT (id) DO UPDATE SET since = excluded.since, ended_at = excluded.ended_at, reopened = excluded.reopened,
    noticed = excluded.noticed

-- name: outage_keep_of_server
INSERT INTO outages (id, session_id, server, since, ended_at, reason_code, reopened, noticed, expected, held_at_start,
    part_of, after_seq)
SELECT :id, NULL, :server, :since, :ended_at, :reason_code, :reopened, :noticed, :expected, :held_at_start, NULL,
    (SELECT coalesce(max(seq), 0) FROM journal WHERE session_id IS NULL AND server = :server)
WHERE true
ON CONFLICT (id) DO UPDATE SET since = excluded.since, ended_at = excluded.ended_at, noticed = excluded.noticed

-- In a mass fall the sessions are first.
-- name: outage_gather
UPDATE outages SET part_of = :id
WHERE server = :server AND session_id IS NOT NULL AND ended_at IS NULL AND part_of IS NULL AND since >= :since

-- name: outage
SELECT {{outage}} {{outages_shown}} WHERE o.id = :id

-- name: outages_open
SELECT {{outage}} {{outages_shown}}
WHERE o.ended_at IS NULL AND {{outages_meant}} AND (:each = 1 OR p.id IS NULL OR p.ended_at IS NOT NULL)
ORDER BY o.since DESC, o.id DESC

-- name: outages_ended
SELECT {{outage}} {{outages_shown}}
WHERE o.ended_at IS NOT NULL AND {{outages_meant}} AND (:each = 1 OR o.part_of IS NULL)
    AND (o.since < :before OR (o.since = :before AND o.id < :before_id))
ORDER BY o.since DESC, o.id DESC LIMIT :limit

-- name: outages_parts
SELECT {{outage}} {{outages_shown}} WHERE o.part_of = :id ORDER BY o.since, o.id

-- name: outages_of
SELECT {{outage}} {{outages_shown}}
WHERE o.session_id IN {{listed_numbers}} AND (o.ended_at IS NULL OR o.ended_at > :since) ORDER BY o.since, o.id

-- name: outages_of_servers
SELECT {{outage}} {{outages_shown}}
WHERE o.session_id IS NULL AND (o.ended_at IS NULL OR o.ended_at > :since) ORDER BY o.since, o.id

-- The last of one instant stands.
-- name: state_keep
INSERT INTO state_changes (session_id, at, previous, state) VALUES (:session_id, :at, :previous, :state)
ON CONFLICT (session_id, at) DO UPDATE SET state = excluded.state

-- name: states_of
SELECT session_id, at, previous, state FROM state_changes WHERE session_id IN {{listed_numbers}} AND at >= :since
ORDER BY session_id, at

-- name: unwatched_add
INSERT INTO unwatched (since, until)
SELECT at, :now FROM heartbeat WHERE at < :before
ON CONFLICT (since) DO UPDATE SET until = excluded.until

-- name: unwatched
SELECT since, until FROM unwatched WHERE until > :since ORDER BY since

-- name: outage_cost
SELECT count(*) AS accepted,
    coalesce(sum(CASE WHEN state IN ('queued', 'sending', 'in_doubt') THEN 1 ELSE 0 END), 0) AS waiting,
    coalesce(sum(CASE WHEN state IN ('failed', 'expired') THEN 1 ELSE 0 END), 0) AS failed
FROM messages
WHERE session_id = :session_id AND created_at >= :since AND created_at <= :until AND direction = 'out'

-- == forgetting ==

-- name: session_forget_outages
DELETE FROM outages WHERE session_id = :id

-- name: session_forget_states
DELETE FROM state_changes WHERE session_id = :id

-- name: server_forget_outages
DELETE FROM outages WHERE server = :name

-- name: purge_outages
DELETE FROM outages WHERE id IN (SELECT id FROM outages WHERE ended_at < :before ORDER BY ended_at LIMIT :limit)

-- name: purge_states
DELETE FROM state_changes WHERE (session_id, at) IN (
    SELECT session_id, at FROM state_changes WHERE at < :before ORDER BY at LIMIT :limit
)

-- name: purge_unwatched
DELETE FROM unwatched WHERE until < :before

-- == public status pages ==

-- name: status_pages
SELECT name, title, enabled, created_at, tenant FROM status_pages
WHERE :tenant IS NULL OR tenant = :tenant ORDER BY name

-- name: status_page
SELECT name, title, enabled, created_at, tenant FROM status_pages WHERE name = :name

-- name: status_page_sessions
SELECT p.session_id, s.name AS session_name, p.label FROM status_page_sessions p JOIN sessions s ON s.id = p.session_id
JOIN status_pages o ON o.name = p.page AND o.tenant = s.tenant
WHERE p.page = :name ORDER BY lower(p.label), p.session_id

-- name: status_page_put
INSERT INTO status_pages (name, title, enabled, created_at, tenant)
VALUES (:name, :title, :enabled, :created_at, :tenant)
ON CONFLICT (name) DO UPDATE SET title = excluded.title, enabled = excluded.enabled

-- name: status_page_list
INSERT INTO status_page_sessions (page, session_id, label)
SELECT :page, id, :label FROM sessions WHERE id = :session_id

-- name: status_page_empty
DELETE FROM status_page_sessions WHERE page = :name

-- name: status_page_delete
DELETE FROM status_pages WHERE name = :name

-- name: session_forget_status_pages
DELETE FROM status_page_sessions WHERE session_id = :id
