-- What this dialect's schema has beside the common one.

-- The number of the last event. Whoever appends events raises it as the last thing before the COMMIT, in one statement
-- with them: its row's lock makes the order of numbers the order of commits, without a gap.
CREATE TABLE event_counter (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL
) WITH (fillfactor = 10);

INSERT INTO event_counter (id, seq) VALUES (1, 0);
