-- Whom strong facts concern is kept by person instead of being looked for in the index. Derived tables are made anew:
-- the next command that assesses fills them from the log.

DROP TABLE mention;

-- Which facts are about or name a person, name a fact, pool, site or area. key: a tag byte and the id or code. kind: of
-- the fact, so that a look-up reads only kinds that matter. strong: whether the fact can open or end something by
-- itself; only for keys of facts, pools and sites.
CREATE TABLE mention (
    key    BLOB NOT NULL,
    kind   INTEGER NOT NULL,
    leaf   INTEGER NOT NULL,
    strong INTEGER NOT NULL,
    PRIMARY KEY (key, kind, leaf)
) STRICT, WITHOUT ROWID;
CREATE INDEX mention_strong ON mention (key) WHERE strong > 0;

-- Everybody whom a strong fact has ever concerned. The assessment of anybody else says nothing.
CREATE TABLE concerned (
    person BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

DELETE FROM assessment;
DELETE FROM watermark;
