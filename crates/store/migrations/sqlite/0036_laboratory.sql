-- Screening, derived from the log; can be thrown away and rebuilt. Instants in microseconds, days as days since 1970-01-01.
-- A tube's id is made of its barcode. holds: 0 one person's, 1 a pool, 2 a household. outcome: 0 negative, 1 positive,
-- 2 grey zone, 3 invalid.
CREATE TABLE tube (
    id          BLOB NOT NULL PRIMARY KEY,
    barcode     TEXT NOT NULL,
    division    INTEGER NOT NULL,
    holds       INTEGER NOT NULL,
    capacity    INTEGER NOT NULL,
    round       BLOB,
    site        TEXT NOT NULL,
    opened_at   INTEGER NOT NULL,
    swabs       INTEGER NOT NULL,
    first_at    INTEGER,
    last_at     INTEGER,
    sealed_at   INTEGER,
    sent_at     INTEGER,
    container   TEXT NOT NULL,
    received_at INTEGER,
    lab         BLOB,
    outcome     INTEGER,
    said_at     INTEGER,
    told_at     INTEGER,
    result      BLOB,
    corrected   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tube_owed ON tube (division, first_at) WHERE outcome IS NULL;
CREATE INDEX tube_told ON tube (division, told_at) WHERE outcome IS NOT NULL;
CREATE INDEX tube_not_negative ON tube (division, told_at) WHERE outcome > 0;
CREATE INDEX tube_lab ON tube (lab, told_at);
CREATE INDEX tube_round ON tube (round, site);

-- Nucleic samples: which tube, whose, when, and the result where it is that sample's own.
CREATE TABLE swab (
    fact        BLOB NOT NULL PRIMARY KEY,
    tube        BLOB,
    round       BLOB,
    person      BLOB NOT NULL,
    taken_at    INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    outcome     INTEGER,
    told_at     INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX swab_tube ON swab (tube, taken_at);
CREATE INDEX swab_person ON swab (person, taken_at);

-- Antigen tests that people made themselves or had made, and what followed: a task, never a status.
CREATE TABLE self_test (
    fact        BLOB NOT NULL PRIMARY KEY,
    person      BLOB NOT NULL,
    division    INTEGER NOT NULL,
    taken_at    INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    outcome     INTEGER,
    told_at     INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX self_test_told ON self_test (division, told_at);

CREATE TABLE key_member (
    person    BLOB NOT NULL,
    grp       TEXT NOT NULL,
    from_on   INTEGER NOT NULL,
    until_on  INTEGER,
    division  INTEGER NOT NULL,
    PRIMARY KEY (person, grp, from_on)
) STRICT, WITHOUT ROWID;
CREATE INDEX key_member_division ON key_member (division);

CREATE TABLE key_pause (
    fact      BLOB NOT NULL PRIMARY KEY,
    person    BLOB NOT NULL,
    reason    INTEGER NOT NULL,
    from_on   INTEGER NOT NULL,
    until_on  INTEGER,
    division  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX key_pause_division ON key_pause (division);

-- sites: as JSON.
CREATE TABLE screening_round (
    fact      BLOB NOT NULL PRIMARY KEY,
    division  INTEGER NOT NULL,
    name      TEXT NOT NULL,
    from_at   INTEGER NOT NULL,
    until_at  INTEGER NOT NULL,
    capacity  INTEGER NOT NULL,
    sites     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
