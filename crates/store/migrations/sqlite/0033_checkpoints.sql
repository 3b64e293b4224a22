-- What checkpoints did, derived from the log: checks, lorries on their way, disinfections. Nobody's name, no plate. Instants in
-- microseconds. verdict: 0 go, 1 sample and go, 2 hold, 3 care. shown: 0 pass, 1 slip, 2 document.
CREATE TABLE inspection (
    fact     BLOB NOT NULL PRIMARY KEY,
    unit     TEXT NOT NULL,
    division INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    recorded INTEGER NOT NULL,
    shown    INTEGER NOT NULL,
    verdict  INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    desk_s   INTEGER NOT NULL,
    offset_s INTEGER NOT NULL,
    offline  INTEGER NOT NULL,
    ended_at INTEGER,
    outcome  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX inspection_at ON inspection (division, at);

-- Lorries: the last step of each journey. stage: in the order of the steps. since: when the journey reached it.
CREATE TABLE lane_journey (
    journey    TEXT NOT NULL PRIMARY KEY,
    person     BLOB NOT NULL,
    division   INTEGER NOT NULL,
    unit       TEXT NOT NULL,
    stage      INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    arrived_at INTEGER NOT NULL,
    seal       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lane_journey_since ON lane_journey (division, since);

-- Disinfections that were begun, and when they were closed.
CREATE TABLE disinfection (
    fact      BLOB NOT NULL PRIMARY KEY,
    division  INTEGER NOT NULL,
    place     TEXT NOT NULL,
    begun_at  INTEGER NOT NULL,
    closed_at INTEGER,
    closed_by BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX disinfection_begun ON disinfection (division, begun_at);
