-- Who works here: units in divisions, accounts, sessions, one-time links; mandates; who read what about whom.

-- division: 12 digits, padded, so that being under a division is lying in a range.
CREATE TABLE unit (
    id        BLOB NOT NULL PRIMARY KEY,
    name      TEXT NOT NULL,
    kind      TEXT NOT NULL,
    division  INTEGER NOT NULL,
    made_at   INTEGER NOT NULL,
    closed_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX unit_division ON unit (division);

-- password: a PHC string of argon2id, empty until the holder has set one. totp: sealed; totp_step: the last one used.
CREATE TABLE account (
    id        BLOB NOT NULL PRIMARY KEY,
    unit      BLOB NOT NULL REFERENCES unit (id),
    login     TEXT NOT NULL UNIQUE,
    name      TEXT NOT NULL,
    role      TEXT NOT NULL,
    password  TEXT NOT NULL,
    totp      BLOB,
    totp_step INTEGER NOT NULL,
    demo      INTEGER NOT NULL,
    made_at   INTEGER NOT NULL,
    closed_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX account_unit ON account (unit);

-- token: the SHA-256 of what the browser holds.
CREATE TABLE session (
    token      BLOB NOT NULL PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE,
    account    BLOB NOT NULL REFERENCES account (id),
    device     TEXT NOT NULL,
    made_at    INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX session_account ON session (account);

-- account: whose first password it sets; none: it makes the first administrator.
CREATE TABLE one_time_link (
    token      BLOB NOT NULL PRIMARY KEY,
    account    BLOB,
    made_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

-- Failed sign-ins by keyed token of the login, whether or not there is such an account.
CREATE TABLE sign_in_failure (
    login       BLOB NOT NULL PRIMARY KEY,
    failures    INTEGER NOT NULL,
    locked_till INTEGER NOT NULL,
    last_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Leave to collect. It counts when a second person of another unit has signed; fact: where the log holds it.
CREATE TABLE mandate (
    id                BLOB NOT NULL PRIMARY KEY,
    collection        TEXT NOT NULL,
    area              INTEGER NOT NULL,
    legal_basis       TEXT NOT NULL,
    authority         TEXT NOT NULL,
    purpose           TEXT NOT NULL,
    impact_assessment TEXT NOT NULL,
    starts_at         INTEGER NOT NULL,
    ends_at           INTEGER NOT NULL,
    proposed_by       BLOB NOT NULL,
    proposed_at       INTEGER NOT NULL,
    signed_by         BLOB,
    signed_at         INTEGER,
    fact              BLOB,
    ended_at          INTEGER,
    ended_by          BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX mandate_collection ON mandate (collection, area);

-- Who read what about whom, for which purpose. Only grows.
CREATE TABLE access_log (
    no       INTEGER NOT NULL PRIMARY KEY,
    at       INTEGER NOT NULL,
    account  BLOB NOT NULL,
    unit     BLOB NOT NULL,
    division INTEGER NOT NULL,
    action   TEXT NOT NULL,
    purpose  TEXT NOT NULL,
    person   BLOB,
    reason   TEXT NOT NULL,
    request  TEXT NOT NULL
) STRICT;
CREATE INDEX access_log_person ON access_log (person, no);
CREATE INDEX access_log_division ON access_log (division, no);

CREATE TRIGGER access_log_no_update BEFORE UPDATE ON access_log
BEGIN SELECT RAISE(ABORT, 'the record of who looked is never changed'); END;
CREATE TRIGGER access_log_no_delete BEFORE DELETE ON access_log
BEGIN SELECT RAISE(ABORT, 'the record of who looked is never changed'); END;
