-- Notifications on their way to controllers. `message` is the encoded Msg; `due` and `expires` are Unix seconds;
-- `confirm` waits for a NotifyResp, else the broker's acknowledgement ends it; `minimum` (seconds) and
-- `multiplier` (thousandths) are the standard's retry.
CREATE TABLE portal_notifications (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient TEXT NOT NULL,
    id TEXT NOT NULL,
    subscription TEXT NOT NULL,
    message BLOB NOT NULL,
    topic TEXT NOT NULL,
    confirm INTEGER NOT NULL,
    minimum INTEGER NOT NULL,
    multiplier INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,
    expires REAL
) STRICT;
CREATE INDEX portal_notifications_by_due ON portal_notifications (due);
CREATE UNIQUE INDEX portal_notifications_by_id ON portal_notifications (recipient, id);

-- Areas that the owner keeps the operator out of, and since when.
CREATE TABLE portal_vetoes (
    area TEXT PRIMARY KEY,
    since REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- What controllers changed and what was refused, newest last; `count` merges a refusal that comes again.
CREATE TABLE portal_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('changed', 'refused', 'link')),
    controller TEXT NOT NULL,
    what TEXT NOT NULL,
    count INTEGER NOT NULL DEFAULT 1
) STRICT;
