-- How far somebody has watched a recording: an account's id, or '' for who has none (a shell, a tool).
CREATE TABLE dvr_positions (
    recording TEXT NOT NULL REFERENCES dvr_recordings (id) ON DELETE CASCADE,
    viewer TEXT NOT NULL,
    seconds REAL NOT NULL CHECK (seconds >= 0),
    changed REAL NOT NULL,
    PRIMARY KEY (recording, viewer)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER dvr_positions_of_accounts AFTER DELETE ON accounts BEGIN
    DELETE FROM dvr_positions WHERE viewer = OLD.id;
END;
