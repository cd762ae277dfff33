-- Television: where it comes from, what is to be kept, and what the recorder told of it.
-- Times are Unix seconds (UTC); sizes are bytes. The built-in test card has no rows: settings switch it on.
CREATE TABLE dvr_sources (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('http', 'm3u')),
    url TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    skipped INTEGER NOT NULL DEFAULT 0,
    refreshed REAL
) STRICT;

CREATE TABLE dvr_channels (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL REFERENCES dvr_sources (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    number TEXT,
    guide_id TEXT,
    logo TEXT,
    category TEXT
) STRICT;
CREATE INDEX dvr_channels_by_source ON dvr_channels (source, position);

-- The newest fault of a channel's stream, until data flow again.
CREATE TABLE dvr_faults (
    channel TEXT PRIMARY KEY,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    time REAL NOT NULL
) STRICT;

-- `ended`: the recorder has everything; bytes, digest and streams are being worked out.
CREATE TABLE dvr_recordings (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    title TEXT NOT NULL,
    start REAL NOT NULL,
    stop REAL NOT NULL CHECK (stop > start),
    state TEXT NOT NULL
        CHECK (state IN ('scheduled', 'recording', 'done', 'partial', 'failed', 'conflict', 'trash')),
    unfinished INTEGER NOT NULL GENERATED ALWAYS AS (state IN ('scheduled', 'recording')) VIRTUAL,
    ended INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    continuity INTEGER NOT NULL DEFAULT 0,
    transport INTEGER NOT NULL DEFAULT 0,
    sync INTEGER NOT NULL DEFAULT 0,
    gaps TEXT NOT NULL DEFAULT '[]',
    streams TEXT NOT NULL DEFAULT '[]',
    digest TEXT,
    reason TEXT
) STRICT;
CREATE INDEX dvr_recordings_by_start ON dvr_recordings (start, id);
CREATE INDEX dvr_recordings_unfinished ON dvr_recordings (channel, start) WHERE unfinished;

-- A channel is stored once; a finished recording is a list of slices of its segments.
CREATE TABLE dvr_segments (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    first REAL NOT NULL,
    last REAL,
    bytes INTEGER NOT NULL DEFAULT 0,
    digest TEXT
) STRICT;

CREATE TABLE dvr_slices (
    recording TEXT NOT NULL REFERENCES dvr_recordings (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    segment TEXT NOT NULL,
    from_byte INTEGER NOT NULL,
    to_byte INTEGER NOT NULL,
    PRIMARY KEY (recording, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX dvr_slices_by_segment ON dvr_slices (segment);

-- What was not received although it was wanted, until no unfinished recording needs to know.
CREATE TABLE dvr_gaps (
    channel TEXT NOT NULL,
    start REAL NOT NULL,
    stop REAL NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (channel, start)
) STRICT, WITHOUT ROWID;

-- One row: the generation of the desired state last sent, the journal entry last taken in.
CREATE TABLE dvr_recorder (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL,
    journal INTEGER NOT NULL
) STRICT;
INSERT INTO dvr_recorder (one, generation, journal) VALUES (1, 0, 0);
