-- What the line was like while it was well, as JSON: one row.
CREATE TABLE diagnostics_learned (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    learned BLOB NOT NULL
) STRICT;
