-- A session is a paired app, a browser or a visit; its tokens are rows of their own, kept as SHA-256.
-- `key` is the thumbprint of the app's key that the tokens are bound to. `refresh` is the refresh token
-- that is good now, `previous` the one before it, `rotated` when (monotonic, of `boot`) that changed.
-- `chain` is a key of the session's own: together with a refresh token it gives the next one.
-- `boot` and `ends` bound a session that has a limit of its own (monotonic seconds of that boot).
CREATE TABLE sessions_new (
    id TEXT PRIMARY KEY,
    account TEXT REFERENCES accounts (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    scopes TEXT,
    key TEXT,
    refresh BLOB UNIQUE,
    previous BLOB UNIQUE,
    rotated REAL,
    chain BLOB,
    boot TEXT NOT NULL,
    ends REAL,
    created REAL NOT NULL,
    last_used REAL NOT NULL,
    idle REAL NOT NULL DEFAULT 0,
    address TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO sessions_new (id, account, role, boot, created, last_used, idle)
    SELECT sessions.id, account, accounts.role, '', sessions.created, last_used, idle
    FROM sessions JOIN accounts ON accounts.id = sessions.account;

-- `ends` null: as long as its session (a browser's cookie, and tokens from before there were refresh tokens).
CREATE TABLE session_tokens (
    digest BLOB PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions_new (id) ON DELETE CASCADE,
    cookie INTEGER NOT NULL DEFAULT 0,
    boot TEXT NOT NULL,
    ends REAL
) STRICT, WITHOUT ROWID;
INSERT INTO session_tokens (digest, session, boot) SELECT digest, id, '' FROM sessions;
DROP TABLE sessions;
ALTER TABLE sessions_new RENAME TO sessions;

-- Refresh tokens that have been used: whoever shows one of them has it from somebody else.
CREATE TABLE refresh_spent (
    digest BLOB PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_spent_by_session ON refresh_spent (session, number);

-- argon2id in PHC text. `failures` outlives a restart, which must not hand out new guesses.
CREATE TABLE passwords (
    account TEXT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    changed REAL NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- `step` is the last 30 s step that a code was taken for: a code is good once.
CREATE TABLE totp (
    account TEXT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    secret BLOB NOT NULL,
    confirmed INTEGER NOT NULL DEFAULT 0,
    step INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_codes (
    digest BLOB PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- One-time invitations to set a password; good until `ends` (monotonic) of `boot`.
CREATE TABLE invitations (
    digest BLOB PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    boot TEXT NOT NULL,
    ends REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- Named, scoped, expiring bearers for tools. `age` counts seconds while the daemon ran; `expires` is wall
-- time, null when the clock could not be believed at the token's birth.
CREATE TABLE tool_tokens (
    id TEXT PRIMARY KEY,
    account TEXT REFERENCES accounts (id) ON DELETE CASCADE,
    digest BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created REAL NOT NULL,
    last_used REAL,
    lifetime REAL NOT NULL,
    age REAL NOT NULL DEFAULT 0,
    expires REAL
) STRICT;
