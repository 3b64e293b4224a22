-- Presence: who was where. Rows of the live day, never facts; a closed day is a sealed segment outside the database.

-- Numbers of people in the ledger; whoever has no stay left loses theirs.
CREATE TABLE ledger_person (
    no     INTEGER NOT NULL PRIMARY KEY,
    person BLOB NOT NULL UNIQUE
) STRICT;

-- The register of places. Names are sealed: that of a home is an address.
CREATE TABLE place (
    no        INTEGER NOT NULL PRIMARY KEY,
    id        BLOB NOT NULL UNIQUE,
    token     BLOB NOT NULL UNIQUE,
    division  INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    sealed    BLOB NOT NULL,
    capacity  INTEGER,
    added_at  INTEGER NOT NULL,
    closed_at INTEGER
) STRICT;
CREATE INDEX place_division ON place (division);

-- What was seen since the last closing, sealed under the key of its day.
CREATE TABLE presence_row (
    key    BLOB NOT NULL PRIMARY KEY,
    day    INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Seats of stays that are in segments, sealed under the key of their day.
CREATE TABLE presence_seat (
    key    BLOB NOT NULL PRIMARY KEY,
    day    INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys of rows that are in segments: sent again, they are known.
CREATE TABLE presence_key (
    key     BLOB NOT NULL PRIMARY KEY,
    day     INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX presence_key_day ON presence_key (day);

ALTER TABLE manifest ADD COLUMN rows INTEGER NOT NULL DEFAULT 0;
ALTER TABLE manifest ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
