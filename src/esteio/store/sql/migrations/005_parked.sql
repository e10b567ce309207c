-- What the provider has taken may lie in a queue of its own: until it is known to be out, its chat waits.

-- Since when; NULL when it is known to be out, or never was in such a queue. `due_at` is then the next look at the queue.
ALTER TABLE messages ADD COLUMN parked_at DOUBLE PRECISION CHECK (parked_at IS NULL OR state = 'sent');

CREATE INDEX messages_parked ON messages (session_id, chat) WHERE parked_at IS NOT NULL;
CREATE INDEX messages_parked_due ON messages (due_at, seq) WHERE parked_at IS NOT NULL;
