-- Packs that were brought in, proposals to adopt them, and the keys with which accounts sign.

-- digest: SHA-256 of what is signed; text: pack.toml as it was brought in.
CREATE TABLE pack_text (
    digest  BLOB NOT NULL PRIMARY KEY,
    pack    TEXT NOT NULL,
    text    TEXT NOT NULL,
    kept_by BLOB NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- It counts when a second person of another organisation has signed; fact: where the log holds it.
CREATE TABLE pack_adoption (
    id              BLOB NOT NULL PRIMARY KEY,
    pack            TEXT NOT NULL,
    digest          BLOB NOT NULL,
    takes_effect_at INTEGER NOT NULL,
    reason          TEXT NOT NULL,
    proposed_by     BLOB NOT NULL,
    proposed_at     INTEGER NOT NULL,
    proposed_with   BLOB NOT NULL,
    signed_by       BLOB,
    signed_at       INTEGER,
    signed_with     BLOB,
    fact            BLOB,
    withdrawn_by    BLOB,
    withdrawn_at    INTEGER
) STRICT, WITHOUT ROWID;

-- secret: sealed like an account's other secrets.
CREATE TABLE account_key (
    account    BLOB NOT NULL PRIMARY KEY,
    public_key BLOB NOT NULL,
    secret     BLOB NOT NULL,
    made_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Adoptions are few, and every node looks for them all the time.
CREATE INDEX fact_adoption ON fact (leaf) WHERE kind = 26;
