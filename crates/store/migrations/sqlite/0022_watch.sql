-- Who brought in a batch: the facts of so many leaves from the first on came under this account. Only grows.
CREATE TABLE proposed (
    first_leaf INTEGER NOT NULL PRIMARY KEY,
    facts      INTEGER NOT NULL,
    account    BLOB NOT NULL,
    list       TEXT NOT NULL
) STRICT;
CREATE TRIGGER proposed_no_update BEFORE UPDATE ON proposed
BEGIN SELECT RAISE(ABORT, 'who proposed something is never changed'); END;
CREATE TRIGGER proposed_no_delete BEFORE DELETE ON proposed
BEGIN SELECT RAISE(ABORT, 'who proposed something is never changed'); END;

-- Proposals of the last weeks as the watch sees them, derived from the log. officer: an account, or whoever gives the keys.
-- target: the case, contact or area; homes are divisions, 0: not known. untied: nothing on record ties the person to the
-- target. copied: place and time are those of somebody of another community.
CREATE TABLE watched (
    fact        BLOB NOT NULL PRIMARY KEY,
    lead        BLOB NOT NULL,
    at          INTEGER NOT NULL,
    class       TEXT NOT NULL,
    officer     TEXT NOT NULL,
    list        TEXT NOT NULL,
    person      BLOB NOT NULL,
    home        INTEGER NOT NULL,
    target      TEXT NOT NULL,
    target_home INTEGER NOT NULL,
    from_at     INTEGER NOT NULL,
    to_at       INTEGER NOT NULL,
    untied      INTEGER NOT NULL,
    copied      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX watched_at ON watched (at);
CREATE INDEX watched_person ON watched (person, at);
CREATE INDEX watched_target ON watched (target, from_at);

-- How many people each register has: groups in which a cluster would be a sign. Derived from the log.
CREATE TABLE watched_register (
    source INTEGER NOT NULL PRIMARY KEY,
    people INTEGER NOT NULL
) STRICT;

-- Freezes with their decisions, derived from the log. outcome: 0 open, 1 lifted, 2 upheld.
CREATE TABLE watch_freeze (
    fact       BLOB NOT NULL PRIMARY KEY,
    class      TEXT NOT NULL,
    officer    TEXT NOT NULL,
    division   INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    until_at   INTEGER NOT NULL,
    outcome    INTEGER NOT NULL,
    decided_at INTEGER,
    holds_till INTEGER,
    told       TEXT NOT NULL,
    decision   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX watch_freeze_officer ON watch_freeze (officer, at);
CREATE INDEX watch_freeze_at ON watch_freeze (at);

-- Steps of loops, refused orders and alternative paths, counted for the public figures; derived from the log.
CREATE TABLE figure (
    name  TEXT NOT NULL PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
