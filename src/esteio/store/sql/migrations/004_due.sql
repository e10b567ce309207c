-- Work by when it falls due: a claim reads what it takes, not one row of every lane that waits.

CREATE INDEX work_due ON work (due_at, seq) WHERE state = 'ready';
