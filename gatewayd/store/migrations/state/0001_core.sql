-- Small facts: one row each (the box's id, the last time seen, the epoch of grants ...).
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- One ledger for everything that must not be done twice, whoever asks: (caller, key) is the Idempotency-Key,
-- the portal's command key or its message id. `state` is started or done. `answer` never holds a secret.
CREATE TABLE ledger (
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    operation TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('started', 'done')),
    answer BLOB,
    error TEXT,
    status INTEGER,
    time REAL NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_by_time ON ledger (time);

-- Append-only. Opaque ids only; names live elsewhere.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    caller TEXT NOT NULL,
    role TEXT NOT NULL,
    via TEXT NOT NULL,
    operation TEXT NOT NULL,
    target TEXT,
    outcome TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_time ON audit (time);
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    operation TEXT NOT NULL,
    caller TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),
    progress REAL NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '',
    result BLOB,
    error BLOB,
    created REAL NOT NULL,
    changed REAL NOT NULL
) STRICT;
CREATE INDEX jobs_by_change ON jobs (changed);

-- Events that must leave the box, written in the change's own transaction; the portal link drains it.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    type TEXT NOT NULL,
    data BLOB NOT NULL
) STRICT;
