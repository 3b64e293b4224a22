-- What the fence keeps between restarts: of each person at most eight towers under a keyed hash, with weights; no time, no order,
-- no place, no name. token: keyed, of the person. Sealed. ends_on: the civil day on which it is destroyed.
CREATE TABLE fence_sketch (
    token   BLOB NOT NULL PRIMARY KEY,
    sealed  BLOB NOT NULL,
    ends_on INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX fence_sketch_ends ON fence_sketch (ends_on);

-- Questions of the fence: how probable, and why in words that name no tower and no place. They go with their term.
CREATE TABLE fence_question (
    fact        BLOB NOT NULL PRIMARY KEY,
    probability INTEGER NOT NULL,
    zh          TEXT NOT NULL,
    en          TEXT NOT NULL,
    ends_on     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
