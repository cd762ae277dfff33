-- Finished diagnoses, the newest 200. `run` is the whole DiagnosticsRun as JSON; times are Unix seconds (UTC).
CREATE TABLE diagnostics_runs (
    id TEXT PRIMARY KEY,
    started REAL NOT NULL,
    verdict TEXT NOT NULL,
    run BLOB NOT NULL
) STRICT;
