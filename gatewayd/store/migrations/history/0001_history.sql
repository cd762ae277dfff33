-- Measurements. Times are Unix seconds (UTC), whole; a bucket's time is its beginning. `sum`/`count` is the mean.
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE samples (
    series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    step INTEGER NOT NULL,  -- 1 (as measured), 300, 3600
    time INTEGER NOT NULL,
    count INTEGER NOT NULL,
    sum REAL NOT NULL,
    low REAL NOT NULL,
    high REAL NOT NULL,
    PRIMARY KEY (series, step, time)
) STRICT, WITHOUT ROWID;
-- For how many seconds of a day (of the household's zone) the outage watch was looking.
CREATE TABLE watched (
    day TEXT PRIMARY KEY,
    seconds REAL NOT NULL
) STRICT;
