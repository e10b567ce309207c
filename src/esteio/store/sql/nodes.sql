-- The statements of nodes and of what they hold; the same rules as in queries.sql. `:node` is the epoch of a boot;
-- `:now` is the database's time (`Db.clock`).

-- part: node
epoch, id, address, version, joined_at, beat_at, lease_until, ended

-- Whether the session `s` is this node's; without a node every session is.
-- part: held
(:node IS NULL OR EXISTS (SELECT 1 FROM session_owners o WHERE o.session_id = s.id AND o.node = :node))

-- part: over
(SELECT epoch FROM nodes WHERE ended IS NOT NULL)

-- == lives ==

-- name: node_join
INSERT INTO nodes (id, address, version, joined_at, beat_at, lease_until, ended)
VALUES (:id, :address, :version, :now, :now, :lease_until, NULL)
RETURNING epoch

-- A boot that lives under the same id and elsewhere: no restart, which comes back where it was.
-- name: node_namesake
SELECT address FROM nodes
-- guard: node-id-belongs-to-one
WHERE id = :id AND address <> :address AND ended IS NULL AND lease_until > :now

-- name: node_earlier_boots
UPDATE nodes SET ended = 'died' WHERE id = :id AND epoch < :epoch AND ended IS NULL

-- name: node_beat
UPDATE nodes SET beat_at = :now, lease_until = :lease_until
-- guard: lapsed-lease-not-renewed
WHERE epoch = :node AND ended IS NULL AND lease_until > :now

-- name: node_leave
UPDATE nodes SET ended = 'left', beat_at = :now WHERE epoch = :node AND ended IS NULL

-- name: nodes_die
UPDATE nodes SET ended = 'died'
-- guard: only-lapsed-nodes-die
WHERE ended IS NULL AND lease_until <= :now

-- name: nodes_live
SELECT {{node}} FROM nodes WHERE ended IS NULL AND lease_until > :now ORDER BY epoch

-- Asked in a transaction that acts on what the node holds. Who takes over must wait for that transaction, so a dialect
-- with several writers locks the row for sharing.
-- name: node_lives
SELECT epoch FROM nodes WHERE epoch = :node AND ended IS NULL AND lease_until > :now {{locked_with_others}}

-- name: nodes
SELECT {{node}}, (SELECT count(*) FROM session_owners o WHERE o.node = nodes.epoch) AS sessions FROM nodes
WHERE epoch IN (SELECT max(epoch) FROM nodes GROUP BY id) ORDER BY id

-- name: nodes_forget
DELETE FROM nodes WHERE ended IS NOT NULL AND beat_at < :before
    AND NOT EXISTS (SELECT 1 FROM session_owners o WHERE o.node = nodes.epoch)
    AND NOT EXISTS (SELECT 1 FROM chores c WHERE c.node = nodes.epoch)

-- == what is free ==

-- How much there is to take, or to declare dead: mostly nothing.
-- name: nodes_due
SELECT (SELECT count(*) FROM nodes WHERE ended IS NULL AND lease_until <= :now)
    + (SELECT count(*) FROM ({{free_sessions}} LIMIT 1) AS few)
    + (SELECT count(*) FROM chores WHERE node IS NULL OR node IN {{over}})
    + (SELECT count(*) FROM ({{nameless_chores}}) AS new)

-- part: free_sessions
SELECT session_id, node FROM session_owners WHERE node IS NULL
UNION ALL
SELECT o.session_id, o.node FROM nodes n JOIN session_owners o ON o.node = n.epoch WHERE n.ended IS NOT NULL

-- name: sessions_unowned
SELECT count(*) AS sessions FROM ({{free_sessions}}) AS free

-- name: session_owners_free
SELECT f.session_id, n.ended, n.beat_at FROM ({{free_sessions}}) AS f LEFT JOIN nodes n ON n.epoch = f.node
WHERE f.session_id > :after ORDER BY f.session_id LIMIT :limit

-- name: session_owners_take
UPDATE session_owners SET node = :node, generation = generation + 1
-- guard: held-session-not-taken
WHERE session_id IN {{listed_numbers}} AND (node IS NULL OR node IN {{over}})
RETURNING session_id, generation

-- name: session_owners_release
UPDATE session_owners SET node = NULL
WHERE session_id IN {{listed_numbers}} AND node = :node
    -- guard: busy-session-not-given-up
    AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.session_id = session_owners.session_id AND m.state = 'sending')
    AND NOT EXISTS (SELECT 1 FROM work w WHERE w.session_id = session_owners.session_id AND w.state = 'performing')
RETURNING session_id

-- Taken before what a node holds is given up: no claim of its own may be half-way then.
-- name: node_lock
SELECT epoch FROM nodes WHERE epoch = :node {{locked}}

-- name: session_owners_held
SELECT session_id, generation FROM session_owners WHERE node = :node

-- name: session_owner_add
INSERT INTO session_owners (session_id, node, generation) VALUES (:id, NULL, 0)

-- Whether the session is still held as it was when something was begun; a dialect with several writers locks the row.
-- name: session_generation
SELECT generation FROM session_owners WHERE session_id = :session_id {{locked_with_others}}

-- part: nameless_chores
SELECT l.value AS name FROM {{listed}} AS l WHERE NOT EXISTS (SELECT 1 FROM chores c WHERE c.name = l.value)
UNION ALL
SELECT 'server:' || v.name AS name FROM servers v
WHERE NOT EXISTS (SELECT 1 FROM chores c WHERE c.name = 'server:' || v.name)

-- name: chores_nameless
SELECT name FROM ({{nameless_chores}}) AS new ORDER BY name

-- name: chore_add
INSERT INTO chores (name, node, generation) VALUES (:name, NULL, 0) ON CONFLICT DO NOTHING

-- name: chores_free
SELECT name FROM chores WHERE node IS NULL OR node IN {{over}} ORDER BY name

-- name: chores_take
UPDATE chores SET node = :node, generation = generation + 1
WHERE name IN {{listed}} AND (node IS NULL OR node IN {{over}})
RETURNING name, generation

-- name: chores_release
UPDATE chores SET node = NULL WHERE name IN {{listed}} AND node = :node RETURNING name

-- name: chores_held
SELECT name, generation FROM chores WHERE node = :node

-- name: chore_generation
SELECT generation FROM chores WHERE name = :name {{locked_with_others}}

-- name: chore_forget
DELETE FROM chores WHERE name = :name

-- == what nodes share ==

-- name: send_tokens_open
INSERT INTO send_tokens (server, tokens, filled_at) VALUES (:server, 1, :now) ON CONFLICT DO NOTHING

-- name: send_tokens
SELECT tokens, filled_at FROM send_tokens WHERE server = :server {{locked}}

-- name: send_tokens_left
SELECT tokens, filled_at FROM send_tokens WHERE server = :server

-- name: send_tokens_put
UPDATE send_tokens SET tokens = :tokens, filled_at = :filled_at WHERE server = :server

-- name: send_tokens_forget
DELETE FROM send_tokens WHERE server = :name

-- == what is put right when it is taken over; `:all`: everything, whatever is listed ==

-- part: listed_servers
(SELECT value FROM json_each(:servers))

-- name: work_performing
SELECT {{work}} FROM work
WHERE state = 'performing' AND (:all = 1 OR session_id IN {{listed_numbers}} OR (session_id IS NULL AND server IN {{listed_servers}}))
ORDER BY lease_until, seq

-- name: messages_sending
SELECT seq, session_id FROM messages WHERE state {{before_lease_lost}} AND (:all = 1 OR session_id IN {{listed_numbers}})
ORDER BY lease_until, seq

-- name: doubts_hasten_all
UPDATE messages SET due_at = :due_at
WHERE state {{before_not_found}} AND set_aside_at IS NULL AND due_at > :due_at
    AND (:all = 1 OR session_id IN {{listed_numbers}})

-- name: sessions_restricted
SELECT id, restricted_until FROM sessions WHERE restricted_until > 0 AND (:all = 1 OR id IN {{listed_numbers}})

-- name: delivery_lanes_leased
SELECT DISTINCT endpoint_id FROM delivery_lanes WHERE lease_until IS NOT NULL

-- name: delivery_lanes_free
UPDATE delivery_lanes SET lease_until = NULL, due_at = :now WHERE lease_until IS NOT NULL AND endpoint_id IN {{listed}}

-- name: history_gaps_mark_of
INSERT INTO history_gaps (session_id, since, due_at, tries)
SELECT id, CASE WHEN created_at > :since THEN created_at ELSE :since END, :due_at, 0 FROM sessions
WHERE id IN {{listed_numbers}} AND linked = 1
ON CONFLICT (session_id) DO UPDATE SET
    since = CASE WHEN excluded.since < history_gaps.since THEN excluded.since ELSE history_gaps.since END,
    due_at = excluded.due_at, tries = 0
