-- What holds for the whole household. `time_zone` is an IANA name; null: the box's own.
CREATE TABLE household (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    time_zone TEXT
) STRICT;
INSERT INTO household (id) VALUES (1);
