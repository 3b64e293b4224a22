-- Sentinel sites (哨点): the register with its history, what they reported (derived from the log), and who bought drugs.
-- Instants in microseconds, days as days since 1970-01-01. capabilities, drugs: one bit each.
CREATE TABLE institution (
    id           BLOB NOT NULL PRIMARY KEY,
    unit         BLOB NOT NULL,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    division     INTEGER NOT NULL,
    capabilities INTEGER NOT NULL,
    made_at      INTEGER NOT NULL,
    closed_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX institution_division ON institution (division);
CREATE INDEX institution_unit ON institution (unit);

-- Every change of the register. Only grows.
CREATE TABLE institution_change (
    no          INTEGER NOT NULL PRIMARY KEY,
    institution BLOB NOT NULL,
    at          INTEGER NOT NULL,
    account     BLOB NOT NULL,
    field       TEXT NOT NULL,
    value       TEXT NOT NULL
) STRICT;
CREATE INDEX institution_change_of ON institution_change (institution, no);

-- Who is responsible, from which day to which. Only grows: the latest line that holds on a day counts.
CREATE TABLE responsible (
    no          INTEGER NOT NULL PRIMARY KEY,
    institution BLOB NOT NULL,
    name        TEXT NOT NULL,
    from_on     INTEGER NOT NULL,
    until_on    INTEGER,
    account     BLOB NOT NULL,
    set_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX responsible_of ON responsible (institution, no);

-- Derived from facts of the kind sentinel_report. Names nobody.
CREATE TABLE sentinel_report (
    fact        BLOB NOT NULL PRIMARY KEY,
    institution BLOB NOT NULL,
    division    INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    drugs       INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    on_day      INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    reported_at INTEGER NOT NULL,
    entered_at  INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sentinel_report_day ON sentinel_report (division, on_day);
CREATE INDEX sentinel_report_site ON sentinel_report (institution, on_day);

-- Buyer and patient of a sale, sealed under the key of the class `sale` and its day; gone after term_on with that key.
CREATE TABLE sale_person (
    fact        BLOB NOT NULL PRIMARY KEY,
    institution BLOB NOT NULL,
    division    INTEGER NOT NULL,
    sold_on     INTEGER NOT NULL,
    key_day     INTEGER NOT NULL,
    term_on     INTEGER NOT NULL,
    data_key    INTEGER NOT NULL,
    sealed      BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sale_person_day ON sale_person (division, sold_on);
CREATE INDEX sale_person_term ON sale_person (term_on, key_day);

CREATE TRIGGER institution_change_no_update BEFORE UPDATE ON institution_change
BEGIN SELECT RAISE(ABORT, 'the history of the register is never changed'); END;
CREATE TRIGGER institution_change_no_delete BEFORE DELETE ON institution_change
BEGIN SELECT RAISE(ABORT, 'the history of the register is never changed'); END;
CREATE TRIGGER responsible_no_update BEFORE UPDATE ON responsible
BEGIN SELECT RAISE(ABORT, 'who was responsible is never changed'); END;
CREATE TRIGGER responsible_no_delete BEFORE DELETE ON responsible
BEGIN SELECT RAISE(ABORT, 'who was responsible is never changed'); END;
