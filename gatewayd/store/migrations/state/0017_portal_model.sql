-- What is configured of the portal link itself, an instance of the data model a row. `params`: JSON, name to text.
CREATE TABLE portal_objects (
    path TEXT PRIMARY KEY,
    params TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The number under which controllers know something that lives elsewhere (`key` there).
CREATE TABLE portal_instances (
    table_path TEXT NOT NULL,
    key TEXT NOT NULL,
    number INTEGER NOT NULL,
    alias TEXT NOT NULL,
    PRIMARY KEY (table_path, key),
    UNIQUE (table_path, number)
) STRICT, WITHOUT ROWID;

-- The highest number that was ever given in a table: numbers are not used again.
CREATE TABLE portal_numbers (
    table_path TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Commands that take their time, until their end was told.
CREATE TABLE portal_requests (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL,
    controller TEXT NOT NULL,
    command TEXT NOT NULL,
    command_key TEXT NOT NULL
) STRICT;

-- What a subscription saw last: `value` is a keyed digest of a parameter's value, or 'there' for an instance.
CREATE TABLE portal_seen (
    subscription TEXT NOT NULL,
    path TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (subscription, path)
) STRICT, WITHOUT ROWID;
