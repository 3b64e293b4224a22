-- Messages of laboratories that could not be taken in, with the reason: mended and sent again, or dropped. What came is
-- sealed as in the vault. state: 0 waits, 1 mended, 2 dropped.
CREATE TABLE lab_message (
    id          BLOB NOT NULL PRIMARY KEY,
    unit        BLOB NOT NULL,
    division    INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    form        TEXT NOT NULL,
    label       TEXT NOT NULL,
    digest      BLOB NOT NULL,
    reason      TEXT NOT NULL,
    bytes       INTEGER NOT NULL,
    sealed      BLOB NOT NULL,
    state       INTEGER NOT NULL,
    done_at     INTEGER,
    account     BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX lab_message_open ON lab_message (unit, state, received_at);
CREATE UNIQUE INDEX lab_message_digest ON lab_message (unit, digest);

-- Who was reminded of a test, and for which day it was due.
CREATE TABLE reminded (
    person   BLOB NOT NULL,
    since_on INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    account  BLOB NOT NULL,
    PRIMARY KEY (person, since_on)
) STRICT, WITHOUT ROWID;
