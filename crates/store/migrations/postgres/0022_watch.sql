-- Who brought in a batch: the facts of so many leaves from the first on came under this account. Only grows.
CREATE TABLE proposed (
    first_leaf BIGINT NOT NULL PRIMARY KEY,
    facts      BIGINT NOT NULL,
    account    UUID NOT NULL,
    list       TEXT NOT NULL
);
CREATE FUNCTION proposed_no_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'who proposed something is never changed';
    RETURN NEW;
END
$guard$;
CREATE TRIGGER proposed_no_update BEFORE UPDATE ON proposed FOR EACH ROW EXECUTE FUNCTION proposed_no_update();
CREATE FUNCTION proposed_no_delete() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'who proposed something is never changed';
    RETURN OLD;
END
$guard$;
CREATE TRIGGER proposed_no_delete BEFORE DELETE ON proposed FOR EACH ROW EXECUTE FUNCTION proposed_no_delete();

-- Proposals of the last weeks as the watch sees them, derived from the log. officer: an account, or whoever gives the keys.
-- target: the case, contact or area; homes are divisions, 0: not known. untied: nothing on record ties the person to the
-- target. copied: place and time are those of somebody of another community.
CREATE TABLE watched (
    fact        UUID NOT NULL PRIMARY KEY,
    lead        UUID NOT NULL,
    at          BIGINT NOT NULL,
    class       TEXT NOT NULL,
    officer     TEXT NOT NULL,
    list        TEXT NOT NULL,
    person      UUID NOT NULL,
    home        BIGINT NOT NULL,
    target      TEXT NOT NULL,
    target_home BIGINT NOT NULL,
    from_at     BIGINT NOT NULL,
    to_at       BIGINT NOT NULL,
    untied      BIGINT NOT NULL,
    copied      BIGINT NOT NULL
);
CREATE INDEX watched_at ON watched (at);
CREATE INDEX watched_person ON watched (person, at);
CREATE INDEX watched_target ON watched (target, from_at);

-- How many people each register has: groups in which a cluster would be a sign. Derived from the log.
CREATE TABLE watched_register (
    source BIGINT NOT NULL PRIMARY KEY,
    people BIGINT NOT NULL
);

-- Freezes with their decisions, derived from the log. outcome: 0 open, 1 lifted, 2 upheld.
CREATE TABLE watch_freeze (
    fact       UUID NOT NULL PRIMARY KEY,
    class      TEXT NOT NULL,
    officer    TEXT NOT NULL,
    division   BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    until_at   BIGINT NOT NULL,
    outcome    BIGINT NOT NULL,
    decided_at BIGINT,
    holds_till BIGINT,
    told       TEXT NOT NULL,
    decision   TEXT NOT NULL
);
CREATE INDEX watch_freeze_officer ON watch_freeze (officer, at);
CREATE INDEX watch_freeze_at ON watch_freeze (at);

-- Steps of loops, refused orders and alternative paths, counted for the public figures; derived from the log.
CREATE TABLE figure (
    name  TEXT NOT NULL PRIMARY KEY,
    count BIGINT NOT NULL
);
