-- The log of facts: envelopes that only grow, sealed bodies that go only with an erasure, the tree over all leaves.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Keys that do the work, wrapped under the node's master key. purpose: retention class, or a system purpose from 100.
CREATE TABLE data_key (
    no          INTEGER NOT NULL PRIMARY KEY,
    purpose     INTEGER NOT NULL,
    day         INTEGER NOT NULL,
    master      INTEGER NOT NULL,
    wrapped     BLOB,
    certificate INTEGER,
    UNIQUE (purpose, day)
) STRICT;

CREATE TABLE recorder (
    id         BLOB NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    public_key BLOB NOT NULL,
    added_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE source (
    no    INTEGER NOT NULL PRIMARY KEY,
    scope TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE submission (
    first_leaf  INTEGER NOT NULL PRIMARY KEY,
    facts       INTEGER NOT NULL,
    recorder    BLOB NOT NULL,
    digest      BLOB NOT NULL,
    signature   BLOB NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;

CREATE TABLE fact (
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
    subject       BLOB,
    UNIQUE (source, intake_key)
) STRICT;

-- Areas declared or ended and sites reset: few, and read together.
CREATE INDEX fact_about_places ON fact (kind, leaf) WHERE kind IN (11, 12, 16);

CREATE TABLE body (
    leaf     INTEGER NOT NULL PRIMARY KEY,
    data_key INTEGER NOT NULL,
    sealed   BLOB NOT NULL
) STRICT;

-- Hashes of complete subtrees of 256^level leaves.
CREATE TABLE log_node (
    level    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_head (
    one       INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    size      INTEGER NOT NULL,
    frontier  BLOB NOT NULL,
    root      BLOB NOT NULL,
    signed_at INTEGER NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE TABLE checkpoint (
    size      INTEGER NOT NULL PRIMARY KEY,
    root      BLOB NOT NULL,
    signed_at INTEGER NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE TABLE erasure (
    certificate INTEGER NOT NULL PRIMARY KEY,
    data_key    INTEGER NOT NULL UNIQUE,
    leaf        INTEGER NOT NULL
) STRICT;

CREATE TRIGGER fact_no_update BEFORE UPDATE ON fact
BEGIN SELECT RAISE(ABORT, 'facts are never changed: add a correction'); END;
CREATE TRIGGER fact_no_delete BEFORE DELETE ON fact
BEGIN SELECT RAISE(ABORT, 'facts are never deleted'); END;
CREATE TRIGGER body_no_update BEFORE UPDATE ON body
BEGIN SELECT RAISE(ABORT, 'bodies are never changed: add a correction'); END;
CREATE TRIGGER body_delete_with_erasure BEFORE DELETE ON body
WHEN NOT EXISTS (SELECT 1 FROM erasure WHERE erasure.data_key = OLD.data_key)
BEGIN SELECT RAISE(ABORT, 'a body goes only with a logged erasure'); END;
CREATE TRIGGER erasure_is_logged BEFORE INSERT ON erasure
WHEN NOT EXISTS (SELECT 1 FROM fact WHERE fact.leaf = NEW.leaf AND fact.kind = 25)
BEGIN SELECT RAISE(ABORT, 'an erasure needs its fact in the log'); END;
CREATE TRIGGER erasure_no_update BEFORE UPDATE ON erasure
BEGIN SELECT RAISE(ABORT, 'erasures are never changed'); END;
CREATE TRIGGER erasure_no_delete BEFORE DELETE ON erasure
BEGIN SELECT RAISE(ABORT, 'erasures are never deleted'); END;
CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'checkpoints are never changed'); END;
CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'checkpoints are never deleted'); END;
CREATE TRIGGER submission_no_update BEFORE UPDATE ON submission
BEGIN SELECT RAISE(ABORT, 'submissions are never changed'); END;
CREATE TRIGGER submission_no_delete BEFORE DELETE ON submission
BEGIN SELECT RAISE(ABORT, 'submissions are never deleted'); END;
CREATE TRIGGER log_node_no_update BEFORE UPDATE ON log_node
BEGIN SELECT RAISE(ABORT, 'the tree is never changed'); END;
CREATE TRIGGER log_node_no_delete BEFORE DELETE ON log_node
BEGIN SELECT RAISE(ABORT, 'the tree is never changed'); END;
CREATE TRIGGER log_head_only_grows BEFORE UPDATE ON log_head WHEN NEW.size < OLD.size
BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
CREATE TRIGGER log_head_no_delete BEFORE DELETE ON log_head
BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
