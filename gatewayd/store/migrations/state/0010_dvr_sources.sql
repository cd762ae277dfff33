-- Sources: network tuners beside playlists and single streams, how many channels each carries at once,
-- and how its last reading went. `tried` is the last attempt to read it, `refreshed` the last that worked.
CREATE TABLE dvr_sources_new (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('http', 'm3u', 'hdhomerun')),
    url TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    skipped INTEGER NOT NULL DEFAULT 0,
    refreshed REAL,
    tried REAL,
    failures INTEGER NOT NULL DEFAULT 0,
    fault_code TEXT,
    fault_detail TEXT,
    tuners INTEGER CHECK (tuners > 0),
    own_tuners INTEGER CHECK (own_tuners > 0),
    device TEXT,
    model TEXT,
    etag TEXT,
    modified TEXT
) STRICT;
INSERT INTO dvr_sources_new (id, kind, url, name, skipped, refreshed, tried)
    SELECT id, kind, url, name, skipped, refreshed, refreshed FROM dvr_sources;
DROP TABLE dvr_sources;
ALTER TABLE dvr_sources_new RENAME TO dvr_sources;

-- What the household says of a channel wins over its source. `gone`: its source has it no more, but
-- recordings, or the household's own words, refer to it.
ALTER TABLE dvr_channels ADD COLUMN own_name TEXT;
ALTER TABLE dvr_channels ADD COLUMN own_number TEXT;
ALTER TABLE dvr_channels ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dvr_channels ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;

CREATE INDEX dvr_recordings_by_channel ON dvr_recordings (channel);
