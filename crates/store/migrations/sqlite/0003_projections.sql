-- Derived from the log; can be thrown away and rebuilt.

-- Which facts are about or name a person, name a fact, pool, site or area. key: a tag byte and the id or code. kind: of
-- the fact, so that a look-up reads only kinds that matter. bearing: how much the fact can change by itself, from 0.
-- city: of a stay, the first four digits of its area, else 0.
CREATE TABLE mention (
    key     BLOB NOT NULL,
    kind    INTEGER NOT NULL,
    leaf    INTEGER NOT NULL,
    bearing INTEGER NOT NULL,
    city    INTEGER NOT NULL,
    PRIMARY KEY (key, kind, leaf)
) STRICT, WITHOUT ROWID;

CREATE TABLE assessment (
    person         BLOB NOT NULL PRIMARY KEY,
    division       INTEGER NOT NULL,
    colour         INTEGER NOT NULL,
    strictness     INTEGER NOT NULL,
    ends_at        INTEGER NOT NULL,
    next_change_at INTEGER NOT NULL,
    known_leaf     INTEGER NOT NULL,
    dossier        BLOB NOT NULL,
    context        BLOB NOT NULL,
    answer         TEXT NOT NULL,
    mac            BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX assessment_next_change ON assessment (next_change_at);

-- How far a projection has read the log. What lies beyond is the work that is owed.
CREATE TABLE watermark (
    projection TEXT NOT NULL PRIMARY KEY,
    leaf       INTEGER NOT NULL
) STRICT;

CREATE TABLE import (
    list        TEXT NOT NULL PRIMARY KEY,
    file_digest BLOB NOT NULL,
    mapping     TEXT NOT NULL,
    rows_done   INTEGER NOT NULL,
    accepted    INTEGER NOT NULL,
    rejected    INTEGER NOT NULL,
    finished    INTEGER NOT NULL,
    started_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE job (
    id          BLOB NOT NULL PRIMARY KEY,
    kind        TEXT NOT NULL,
    once_key    TEXT NOT NULL UNIQUE,
    due_at      INTEGER NOT NULL,
    leased_till INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    content     TEXT NOT NULL
) STRICT;
CREATE INDEX job_due ON job (due_at);

-- Closed days of the ledger: sealed segments outside the database, known by their digest.
CREATE TABLE manifest (
    day    INTEGER NOT NULL,
    part   INTEGER NOT NULL,
    file   TEXT NOT NULL,
    digest BLOB NOT NULL,
    leaf   INTEGER NOT NULL,
    PRIMARY KEY (day, part)
) STRICT, WITHOUT ROWID;
