-- Persons whom nobody opens without breaking the glass, and the glasses that were broken.

CREATE TABLE protected_person (
    person BLOB NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    by     BLOB NOT NULL,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Leave that somebody took: one account, one person, a reason and an end. Only grows.
CREATE TABLE break_glass (
    id       BLOB NOT NULL PRIMARY KEY,
    account  BLOB NOT NULL REFERENCES account (id),
    division INTEGER NOT NULL,
    person   BLOB NOT NULL,
    reason   TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    ends_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX break_glass_account ON break_glass (account, person);
CREATE INDEX break_glass_division ON break_glass (division, begun_at);

-- What the log was found to be, each time that it was verified.
CREATE TABLE verification (
    at       INTEGER NOT NULL PRIMARY KEY,
    leaves   INTEGER NOT NULL,
    findings INTEGER NOT NULL,
    account  BLOB NOT NULL
) STRICT;
