-- Links by which a resident, or whoever acts for one, sees the own page: only the SHA-256 of what the paper shows.
CREATE TABLE resident_link (
    token      BLOB NOT NULL PRIMARY KEY,
    person     BLOB NOT NULL,
    made_by    BLOB NOT NULL,
    made_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX resident_link_person ON resident_link (person);

-- Passes that were issued: so that a gate sees within a minute when what they say changed. colour: 0 none, 1 to 3.
CREATE TABLE pass (
    id           BLOB NOT NULL PRIMARY KEY,
    person       BLOB NOT NULL,
    issued_at    INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    colour       INTEGER NOT NULL,
    withdrawn_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX pass_expires ON pass (expires_at);

-- Appeals, derived from the log: what officers list. outcome: 0 open, 1 upheld, 2 rejected, 3 lapsed.
CREATE TABLE appeal (
    fact        BLOB NOT NULL PRIMARY KEY,
    person      BLOB NOT NULL,
    division    INTEGER NOT NULL,
    rule        TEXT NOT NULL,
    opened_by   BLOB NOT NULL,
    against     BLOB,
    filed_at    INTEGER NOT NULL,
    deadline_at INTEGER NOT NULL,
    outcome     INTEGER NOT NULL,
    decided_at  INTEGER,
    decision    BLOB,
    unit        TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX appeal_open ON appeal (outcome, deadline_at);
CREATE INDEX appeal_person ON appeal (person, filed_at);

-- Restrictions that somebody proposed, counted over 24 hours by proposer, source, place and class. Only grows.
CREATE TABLE restricting (
    no       INTEGER NOT NULL PRIMARY KEY,
    at       INTEGER NOT NULL,
    proposer BLOB NOT NULL,
    source   TEXT NOT NULL,
    place    INTEGER NOT NULL,
    class    TEXT NOT NULL,
    people   INTEGER NOT NULL
) STRICT;
CREATE INDEX restricting_at ON restricting (at);
CREATE TRIGGER restricting_no_update BEFORE UPDATE ON restricting
BEGIN SELECT RAISE(ABORT, 'what was proposed is never changed'); END;
CREATE TRIGGER restricting_no_delete BEFORE DELETE ON restricting
BEGIN SELECT RAISE(ABORT, 'what was proposed is never changed'); END;
