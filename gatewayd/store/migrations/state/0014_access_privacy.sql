-- A technician's visits: what the owner's receipt is made of. `source` is the operator's grant or the owner's
-- own code; `grant_id` is the grant's id (a grant is good once). What was done in a visit stands in the audit
-- log under its session. `lifetime` and `used` are seconds; `boot` and `began` (monotonic seconds of that boot) count
-- on from `used`. Times are Unix seconds.
CREATE TABLE technician_visits (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL CHECK (source IN ('grant', 'code')),
    grant_id TEXT UNIQUE,
    technician TEXT NOT NULL,
    key TEXT,
    session TEXT NOT NULL,
    scopes TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    lifetime REAL NOT NULL,
    used REAL NOT NULL DEFAULT 0,
    boot TEXT NOT NULL,
    began REAL NOT NULL,
    started REAL NOT NULL,
    ended REAL
) STRICT;
CREATE INDEX technician_visits_by_session ON technician_visits (session);

-- Every session that a visit had: a box that restarts gives the visit another one.
CREATE TABLE technician_sessions (
    session TEXT PRIMARY KEY,
    visit TEXT NOT NULL REFERENCES technician_visits (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Grants that were redeemed, also after their visit has been forgotten; `expires` as the grant says.
CREATE TABLE technician_grants (
    id TEXT PRIMARY KEY,
    expires REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- The owner's codes for technicians: SHA-256 of the code, good once, until `ends` (monotonic) of `boot`.
CREATE TABLE technician_codes (
    digest BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    lifetime REAL NOT NULL,
    epoch INTEGER NOT NULL,
    boot TEXT NOT NULL,
    ends REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- What the owner should know. `subject` is an opaque id; `count` merges what came again before it was seen.
-- `mailed` is null where no mail is wanted, 0 while it waits.
CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    time REAL NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    count INTEGER NOT NULL DEFAULT 1,
    seen INTEGER NOT NULL DEFAULT 0,
    mailed INTEGER
) STRICT;
CREATE INDEX alerts_unseen ON alerts (id) WHERE seen = 0;
CREATE INDEX alerts_unmailed ON alerts (id) WHERE mailed = 0;

-- What may leave the box, per purpose, and for how many days each kind of data is kept; no row: the default.
CREATE TABLE privacy_settings (
    purpose TEXT PRIMARY KEY,
    allowed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE privacy_retention (
    kind TEXT PRIMARY KEY,
    days INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Rows of the audit log are deleted from its beginning only, and only below what retention has opened in the
-- same transaction.
CREATE TABLE audit_retention (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    below INTEGER NOT NULL
) STRICT;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
WHEN OLD.id >= coalesce((SELECT below FROM audit_retention), 0)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE INDEX audit_by_caller ON audit (caller, id);
-- REPLACE deletes without that trigger.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
