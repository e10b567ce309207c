-- Every statement of the store, by name. Portable text with named parameters; a dialect that must differ gives a twin
-- of the same name in its own file. `-- part:` names a piece that others include as {{piece}}. `now` is always a
-- parameter. Rows are read by name: an expression among several columns is named by AS.

-- part: server
name, kind, base_url, limits, health, health_reason_code, health_at, version, sessions_at_server, facts, slots,
last_attempt_at, incident, outage, row_version, wake_at, tenant

-- part: session
id, name, server, kind, created_at, phone, ref, policy, state, since, reason, can_send, can_receive, gate, gate_since,
outage, last_outage, recovery, facts, paused, linked, row_version, wake_at, restricted_until, tenant

-- part: message
m.seq, m.id, m.session_id, m.direction, m.chat, m.content, m.state, m.created_at, m.updated_at, m.recipient, m.sender,
m.provider_id, m.reason, m.priority, m.expires_at, m.on_down, m.client_ref, m.quote, m.mentions, m.attempts, m.due_at,
m.socket_closed_count, m.sent_at, m.doubt_since, m.queue_ref, m.recovered, m.fence, m.provider_queued_at, m.author,
m.read_as, m.set_aside_at, m.trace_context

-- part: shown_message
{{message}}, s.name AS session_name, s.gate

-- part: written_message
seq, id, session_id, direction, chat, content, state, created_at, updated_at, recipient, sender, provider_id, reason,
priority, expires_at, on_down, client_ref, quote, mentions, attempts, due_at, socket_closed_count, sent_at, doubt_since,
queue_ref, recovered, fence, provider_queued_at, author, read_as, set_aside_at, trace_context

-- part: work
id, lane, kind, payload, due_at, created_at, session_id, server, dedupe, attempts, state, fence, lease_until,
outcome

-- part: journal
seq, session_id, server, kind, at, code, args, data, count, first_at, happened_at, source

-- part: evidence
seq, at, code, args, count, first_at, happened_at, source

-- part: approval
a.id, a.session_id, s.name AS session_name, a.rung, a.reason_code, a.cost, a.created_at, a.outage, a.state, a.decided_at

-- part: api_key
k.id, k.name, k.role, k.created_at, k.sessions, k.expires_at, k.revoked_at, k.tenant

-- part: qr
code, png_base64, refresh_count, seen_at, expires_at, pairing_code

-- part: pair_link
session_id, title, created_by, created_at, expires_at, done_at

-- == life ==

-- name: heartbeat
INSERT INTO heartbeat (id, at) VALUES (1, :now) ON CONFLICT (id) DO UPDATE SET at = excluded.at

-- == servers ==

-- name: server_add
INSERT INTO servers (name, kind, base_url, encrypted, limits, health, health_reason_code, health_at, version,
    sessions_at_server, facts, slots, last_attempt_at, incident, outage, row_version, wake_at, created_at, tenant)
VALUES (:name, :kind, :base_url, :encrypted, :limits, :health, :health_reason_code, :health_at, :version,
    :sessions_at_server, :facts, :slots, :last_attempt_at, :incident, :outage, :row_version, :wake_at, :now,
    :tenant)
ON CONFLICT (name) DO NOTHING

-- name: server
SELECT {{server}}, encrypted FROM servers WHERE name = :name

-- name: servers
SELECT {{server}}, encrypted FROM servers ORDER BY name

-- name: servers_within
SELECT {{server}}, encrypted FROM servers WHERE :tenant IS NULL OR tenant IS NULL OR tenant = :tenant ORDER BY name

-- name: server_change
UPDATE servers SET
    base_url = coalesce(:base_url, base_url),
    limits = coalesce(:limits, limits),
    encrypted = coalesce(:encrypted, encrypted),
    row_version = row_version + 1
WHERE name = :name

-- name: server_in_use
SELECT 1 FROM sessions WHERE server = :name LIMIT 1

-- name: server_delete
DELETE FROM servers WHERE name = :name

-- name: server_commit
UPDATE servers SET
    health = :health, health_reason_code = :health_reason_code, health_at = :health_at, version = :version,
    sessions_at_server = :sessions_at_server, facts = :facts, slots = :slots, last_attempt_at = :last_attempt_at,
    incident = :incident, outage = :outage, wake_at = :wake_at, row_version = row_version + 1
-- guard: server-version-compared
WHERE name = :name AND row_version = :row_version

-- name: server_fallen
SELECT id, outage_since FROM sessions WHERE server = :name AND outage_since IS NOT NULL
-- guard: mass-fall-sees-all
ORDER BY outage_since, id

-- name: server_fleet
SELECT count(*) FROM sessions WHERE server = :name AND paused = 0 AND linked = 1

-- == sessions ==

-- name: session_add
INSERT INTO sessions (name, server, kind, created_at, phone, ref, encrypted, instance, replaced, settings, token, policy,
    state, since,
    reason, can_send, can_receive, gate, gate_since, outage, last_outage, outage_since, recovery, facts, paused, linked,
    row_version, wake_at, phones, tenant)
VALUES (:name, :server, :kind, :created_at, :phone, :ref, :encrypted, :instance, :replaced, :settings, :token, :policy,
    :state, :since,
    :reason, :can_send, :can_receive, :gate, :gate_since, :outage, :last_outage, :outage_since, :recovery, :facts,
    :paused,
    :linked, :row_version, :wake_at, :phones, :tenant)
ON CONFLICT (name) DO NOTHING
RETURNING id

-- name: session_by_name
SELECT {{session}} FROM sessions WHERE name = :word

-- name: session_by_id
SELECT {{session}} FROM sessions WHERE id = :word

-- name: session_by_token
SELECT {{session}} FROM sessions WHERE token = :word

-- name: session_secrets
SELECT token, encrypted FROM sessions WHERE id = :id

-- name: session_named
SELECT id FROM sessions WHERE name = :name

-- name: session_brief
SELECT name, gate, server FROM sessions WHERE id = :id

-- What a dialect with several writers says to lock the rows that are read until the transaction ends: alone, together
-- with others who only want them to stay, or of `w` those that nobody else has locked.
-- part: locked
-- part: locked_with_others
-- part: not_locked

-- part: locked_session
id, name, gate, server, restricted_until

-- name: session_lock
SELECT id FROM sessions WHERE id = :id {{locked}}

-- name: session_locked
SELECT {{locked_session}}, tenant,
    (SELECT t.max_messages_per_day FROM tenants t WHERE t.name = sessions.tenant) AS max_messages_per_day
FROM sessions WHERE id = :id {{locked}}

-- name: sessions_lock
SELECT {{locked_session}} FROM sessions WHERE id IN {{listed_numbers}} ORDER BY id {{locked}}

-- name: sessions_lock_of
SELECT {{locked_session}} FROM sessions WHERE id IN (SELECT session_id FROM messages WHERE id IN {{listed}})
ORDER BY id {{locked}}

-- name: server_lock
SELECT name FROM servers WHERE name = :name {{locked}}

-- name: sessions_page
SELECT {{session}} FROM sessions
WHERE name > :after AND (:state IS NULL OR state = :state) AND (:server IS NULL OR server = :server)
ORDER BY name LIMIT :limit

-- name: sessions_page_of_tenant
SELECT {{session}} FROM sessions
WHERE tenant = :tenant AND name > :after AND (:state IS NULL OR state = :state) AND (:server IS NULL OR server = :server)
ORDER BY name LIMIT :limit

-- The fleet's pages go state by state: the order of the states is the caller's. `:text` is asked of the name, `:phone`
-- and `:phone_too` of the numbers, `:globs` (JSON) are a key's scope; NULL asks nothing.
-- part: found
(:text IS NULL OR lower(name) LIKE :text ESCAPE '!' OR phones LIKE :phone OR phones LIKE :phone_too)
AND (:globs IS NULL OR matches_glob(name, :globs))

-- name: fleet_totals
SELECT server, state, count(*) AS sessions FROM sessions WHERE {{found}} GROUP BY server, state

-- name: fleet_words
SELECT state, json_extract(can_send, '$.value') AS can_send, json_extract(can_receive, '$.value') AS can_receive,
    count(*) AS sessions
FROM sessions GROUP BY 1, 2, 3

-- name: fleet_waiting
SELECT s.gate, CAST(sum(h.held) AS BIGINT) AS messages FROM (
    SELECT session_id, count(*) AS held FROM messages WHERE state = 'queued' GROUP BY session_id
) AS h JOIN sessions s ON s.id = h.session_id GROUP BY s.gate

-- name: fleet_outages
SELECT count(*) AS outages, min(CASE WHEN expected = 0 THEN since END) AS down_since FROM outages
WHERE ended_at IS NULL AND session_id IS NOT NULL

-- name: fleet_by_since
SELECT {{session}} FROM sessions
WHERE state = :state AND (since, id) < (:since, :id) AND {{found}}
ORDER BY since DESC, id DESC LIMIT :limit

-- name: fleet_by_name
SELECT {{session}} FROM sessions WHERE state = :state AND name > :name AND {{found}} ORDER BY name LIMIT :limit

-- name: fleet_of_server_by_since
SELECT {{session}} FROM sessions
WHERE server = :server AND state = :state AND (since, id) < (:since, :id) AND {{found}}
ORDER BY since DESC, id DESC LIMIT :limit

-- name: fleet_of_server_by_name
SELECT {{session}} FROM sessions
WHERE server = :server AND state = :state AND name > :name AND {{found}}
ORDER BY name LIMIT :limit

-- name: fleet_totals_of_tenant
SELECT server, state, count(*) AS sessions FROM sessions WHERE tenant = :tenant AND {{found}} GROUP BY server, state

-- name: fleet_of_tenant_by_since
SELECT {{session}} FROM sessions
WHERE tenant = :tenant AND state = :state AND (since, id) < (:since, :id) AND (:server IS NULL OR server = :server)
    AND {{found}}
ORDER BY since DESC, id DESC LIMIT :limit

-- name: fleet_of_tenant_by_name
SELECT {{session}} FROM sessions
WHERE tenant = :tenant AND state = :state AND name > :name AND (:server IS NULL OR server = :server) AND {{found}}
ORDER BY name LIMIT :limit

-- name: session_change
UPDATE sessions SET ref = coalesce(:ref, ref), encrypted = coalesce(:encrypted, encrypted), token = coalesce(:token,
    token)
WHERE id = :id

-- name: session_amend
UPDATE sessions SET phone = :phone, phones = :phones, policy = :policy, ref = :ref, encrypted = :encrypted, instance = :instance,
    replaced = CASE WHEN :moved = 1 THEN NULL ELSE replaced END, row_version = row_version + 1
WHERE id = :id

-- name: session_of_instance
SELECT name FROM sessions WHERE server = :server AND instance = :instance

-- name: sessions_of_instance
SELECT {{session}} FROM sessions WHERE instance = :instance ORDER BY name

-- name: session_settings
SELECT settings FROM sessions WHERE id = :id

-- name: session_keep_settings
UPDATE sessions SET settings = :settings WHERE id = :id

-- name: session_replaced
SELECT replaced FROM sessions WHERE id = :id

-- name: session_replace
UPDATE sessions SET replaced = :replaced WHERE id = :id

-- name: session_chatwoot
SELECT chatwoot FROM sessions WHERE id = :id

-- name: session_keep_chatwoot
UPDATE sessions SET chatwoot = :chatwoot WHERE id = :id

-- name: session_commit
UPDATE sessions SET
    phone = :phone, state = :state, since = :since, reason = :reason, can_send = :can_send, can_receive = :can_receive,
    gate = :gate, gate_since = :gate_since, outage = :outage, last_outage = :last_outage, outage_since = :outage_since,
    recovery = :recovery, facts = :facts, paused = :paused, linked = :linked, wake_at = :wake_at,
    restricted_until = :restricted_until, phones = :phones, row_version = row_version + 1
-- guard: session-version-compared
WHERE id = :id AND row_version = :row_version

-- name: sessions_due
SELECT id FROM (
    SELECT id, wake_at AS due FROM sessions WHERE wake_at <= :now OR wake_at > :ahead
    UNION ALL
    SELECT session_id AS id, at AS due FROM journal WHERE applied = 0 AND session_id IS NOT NULL
) AS s
WHERE {{held}} GROUP BY id ORDER BY min(due), id

-- name: sessions_unscheduled
SELECT id FROM sessions AS s WHERE wake_at IS NULL AND {{held}} ORDER BY id

-- The newest unfolded line of each session that this node holds.
-- name: sessions_with_news
SELECT s.id, max(j.seq) AS seq FROM journal j JOIN sessions s ON s.id = j.session_id
WHERE j.applied = 0 AND j.session_id IS NOT NULL AND {{held}} GROUP BY s.id

-- name: servers_with_news
SELECT server, max(seq) AS seq FROM journal
WHERE applied = 0 AND session_id IS NULL AND server IS NOT NULL GROUP BY server

-- name: session_forget_send_lanes
DELETE FROM send_lanes WHERE session_id = :id
-- name: session_forget_media
DELETE FROM media_fetches WHERE session_id = :id
-- name: session_forget_attempts
DELETE FROM attempts WHERE message_id IN (SELECT id FROM messages WHERE session_id = :id)
-- name: session_forget_messages
DELETE FROM messages WHERE session_id = :id
-- name: session_forget_idempotency
DELETE FROM idempotency WHERE session_id = :id
-- name: session_forget_provider_webhooks
DELETE FROM provider_webhooks WHERE session_id = :id
-- name: session_forget_inbound_dedupe
DELETE FROM inbound_dedupe WHERE session_id = :id
-- name: session_forget_pending_receipts
DELETE FROM pending_receipts WHERE session_id = :id
-- name: session_forget_contact_lids
DELETE FROM contact_lids WHERE session_id = :id
-- name: session_forget_phones
DELETE FROM known_phones WHERE session_id = :id
-- name: session_forget_body_retention
DELETE FROM body_retention WHERE session_id = :id
-- name: session_forget_history_gap
DELETE FROM history_gaps WHERE session_id = :id
-- name: session_forget_approvals
DELETE FROM approvals WHERE session_id = :id
-- name: session_forget_qr
DELETE FROM qr_codes WHERE session_id = :id
-- name: session_forget_pair_link
DELETE FROM pair_links WHERE session_id = :id
-- name: session_forget_journal
DELETE FROM journal WHERE session_id = :id
-- name: session_forget_work
UPDATE work SET state = 'dropped', outcome = 'session-deleted', lease_until = NULL, updated_at = :now
WHERE session_id = :id AND kind = 'control' AND state IN ('ready', 'performing')
-- name: session_forget_keys
DELETE FROM api_keys WHERE session_id = :id
-- name: session_forget_owner
DELETE FROM session_owners WHERE session_id = :id
-- name: session_delete
DELETE FROM sessions WHERE id = :id

-- name: session_held
SELECT count(*) AS queued FROM messages WHERE session_id = :id AND state = 'queued'

-- name: sessions_held_of
SELECT session_id, count(*) AS held FROM messages
WHERE state = 'queued' AND session_id IN {{listed_numbers}} GROUP BY session_id

-- name: qr_put
INSERT INTO qr_codes (session_id, code, png_base64, refresh_count, seen_at, expires_at, pairing_code)
VALUES (:session_id, :code, :png_base64, :refresh_count, :seen_at, :expires_at, :pairing_code)
ON CONFLICT (session_id) DO UPDATE SET
    code = excluded.code, png_base64 = excluded.png_base64, refresh_count = excluded.refresh_count,
    seen_at = excluded.seen_at, expires_at = excluded.expires_at, pairing_code = excluded.pairing_code
-- guard: qr-newest-kept
WHERE excluded.seen_at >= qr_codes.seen_at

-- name: qr
SELECT {{qr}} FROM qr_codes WHERE session_id = :session_id

-- name: qr_clear
DELETE FROM qr_codes WHERE session_id = :session_id

-- name: pair_link_put
INSERT INTO pair_links (session_id, token_hash, title, created_by, created_at, expires_at, done_at)
VALUES (:session_id, :token_hash, :title, :created_by, :created_at, :expires_at, NULL)
ON CONFLICT (session_id) DO UPDATE SET
    token_hash = excluded.token_hash, title = excluded.title, created_by = excluded.created_by,
    created_at = excluded.created_at, expires_at = excluded.expires_at, done_at = NULL

-- name: pair_link
SELECT {{pair_link}} FROM pair_links WHERE session_id = :session_id

-- name: pair_link_by_hash
SELECT {{pair_link}} FROM pair_links WHERE token_hash = :token_hash

-- name: pair_link_done
UPDATE pair_links SET done_at = :now WHERE session_id = :session_id AND done_at IS NULL

-- name: pair_link_drop
DELETE FROM pair_links WHERE session_id = :session_id

-- == journal ==

-- part: new_journal_line
INSERT INTO journal (session_id, server, kind, at, code, args, data, count, first_at, happened_at, source, base_seq,
    applied)
VALUES (:session_id, :server, :kind, :at, :code, :args, :data, :count, :first_at, :happened_at, :source, :base_seq,
    :applied)

-- name: journal_add
{{new_journal_line}}

-- name: journal_append
{{new_journal_line}} RETURNING seq

-- name: journal_last_news
SELECT {{evidence}}, coalesce(base_seq, seq) AS base_seq FROM journal
WHERE applied = 0 AND session_id = :session_id ORDER BY seq DESC LIMIT 1

-- name: journal_last_server_news
SELECT {{evidence}}, coalesce(base_seq, seq) AS base_seq FROM journal
WHERE applied = 0 AND session_id IS NULL AND server = :server ORDER BY seq DESC LIMIT 1

-- name: journal_recent
SELECT {{journal}} FROM journal WHERE session_id = :session_id AND applied = 1 ORDER BY seq DESC LIMIT :limit

-- name: journal_recent_server
SELECT {{journal}} FROM journal WHERE session_id IS NULL AND server = :server AND applied = 1 ORDER BY seq DESC LIMIT
    :limit

-- name: journal_last
SELECT {{journal}} FROM journal WHERE session_id = :session_id ORDER BY seq DESC LIMIT 1

-- name: journal_last_server
SELECT {{journal}} FROM journal WHERE session_id IS NULL AND server = :server ORDER BY seq DESC LIMIT 1

-- name: journal_count
UPDATE journal SET count = :count, first_at = :first_at, at = :at, happened_at = :happened_at WHERE seq = :seq

-- name: journal_count_line
UPDATE journal SET count = :count, first_at = :first_at, at = :at, data = :data WHERE seq = :seq

-- name: journal_remove
DELETE FROM journal WHERE seq = :seq

-- name: journal_news
SELECT {{evidence}} FROM journal WHERE applied = 0 AND session_id = :session_id ORDER BY seq LIMIT :limit

-- name: journal_server_news
SELECT {{evidence}} FROM journal WHERE applied = 0 AND session_id IS NULL AND server = :server ORDER BY seq LIMIT
    :limit

-- name: journal_fold
UPDATE journal SET applied = 1 WHERE applied = 0 AND session_id = :session_id AND seq <= :through

-- name: journal_split
UPDATE journal SET count = 1, first_at = NULL, base_seq = NULL
WHERE applied = 0 AND session_id = :session_id AND base_seq <= :through

-- name: journal_fold_server
UPDATE journal SET applied = 1 WHERE applied = 0 AND session_id IS NULL AND server = :server AND seq <= :through

-- name: journal_split_server
UPDATE journal SET count = 1, first_at = NULL, base_seq = NULL
WHERE applied = 0 AND session_id IS NULL AND server = :server AND base_seq <= :through

-- name: timeline
SELECT {{journal}} FROM journal WHERE session_id = :session_id AND seq > :after ORDER BY seq LIMIT :limit

-- name: timeline_back
SELECT {{journal}} FROM journal WHERE session_id = :session_id AND seq < :before
    AND (:kind IS NULL OR CASE WHEN source = 'operator' THEN 'operator' ELSE kind END = :kind)
ORDER BY seq DESC LIMIT :limit

-- name: timeline_of_server
SELECT {{journal}} FROM journal WHERE session_id IS NULL AND server = :server AND seq > :after ORDER BY seq LIMIT :limit

-- name: timeline_back_of_server
SELECT {{journal}} FROM journal WHERE session_id IS NULL AND server = :server AND seq < :before ORDER BY seq DESC LIMIT
    :limit

-- == approvals ==

-- name: approvals
SELECT {{approval}} FROM approvals a JOIN sessions s ON s.id = a.session_id
WHERE a.state = :state AND (:tenant IS NULL OR s.tenant = :tenant) ORDER BY a.created_at, a.id

-- name: approval
SELECT {{approval}} FROM approvals a JOIN sessions s ON s.id = a.session_id WHERE a.id = :id

-- name: approval_open
SELECT {{approval}} FROM approvals a JOIN sessions s ON s.id = a.session_id
WHERE a.session_id = :session_id AND a.state = 'open'

-- name: approval_update
UPDATE approvals SET state = :state, decided_at = :decided_at WHERE id = :id

-- name: approval_stale
UPDATE approvals SET state = 'stale', decided_at = :now WHERE session_id = :session_id AND state = 'open'

-- name: approval_add
INSERT INTO approvals (id, session_id, rung, reason_code, cost, created_at, outage, state, decided_at)
VALUES (:id, :session_id, :rung, :reason_code, :cost, :created_at, :outage, :state, :decided_at)

-- name: approval_decide
-- guard: approval-decided-once
UPDATE approvals SET state = :state, decided_at = :now WHERE id = :id AND state = 'open' RETURNING session_id

-- == work ==

-- name: work_add
INSERT INTO work (id, lane, kind, payload, due_at, created_at, updated_at, session_id, server, dedupe, attempts, state,
    fence, lease_until, outcome)
VALUES (:id, :lane, :kind, :payload, :due_at, :created_at, :created_at, :session_id, :server, :dedupe, :attempts,
    'ready', :fence, NULL, NULL)
ON CONFLICT DO NOTHING

-- part: is_head
-- guard: lane-keeps-order
NOT EXISTS (SELECT 1 FROM work f WHERE f.state = 'ready' AND f.lane = w.lane AND f.seq < w.seq)
    -- guard: one-act-per-lane
    AND NOT EXISTS (SELECT 1 FROM work p WHERE p.state = 'performing' AND p.lane = w.lane)

-- Whether a work row is this node's: its session is, or, without one, its server's health.
-- part: held_work
(:node IS NULL OR EXISTS (SELECT 1 FROM session_owners o WHERE o.session_id = w.session_id AND o.node = :node)
    OR (w.session_id IS NULL AND EXISTS (
        SELECT 1 FROM chores c WHERE c.name = 'server:' || coalesce(w.server, '') AND c.node = :node
    )))

-- By the time when they fall due, so that a claim reads as many rows as it takes, however many lanes wait.
-- name: work_heads
SELECT w.seq, w.lane FROM work w WHERE w.state = 'ready' AND w.due_at <= :now AND {{is_head}} AND {{held_work}}
ORDER BY w.due_at, w.seq LIMIT :limit {{not_locked}}

-- name: work_next_due
SELECT w.due_at FROM work w WHERE w.state = 'ready' AND {{is_head}} AND {{held_work}} ORDER BY w.due_at, w.seq LIMIT 1

-- name: work_claim
UPDATE work SET state = 'performing', fence = fence + 1, attempts = attempts + 1, lease_until = :lease_until,
    updated_at = :now
WHERE seq = :seq AND state = 'ready'
RETURNING {{work}}

-- name: work_settle
UPDATE work SET state = :state, outcome = :outcome, due_at = coalesce(:due_at, due_at), lease_until = NULL,
    updated_at = :now
-- guard: work-fence
WHERE id = :id AND state = 'performing' AND fence = :fence
RETURNING {{work}}

-- name: work_drop_control
UPDATE work SET state = 'dropped', outcome = 'cause-gone', updated_at = :now
WHERE session_id = :session_id AND kind = 'control' AND state = 'ready'

-- name: work
SELECT {{work}} FROM work WHERE id = :id

-- name: work_lapsed
SELECT {{work}} FROM work w WHERE state = 'performing' AND lease_until <= :now AND {{held_work}} ORDER BY lease_until, seq

-- name: work_interrupt
UPDATE work SET state = :state, outcome = 'interrupted', lease_until = NULL, fence = fence + 1, updated_at = :now
WHERE id = :id AND state = 'performing'

-- name: work_next_lease
SELECT min(lease_until) FROM work w WHERE state = 'performing' AND {{held_work}}

-- == messages ==

-- name: idempotency
SELECT fingerprint, message_id, until FROM idempotency WHERE session_id = :session_id AND scope = :scope AND key = :key

-- name: idempotency_put
INSERT INTO idempotency (scope, session_id, key, fingerprint, message_id, until)
VALUES (:scope, :session_id, :key, :fingerprint, :message_id, :until)
ON CONFLICT (session_id, scope, key) DO UPDATE SET
    fingerprint = excluded.fingerprint, message_id = excluded.message_id, until = excluded.until

-- part: new_message
INSERT INTO messages (id, session_id, direction, chat, content, state, created_at, updated_at, recipient, sender,
    provider_id, reason, priority, expires_at, on_down, client_ref, quote, mentions, attempts, due_at,
    socket_closed_count,
    sent_at, doubt_since, queue_ref, recovered, stored, fence, author, read_as, provider_webhook_id, trace_context)
VALUES (:id, :session_id, :direction, :chat, :content, :state, :created_at, :updated_at, :recipient, :sender,
    :provider_id, :reason, :priority, :expires_at, :on_down, :client_ref, :quote, :mentions, :attempts, :due_at,
    :socket_closed_count, :sent_at, :doubt_since, :queue_ref, :recovered, :stored, 0, :author, :read_as,
    :provider_webhook_id, :trace_context)

-- name: message_add
{{new_message}}

-- name: message
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id WHERE m.id = :id

-- name: message_by_provider_id
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.session_id = :session_id AND m.provider_id = :provider_id ORDER BY m.seq LIMIT 1

-- name: messages_page
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.session_id = :session_id AND (m.created_at, m.seq) < (:created_at, :seq)
    AND (:direction IS NULL OR m.direction = :direction)
ORDER BY m.created_at DESC, m.seq DESC LIMIT :limit

-- name: messages_page_in_state
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.session_id = :session_id AND m.state = :state AND (m.created_at, m.seq) < (:created_at, :seq)
    AND (:direction IS NULL OR m.direction = :direction)
ORDER BY m.created_at DESC, m.seq DESC LIMIT :limit

-- name: messages_by_any_ids
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.seq IN (
    -- guard: ids-of-this-session-only
    SELECT o.seq FROM messages o WHERE o.id IN {{listed}} AND +o.session_id = :session_id
    UNION
    SELECT p.seq FROM messages p WHERE p.session_id = :session_id AND p.provider_id IN {{listed}}
) ORDER BY m.seq

-- part: matching
m.session_id = :session_id AND m.state <> 'cancelled'
    AND (:direction IS NULL OR m.direction = :direction) AND (:chat IS NULL OR m.chat = :chat)
    AND (:kind IS NULL OR json_extract(m.content, '$.kind') = :kind)
    AND (:since IS NULL OR m.created_at >= :since) AND (:until IS NULL OR m.created_at <= :until)
    AND m.created_at >= coalesce((
        SELECT r.created_at FROM messages r WHERE r.session_id = :session_id
        ORDER BY r.created_at DESC, r.seq DESC LIMIT 1 OFFSET :reach
    ), 0)

-- part: unsent
m.direction = 'out' AND m.provider_id IS NULL AND m.state IN ('queued', 'sending', 'in_doubt', 'failed', 'expired')

-- name: messages_matching
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE {{matching}} ORDER BY m.created_at DESC, m.seq DESC LIMIT :limit OFFSET :offset

-- name: messages_matching_count
SELECT count(*) FROM messages m WHERE {{matching}}

-- The few that have no id of the provider's are found by their states, not by going through all.
-- name: messages_unsent
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE {{matching}} AND {{unsent}} ORDER BY +m.created_at DESC, m.seq DESC LIMIT :limit OFFSET :offset

-- name: messages_unsent_count
SELECT count(*) FROM messages m WHERE {{matching}} AND {{unsent}}

-- name: message_acks
SELECT server_ack_at, device_ack_at, read_at FROM messages WHERE id = :id

-- name: attempts
SELECT at, outcome, detail FROM attempts WHERE message_id = :message_id ORDER BY seq

-- name: attempt_add
INSERT INTO attempts (message_id, at, outcome, detail) VALUES (:message_id, :at, :outcome, :detail)

-- name: quote_target
SELECT provider_id, direction = 'out' AS from_me, author FROM messages
WHERE session_id = :session_id AND id = :id AND provider_id IS NOT NULL

-- name: message_id_by_provider_id
SELECT id FROM messages WHERE session_id = :session_id AND provider_id = :provider_id ORDER BY seq LIMIT 1

-- name: known_provider_ids
SELECT provider_id FROM messages
WHERE session_id = :session_id AND created_at >= :since AND provider_id IS NOT NULL
UNION
SELECT provider_id FROM messages
WHERE session_id = :session_id AND sent_at >= :since AND provider_id IS NOT NULL

-- == sending ==

-- part: listed
(SELECT value FROM json_each(:listed))

-- part: listed_numbers
(SELECT value FROM json_each(:listed))

-- name: send_lane_open
INSERT INTO send_lanes (session_id, chat, head, sort_key, due_at) VALUES (:session_id, :chat, :head, :sort_key, :due_at)
ON CONFLICT (session_id, chat) DO NOTHING

-- name: send_lane_busy
SELECT seq, priority FROM messages
WHERE session_id = :session_id AND chat = :chat AND state {{under_way}} AND set_aside_at IS NULL
UNION ALL
-- guard: queued-holds-chat
SELECT seq, priority FROM messages WHERE session_id = :session_id AND chat = :chat AND provider_queued_at IS NOT NULL
LIMIT 1

-- name: send_lane_head
SELECT seq, priority, due_at FROM messages
WHERE session_id = :session_id AND chat = :chat AND state {{before_claimed}} ORDER BY seq LIMIT 1

-- name: send_lane_set
INSERT INTO send_lanes (session_id, chat, head, sort_key, due_at) VALUES (:session_id, :chat, :head, :sort_key, :due_at)
ON CONFLICT (session_id, chat) DO UPDATE SET head = excluded.head, sort_key = excluded.sort_key, due_at =
    excluded.due_at

-- name: send_lanes_take
UPDATE send_lanes SET due_at = NULL
WHERE (session_id, chat) IN (
    SELECT session_id, chat FROM messages WHERE seq IN {{listed_numbers}} AND state = {{after_claimed}}
)

-- name: send_lane_close
DELETE FROM send_lanes WHERE session_id = :session_id AND chat = :chat

-- name: send_lanes_ready
WITH RECURSIVE sort_keys (sort_key) AS (
    SELECT min(sort_key) FROM send_lanes WHERE due_at IS NOT NULL
    UNION ALL
    SELECT (SELECT min(l.sort_key) FROM send_lanes l WHERE l.due_at IS NOT NULL AND l.sort_key > p.sort_key)
    FROM sort_keys p WHERE p.sort_key IS NOT NULL
)
SELECT p.sort_key, (SELECT min(l.due_at) FROM send_lanes l WHERE l.due_at IS NOT NULL AND l.sort_key = p.sort_key) AS due_at,
    s.restricted_until, s.server
FROM sort_keys p JOIN sessions s ON s.id = p.sort_key / 10
WHERE s.gate = 'open' AND s.paused = 0 AND {{held}}
    -- guard: suspended-tenant-sends-nothing
    AND s.tenant NOT IN {{suspended}}

-- name: send_lanes_due
SELECT chat, head FROM send_lanes WHERE sort_key = :sort_key AND due_at <= :now ORDER BY due_at, head LIMIT :limit

-- name: chat_heard
SELECT 1 FROM messages
WHERE session_id = :session_id AND chat = :chat AND direction = 'in' AND created_at >= :since LIMIT 1

-- name: chat_reached
SELECT 1 FROM messages
WHERE session_id = :session_id AND sent_at >= :since AND chat = :chat AND state IN ('delivered', 'read') LIMIT 1

-- name: message_wait
UPDATE messages SET due_at = :due_at, reason = :reason WHERE seq = :seq AND state {{before_held_back}}

-- name: message_release
UPDATE messages SET due_at = :now, reason = NULL
WHERE session_id = :session_id AND chat = :chat AND state {{before_released}} AND due_at > :now AND reason LIKE :held

-- What the provider told of before it answered is out already (`departures`: core.messages.inbound.departure_keys).
-- part: provider_queued
CASE WHEN :provider_queued = 1 AND NOT EXISTS (
    -- guard: early-word-is-not-parked-again
    SELECT 1 FROM inbound_dedupe a WHERE a.session_id = :session_id AND a.key IN (SELECT value FROM json_each(:departures))
) THEN :now END

-- name: messages_claim
UPDATE messages SET state = {{after_claimed}}, fence = fence + 1, attempts = attempts + 1, claimed_at = :now, updated_at = :now,
    lease_until = :lease_until
-- guard: held-lease-not-claimed
WHERE seq IN {{listed_numbers}} AND state {{before_claimed}}
RETURNING {{written_message}}

-- name: message_settle
UPDATE messages SET state = :state, updated_at = :now, provider_id = coalesce(:provider_id, provider_id),
    due_at = coalesce(:due_at, due_at), reason = :reason, socket_closed_count = :socket_closed_count,
    provider_queued_at = {{provider_queued}},
    doubt_since = CASE WHEN :state = 'in_doubt' THEN coalesce(:doubt_since, doubt_since, claimed_at) END,
    queue_ref = coalesce(:queue_ref, queue_ref), sent_at = coalesce(:sent_at, sent_at), lease_until = NULL
-- guard: message-fence
WHERE id = :id AND session_id = :session_id AND state = {{after_claimed}} AND fence = :fence
RETURNING {{written_message}}

-- name: message_echoed
SELECT seq FROM messages
WHERE id = :id AND session_id = :session_id AND fence > :fence AND state {{left}}
    AND (:provider_id IS NULL OR provider_id = :provider_id)

-- name: message_settle_doubt
UPDATE messages SET state = :state, updated_at = :now, provider_id = coalesce(:provider_id, provider_id),
    due_at = coalesce(:due_at, due_at), reason = :reason, socket_closed_count = :socket_closed_count,
    provider_queued_at = {{provider_queued}},
    doubt_since = CASE WHEN :state = 'in_doubt' THEN coalesce(:doubt_since, doubt_since, claimed_at) END,
    queue_ref = coalesce(:queue_ref, queue_ref), sent_at = coalesce(:sent_at, sent_at), fence = fence + 1,
    set_aside_at = CASE WHEN :state = 'in_doubt' THEN coalesce(set_aside_at, CASE WHEN :set_aside = 1 THEN :now END) END
WHERE id = :id AND session_id = :session_id AND state {{before_found}}
    AND NOT (:set_aside = 1 AND set_aside_at IS NOT NULL)
    AND NOT (:state = 'queued' AND set_aside_at IS NOT NULL AND {{overtaken}})
RETURNING {{written_message}}

-- part: overtaken
(
    EXISTS (
        SELECT 1 FROM messages o WHERE o.session_id = messages.session_id AND o.sent_at >= messages.doubt_since
            AND o.chat = messages.chat AND o.seq > messages.seq AND o.attempts > 0
    ) OR EXISTS (
        SELECT 1 FROM messages o WHERE o.session_id = messages.session_id AND o.state {{under_way}}
            AND o.chat = messages.chat AND o.seq > messages.seq
    )
)

-- name: message_overtaken
SELECT 1 FROM messages WHERE id = :id AND {{overtaken}}

-- name: message_doubt_lapsed
-- guard: expired-claim-is-doubt
UPDATE messages SET state = {{after_lease_lost}}, doubt_since = claimed_at, due_at = :now, updated_at = :now,
    lease_until = NULL, reason = :reason, fence = fence + 1
WHERE seq = :seq AND state {{before_lease_lost}}
RETURNING {{written_message}}

-- Whether a message is of a session that this node holds.
-- part: held_message
(:node IS NULL OR EXISTS (SELECT 1 FROM session_owners o WHERE o.session_id = messages.session_id AND o.node = :node))

-- name: messages_lapsed
SELECT seq, session_id FROM messages WHERE state {{before_lease_lost}} AND lease_until <= :now AND {{held_message}}
ORDER BY lease_until, seq LIMIT :limit

-- name: messages_doubted
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.state {{before_not_found}} AND m.due_at <= :now AND {{held}} ORDER BY m.due_at, m.seq LIMIT :limit

-- name: sends_unstored
SELECT 1 FROM attempts a JOIN messages m ON m.id = a.message_id JOIN sessions s ON s.id = m.session_id
WHERE a.outcome = 'in_doubt:store' AND a.at >= :since AND a.at <= :until AND s.server = :server LIMIT 1

-- name: messages_set_aside
SELECT count(*) FROM messages WHERE session_id = :session_id AND set_aside_at IS NOT NULL

-- name: outbox_set_aside
SELECT count(*) FROM messages WHERE set_aside_at IS NOT NULL

-- One row a chat that waits, by the gate; then one message of each.
-- name: outbox_oldest
SELECT o.gate, m.created_at FROM (
    SELECT s.gate, min(l.head) AS head FROM send_lanes l JOIN sessions s ON s.id = l.session_id
    WHERE s.tenant NOT IN {{suspended}} GROUP BY s.gate
) AS o JOIN messages m ON m.seq = o.head

-- name: doubts_hasten
UPDATE messages SET due_at = :due_at
-- guard: set-aside-not-hastened, due-doubt-not-put-off
WHERE session_id = :session_id AND state {{before_not_found}} AND set_aside_at IS NULL AND due_at > :due_at

-- name: doubts_hasten_server
UPDATE messages SET due_at = :due_at
WHERE state {{before_not_found}} AND set_aside_at IS NULL AND due_at > :due_at
    AND session_id IN (SELECT id FROM sessions WHERE server = :server)

-- name: provider_queue_due
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
-- guard: queue-read-only-when-open
WHERE m.provider_queued_at IS NOT NULL AND m.due_at <= :now AND s.gate = 'open' AND {{held}}
ORDER BY m.due_at, m.seq LIMIT :limit

-- name: provider_queue_hasten
UPDATE messages SET due_at = :due_at
WHERE session_id = :session_id AND provider_queued_at IS NOT NULL AND due_at > :due_at

-- name: provider_queue_look_again
UPDATE messages SET due_at = :due_at, reason = :reason WHERE id = :id AND provider_queued_at IS NOT NULL
RETURNING {{written_message}}

-- name: provider_queue_leave
UPDATE messages SET provider_queued_at = NULL, reason = :reason WHERE id = :id AND provider_queued_at IS NOT NULL
RETURNING {{written_message}}

-- name: message_behind
UPDATE messages SET reason = :reason WHERE seq = :seq AND state {{before_held_back}} AND reason IS NULL

-- name: message_not_behind
UPDATE messages SET reason = NULL
WHERE session_id = :session_id AND chat = :chat AND state {{before_released}} AND reason = :reason

-- name: messages_next_doubt
SELECT min(at) FROM (
    SELECT min(due_at) AS at FROM messages WHERE state = 'in_doubt' AND {{held_message}}
    UNION ALL SELECT min(lease_until) AS at FROM messages WHERE state = 'sending' AND {{held_message}}
) AS times

-- name: provider_queue_next_due
SELECT min(m.due_at) FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.provider_queued_at IS NOT NULL AND s.gate = 'open' AND {{held}}

-- name: messages_expiring
SELECT seq, session_id FROM messages WHERE state {{before_expired}} AND expires_at <= :now
ORDER BY expires_at, seq LIMIT :limit

-- name: messages_fail_on_down
SELECT seq FROM messages WHERE session_id = :session_id AND state {{before_session_down}} AND on_down = 'fail' ORDER BY seq

-- name: message_end
UPDATE messages SET state = :state, reason = :reason, updated_at = :now
WHERE seq = :seq AND state = :before
RETURNING {{written_message}}

-- name: message_cancel
UPDATE messages SET state = {{after_cancelled}}, reason = NULL, updated_at = :now
WHERE id = :id AND state {{before_cancelled}}
RETURNING {{written_message}}

-- name: message_retry
UPDATE messages SET state = {{after_retried}}, reason = NULL, due_at = :now, socket_closed_count = 0, doubt_since = NULL,
    provider_id = NULL, queue_ref = NULL, sent_at = NULL, set_aside_at = NULL, updated_at = :now, fence = fence + 1,
    expires_at = CASE WHEN expires_at <= :now THEN NULL ELSE expires_at END
WHERE id = :id AND direction = 'out' AND state {{before_retried}}
RETURNING {{written_message}}

-- name: message_advance
UPDATE messages SET state = :state, reason = :reason, updated_at = :now, sent_at = coalesce(sent_at, :sent_at),
    provider_id = :provider_id, doubt_since = NULL, set_aside_at = NULL, provider_queued_at = NULL, lease_until = NULL,
    device_ack_at = coalesce(device_ack_at, :device_ack_at), read_at = coalesce(read_at, :read_at), fence = fence + 1
WHERE seq = :seq AND state = :before
RETURNING {{written_message}}

-- name: message_server_ack
UPDATE messages SET server_ack_at = coalesce(server_ack_at, :at) WHERE seq = :seq

-- name: message_edit
UPDATE messages SET content = :content, updated_at = :now WHERE seq = :seq RETURNING {{written_message}}

-- name: acks_late
SELECT m.id, m.sent_at FROM messages m
WHERE m.session_id = :session_id AND m.sent_at >= :after AND m.sent_at <= :before AND m.state = 'sent'
    AND m.attempts > 0 AND NOT EXISTS (
        SELECT 1 FROM inbound_dedupe a
        WHERE a.session_id = m.session_id AND a.key IN ('r:' || m.provider_id || ':server', 'k:' || m.id)
    )
ORDER BY m.sent_at LIMIT :limit

-- name: acks_times
SELECT (
    SELECT min(a.at) FROM inbound_dedupe a WHERE a.session_id = m.session_id AND a.key IN (
        'r:' || m.provider_id || ':server', 'r:' || m.provider_id || ':device', 'r:' || m.provider_id || ':read'
    )
) - m.sent_at
FROM messages m
WHERE m.session_id = :session_id AND m.sent_at >= :after AND m.sent_at <= :before AND m.attempts > 0
ORDER BY m.sent_at DESC LIMIT :limit

-- name: messages_busy
SELECT DISTINCT floor(created_at / :slot_s) FROM messages
WHERE session_id = :session_id AND created_at >= :after AND created_at < :before AND direction = 'in'

-- name: message_content
UPDATE messages SET content = :content, stored = :stored WHERE id = :id

-- == inbox ==

-- name: provider_webhook_add
INSERT INTO provider_webhooks (session_id, path, headers, body, received_at, state, note, trace_context)
SELECT s.id, :path, :headers, :body, :received_at, 'unread', '', :trace_context FROM sessions s WHERE s.id = :session_id
RETURNING id

-- part: held_webhook
(:node IS NULL OR EXISTS (
    SELECT 1 FROM session_owners o WHERE o.session_id = provider_webhooks.session_id AND o.node = :node
))

-- name: provider_webhooks_unread_sizes
SELECT id, length(body) AS size FROM provider_webhooks WHERE state = 'unread' AND {{held_webhook}}
ORDER BY id LIMIT :limit

-- name: provider_webhooks_unread
SELECT id, session_id, path, headers, body, received_at, trace_context FROM provider_webhooks
WHERE state = 'unread' AND id <= :last AND {{held_webhook}} ORDER BY id LIMIT :limit

-- name: inbox_backlog
SELECT (SELECT count(*) FROM provider_webhooks WHERE state = 'unread') AS unread,
    (SELECT count(*) FROM provider_webhooks WHERE state = 'unreadable') AS unreadable,
    (SELECT received_at FROM provider_webhooks WHERE state = 'unread' ORDER BY id LIMIT 1) AS oldest_at

-- name: provider_webhook_add_read
INSERT INTO provider_webhooks (session_id, path, headers, body, received_at, state, note, trace_context)
VALUES (:session_id, :path, :headers, :body, :received_at, 'read', '', :trace_context)
RETURNING id

-- name: provider_webhook_of_message
SELECT id, session_id, path, headers, body, received_at, trace_context FROM provider_webhooks
WHERE id = (SELECT provider_webhook_id FROM messages WHERE messages.id = :id)

-- name: provider_webhook_delete_of
DELETE FROM provider_webhooks WHERE id = (SELECT provider_webhook_id FROM messages WHERE seq = :seq)

-- name: provider_webhook_settle
UPDATE provider_webhooks SET state = :state, note = :note WHERE id = :id AND session_id = :session_id AND state =
    'unread'

-- name: provider_webhook_truncate
UPDATE provider_webhooks SET body = substr(body, 1, :bytes) WHERE id = :id

-- name: provider_webhooks_unreadable
-- A part of a body without bytes would be NULL.
SELECT r.id, s.name AS session_name, r.received_at, r.note, coalesce(substr(r.body, 1, :shown), x'') AS body,
    length(r.body) AS size
FROM provider_webhooks r JOIN sessions s ON s.id = r.session_id
WHERE r.state = 'unreadable' AND r.id > :after AND (:tenant IS NULL OR s.tenant = :tenant) ORDER BY r.id LIMIT :limit

-- name: inbound_dedupe_add
INSERT INTO inbound_dedupe (session_id, key, at) VALUES (:session_id, :key, :now) ON CONFLICT DO NOTHING

-- name: contact_lid_put
INSERT INTO contact_lids (session_id, lid, phone) VALUES (:session_id, :lid, :phone)
ON CONFLICT (session_id, lid) DO UPDATE SET phone = excluded.phone

-- name: contact_lid
SELECT phone FROM contact_lids WHERE session_id = :session_id AND lid = :lid

-- name: phone_filed
SELECT phone, spelled FROM known_phones WHERE session_id = :session_id AND line = :line

-- name: phone_file
INSERT INTO known_phones (session_id, line, phone, spelled) VALUES (:session_id, :line, :phone, :spelled)
ON CONFLICT (session_id, line) DO UPDATE SET spelled = excluded.spelled

-- name: phones_known
SELECT line, spelled FROM known_phones WHERE session_id = :session_id AND line IN {{listed}}

-- name: phone_spelled
SELECT spelled FROM known_phones WHERE session_id = :session_id AND line = :line AND spelled IS NOT NULL

-- name: messages_unconfirmed
SELECT {{message}} FROM messages m
WHERE m.session_id = :session_id AND m.state {{under_way}} AND m.provider_id IS NULL
    AND (m.set_aside_at IS NULL OR m.set_aside_at >= :let_pass_after)
ORDER BY m.set_aside_at IS NOT NULL, m.seq

-- name: inbound_target
SELECT {{message}} FROM messages m
-- guard: same-id-same-chat
WHERE m.session_id = :session_id AND m.provider_id = :provider_id ORDER BY m.chat = :chat DESC, m.seq LIMIT 1

-- name: inbound_alike
SELECT {{message}} FROM messages m WHERE m.session_id = :session_id AND m.provider_id = :provider_id ORDER BY m.seq

-- name: inbound_own
SELECT {{message}} FROM messages m
-- guard: receipt-of-our-direction
WHERE m.session_id = :session_id AND m.provider_id = :provider_id AND m.direction = 'out' ORDER BY m.seq LIMIT 1

-- name: session_phone
SELECT phone FROM sessions WHERE id = :id

-- name: pending_receipt_add
INSERT INTO pending_receipts (session_id, provider_id, state, at, error_code)
VALUES (:session_id, :provider_id, :state, :at, :error_code) ON CONFLICT DO NOTHING

-- name: pending_receipts
SELECT state, at, error_code FROM pending_receipts WHERE session_id = :session_id AND provider_id = :provider_id
-- guard: early-receipts-in-order
ORDER BY at, state

-- name: pending_receipts_delete
DELETE FROM pending_receipts WHERE session_id = :session_id AND provider_id = :provider_id

-- == gaps ==

-- name: history_gap_mark
INSERT INTO history_gaps (session_id, since, due_at, tries) VALUES (:session_id, :since, :due_at, 0)
ON CONFLICT (session_id) DO UPDATE SET
    since = CASE WHEN excluded.since < history_gaps.since THEN excluded.since ELSE history_gaps.since END,
    due_at = excluded.due_at, tries = 0

-- name: history_gaps_mark_linked
INSERT INTO history_gaps (session_id, since, due_at, tries)
SELECT id, CASE WHEN created_at > :since THEN created_at ELSE :since END, :due_at, 0 FROM sessions
WHERE server = :server AND linked = 1
ON CONFLICT (session_id) DO UPDATE SET
    since = CASE WHEN excluded.since < history_gaps.since THEN excluded.since ELSE history_gaps.since END,
    due_at = excluded.due_at, tries = 0

-- name: history_gaps_due
SELECT g.session_id, g.since, g.due_at, g.tries FROM history_gaps g JOIN sessions s ON s.id = g.session_id
WHERE g.due_at <= :now AND s.gate = 'open' AND {{held}} ORDER BY g.due_at, g.session_id LIMIT :limit

-- name: history_gap_close
DELETE FROM history_gaps WHERE session_id = :session_id AND since = :since AND due_at = :due_at

-- name: history_gap_postpone
UPDATE history_gaps SET due_at = :again_at, tries = tries + 1
WHERE session_id = :session_id AND since = :since AND due_at = :due_at

-- name: last_alive
SELECT max(at) FROM heartbeat

-- == people ==

-- name: contact_messages
SELECT {{shown_message}} FROM messages m JOIN sessions s ON s.id = m.session_id
WHERE m.session_id = :session_id AND (
    m.chat IN {{listed}} OR m.sender IN {{listed}}
    OR EXISTS (SELECT 1 FROM json_each(coalesce(m.mentions, '[]')) WHERE value IN {{listed}})
)
ORDER BY m.seq

-- name: contact_waiting
SELECT chat FROM messages WHERE session_id = :session_id AND chat IN {{listed}} AND state IN ('queued', 'in_doubt')
UNION
SELECT chat FROM messages WHERE session_id = :session_id AND chat IN {{listed}} AND provider_queued_at IS NOT NULL

-- name: contact_close
UPDATE messages SET state = :after, reason = NULL, doubt_since = NULL, set_aside_at = NULL, updated_at = :now,
    fence = fence + 1
WHERE session_id = :session_id AND chat = :chat AND state = :before

-- name: contact_leave_provider_queue
UPDATE messages SET provider_queued_at = NULL, reason = NULL
WHERE session_id = :session_id AND chat = :chat AND provider_queued_at IS NOT NULL

-- name: contact_erase
UPDATE messages SET chat = :chat, recipient = :recipient, sender = :sender, content = :content, mentions = NULL,
    client_ref = NULL, author = NULL, stored = NULL
WHERE seq = :seq

-- name: attempts_blank
UPDATE attempts SET detail = '' WHERE message_id = :message_id

-- A name may have been another tenant's session before.
-- name: contact_events
SELECT seq, chat, data FROM events
WHERE coalesce(session_name, '') = :session_name AND coalesce(chat, '') IN {{listed}} AND seq > 0
    -- guard: erased-within-the-tenant
    AND tenant = (SELECT tenant FROM sessions WHERE id = :session_id)

-- name: provider_events_forget
DELETE FROM events
WHERE coalesce(session_name, '') = :session_name AND coalesce(chat, '') = '' AND type = 'provider.event'
    AND data LIKE :pattern
    -- guard: provider-events-forgotten-within-the-tenant
    AND tenant = (SELECT tenant FROM sessions WHERE id = :session_id)

-- name: event_erase
UPDATE events SET data = :data WHERE seq = :seq

-- name: provider_webhooks_page
SELECT id, body FROM provider_webhooks WHERE session_id = :session_id AND id > :after AND state <> 'unread' ORDER BY id
    LIMIT :limit

-- name: provider_webhook_delete
DELETE FROM provider_webhooks WHERE id = :id

-- name: contact_lids_of
SELECT lid FROM contact_lids WHERE session_id = :session_id AND phone IN {{listed}}

-- name: contact_forget_lids
DELETE FROM contact_lids WHERE session_id = :session_id AND phone IN {{listed}}

-- name: contact_forget_phones
DELETE FROM known_phones WHERE session_id = :session_id AND line IN {{listed}}

-- name: sessions_all
SELECT id FROM servers v JOIN sessions s ON s.server = v.name

-- name: body_retention_due
SELECT m.seq, m.content, m.created_at FROM messages m
WHERE m.session_id = :session_id AND m.created_at < :before
    AND (m.created_at, m.seq) > (
        coalesce((SELECT at FROM body_retention WHERE session_id = :session_id), 0),
        coalesce((SELECT seq FROM body_retention WHERE session_id = :session_id), 0)
    )
    AND m.state NOT IN ('queued', 'sending', 'in_doubt')
ORDER BY m.created_at, m.seq LIMIT :limit

-- name: message_strip
UPDATE messages SET content = :content, stored = NULL WHERE seq = :seq

-- name: body_retention_mark
INSERT INTO body_retention (session_id, at, seq) VALUES (:session_id, :at, :seq)
ON CONFLICT (session_id) DO UPDATE SET at = excluded.at, seq = excluded.seq

-- == media ==

-- name: messages_unsent_media
SELECT stored FROM messages WHERE state = 'queued' AND coalesce(stored, '') <> ''
UNION ALL
SELECT stored FROM messages WHERE state = 'in_doubt' AND coalesce(stored, '') <> ''
UNION ALL
SELECT stored FROM messages WHERE state = 'sending' AND coalesce(stored, '') <> ''

-- name: media_named
SELECT DISTINCT stored FROM messages WHERE stored IN {{listed}}

-- name: media_of_session
SELECT DISTINCT stored FROM messages WHERE session_id = :session_id AND stored IS NOT NULL

-- name: messages_with_media
SELECT {{message}} FROM messages m WHERE m.stored = :stored

-- name: media_fetch_add
INSERT INTO media_fetches (message_id, session_id, source, since, due_at, tries)
VALUES (:message_id, :session_id, :source, :now, :now, 0) ON CONFLICT DO NOTHING

-- name: media_fetches
SELECT f.message_id, f.session_id, s.server, f.source, f.since, f.due_at, f.tries
FROM media_fetches f JOIN sessions s ON s.id = f.session_id WHERE {{held}} ORDER BY f.due_at, f.message_id LIMIT :limit

-- name: media_fetch_over
DELETE FROM media_fetches WHERE message_id = :message_id

-- name: media_fetch_again
UPDATE media_fetches SET due_at = :due_at, tries = tries + 1 WHERE message_id = :message_id

-- name: purge_unreadable
DELETE FROM provider_webhooks WHERE id IN (
    SELECT id FROM provider_webhooks WHERE state = 'unreadable' AND received_at < :before ORDER BY id LIMIT :limit
)

-- == events, keys, upkeep ==

-- name: event_add
INSERT INTO events (type, at, session_name, chat, data, trace_context, tenant)
VALUES (:type, :at, :session_name, :chat, :data, :trace_context,
    coalesce(:tenant, (SELECT tenant FROM sessions WHERE name = :session_name)))

-- name: events
SELECT type, at, data, session_name, chat, seq, tenant FROM events WHERE seq > :after AND type <> 'provider.event'
ORDER BY seq LIMIT :limit

-- name: events_of_tenant
SELECT type, at, data, session_name, chat, seq, tenant FROM events
WHERE tenant = :tenant AND seq > :after AND type <> 'provider.event'
ORDER BY seq LIMIT :limit

-- name: api_key_add
INSERT INTO api_keys (id, name, role, created_at, sessions, expires_at, revoked_at, hash, session_id, tenant)
VALUES (:id, :name, :role, :created_at, :sessions, :expires_at, :revoked_at, :hash, :session_id, :tenant)
ON CONFLICT DO NOTHING

-- name: api_key_by_hash
SELECT {{api_key}} FROM api_keys k WHERE k.hash = :hash

-- name: api_keys
SELECT {{api_key}} FROM api_keys k
WHERE :tenant IS NULL OR k.tenant = :tenant ORDER BY k.created_at, k.id

-- name: api_key_revoke
UPDATE api_keys SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL

-- name: ended_login_add
INSERT INTO ended_logins (id, until) VALUES (:id, :until) ON CONFLICT DO NOTHING

-- name: ended_logins_forget
DELETE FROM ended_logins WHERE until <= :now

-- name: ended_logins
SELECT id, until FROM ended_logins

-- name: short_lived_token_add
INSERT INTO short_lived_tokens (hash, purpose, sealed, open_until, resume_until)
VALUES (:token_hash, :purpose, :sealed, :open_until, :resume_until)

-- Two requests at once: one of them finds it gone.
-- name: short_lived_token_use_up
DELETE FROM short_lived_tokens
WHERE hash = :token_hash AND purpose = :purpose AND resume_until IS NULL AND open_until > :now
RETURNING sealed

-- name: short_lived_token_open
UPDATE short_lived_tokens SET open_until = resume_until
WHERE hash = :token_hash AND purpose = :purpose AND resume_until IS NOT NULL AND open_until > :now
RETURNING sealed

-- name: short_lived_tokens_forget
DELETE FROM short_lived_tokens WHERE open_until <= :now

-- name: purge_provider_webhooks
DELETE FROM provider_webhooks WHERE id IN (
    SELECT id FROM provider_webhooks WHERE state = 'read' AND received_at < :before ORDER BY received_at, id LIMIT
    :limit
)

-- name: purge_idempotency
DELETE FROM idempotency WHERE (session_id, scope, key) IN (
    SELECT session_id, scope, key FROM idempotency WHERE until < :before ORDER BY until LIMIT :limit
)

-- name: purge_pending_receipts
DELETE FROM pending_receipts WHERE (session_id, provider_id, state) IN (
    SELECT session_id, provider_id, state FROM pending_receipts WHERE at < :before ORDER BY at LIMIT :limit
)

-- name: purge_work
DELETE FROM work WHERE seq IN (
    SELECT seq FROM work WHERE state IN ('done', 'dropped') AND updated_at < :before ORDER BY updated_at LIMIT :limit
)

-- What was put off while the clock ran ahead is put off by as much less, and at once where that time has passed.
-- name: clock_back_work
UPDATE work SET due_at = CASE WHEN due_at - :seconds > :now THEN due_at - :seconds ELSE :now END
WHERE state = 'ready' AND due_at > :now

-- name: clock_back_messages
UPDATE messages SET due_at = CASE WHEN due_at - :seconds > :now THEN due_at - :seconds ELSE :now END
WHERE due_at > :now AND seq IN (
    SELECT seq FROM messages WHERE state = 'queued'
    UNION ALL
    SELECT seq FROM messages WHERE state = 'in_doubt'
    UNION ALL
    SELECT seq FROM messages WHERE provider_queued_at IS NOT NULL
)

-- name: clock_back_send_lanes
UPDATE send_lanes SET due_at = CASE WHEN due_at - :seconds > :now THEN due_at - :seconds ELSE :now END
WHERE due_at > :now

-- name: clock_back_history_gaps
UPDATE history_gaps SET due_at = CASE WHEN due_at - :seconds > :now THEN due_at - :seconds ELSE :now END
WHERE due_at > :now

-- name: clock_back_delivery_lanes
UPDATE delivery_lanes SET due_at = CASE WHEN due_at - :seconds > :now THEN due_at - :seconds ELSE :now END
WHERE due_at > :now
