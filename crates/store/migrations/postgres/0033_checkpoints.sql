-- What checkpoints did, derived from the log: checks, lorries on their way, disinfections. Nobody's name, no plate. Instants in
-- microseconds. verdict: 0 go, 1 sample and go, 2 hold, 3 care. shown: 0 pass, 1 slip, 2 document.
CREATE TABLE inspection (
    fact     UUID NOT NULL PRIMARY KEY,
    unit     TEXT NOT NULL,
    division BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    recorded BIGINT NOT NULL,
    shown    BIGINT NOT NULL,
    verdict  BIGINT NOT NULL,
    reason   TEXT NOT NULL,
    desk_s   BIGINT NOT NULL,
    offset_s BIGINT NOT NULL,
    offline  BIGINT NOT NULL,
    ended_at BIGINT,
    outcome  TEXT NOT NULL
);
CREATE INDEX inspection_at ON inspection (division, at);

-- Lorries: the last step of each journey. stage: in the order of the steps. since: when the journey reached it.
CREATE TABLE lane_journey (
    journey    TEXT NOT NULL PRIMARY KEY,
    person     UUID NOT NULL,
    division   BIGINT NOT NULL,
    unit       TEXT NOT NULL,
    stage      BIGINT NOT NULL,
    since      BIGINT NOT NULL,
    arrived_at BIGINT NOT NULL,
    seal       TEXT NOT NULL
);
CREATE INDEX lane_journey_since ON lane_journey (division, since);

-- Disinfections that were begun, and when they were closed.
CREATE TABLE disinfection (
    fact      UUID NOT NULL PRIMARY KEY,
    division  BIGINT NOT NULL,
    place     TEXT NOT NULL,
    begun_at  BIGINT NOT NULL,
    closed_at BIGINT,
    closed_by UUID
);
CREATE INDEX disinfection_begun ON disinfection (division, begun_at);
