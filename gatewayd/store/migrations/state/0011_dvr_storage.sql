-- What television may use of its disk, and what a recording is kept for. One row; sizes are bytes.
-- Neither `quota` nor `quota_percent` (of the disk): only the reserve limits television.
CREATE TABLE dvr_storage (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    quota INTEGER CHECK (quota > 0),
    quota_percent INTEGER CHECK (quota_percent BETWEEN 1 AND 100),
    reserve INTEGER NOT NULL,
    pad_before REAL NOT NULL,
    pad_after REAL NOT NULL,
    keep TEXT NOT NULL,
    trash_days INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    CHECK (quota IS NULL OR quota_percent IS NULL)
) STRICT;
INSERT INTO dvr_storage (one, reserve, pad_before, pad_after, keep, trash_days, revision)
    VALUES (1, 268435456, 0, 0, 'until_space', 30, 1);

-- `pad_before`, `pad_after`: seconds that are recorded besides. `trashed`: since when it is in the trash; a
-- running one ends then. `shown` is its state as everybody sees it.
ALTER TABLE dvr_recordings ADD COLUMN pad_before REAL NOT NULL DEFAULT 0 CHECK (pad_before >= 0);
ALTER TABLE dvr_recordings ADD COLUMN pad_after REAL NOT NULL DEFAULT 0 CHECK (pad_after >= 0);
ALTER TABLE dvr_recordings ADD COLUMN keep TEXT NOT NULL DEFAULT 'until_space'
    CHECK (keep IN ('until_space', 'forever') OR keep GLOB 'days:[1-9]*');
ALTER TABLE dvr_recordings ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dvr_recordings ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE dvr_recordings ADD COLUMN trashed REAL;
ALTER TABLE dvr_recordings ADD COLUMN shown TEXT NOT NULL
    GENERATED ALWAYS AS (CASE WHEN trashed IS NULL THEN state ELSE 'trash' END) VIRTUAL;
CREATE INDEX dvr_recordings_trash ON dvr_recordings (trashed) WHERE trashed IS NOT NULL;

-- Segments that no recording holds are looked for all the time: `held` says where not to look. It may be 0 for
-- one that is held (another recording let go of it), never 1 for one that is not.
ALTER TABLE dvr_segments ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
UPDATE dvr_segments SET held = 1 WHERE id IN (SELECT segment FROM dvr_slices);
CREATE INDEX dvr_segments_not_held ON dvr_segments (channel) WHERE NOT held;
CREATE INDEX dvr_segments_by_time ON dvr_segments (channel, last);
CREATE TRIGGER dvr_slices_hold AFTER INSERT ON dvr_slices BEGIN
    UPDATE dvr_segments SET held = 1 WHERE id = NEW.segment;
END;
CREATE TRIGGER dvr_slices_let_go AFTER DELETE ON dvr_slices BEGIN
    UPDATE dvr_segments SET held = 0 WHERE id = OLD.segment;
END;

-- How much a channel sends: bytes in so many seconds of its newest television.
CREATE TABLE dvr_rates (
    channel TEXT PRIMARY KEY,
    bytes REAL NOT NULL,
    seconds REAL NOT NULL CHECK (seconds > 0)
) STRICT, WITHOUT ROWID;
INSERT INTO dvr_rates (channel, bytes, seconds)
    SELECT channel, sum(bytes), sum(last - first) FROM dvr_segments
    WHERE last > first GROUP BY channel;
