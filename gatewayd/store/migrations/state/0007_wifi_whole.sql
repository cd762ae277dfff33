-- Extra passwords (JSON with the passphrases: they live and die with their revision), weekly windows (JSON),
-- and revisions that say that the network shall not be there.
ALTER TABLE wifi_revisions ADD COLUMN keys TEXT NOT NULL DEFAULT '[]';
ALTER TABLE wifi_revisions ADD COLUMN schedule TEXT NOT NULL DEFAULT '[]';
ALTER TABLE wifi_revisions ADD COLUMN absent INTEGER NOT NULL DEFAULT 0;

-- A change is told of even when its network is gone: no reference to it any more.
CREATE TABLE wifi_changes_whole (
    id TEXT PRIMARY KEY,
    network TEXT NOT NULL,
    from_revision INTEGER NOT NULL,
    to_revision INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'applying', 'proving', 'applied', 'rolled_back')),
    proof TEXT NOT NULL CHECK (proof IN ('none', 'on_air', 'station', 'client')),
    confirm TEXT NOT NULL CHECK (confirm IN ('none', 'station', 'client')),
    deadline_seconds INTEGER NOT NULL,
    deadline REAL,
    impact TEXT NOT NULL,
    outage_ms INTEGER,
    reason TEXT,
    caller TEXT NOT NULL,
    created REAL NOT NULL,
    ended REAL,
    CHECK ((ended IS NULL) = (state IN ('pending', 'applying', 'proving')))
) STRICT;
INSERT INTO wifi_changes_whole
    SELECT id, network, from_revision, to_revision, state, proof, confirm, deadline_seconds, deadline, impact,
        outage_ms, reason, caller, created, ended
    FROM wifi_changes;
DROP TABLE wifi_changes;
ALTER TABLE wifi_changes_whole RENAME TO wifi_changes;
CREATE INDEX wifi_changes_open ON wifi_changes (id) WHERE ended IS NULL;

-- What is known of per-device passwords beside the passwords. Times are Unix seconds.
CREATE TABLE wifi_keys (
    network TEXT NOT NULL REFERENCES wifi_networks (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    label TEXT NOT NULL,
    created REAL NOT NULL,
    last_seen REAL,
    revoked REAL,
    PRIMARY KEY (network, id)
) STRICT, WITHOUT ROWID;

-- When a network ends (`expiry`) or its old password does (`rotation`). `at` is wall time, null when it was set
-- while the clock could not be believed; `remaining` counts down on the monotonic clock, written now and then.
CREATE TABLE wifi_deadlines (
    network TEXT NOT NULL REFERENCES wifi_networks (id) ON DELETE CASCADE,
    what TEXT NOT NULL CHECK (what IN ('expiry', 'rotation')),
    at REAL,
    remaining REAL NOT NULL,
    PRIMARY KEY (network, what)
) STRICT, WITHOUT ROWID;

-- Devices that were ever on a network, or tried with a wrong password.
CREATE TABLE wifi_met (
    network TEXT NOT NULL REFERENCES wifi_networks (id) ON DELETE CASCADE,
    mac TEXT NOT NULL,
    first_joined REAL,
    last_joined REAL,
    wrong_passwords INTEGER NOT NULL DEFAULT 0,
    last_wrong REAL,
    key TEXT,
    PRIMARY KEY (network, mac)
) STRICT, WITHOUT ROWID;
