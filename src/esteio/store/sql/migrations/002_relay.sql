-- The relay: subscribers, the lanes of their queues, what was delivered and what was given up.

-- The next event of a lane; events of a time.
CREATE INDEX events_lane ON events (coalesce(session, ''), coalesce(chat, ''), seq);
CREATE INDEX events_at ON events (at);
CREATE INDEX messages_dead ON messages (seq) WHERE state IN ('failed', 'expired');

CREATE TABLE endpoints (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    format TEXT NOT NULL CHECK (format IN ('standard', 'evolution', 'cloudevents')),
    events TEXT NOT NULL,
    types TEXT NOT NULL,
    sessions TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    by_events INTEGER NOT NULL CHECK (by_events IN (0, 1)),
    media TEXT NOT NULL CHECK (media IN ('url', 'base64')),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    because TEXT NOT NULL,
    log_cursor BIGINT NOT NULL,
    health TEXT NOT NULL
);

-- `head` is the oldest event not delivered; while `lease_until` stands, it is under way. `tried_since` is when the head
-- was first tried. `opened` is no column here: an endpoint's health decides which index is asked.
CREATE TABLE relay_lanes (
    endpoint_id TEXT NOT NULL REFERENCES endpoints (id),
    road TEXT NOT NULL CHECK (road IN ('live', 'again')),
    session TEXT NOT NULL,
    chat TEXT NOT NULL,
    head BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at DOUBLE PRECISION NOT NULL,
    tried_since DOUBLE PRECISION NOT NULL,
    last_at DOUBLE PRECISION NOT NULL,
    fence BIGINT NOT NULL,
    lease_until DOUBLE PRECISION,
    PRIMARY KEY (endpoint_id, road, session, chat)
);

CREATE INDEX relay_lanes_due ON relay_lanes (endpoint_id, due_at, head) WHERE lease_until IS NULL;
CREATE INDEX relay_lanes_oldest ON relay_lanes (endpoint_id, head) WHERE lease_until IS NULL;
CREATE INDEX relay_lanes_fresh ON relay_lanes (endpoint_id, head) WHERE lease_until IS NULL AND attempts = 0;
CREATE INDEX relay_lanes_leases ON relay_lanes (lease_until) WHERE lease_until IS NOT NULL;

-- Events that a replay queued again.
CREATE TABLE relay_again (
    endpoint_id TEXT NOT NULL,
    session TEXT NOT NULL,
    chat TEXT NOT NULL,
    event BIGINT NOT NULL,
    PRIMARY KEY (endpoint_id, session, chat, event)
);

CREATE TABLE deliveries (
    id {{serial}},
    endpoint_id TEXT NOT NULL,
    event BIGINT NOT NULL,
    event_at DOUBLE PRECISION NOT NULL,
    type TEXT NOT NULL,
    session TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    took_ms BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER,
    detail TEXT NOT NULL
);

CREATE INDEX deliveries_of_endpoint ON deliveries (endpoint_id, id);
CREATE INDEX deliveries_at ON deliveries (at);

CREATE TABLE dead_events (
    id {{serial}},
    endpoint_id TEXT NOT NULL,
    event BIGINT NOT NULL,
    type TEXT NOT NULL,
    session TEXT NOT NULL,
    chat TEXT NOT NULL,
    event_at DOUBLE PRECISION NOT NULL,
    died_at DOUBLE PRECISION NOT NULL,
    attempts BIGINT NOT NULL,
    detail TEXT NOT NULL,
    UNIQUE (endpoint_id, event)
);

CREATE INDEX dead_events_of_event ON dead_events (event);
