-- Presence: who was where. Rows of the live day, never facts; a closed day is a sealed segment outside the database.

-- Numbers of people in the ledger; whoever has no stay left loses theirs.
CREATE TABLE ledger_person (
    no     BIGINT NOT NULL PRIMARY KEY,
    person UUID NOT NULL UNIQUE
);

-- The register of places. Names are sealed: that of a home is an address.
CREATE TABLE place (
    no        BIGINT NOT NULL PRIMARY KEY,
    id        UUID NOT NULL UNIQUE,
    token     BYTEA NOT NULL UNIQUE,
    division  BIGINT NOT NULL,
    kind      TEXT NOT NULL,
    sealed    BYTEA NOT NULL,
    capacity  BIGINT,
    added_at  BIGINT NOT NULL,
    closed_at BIGINT
);
CREATE INDEX place_division ON place (division);

-- What was seen since the last closing, sealed under the key of its day.
CREATE TABLE presence_row (
    key    BYTEA NOT NULL PRIMARY KEY,
    day    BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);

-- Seats of stays that are in segments, sealed under the key of their day.
CREATE TABLE presence_seat (
    key    BYTEA NOT NULL PRIMARY KEY,
    day    BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);

-- Keys of rows that are in segments: sent again, they are known.
CREATE TABLE presence_key (
    key     BYTEA NOT NULL PRIMARY KEY,
    day     BIGINT NOT NULL,
    content BYTEA NOT NULL
);
CREATE INDEX presence_key_day ON presence_key (day);

ALTER TABLE manifest ADD COLUMN rows BIGINT NOT NULL DEFAULT 0;
ALTER TABLE manifest ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;
