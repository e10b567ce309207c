-- The audit log and its head. The head is moved before rows are added: its row lock gives the rows their one order.

-- name: audit_begin
INSERT INTO audit_head (id, seq, hash, seal, encrypted)
VALUES (1, :seq, :row_hash, :seal, :encrypted)
ON CONFLICT (id) DO NOTHING

-- name: audit_head
SELECT seq, hash, seal, encrypted FROM audit_head WHERE id = 1

-- name: audit_take_places
UPDATE audit_head SET seq = seq + :count WHERE id = 1 RETURNING seq, hash, encrypted

-- name: audit_move_head
UPDATE audit_head SET hash = :row_hash, seal = :seal WHERE id = 1

-- name: audit_keys_replace
UPDATE audit_head SET encrypted = :encrypted WHERE id = 1 AND encrypted = :before

-- name: audit_add
INSERT INTO audit_log (
    seq, at, action, actor, actor_id, actor_name, actor_tenant, address, request_id, session_name, server, target,
    tenant, before, after, chain_key, previous, hash
)
VALUES (
    :seq, :at, :action, :actor, :actor_id, :actor_name, :actor_tenant, :address, :request_id, :session_name, :server,
    :target, :tenant, :before, :after, :chain_key, :previous, :row_hash
)

-- part: audit_columns
seq, at, action, actor, actor_id, actor_name, actor_tenant, address, request_id, session_name, server, target,
    tenant, before, after, chain_key, previous, hash

-- name: audit_page
SELECT {{audit_columns}}
FROM audit_log
WHERE seq > :after
ORDER BY seq
LIMIT :limit

-- part: audit_wanted
(:action = '' OR action = :action OR action LIKE :action || '.%')
    AND (:who = '' OR actor_id = :who OR actor_name = :who)
    AND (:about = '' OR session_name = :about OR server = :about OR target = :about)

-- name: audit_found
SELECT {{audit_columns}}
FROM audit_log
WHERE seq > :after AND {{audit_wanted}}
ORDER BY seq
LIMIT :limit

-- name: audit_found_back
SELECT {{audit_columns}}
FROM audit_log
WHERE seq < :below AND {{audit_wanted}}
ORDER BY seq DESC
LIMIT :limit

-- A tenant's own log: since it was made, for its name may have been another's; by their name it finds its own keys only.
-- part: audit_of_tenant
tenant = :tenant AND at >= (SELECT t.created_at FROM tenants t WHERE t.name = :tenant)
    AND (:who = '' OR actor_tenant = :tenant) AND {{audit_wanted}}

-- name: audit_found_of_tenant
SELECT {{audit_columns}}
FROM audit_log
WHERE seq > :after AND {{audit_of_tenant}}
ORDER BY seq
LIMIT :limit

-- name: audit_found_back_of_tenant
SELECT {{audit_columns}}
FROM audit_log
WHERE seq < :below AND {{audit_of_tenant}}
ORDER BY seq DESC
LIMIT :limit

-- name: audit_whose
SELECT coalesce(
    (SELECT tenant FROM sessions WHERE name = :session_name), (SELECT tenant FROM servers WHERE name = :server)
) AS tenant

-- name: audit_last_of
SELECT {{audit_columns}}
FROM audit_log
WHERE action = :action
ORDER BY seq DESC
LIMIT 1

-- name: audit_last
SELECT {{audit_columns}}
FROM audit_log
ORDER BY seq DESC
LIMIT 1

-- name: audit_old
SELECT {{audit_columns}}
FROM audit_log
WHERE seq = (
    SELECT max(seq) FROM (SELECT seq FROM audit_log WHERE at < :before ORDER BY seq LIMIT :limit) AS old
)

-- name: audit_forget
DELETE FROM audit_log WHERE seq <= :through
