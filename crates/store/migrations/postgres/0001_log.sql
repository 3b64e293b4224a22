-- The log of facts: envelopes that only grow, sealed bodies that go only with an erasure, the tree over all leaves.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Keys that do the work, wrapped under the node's master key. purpose: retention class, or a system purpose from 100.
CREATE TABLE data_key (
    no          BIGINT NOT NULL PRIMARY KEY,
    purpose     BIGINT NOT NULL,
    day         BIGINT NOT NULL,
    master      BIGINT NOT NULL,
    wrapped     BYTEA,
    certificate BIGINT,
    UNIQUE (purpose, day)
);

CREATE TABLE recorder (
    id         UUID NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    added_at   BIGINT NOT NULL
);

CREATE TABLE source (
    no    BIGINT NOT NULL PRIMARY KEY,
    scope TEXT NOT NULL UNIQUE
);

CREATE TABLE submission (
    first_leaf  BIGINT NOT NULL PRIMARY KEY,
    facts       BIGINT NOT NULL,
    recorder    UUID NOT NULL,
    digest      BYTEA NOT NULL,
    signature   BYTEA NOT NULL,
    received_at BIGINT NOT NULL
);

CREATE TABLE fact (
    leaf          BIGINT NOT NULL PRIMARY KEY,
    id            UUID NOT NULL UNIQUE,
    kind          BIGINT NOT NULL,
    happened_form BIGINT NOT NULL,
    happened_from BIGINT NOT NULL,
    happened_to   BIGINT NOT NULL,
    zone          TEXT,
    recorded_at   BIGINT NOT NULL,
    recorder      UUID NOT NULL,
    channel       BIGINT NOT NULL,
    data_key      BIGINT NOT NULL,
    commitment    BYTEA NOT NULL,
    leaf_hash     BYTEA NOT NULL,
    mac           BYTEA NOT NULL,
    source        BIGINT NOT NULL,
    intake_key    BYTEA NOT NULL,
    subject       UUID,
    UNIQUE (source, intake_key)
);

-- Areas declared or ended and sites reset: few, and read together.
CREATE INDEX fact_about_places ON fact (kind, leaf) WHERE kind IN (11, 12, 16);

CREATE TABLE body (
    leaf     BIGINT NOT NULL PRIMARY KEY,
    data_key BIGINT NOT NULL,
    sealed   BYTEA NOT NULL
);

-- Hashes of complete subtrees of 256^level leaves.
CREATE TABLE log_node (
    level    BIGINT NOT NULL,
    position BIGINT NOT NULL,
    hash     BYTEA NOT NULL,
    PRIMARY KEY (level, position)
);

CREATE TABLE log_head (
    one       BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    size      BIGINT NOT NULL,
    frontier  BYTEA NOT NULL,
    root      BYTEA NOT NULL,
    signed_at BIGINT NOT NULL,
    signature BYTEA NOT NULL
);

CREATE TABLE checkpoint (
    size      BIGINT NOT NULL PRIMARY KEY,
    root      BYTEA NOT NULL,
    signed_at BIGINT NOT NULL,
    signature BYTEA NOT NULL
);

CREATE TABLE erasure (
    certificate BIGINT NOT NULL PRIMARY KEY,
    data_key    BIGINT NOT NULL UNIQUE,
    leaf        BIGINT NOT NULL
);

CREATE FUNCTION fact_no_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'facts are never changed: add a correction';
    RETURN NEW;
END
$guard$;
CREATE TRIGGER fact_no_update BEFORE UPDATE ON fact FOR EACH ROW EXECUTE FUNCTION fact_no_update();
CREATE FUNCTION fact_no_delete() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'facts are never deleted';
    RETURN OLD;
END
$guard$;
CREATE TRIGGER fact_no_delete BEFORE DELETE ON fact FOR EACH ROW EXECUTE FUNCTION fact_no_delete();
CREATE FUNCTION body_no_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'bodies are never changed: add a correction';
    RETURN NEW;
END
$guard$;
CREATE TRIGGER body_no_update BEFORE UPDATE ON body FOR EACH ROW EXECUTE FUNCTION body_no_update();
CREATE FUNCTION body_delete_with_erasure() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM erasure WHERE erasure.data_key = OLD.data_key) THEN
        RAISE EXCEPTION 'a body goes only with a logged erasure';
    END IF;
    RETURN OLD;
END
$guard$;
CREATE TRIGGER body_delete_with_erasure BEFORE DELETE ON body FOR EACH ROW EXECUTE FUNCTION body_delete_with_erasure();
CREATE FUNCTION erasure_is_logged() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM fact WHERE fact.leaf = NEW.leaf AND fact.kind = 25) THEN
        RAISE EXCEPTION 'an erasure needs its fact in the log';
    END IF;
    RETURN NEW;
END
$guard$;
CREATE TRIGGER erasure_is_logged BEFORE INSERT ON erasure FOR EACH ROW EXECUTE FUNCTION erasure_is_logged();
CREATE FUNCTION erasure_no_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'erasures are never changed';
    RETURN NEW;
END
$guard$;
CREATE TRIGGER erasure_no_update BEFORE UPDATE ON erasure FOR EACH ROW EXECUTE FUNCTION erasure_no_update();
CREATE FUNCTION erasure_no_delete() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'erasures are never deleted';
    RETURN OLD;
END
$guard$;
CREATE TRIGGER erasure_no_delete BEFORE DELETE ON erasure FOR EACH ROW EXECUTE FUNCTION erasure_no_delete();
CREATE FUNCTION checkpoint_no_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'checkpoints are never changed';
    RETURN NEW;
END
$guard$;
CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint FOR EACH ROW EXECUTE FUNCTION checkpoint_no_update();
CREATE FUNCTION checkpoint_no_delete() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'checkpoints are never deleted';
    RETURN OLD;
END
$guard$;
CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint FOR EACH ROW EXECUTE FUNCTION checkpoint_no_delete();
CREATE FUNCTION submission_no_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'submissions are never changed';
    RETURN NEW;
END
$guard$;
CREATE TRIGGER submission_no_update BEFORE UPDATE ON submission FOR EACH ROW EXECUTE FUNCTION submission_no_update();
CREATE FUNCTION submission_no_delete() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'submissions are never deleted';
    RETURN OLD;
END
$guard$;
CREATE TRIGGER submission_no_delete BEFORE DELETE ON submission FOR EACH ROW EXECUTE FUNCTION submission_no_delete();
CREATE FUNCTION log_node_no_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'the tree is never changed';
    RETURN NEW;
END
$guard$;
CREATE TRIGGER log_node_no_update BEFORE UPDATE ON log_node FOR EACH ROW EXECUTE FUNCTION log_node_no_update();
CREATE FUNCTION log_node_no_delete() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'the tree is never changed';
    RETURN OLD;
END
$guard$;
CREATE TRIGGER log_node_no_delete BEFORE DELETE ON log_node FOR EACH ROW EXECUTE FUNCTION log_node_no_delete();
CREATE FUNCTION log_head_only_grows() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF NEW.size < OLD.size THEN
        RAISE EXCEPTION 'the log only grows';
    END IF;
    RETURN NEW;
END
$guard$;
CREATE TRIGGER log_head_only_grows BEFORE UPDATE ON log_head FOR EACH ROW EXECUTE FUNCTION log_head_only_grows();
CREATE FUNCTION log_head_no_delete() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'the log only grows';
    RETURN OLD;
END
$guard$;
CREATE TRIGGER log_head_no_delete BEFORE DELETE ON log_head FOR EACH ROW EXECUTE FUNCTION log_head_no_delete();

CREATE FUNCTION log_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'the log is never emptied';
END
$guard$;
CREATE TRIGGER fact_no_truncate BEFORE TRUNCATE ON fact FOR EACH STATEMENT EXECUTE FUNCTION log_no_truncate();
CREATE TRIGGER body_no_truncate BEFORE TRUNCATE ON body FOR EACH STATEMENT EXECUTE FUNCTION log_no_truncate();
CREATE TRIGGER log_node_no_truncate BEFORE TRUNCATE ON log_node FOR EACH STATEMENT EXECUTE FUNCTION log_no_truncate();
CREATE TRIGGER log_head_no_truncate BEFORE TRUNCATE ON log_head FOR EACH STATEMENT EXECUTE FUNCTION log_no_truncate();
CREATE TRIGGER checkpoint_no_truncate BEFORE TRUNCATE ON checkpoint FOR EACH STATEMENT EXECUTE FUNCTION log_no_truncate();
CREATE TRIGGER erasure_no_truncate BEFORE TRUNCATE ON erasure FOR EACH STATEMENT EXECUTE FUNCTION log_no_truncate();
CREATE TRIGGER submission_no_truncate BEFORE TRUNCATE ON submission FOR EACH STATEMENT EXECUTE FUNCTION log_no_truncate();
