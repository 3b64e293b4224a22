-- Screening, derived from the log; can be thrown away and rebuilt. Instants in microseconds, days as days since 1970-01-01.
-- A tube's id is made of its barcode. holds: 0 one person's, 1 a pool, 2 a household. outcome: 0 negative, 1 positive,
-- 2 grey zone, 3 invalid.
CREATE TABLE tube (
    id          UUID NOT NULL PRIMARY KEY,
    barcode     TEXT NOT NULL,
    division    BIGINT NOT NULL,
    holds       BIGINT NOT NULL,
    capacity    BIGINT NOT NULL,
    round       UUID,
    site        TEXT NOT NULL,
    opened_at   BIGINT NOT NULL,
    swabs       BIGINT NOT NULL,
    first_at    BIGINT,
    last_at     BIGINT,
    sealed_at   BIGINT,
    sent_at     BIGINT,
    container   TEXT NOT NULL,
    received_at BIGINT,
    lab         UUID,
    outcome     BIGINT,
    said_at     BIGINT,
    told_at     BIGINT,
    result      UUID,
    corrected   BIGINT NOT NULL
);
CREATE INDEX tube_owed ON tube (division, first_at) WHERE outcome IS NULL;
CREATE INDEX tube_told ON tube (division, told_at) WHERE outcome IS NOT NULL;
CREATE INDEX tube_not_negative ON tube (division, told_at) WHERE outcome > 0;
CREATE INDEX tube_lab ON tube (lab, told_at);
CREATE INDEX tube_round ON tube (round, site);

-- Nucleic samples: which tube, whose, when, and the result where it is that sample's own.
CREATE TABLE swab (
    fact        UUID NOT NULL PRIMARY KEY,
    tube        UUID,
    round       UUID,
    person      UUID NOT NULL,
    taken_at    BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    outcome     BIGINT,
    told_at     BIGINT
);
CREATE INDEX swab_tube ON swab (tube, taken_at);
CREATE INDEX swab_person ON swab (person, taken_at);

-- Antigen tests that people made themselves or had made, and what followed: a task, never a status.
CREATE TABLE self_test (
    fact        UUID NOT NULL PRIMARY KEY,
    person      UUID NOT NULL,
    division    BIGINT NOT NULL,
    taken_at    BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    outcome     BIGINT,
    told_at     BIGINT
);
CREATE INDEX self_test_told ON self_test (division, told_at);

CREATE TABLE key_member (
    person    UUID NOT NULL,
    grp       TEXT NOT NULL,
    from_on   BIGINT NOT NULL,
    until_on  BIGINT,
    division  BIGINT NOT NULL,
    PRIMARY KEY (person, grp, from_on)
);
CREATE INDEX key_member_division ON key_member (division);

CREATE TABLE key_pause (
    fact      UUID NOT NULL PRIMARY KEY,
    person    UUID NOT NULL,
    reason    BIGINT NOT NULL,
    from_on   BIGINT NOT NULL,
    until_on  BIGINT,
    division  BIGINT NOT NULL
);
CREATE INDEX key_pause_division ON key_pause (division);

-- sites: as JSON.
CREATE TABLE screening_round (
    fact      UUID NOT NULL PRIMARY KEY,
    division  BIGINT NOT NULL,
    name      TEXT NOT NULL,
    from_at   BIGINT NOT NULL,
    until_at  BIGINT NOT NULL,
    capacity  BIGINT NOT NULL,
    sites     TEXT NOT NULL
);
