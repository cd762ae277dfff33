-- Who may come in. Opaque ids everywhere; what people call themselves and their devices stands in
-- access_names alone, which deleting personal data empties.
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN ('owner', 'member', 'viewer')),
    created REAL NOT NULL
) STRICT;

-- `digest` is the SHA-256 of the token. `idle` counts seconds without use while the daemon ran:
-- wall time, which may jump, ends nobody's session.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    digest BLOB NOT NULL UNIQUE,
    created REAL NOT NULL,
    last_used REAL NOT NULL,
    idle REAL NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE access_names (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The one pairing that can be open. `tries` is written before a try is judged, so no restart refills it.
-- `boot` and `closes` (monotonic seconds of that boot) bound the window; both are null while a box that
-- has no owner keeps the code it showed at its start open.
CREATE TABLE pairing (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    salt BLOB NOT NULL,
    code BLOB NOT NULL,
    secret BLOB NOT NULL,
    tries INTEGER NOT NULL,
    boot TEXT,
    closes REAL,
    CHECK ((boot IS NULL) = (closes IS NULL))
) STRICT;
