-- The schema: tenants, servers, sessions, journal, work, messages, inbox, events, API keys, webhook deliveries.
--
-- Portable but for one token, {{serial}}, which each dialect replaces by its own ever-growing key. Times are epoch
-- seconds; JSON is text; flags are 0 or 1. A column that repeats a part of a JSON text exists for an index only, and
-- is written by the same statement.

-- Customers of this gateway; `default` owns whatever names none. NULL: no bound. `day` (of UTC) and `messages`: how many
-- were accepted on the last day that was counted.
CREATE TABLE tenants (
    name TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    max_sessions BIGINT,
    max_messages_per_day BIGINT,
    max_webhooks BIGINT,
    max_servers BIGINT,
    day TEXT,
    messages BIGINT NOT NULL DEFAULT 0
);

INSERT INTO tenants (name, title, created_at, enabled) VALUES ('default', 'Default', 0, 1);

-- `tenant` NULL: the operator's own, shared by all tenants.
CREATE TABLE servers (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    base_url TEXT NOT NULL,
    encrypted BYTEA NOT NULL,
    limits TEXT NOT NULL,
    health TEXT NOT NULL CHECK (
        health IN ('unknown', 'up', 'slow', 'down', 'booting', 'refused', 'wall', 'wrong-kind')
    ),
    health_reason_code TEXT NOT NULL,
    health_at DOUBLE PRECISION NOT NULL,
    version TEXT,
    sessions_at_server BIGINT,
    facts TEXT NOT NULL,
    slots TEXT NOT NULL,
    last_attempt_at DOUBLE PRECISION NOT NULL,
    incident TEXT,
    outage TEXT,
    row_version BIGINT NOT NULL CHECK (row_version >= 0),
    wake_at DOUBLE PRECISION,
    created_at DOUBLE PRECISION NOT NULL,
    tenant TEXT REFERENCES tenants (name)
);

CREATE INDEX servers_of_tenant ON servers (tenant) WHERE tenant IS NOT NULL;

-- A name is one session's in the whole gateway, whoever its tenant is.
CREATE TABLE sessions (
    id {{serial}},
    name TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL DEFAULT 'default' REFERENCES tenants (name),
    server TEXT NOT NULL REFERENCES servers (name),
    kind TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    phone TEXT,
    ref TEXT NOT NULL,
    encrypted BYTEA NOT NULL,
    -- Which instance of its server it is, in the provider's own word; and the webhook that stood there before ours.
    instance TEXT,
    replaced BYTEA,
    -- What was set for it at the Evolution door, sealed.
    chatwoot BYTEA,
    -- What its clients set of the instance there (calls, groups, presence), encrypted.
    settings BYTEA,
    token TEXT NOT NULL UNIQUE,
    policy TEXT NOT NULL,
    state TEXT NOT NULL CHECK (
        state IN ('connecting', 'awaiting_qr', 'connected', 'degraded', 'disconnected', 'error', 'paused')
    ),
    since DOUBLE PRECISION NOT NULL,
    reason TEXT NOT NULL,
    can_send TEXT NOT NULL,
    can_receive TEXT NOT NULL,
    gate TEXT NOT NULL CHECK (gate IN ('open', 'held')),
    gate_since DOUBLE PRECISION NOT NULL,
    outage TEXT,
    last_outage TEXT,
    outage_since DOUBLE PRECISION,
    recovery TEXT NOT NULL,
    facts TEXT NOT NULL,
    paused INTEGER NOT NULL CHECK (paused IN (0, 1)),
    linked INTEGER NOT NULL CHECK (linked IN (0, 1)),
    row_version BIGINT NOT NULL CHECK (row_version >= 0),
    wake_at DOUBLE PRECISION,
    -- Until when sends to people who do not know this number are held (463); 0 means not at all.
    restricted_until DOUBLE PRECISION NOT NULL DEFAULT 0,
    -- The number that was named and the one that was seen, a blank between: what a search looks at.
    phones TEXT NOT NULL
);

-- The law of adoption: one instance belongs to one session.
CREATE UNIQUE INDEX sessions_instance ON sessions (server, instance) WHERE instance IS NOT NULL;
CREATE INDEX sessions_by_instance ON sessions (instance) WHERE instance IS NOT NULL;
CREATE INDEX sessions_by_server ON sessions (server, name);
CREATE INDEX sessions_fleet ON sessions (server) WHERE paused = 0 AND linked = 1;
-- Pages of the fleet, in trouble first; with what a search looks at, so that it reads the row of a find only.
CREATE INDEX sessions_by_state ON sessions (state, name, phones);
CREATE INDEX sessions_by_since ON sessions (state, since, id, name, phones);
CREATE INDEX sessions_totals ON sessions (server, state, since, id, name, phones);
-- The same for a tenant's own.
CREATE INDEX sessions_of_tenant ON sessions (tenant, name);
CREATE INDEX sessions_of_tenant_by_state ON sessions (tenant, state, name, phones);
CREATE INDEX sessions_of_tenant_by_since ON sessions (tenant, state, since, id, name, phones);
CREATE INDEX sessions_in_outage ON sessions (server, outage_since, id) WHERE outage_since IS NOT NULL;
CREATE INDEX sessions_restricted ON sessions (id) WHERE restricted_until > 0;
CREATE INDEX sessions_due ON sessions (wake_at, id) WHERE wake_at IS NOT NULL;

-- Processes that work on this database, one row a boot; `id` names a node over its restarts. A boot lives until
-- `lease_until`, by the database's clock; once it is over (`ended`) what it held is free, and it never comes back.
CREATE TABLE nodes (
    epoch {{serial}},
    id TEXT NOT NULL,
    address TEXT NOT NULL,
    version TEXT NOT NULL,
    joined_at DOUBLE PRECISION NOT NULL,
    beat_at DOUBLE PRECISION NOT NULL,
    lease_until DOUBLE PRECISION NOT NULL,
    ended TEXT CHECK (ended IN ('left', 'died'))
);

CREATE INDEX nodes_of_id ON nodes (id, epoch);

-- Who judges and acts for a session: a row of its own and narrow, so that to take over thousands rewrites no session.
-- Where one process is alone with the database nobody is named. `generation` grows whenever a session changes hands.
CREATE TABLE session_owners (
    session_id BIGINT PRIMARY KEY REFERENCES sessions (id),
    node BIGINT REFERENCES nodes (epoch),
    generation BIGINT NOT NULL
);

CREATE INDEX session_owners_of_node ON session_owners (node, session_id);

-- The same of what has one holder and is no session: a server's health (`server:NAME`), a share of the deliveries, what
-- is done now and then.
CREATE TABLE chores (
    name TEXT PRIMARY KEY,
    node BIGINT REFERENCES nodes (epoch),
    generation BIGINT NOT NULL
);

-- The tokens that are left of a server's pace of messages, which several nodes share.
CREATE TABLE send_tokens (
    server TEXT PRIMARY KEY REFERENCES servers (name),
    tokens DOUBLE PRECISION NOT NULL,
    filled_at DOUBLE PRECISION NOT NULL
);

CREATE TABLE qr_codes (
    session_id BIGINT PRIMARY KEY REFERENCES sessions (id),
    code TEXT NOT NULL,
    png_base64 TEXT NOT NULL,
    refresh_count BIGINT NOT NULL,
    seen_at DOUBLE PRECISION NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    pairing_code TEXT
);

-- Links for the owners of phones: each shows the code of its session, at most one a session; of its token the hash.
CREATE TABLE pair_links (
    session_id BIGINT PRIMARY KEY REFERENCES sessions (id),
    token_hash BYTEA NOT NULL UNIQUE,
    title TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    -- When the session was linked, which ends it.
    done_at DOUBLE PRECISION
);

-- Evidence, decisions, acts, notices and people's words, in one order. `base_seq` is where a counted row began: a
-- judge who has read up to there has read a part of it.
CREATE TABLE journal (
    seq {{serial}},
    session_id BIGINT,
    server TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('evidence', 'decision', 'act', 'notice', 'operator')),
    at DOUBLE PRECISION NOT NULL,
    code TEXT NOT NULL,
    args TEXT NOT NULL,
    data TEXT NOT NULL,
    count BIGINT NOT NULL CHECK (count >= 1),
    first_at DOUBLE PRECISION,
    happened_at DOUBLE PRECISION,
    source TEXT,
    base_seq BIGINT,
    applied INTEGER NOT NULL CHECK (applied IN (0, 1)),
    CHECK (kind <> 'evidence' OR (happened_at IS NOT NULL AND source IS NOT NULL)),
    CHECK (applied = 1 OR kind = 'evidence'),
    CHECK (applied = 1 OR session_id IS NOT NULL OR server IS NOT NULL)
);

CREATE INDEX journal_of_session ON journal (session_id, seq);
CREATE INDEX journal_of_server ON journal (server, seq) WHERE session_id IS NULL;
CREATE INDEX journal_news ON journal (session_id, seq) WHERE applied = 0;
CREATE INDEX journal_server_news ON journal (server, seq) WHERE applied = 0 AND session_id IS NULL;

-- Outages of sessions and of servers (`session_id` NULL), over or not. `part_of`: a server's outage, where a session
-- fell in it. `after_seq`: the journal's last line about its subject before it.
CREATE TABLE outages (
    id TEXT PRIMARY KEY,
    session_id BIGINT REFERENCES sessions (id),
    server TEXT NOT NULL REFERENCES servers (name),
    since DOUBLE PRECISION NOT NULL,
    ended_at DOUBLE PRECISION,
    reason_code TEXT NOT NULL,
    reopened BIGINT NOT NULL,
    noticed INTEGER NOT NULL CHECK (noticed IN (0, 1)),
    expected INTEGER NOT NULL CHECK (expected IN (0, 1)),
    held_at_start BIGINT NOT NULL,
    part_of TEXT CHECK (part_of IS NULL OR session_id IS NOT NULL),
    after_seq BIGINT NOT NULL
);

CREATE INDEX outages_of_session ON outages (session_id, since) WHERE session_id IS NOT NULL;
CREATE INDEX outages_of_server ON outages (server, since) WHERE session_id IS NULL;
CREATE INDEX outages_open ON outages (since, id) WHERE ended_at IS NULL;
CREATE INDEX outages_ended ON outages (since, id) WHERE ended_at IS NOT NULL;
CREATE INDEX outages_over ON outages (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX outages_parts ON outages (part_of) WHERE part_of IS NOT NULL;

-- A session's state from `at` on, one row a change.
CREATE TABLE state_changes (
    session_id BIGINT NOT NULL REFERENCES sessions (id),
    at DOUBLE PRECISION NOT NULL,
    previous TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (session_id, at)
);

CREATE INDEX state_changes_at ON state_changes (at);

-- Public pages, and the sessions that each shows under a label of its own.
CREATE TABLE status_pages (
    name TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    created_at DOUBLE PRECISION NOT NULL,
    tenant TEXT NOT NULL DEFAULT 'default' REFERENCES tenants (name)
);

CREATE INDEX status_pages_of_tenant ON status_pages (tenant, name);

CREATE TABLE status_page_sessions (
    page TEXT NOT NULL REFERENCES status_pages (name),
    session_id BIGINT NOT NULL REFERENCES sessions (id),
    label TEXT NOT NULL,
    PRIMARY KEY (page, session_id)
);

CREATE INDEX status_page_sessions_of ON status_page_sessions (session_id);

-- When no gateway lived over this database.
CREATE TABLE unwatched (
    since DOUBLE PRECISION PRIMARY KEY,
    until DOUBLE PRECISION NOT NULL
);

CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    session_id BIGINT NOT NULL REFERENCES sessions (id),
    rung TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    cost TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    outage TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'approved', 'rejected', 'stale')),
    decided_at DOUBLE PRECISION
);

CREATE UNIQUE INDEX approvals_open ON approvals (session_id) WHERE state = 'open';
CREATE INDEX approvals_by_state ON approvals (state, created_at);
CREATE INDEX approvals_of_session ON approvals (session_id);

CREATE TABLE work (
    seq {{serial}},
    id TEXT NOT NULL UNIQUE,
    lane TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('control', 'notice')),
    payload TEXT NOT NULL,
    due_at DOUBLE PRECISION NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    updated_at DOUBLE PRECISION NOT NULL,
    session_id BIGINT,
    server TEXT,
    dedupe TEXT,
    attempts BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'performing', 'done', 'dropped')),
    fence BIGINT NOT NULL,
    lease_until DOUBLE PRECISION,
    outcome TEXT,
    CHECK ((state = 'performing') = (lease_until IS NOT NULL))
);

CREATE UNIQUE INDEX work_once ON work (dedupe) WHERE dedupe IS NOT NULL AND state IN ('ready', 'performing');
-- The law of send_lanes: one at a time.
CREATE UNIQUE INDEX work_one_at_a_time ON work (lane) WHERE state = 'performing';
-- By the time when it falls due: a claim reads what it takes, not one row of every lane that waits.
CREATE INDEX work_due ON work (due_at, seq) WHERE state = 'ready';
CREATE INDEX work_waiting ON work (lane, seq) WHERE state = 'ready';
CREATE INDEX work_leases ON work (lease_until, seq) WHERE state = 'performing';
CREATE INDEX work_of_session ON work (session_id, state);
CREATE INDEX work_over ON work (updated_at) WHERE state IN ('done', 'dropped');

-- Messages of both directions. `seq` is the order of acceptance and thus of a lane (session and chat).
-- `provider_webhook_id`: the row of `provider_webhooks` that it was read from, as long as that is kept.
CREATE TABLE messages (
    seq {{serial}},
    id TEXT NOT NULL UNIQUE,
    session_id BIGINT NOT NULL REFERENCES sessions (id),
    direction TEXT NOT NULL CHECK (direction IN ('out', 'in')),
    chat TEXT NOT NULL,
    content TEXT NOT NULL,
    state TEXT NOT NULL CHECK (
        state IN ('queued', 'sending', 'in_doubt', 'sent', 'delivered', 'read', 'failed', 'expired', 'cancelled')
    ),
    created_at DOUBLE PRECISION NOT NULL,
    updated_at DOUBLE PRECISION NOT NULL,
    recipient TEXT,
    sender TEXT,
    provider_id TEXT,
    reason TEXT,
    priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
    expires_at DOUBLE PRECISION,
    on_down TEXT NOT NULL CHECK (on_down IN ('hold', 'fail')),
    client_ref TEXT,
    quote TEXT,
    mentions TEXT,
    author TEXT,
    read_as TEXT,
    provider_webhook_id BIGINT,
    attempts BIGINT NOT NULL,
    due_at DOUBLE PRECISION NOT NULL,
    socket_closed_count BIGINT NOT NULL,
    sent_at DOUBLE PRECISION,
    doubt_since DOUBLE PRECISION,
    queue_ref TEXT,
    recovered INTEGER NOT NULL CHECK (recovered IN (0, 1)),
    -- The name of its media in the media store; several messages may name one file.
    stored TEXT,
    fence BIGINT NOT NULL,
    claimed_at DOUBLE PRECISION,
    -- When we learned that WhatsApp's server has it, the recipient's phone has it, and that it was read.
    server_ack_at DOUBLE PRECISION,
    device_ack_at DOUBLE PRECISION,
    read_at DOUBLE PRECISION,
    lease_until DOUBLE PRECISION,
    -- Since when a message in doubt is set aside: looking can tell no more, and its chat goes on without it.
    set_aside_at DOUBLE PRECISION CHECK (set_aside_at IS NULL OR state = 'in_doubt'),
    -- Since when it may lie in the provider's own queue, while its chat waits; NULL when it is known to be out, or
    -- never
    -- was in such a queue. `due_at` is then the next look at the queue.
    provider_queued_at DOUBLE PRECISION CHECK (provider_queued_at IS NULL OR state = 'sent'),
    -- The trace that it belongs to: `traceparent`, and after a blank `tracestate`.
    trace_context TEXT,
    CHECK ((state = 'sending') = (lease_until IS NOT NULL)),
    CHECK (state <> 'in_doubt' OR doubt_since IS NOT NULL),
    CHECK (direction = 'out' OR state IN ('delivered', 'read'))
);

-- The law of order: never two in flight, or in a doubt that may still be resolved, in one chat.
-- guard: chat-one-under-way
CREATE UNIQUE INDEX messages_one_at_a_time ON messages (session_id, chat)
WHERE state IN ('sending', 'in_doubt') AND set_aside_at IS NULL;
CREATE INDEX messages_waiting ON messages (session_id, chat, seq) WHERE state = 'queued';
CREATE INDEX messages_leases ON messages (lease_until, seq) WHERE state = 'sending';
CREATE INDEX messages_doubts ON messages (due_at, seq) WHERE state = 'in_doubt';
CREATE INDEX messages_expiring ON messages (expires_at, seq) WHERE state = 'queued' AND expires_at IS NOT NULL;
CREATE INDEX messages_by_provider ON messages (session_id, provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX messages_by_sent ON messages (session_id, sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX messages_stored ON messages (stored) WHERE stored IS NOT NULL;
CREATE INDEX messages_pages ON messages (session_id, created_at, seq);
CREATE INDEX messages_by_state ON messages (session_id, state, created_at, seq);
CREATE INDEX messages_dead ON messages (seq) WHERE state IN ('failed', 'expired');
-- Those that wait for a person.
CREATE INDEX messages_set_aside ON messages (session_id, seq) WHERE set_aside_at IS NOT NULL;
-- Whether a chat is warm: when somebody last wrote to us there.
CREATE INDEX messages_heard ON messages (session_id, chat, created_at) WHERE direction = 'in';
CREATE INDEX messages_provider_queued ON messages (session_id, chat) WHERE provider_queued_at IS NOT NULL;
CREATE INDEX messages_provider_queue_due ON messages (due_at, seq) WHERE provider_queued_at IS NOT NULL;

-- One row for each chat that has a message queued, sending or in doubt (unless set aside): what the dispatcher claims
-- instead of searching all messages. `due_at` is the head's; NULL while one is under way or in doubt, which is what
-- keeps
-- the order.
-- `sort_key` is session_id * 10 + 9 - priority of the head, so that one index answers "whose turn is it".
CREATE TABLE send_lanes (
    session_id BIGINT NOT NULL REFERENCES sessions (id),
    chat TEXT NOT NULL,
    head BIGINT NOT NULL,
    sort_key BIGINT NOT NULL,
    due_at DOUBLE PRECISION,
    PRIMARY KEY (session_id, chat)
);

CREATE INDEX send_lanes_ready ON send_lanes (sort_key, due_at, head) WHERE due_at IS NOT NULL;

CREATE TABLE attempts (
    seq {{serial}},
    message_id TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL
);

CREATE INDEX attempts_of_message ON attempts (message_id, seq);
-- Sends to whose answer a provider's database failed.
CREATE INDEX attempts_unstored ON attempts (at) WHERE outcome = 'in_doubt:store';

CREATE TABLE idempotency (
    scope TEXT NOT NULL,
    session_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    message_id TEXT NOT NULL,
    until DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (session_id, scope, key)
);

CREATE INDEX idempotency_until ON idempotency (until);
-- Whether a message may still be answered again by its key.
CREATE INDEX idempotency_of_message ON idempotency (message_id);

-- What providers pushed, as it came.
CREATE TABLE provider_webhooks (
    id {{serial}},
    session_id BIGINT NOT NULL REFERENCES sessions (id),
    path TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BYTEA NOT NULL,
    received_at DOUBLE PRECISION NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('unread', 'read', 'unreadable')),
    note TEXT NOT NULL,
    trace_context TEXT
);

CREATE INDEX provider_webhooks_unread ON provider_webhooks (id) WHERE state = 'unread';
CREATE INDEX provider_webhooks_unreadable ON provider_webhooks (id) WHERE state = 'unreadable';
CREATE INDEX provider_webhooks_read ON provider_webhooks (received_at) WHERE state = 'read';
CREATE INDEX provider_webhooks_of_session ON provider_webhooks (session_id);

-- Keys of inbound events that were applied: each is applied once, as long as its key is kept.
CREATE TABLE inbound_dedupe (
    session_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (session_id, key)
);

CREATE INDEX inbound_dedupe_at ON inbound_dedupe (at);

-- Receipts that came before we knew the id they speak of.
CREATE TABLE pending_receipts (
    session_id BIGINT NOT NULL,
    provider_id TEXT NOT NULL,
    state TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    error_code TEXT,
    PRIMARY KEY (session_id, provider_id, state)
);

CREATE INDEX pending_receipts_at ON pending_receipts (at);

-- Media that came in without its bytes: what the provider is asked for, until it is there or given up.
CREATE TABLE media_fetches (
    message_id TEXT PRIMARY KEY,
    session_id BIGINT NOT NULL REFERENCES sessions (id),
    source TEXT NOT NULL,
    since DOUBLE PRECISION NOT NULL,
    due_at DOUBLE PRECISION NOT NULL,
    tries BIGINT NOT NULL
);

CREATE INDEX media_fetches_due ON media_fetches (due_at, message_id);
CREATE INDEX media_fetches_of_session ON media_fetches (session_id);

-- What may have been missed: one row a session, until the provider's list was read back to `since`.
CREATE TABLE history_gaps (
    session_id BIGINT PRIMARY KEY REFERENCES sessions (id),
    since DOUBLE PRECISION NOT NULL,
    due_at DOUBLE PRECISION NOT NULL,
    tries BIGINT NOT NULL
);

CREATE INDEX history_gaps_due ON history_gaps (due_at, session_id);

-- Up to where old messages have lost their words; those settled since then only.
CREATE TABLE body_retention (
    session_id BIGINT PRIMARY KEY REFERENCES sessions (id),
    at DOUBLE PRECISION NOT NULL,
    seq BIGINT NOT NULL
);

CREATE TABLE contact_lids (
    session_id BIGINT NOT NULL,
    lid TEXT NOT NULL,
    phone TEXT NOT NULL,
    PRIMARY KEY (session_id, lid)
);

-- The phones that a session has met, one row a line: the name it is filed under, and WhatsApp's own spelling.
CREATE TABLE known_phones (
    session_id BIGINT NOT NULL,
    line TEXT NOT NULL,
    phone TEXT NOT NULL,
    spelled TEXT,
    PRIMARY KEY (session_id, line)
);

-- `tenant`: whose it was when it happened, for a name may come back as another's; NULL: of a server that all share.
CREATE TABLE events (
    seq {{serial}},
    type TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    session_name TEXT,
    chat TEXT,
    data TEXT NOT NULL,
    trace_context TEXT,
    tenant TEXT
);

CREATE INDEX events_of_tenant ON events (tenant, seq);
-- The next event of a lane; events of a time.
CREATE INDEX events_lane ON events (coalesce(session_name, ''), coalesce(chat, ''), seq);
CREATE INDEX events_at ON events (at);

-- `tenant` NULL: the operator's, which reach all tenants.
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'operate', 'send', 'read')),
    created_at DOUBLE PRECISION NOT NULL,
    sessions TEXT NOT NULL,
    expires_at DOUBLE PRECISION,
    revoked_at DOUBLE PRECISION,
    hash BYTEA NOT NULL UNIQUE,
    -- The session that it was made with, and goes with.
    session_id BIGINT,
    tenant TEXT REFERENCES tenants (name)
);

CREATE INDEX api_keys_of_tenant ON api_keys (tenant) WHERE tenant IS NOT NULL;
CREATE INDEX api_keys_of_session ON api_keys (session_id) WHERE session_id IS NOT NULL;

-- Browsers' logins that were ended before their time: a copy of the cookie opens nothing.
CREATE TABLE ended_logins (
    id TEXT PRIMARY KEY,
    until DOUBLE PRECISION NOT NULL
);

-- What stands for a key for a short time: a login link, which opens once, or a token for the stream of events, which opens
-- before `open_until` and from then on until `resume_until`. Of the token only its hash is kept.
CREATE TABLE short_lived_tokens (
    hash BYTEA PRIMARY KEY,
    purpose TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    open_until DOUBLE PRECISION NOT NULL,
    resume_until DOUBLE PRECISION
);

CREATE INDEX short_lived_tokens_by_end ON short_lived_tokens (open_until);

CREATE TABLE heartbeat (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at DOUBLE PRECISION NOT NULL
);

-- `tenant` NULL: the operator's, which hears what happens to all tenants.
CREATE TABLE webhook_endpoints (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    format TEXT NOT NULL CHECK (format IN ('standard', 'evolution', 'cloudevents')),
    events TEXT NOT NULL,
    types TEXT NOT NULL,
    sessions TEXT NOT NULL,
    encrypted BYTEA NOT NULL,
    by_events INTEGER NOT NULL CHECK (by_events IN (0, 1)),
    media TEXT NOT NULL CHECK (media IN ('url', 'base64')),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    reason_code TEXT NOT NULL,
    log_cursor BIGINT NOT NULL,
    health TEXT NOT NULL,
    updated_at DOUBLE PRECISION NOT NULL,
    door_session TEXT UNIQUE,
    ends_after BIGINT,
    tenant TEXT REFERENCES tenants (name)
);

CREATE INDEX webhook_endpoints_of_tenant ON webhook_endpoints (tenant) WHERE tenant IS NOT NULL;

-- `head` is the oldest event not delivered; while `lease_until` stands, it is under way. `tried_since` is when the head
-- was first tried. `opened` is no column here: an endpoint's health decides which index is asked.
CREATE TABLE delivery_lanes (
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id),
    queue TEXT NOT NULL CHECK (queue IN ('live', 'replay')),
    session_name TEXT NOT NULL,
    chat TEXT NOT NULL,
    head BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at DOUBLE PRECISION NOT NULL,
    tried_since DOUBLE PRECISION NOT NULL,
    last_at DOUBLE PRECISION NOT NULL,
    fence BIGINT NOT NULL,
    lease_until DOUBLE PRECISION,
    PRIMARY KEY (endpoint_id, queue, session_name, chat)
);

CREATE INDEX delivery_lanes_due ON delivery_lanes (endpoint_id, due_at, head) WHERE lease_until IS NULL;
CREATE INDEX delivery_lanes_oldest ON delivery_lanes (endpoint_id, head) WHERE lease_until IS NULL;
CREATE INDEX delivery_lanes_fresh ON delivery_lanes (endpoint_id, head) WHERE lease_until IS NULL AND attempts = 0;
CREATE INDEX delivery_lanes_leases ON delivery_lanes (lease_until) WHERE lease_until IS NOT NULL;

-- Events that a replay queued again.
CREATE TABLE replay_queue (
    endpoint_id TEXT NOT NULL,
    session_name TEXT NOT NULL,
    chat TEXT NOT NULL,
    event BIGINT NOT NULL,
    PRIMARY KEY (endpoint_id, session_name, chat, event)
);

CREATE TABLE deliveries (
    id {{serial}},
    endpoint_id TEXT NOT NULL,
    event BIGINT NOT NULL,
    event_at DOUBLE PRECISION NOT NULL,
    type TEXT NOT NULL,
    session_name TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    took_ms BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER,
    detail TEXT NOT NULL
);

CREATE INDEX deliveries_of_endpoint ON deliveries (endpoint_id, id);
CREATE INDEX deliveries_of_event ON deliveries (endpoint_id, event);
CREATE INDEX deliveries_failed ON deliveries (endpoint_id, id) WHERE outcome <> 'delivered';
CREATE INDEX deliveries_at ON deliveries (at);

CREATE TABLE dead_letters (
    id {{serial}},
    endpoint_id TEXT NOT NULL,
    event BIGINT NOT NULL,
    type TEXT NOT NULL,
    session_name TEXT NOT NULL,
    chat TEXT NOT NULL,
    event_at DOUBLE PRECISION NOT NULL,
    died_at DOUBLE PRECISION NOT NULL,
    attempts BIGINT NOT NULL,
    detail TEXT NOT NULL,
    UNIQUE (endpoint_id, event)
);

CREATE INDEX dead_letters_of_event ON dead_letters (event);

-- Who did what, when and from where. Each row's `hash` is an HMAC over the row and the hash before it
-- (core.audit.chain); `before` and `after` are JSON. `tenant`: in whose log it stands, NULL: the operator's alone;
-- `actor_tenant`: whose key it was, NULL: the operator's.
CREATE TABLE audit_log (
    seq BIGINT PRIMARY KEY,
    at DOUBLE PRECISION NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    actor_tenant TEXT,
    address TEXT NOT NULL,
    request_id TEXT NOT NULL,
    session_name TEXT,
    server TEXT,
    target TEXT,
    tenant TEXT,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    chain_key TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);

CREATE INDEX audit_log_at ON audit_log (at);
CREATE INDEX audit_log_of_tenant ON audit_log (tenant, seq) WHERE tenant IS NOT NULL;

-- How many rows there ever were and the last one's hash, signed; and the keys of the chain, encrypted.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    seal TEXT NOT NULL,
    encrypted BYTEA NOT NULL
);
