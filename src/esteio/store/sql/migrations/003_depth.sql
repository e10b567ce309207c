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

-- Since when a message in doubt is set aside: looking can tell no more, and its chat goes on without it.
ALTER TABLE messages ADD COLUMN aside_at DOUBLE PRECISION CHECK (aside_at IS NULL OR state = 'in_doubt');

-- The law of order: never two in flight, or in a doubt that may still be resolved, in one chat.
DROP INDEX messages_one_at_a_time;
-- guard: chat-one-under-way
CREATE UNIQUE INDEX messages_one_at_a_time ON messages (session_id, chat)
WHERE state IN ('sending', 'in_doubt') AND aside_at IS NULL;
-- Sends to whose answer a provider's database failed.
CREATE INDEX attempts_unstored ON attempts (at) WHERE outcome = 'in_doubt:store';
-- Those that wait for a person.
CREATE INDEX messages_aside ON messages (session_id, seq) WHERE aside_at IS NOT NULL;

-- Whether a chat is warm: when somebody last wrote to us there.
CREATE INDEX messages_heard ON messages (session_id, chat, created_at) WHERE direction = 'in';
