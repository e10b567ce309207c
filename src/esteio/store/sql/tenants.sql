-- The statements of tenants and their quotas; the same rules as in queries.sql.

-- part: tenant
name, title, created_at, enabled, max_sessions, max_messages_per_day, max_webhooks, max_servers

-- Whoever they are: nothing leaves for them. Asked once a statement; there are few.
-- part: suspended
(SELECT name FROM tenants WHERE enabled = 0)

-- name: tenant_add
INSERT INTO tenants (name, title, created_at, enabled, max_sessions, max_messages_per_day, max_webhooks, max_servers)
VALUES (:name, :title, :created_at, :enabled, :max_sessions, :max_messages_per_day, :max_webhooks, :max_servers)
ON CONFLICT (name) DO NOTHING

-- name: tenant
SELECT {{tenant}} FROM tenants WHERE name = :name

-- name: tenants
SELECT {{tenant}} FROM tenants ORDER BY name

-- name: tenant_change
UPDATE tenants SET title = :title, enabled = :enabled, max_sessions = :max_sessions,
    max_messages_per_day = :max_messages_per_day, max_webhooks = :max_webhooks, max_servers = :max_servers
WHERE name = :name

-- Holds the tenant's row until the commit: whoever counts what it has waits for whoever adds to it.
-- name: tenant_hold
UPDATE tenants SET enabled = enabled WHERE name = :name RETURNING {{tenant}}

-- name: tenant_sessions
SELECT count(*) FROM sessions WHERE tenant = :tenant

-- name: tenant_webhooks
SELECT count(*) FROM webhook_endpoints WHERE tenant = :tenant AND ends_after IS NULL

-- name: tenant_servers
SELECT count(*) FROM servers WHERE tenant = :tenant

-- name: tenant_keys
SELECT count(*) FROM api_keys WHERE tenant = :tenant AND revoked_at IS NULL

-- name: tenant_status_pages
SELECT count(*) FROM status_pages WHERE tenant = :tenant

-- Counted where there is a bound; without one, the messages of the day that are still kept.
-- name: tenant_messages
SELECT CASE WHEN t.max_messages_per_day IS NOT NULL THEN CASE WHEN t.day = :day THEN t.messages ELSE 0 END ELSE (
    SELECT count(*) FROM sessions s JOIN messages m ON m.session_id = s.id
    WHERE s.tenant = t.name AND m.created_at >= :since AND m.direction = 'out'
) END AS messages FROM tenants t WHERE t.name = :tenant

-- name: tenant_count_message
UPDATE tenants SET messages = CASE WHEN day = :day THEN messages + 1 ELSE 1 END, day = :day
-- guard: quota-messages-in-statement
WHERE name = :tenant AND CASE WHEN day = :day THEN messages ELSE 0 END < max_messages_per_day

-- == going ==

-- name: tenant_forget_keys
DELETE FROM api_keys WHERE tenant = :tenant
-- name: tenant_webhooks_ending
SELECT id FROM webhook_endpoints WHERE tenant = :tenant AND ends_after IS NOT NULL
-- What it was told stays in the log, for nobody whose tenant is called so later.
-- name: tenant_forget_events
UPDATE events SET tenant = ':' || tenant WHERE tenant = :tenant
-- name: tenant_delete
DELETE FROM tenants WHERE name = :tenant

-- == moving a session ==

-- name: session_move
UPDATE sessions SET tenant = :tenant, row_version = row_version + 1 WHERE id = :id
-- name: session_move_keys
UPDATE api_keys SET tenant = :tenant WHERE session_id = :id
-- name: session_move_events
UPDATE events SET tenant = :tenant
WHERE coalesce(session_name, '') = :name AND tenant = :before AND at >= :since
-- name: session_move_webhook
UPDATE webhook_endpoints SET tenant = :tenant WHERE door_session = :name
