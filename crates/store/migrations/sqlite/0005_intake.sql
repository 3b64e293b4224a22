-- Intake keys are random: one index over all of them costs a page a fact. They move to a small table that is merged into
-- a large one in order, and so do mentions.

DROP TRIGGER erasure_is_logged;
CREATE TABLE fact_new (
    leaf          INTEGER NOT NULL PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE,
    kind          INTEGER NOT NULL,
    happened_form INTEGER NOT NULL,
    happened_from INTEGER NOT NULL,
    happened_to   INTEGER NOT NULL,
    zone          TEXT,
    recorded_at   INTEGER NOT NULL,
    recorder      BLOB NOT NULL,
    channel       INTEGER NOT NULL,
    data_key      INTEGER NOT NULL,
    commitment    BLOB NOT NULL,
    leaf_hash     BLOB NOT NULL,
    mac           BLOB NOT NULL,
    source        INTEGER NOT NULL,
    intake_key    BLOB NOT NULL,
    subject       BLOB
) STRICT;
INSERT INTO fact_new SELECT * FROM fact;
DROP TABLE fact;
ALTER TABLE fact_new RENAME TO fact;
CREATE INDEX fact_about_places ON fact (kind, leaf) WHERE kind IN (11, 12, 16);
CREATE TRIGGER fact_no_update BEFORE UPDATE ON fact
BEGIN SELECT RAISE(ABORT, 'facts are never changed: add a correction'); END;
CREATE TRIGGER fact_no_delete BEFORE DELETE ON fact
BEGIN SELECT RAISE(ABORT, 'facts are never deleted'); END;
CREATE TRIGGER erasure_is_logged BEFORE INSERT ON erasure
WHEN NOT EXISTS (SELECT 1 FROM fact WHERE fact.leaf = NEW.leaf AND fact.kind = 25)
BEGIN SELECT RAISE(ABORT, 'an erasure needs its fact in the log'); END;

-- Which leaf has which intake key: token is bytes 2 to 9 of the key, which the fact has whole, under its MAC.
CREATE TABLE intake (
    source INTEGER NOT NULL,
    token  BLOB NOT NULL,
    leaf   INTEGER NOT NULL,
    PRIMARY KEY (source, token, leaf)
) STRICT, WITHOUT ROWID;
CREATE TABLE intake_recent (
    source INTEGER NOT NULL,
    token  BLOB NOT NULL,
    leaf   INTEGER NOT NULL,
    PRIMARY KEY (source, token, leaf)
) STRICT, WITHOUT ROWID;
INSERT INTO intake (source, token, leaf) SELECT source, substr(intake_key, 2, 8), leaf FROM fact ORDER BY 1, 2, 3;

-- As mention; what was found lately.
CREATE TABLE mention_recent (
    key    BLOB NOT NULL,
    kind   INTEGER NOT NULL,
    leaf   INTEGER NOT NULL,
    strong INTEGER NOT NULL,
    PRIMARY KEY (key, kind, leaf)
) STRICT, WITHOUT ROWID;
CREATE INDEX mention_recent_strong ON mention_recent (key) WHERE strong > 0;
