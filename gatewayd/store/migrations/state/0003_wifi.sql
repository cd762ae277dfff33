-- What each Wi-Fi network shall be, revision by revision. Old revisions are deleted when no change can
-- lead back to them, so that old passphrases do not stay.
CREATE TABLE wifi_revisions (
    network TEXT NOT NULL,
    revision INTEGER NOT NULL,
    ssid TEXT NOT NULL,
    security TEXT NOT NULL,
    passphrase TEXT,
    bands TEXT NOT NULL,
    hidden INTEGER NOT NULL,
    isolated INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    PRIMARY KEY (network, revision)
) STRICT, WITHOUT ROWID;

-- `applied` is the last good revision: what goes back on the air when a change fails. `desired` is ahead of
-- it while a change is open. `newest` is the highest revision number ever given.
CREATE TABLE wifi_networks (
    id TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    desired INTEGER NOT NULL,
    applied INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    FOREIGN KEY (id, desired) REFERENCES wifi_revisions (network, revision) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (id, applied) REFERENCES wifi_revisions (network, revision) DEFERRABLE INITIALLY DEFERRED
) STRICT;

-- A change is open while `ended` is null. `reason` on an open one means that it is on its way
-- back. Times are Unix seconds.
CREATE TABLE wifi_changes (
    id TEXT PRIMARY KEY,
    network TEXT NOT NULL REFERENCES wifi_networks (id),
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
CREATE INDEX wifi_changes_open ON wifi_changes (id) WHERE ended IS NULL;
