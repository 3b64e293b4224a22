-- Batches of restricting facts that wait for a second person. The batch itself is not here, only its digest: whoever brings
-- it sends it again. The decision is a fact; a row without one opens nothing, whatever it says.
CREATE TABLE batch (
    id       UUID NOT NULL PRIMARY KEY,
    account  UUID NOT NULL,
    unit     UUID NOT NULL,
    division BIGINT NOT NULL,
    content  BYTEA NOT NULL,
    name     TEXT NOT NULL,
    counts   TEXT NOT NULL,
    made_at  BIGINT NOT NULL,
    decision UUID,
    UNIQUE (account, content)
);
CREATE INDEX batch_made ON batch (made_at);

-- 1: a second person confirmed the batch in which they came; they do not count as one person's word.
ALTER TABLE restricting ADD COLUMN seconded BIGINT NOT NULL DEFAULT 0;
