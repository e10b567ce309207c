-- Sealed values (vault.py): one byte of format, four of the key's id. An empty value names no key.

-- name: sealed_servers
SELECT name AS row_key, encrypted
FROM servers
WHERE name > :after AND (:all = 1 OR (length(encrypted) > 0 AND substr(encrypted, 2, 4) <> :key_id))
ORDER BY name
LIMIT :limit

-- name: sealed_webhook_endpoints
SELECT id AS row_key, encrypted
FROM webhook_endpoints
WHERE id > :after AND (:all = 1 OR (length(encrypted) > 0 AND substr(encrypted, 2, 4) <> :key_id))
ORDER BY id
LIMIT :limit

-- name: sealed_sessions
SELECT id AS row_key, name, created_at, encrypted, replaced, chatwoot, settings
FROM sessions
WHERE id > :after AND (
    :all = 1
    OR (length(encrypted) > 0 AND substr(encrypted, 2, 4) <> :key_id)
    OR (length(replaced) > 0 AND substr(replaced, 2, 4) <> :key_id)
    OR (length(chatwoot) > 0 AND substr(chatwoot, 2, 4) <> :key_id)
    OR (length(settings) > 0 AND substr(settings, 2, 4) <> :key_id)
)
ORDER BY id
LIMIT :limit

-- name: sealed_left
SELECT
    (SELECT count(*) FROM servers WHERE length(encrypted) > 0 AND substr(encrypted, 2, 4) <> :key_id)
    + (SELECT count(*) FROM webhook_endpoints WHERE length(encrypted) > 0 AND substr(encrypted, 2, 4) <> :key_id)
    + (SELECT count(*) FROM sessions WHERE length(encrypted) > 0 AND substr(encrypted, 2, 4) <> :key_id)
    + (SELECT count(*) FROM sessions WHERE length(replaced) > 0 AND substr(replaced, 2, 4) <> :key_id)
    + (SELECT count(*) FROM sessions WHERE length(chatwoot) > 0 AND substr(chatwoot, 2, 4) <> :key_id)
    + (SELECT count(*) FROM sessions WHERE length(settings) > 0 AND substr(settings, 2, 4) <> :key_id)
    AS number

-- name: sealed_servers_encrypted
UPDATE servers SET encrypted = :after WHERE name = :id AND encrypted = :before

-- name: sealed_webhook_endpoints_encrypted
UPDATE webhook_endpoints SET encrypted = :after WHERE id = :id AND encrypted = :before

-- name: sealed_sessions_encrypted
UPDATE sessions SET encrypted = :after WHERE id = :id AND encrypted = :before

-- name: sealed_sessions_replaced
UPDATE sessions SET replaced = :after WHERE id = :id AND replaced = :before

-- name: sealed_sessions_chatwoot
UPDATE sessions SET chatwoot = :after WHERE id = :id AND chatwoot = :before

-- name: sealed_sessions_settings
UPDATE sessions SET settings = :after WHERE id = :id AND settings = :before
