-- Outages. `start` and `ended` are Unix seconds (UTC), `start_ran` and `ended_ran` the seconds that the kernel had
-- run in the boot `boot`: the measure of `seconds`, and what dates an outage anew while `dated` is 0.
CREATE TABLE outages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    scope TEXT NOT NULL,
    lines TEXT NOT NULL,
    cause TEXT NOT NULL,
    boot TEXT NOT NULL,
    start_ran REAL NOT NULL,
    ended_ran REAL,
    start REAL NOT NULL,
    ended REAL,
    seconds REAL,
    dated INTEGER NOT NULL,
    alerted INTEGER NOT NULL,
    quiet INTEGER NOT NULL,
    certain INTEGER NOT NULL
) STRICT;
CREATE INDEX outages_start ON outages (start);
-- What the provider says of outages: as the portal told it last, replaced as a whole.
CREATE TABLE outages_reported (
    id TEXT PRIMARY KEY,
    start REAL,
    ended REAL,
    sentence TEXT NOT NULL,
    told REAL NOT NULL
) STRICT;
-- Steps of self-repair that were taken: the row is written before the step. `ran` and `boot` as above.
CREATE TABLE repairs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    step TEXT NOT NULL,
    outage TEXT NOT NULL,
    verdict TEXT NOT NULL,
    boot TEXT NOT NULL,
    ran REAL NOT NULL,
    began REAL NOT NULL,
    state TEXT NOT NULL,
    seconds REAL,
    note TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX repairs_outage ON repairs (outage);
-- Which steps the household allows; a step without a row is not allowed.
CREATE TABLE repair_steps (
    step TEXT PRIMARY KEY
) STRICT;
