-- What the household set on a radio and has proven (JSON of a tuning); a radio without a row is as installed.
CREATE TABLE wifi_radios (
    id TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    tuning TEXT NOT NULL
) STRICT;

-- A change of a radio has no network ('') but a radio and the tuning that it leads to.
ALTER TABLE wifi_changes ADD COLUMN radio TEXT;
ALTER TABLE wifi_changes ADD COLUMN tuning TEXT;
