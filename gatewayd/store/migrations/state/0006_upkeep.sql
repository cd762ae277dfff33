-- Restarts that were asked for: the row is written before the restart, `back` when we are up again.
CREATE TABLE restarts (
    id TEXT PRIMARY KEY,
    target TEXT NOT NULL,
    caller TEXT NOT NULL,
    reason TEXT NOT NULL,
    asked REAL NOT NULL,
    began REAL,
    back REAL
) STRICT;
