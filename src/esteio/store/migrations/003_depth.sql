-- Depth of outbox and inbox: gaps to be read back, restricted sessions, and who wrote to us when.

-- What may have been missed: one row a session, until the provider's list was read back to `since`.
CREATE TABLE gaps (
    session_id BIGINT PRIMARY KEY REFERENCES sessions (id),
    since DOUBLE PRECISION NOT NULL,
    due_at DOUBLE PRECISION NOT NULL,
    tries BIGINT NOT NULL
);

-- Up to where old messages have lost their words; those settled since then only.
CREATE TABLE stripped (
    session_id BIGINT PRIMARY KEY REFERENCES sessions (id),
    at DOUBLE PRECISION NOT NULL,
    seq BIGINT NOT NULL
);

CREATE INDEX gaps_due ON gaps (due_at, session_id);

-- Until when sends to people who do not know this number are held (463); 0 means not at all.
ALTER TABLE sessions ADD COLUMN cold_until DOUBLE PRECISION NOT NULL DEFAULT 0;

CREATE INDEX sessions_cold ON sessions (id) WHERE cold_until > 0;

-- Whether a chat is warm: when somebody last wrote to us there.
CREATE INDEX messages_heard ON messages (session_id, chat, created_at) WHERE direction = 'in';
