-- Packs that were brought in, proposals to adopt them, and the keys with which accounts sign.

-- digest: SHA-256 of what is signed; text: pack.toml as it was brought in.
CREATE TABLE pack_text (
    digest  BYTEA NOT NULL PRIMARY KEY,
    pack    TEXT NOT NULL,
    text    TEXT NOT NULL,
    kept_by UUID NOT NULL,
    kept_at BIGINT NOT NULL
);

-- It counts when a second person of another organisation has signed; fact: where the log holds it.
CREATE TABLE pack_adoption (
    id              UUID NOT NULL PRIMARY KEY,
    pack            TEXT NOT NULL,
    digest          BYTEA NOT NULL,
    takes_effect_at BIGINT NOT NULL,
    reason          TEXT NOT NULL,
    proposed_by     UUID NOT NULL,
    proposed_at     BIGINT NOT NULL,
    proposed_with   BYTEA NOT NULL,
    signed_by       UUID,
    signed_at       BIGINT,
    signed_with     BYTEA,
    fact            UUID,
    withdrawn_by    UUID,
    withdrawn_at    BIGINT
);

-- secret: sealed like an account's other secrets.
CREATE TABLE account_key (
    account    UUID NOT NULL PRIMARY KEY,
    public_key BYTEA NOT NULL,
    secret     BYTEA NOT NULL,
    made_at    BIGINT NOT NULL
);

-- Adoptions are few, and every node looks for them all the time.
CREATE INDEX fact_adoption ON fact (leaf) WHERE kind = 26;
