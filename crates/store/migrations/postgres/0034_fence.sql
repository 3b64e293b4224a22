-- What the fence keeps between restarts: of each person at most eight towers under a keyed hash, with weights; no time, no order,
-- no place, no name. token: keyed, of the person. Sealed. ends_on: the civil day on which it is destroyed.
CREATE TABLE fence_sketch (
    token   BYTEA NOT NULL PRIMARY KEY,
    sealed  BYTEA NOT NULL,
    ends_on BIGINT NOT NULL
);
CREATE INDEX fence_sketch_ends ON fence_sketch (ends_on);

-- Questions of the fence: how probable, and why in words that name no tower and no place. They go with their term.
CREATE TABLE fence_question (
    fact        UUID NOT NULL PRIMARY KEY,
    probability BIGINT NOT NULL,
    zh          TEXT NOT NULL,
    en          TEXT NOT NULL,
    ends_on     BIGINT NOT NULL
);
