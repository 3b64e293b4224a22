-- Derived from the log; can be thrown away and rebuilt.

-- Which facts are about or name a person, name a fact, pool, site or area. key: a tag byte and the id or code. kind: of
-- the fact, so that a look-up reads only kinds that matter. bearing: how much the fact can change by itself, from 0.
-- city: of a stay, the first four digits of its area, else 0.
CREATE TABLE mention (
    key     BYTEA NOT NULL,
    kind    BIGINT NOT NULL,
    leaf    BIGINT NOT NULL,
    bearing BIGINT NOT NULL,
    city    BIGINT NOT NULL,
    PRIMARY KEY (key, kind, leaf)
);

CREATE TABLE assessment (
    person         UUID NOT NULL PRIMARY KEY,
    division       BIGINT NOT NULL,
    colour         BIGINT NOT NULL,
    strictness     BIGINT NOT NULL,
    ends_at        BIGINT NOT NULL,
    next_change_at BIGINT NOT NULL,
    known_leaf     BIGINT NOT NULL,
    dossier        BYTEA NOT NULL,
    context        BYTEA NOT NULL,
    answer         TEXT NOT NULL,
    mac            BYTEA NOT NULL
);
CREATE INDEX assessment_next_change ON assessment (next_change_at);

-- How far a projection has read the log. What lies beyond is the work that is owed.
CREATE TABLE watermark (
    projection TEXT NOT NULL PRIMARY KEY,
    leaf       BIGINT NOT NULL
);

CREATE TABLE import (
    list        TEXT NOT NULL PRIMARY KEY,
    file_digest BYTEA NOT NULL,
    mapping     TEXT NOT NULL,
    rows_done   BIGINT NOT NULL,
    accepted    BIGINT NOT NULL,
    rejected    BIGINT NOT NULL,
    finished    BIGINT NOT NULL,
    started_at  BIGINT NOT NULL
);

CREATE TABLE job (
    id          UUID NOT NULL PRIMARY KEY,
    kind        TEXT NOT NULL,
    once_key    TEXT NOT NULL UNIQUE,
    due_at      BIGINT NOT NULL,
    leased_till BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    content     TEXT NOT NULL
);
CREATE INDEX job_due ON job (due_at);

-- Closed days of the ledger: sealed segments outside the database, known by their digest.
CREATE TABLE manifest (
    day    BIGINT NOT NULL,
    part   BIGINT NOT NULL,
    file   TEXT NOT NULL,
    digest BYTEA NOT NULL,
    leaf   BIGINT NOT NULL,
    PRIMARY KEY (day, part)
);
