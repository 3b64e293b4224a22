-- Messages of laboratories that could not be taken in, with the reason: mended and sent again, or dropped. What came is
-- sealed as in the vault. state: 0 waits, 1 mended, 2 dropped.
CREATE TABLE lab_message (
    id          UUID NOT NULL PRIMARY KEY,
    unit        UUID NOT NULL,
    division    BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    form        TEXT NOT NULL,
    label       TEXT NOT NULL,
    digest      BYTEA NOT NULL,
    reason      TEXT NOT NULL,
    bytes       BIGINT NOT NULL,
    sealed      BYTEA NOT NULL,
    state       BIGINT NOT NULL,
    done_at     BIGINT,
    account     UUID
);
CREATE INDEX lab_message_open ON lab_message (unit, state, received_at);
CREATE UNIQUE INDEX lab_message_digest ON lab_message (unit, digest);

-- Who was reminded of a test, and for which day it was due.
CREATE TABLE reminded (
    person   UUID NOT NULL,
    since_on BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    account  UUID NOT NULL,
    PRIMARY KEY (person, since_on)
);
