-- What this dialect's schema has beside the common one.

-- The number of the last event. Whoever appends events raises it as the last thing before the COMMIT, in one statement
-- with them: its row's lock makes the order of numbers the order of commits, without a gap.
CREATE TABLE event_counter (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL
) WITH (fillfactor = 10);

INSERT INTO event_counter (id, seq) VALUES (1, 0);

-- Bytes of media, each once, under the hash of what they are; handed out once they are whole.
CREATE TABLE media_files (
    name TEXT PRIMARY KEY,
    size BIGINT NOT NULL,
    put_at DOUBLE PRECISION NOT NULL,
    whole INTEGER NOT NULL CHECK (whole IN (0, 1))
);

CREATE INDEX media_files_put ON media_files (put_at);

CREATE TABLE media_pieces (
    name TEXT NOT NULL,
    place BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (name, place)
);

-- What comes is compressed already.
ALTER TABLE media_pieces ALTER COLUMN body SET STORAGE EXTERNAL;
