-- Intake keys are random: one index over all of them costs a page a fact. They move to a small table that is merged into
-- a large one in order, and so do mentions.

ALTER TABLE fact DROP CONSTRAINT fact_source_intake_key_key;

-- Which leaf has which intake key: token is bytes 2 to 9 of the key, which the fact has whole, under its MAC.
CREATE TABLE intake (
    source BIGINT NOT NULL,
    token  BYTEA NOT NULL,
    leaf   BIGINT NOT NULL,
    PRIMARY KEY (source, token, leaf)
);
CREATE TABLE intake_recent (
    source BIGINT NOT NULL,
    token  BYTEA NOT NULL,
    leaf   BIGINT NOT NULL,
    PRIMARY KEY (source, token, leaf)
);
INSERT INTO intake (source, token, leaf) SELECT source, substr(intake_key, 2, 8), leaf FROM fact ORDER BY 1, 2, 3;

-- As mention; what was found lately.
CREATE TABLE mention_recent (
    key    BYTEA NOT NULL,
    kind   BIGINT NOT NULL,
    leaf   BIGINT NOT NULL,
    strong BIGINT NOT NULL,
    PRIMARY KEY (key, kind, leaf)
);
CREATE INDEX mention_recent_strong ON mention_recent (key) WHERE strong > 0;
