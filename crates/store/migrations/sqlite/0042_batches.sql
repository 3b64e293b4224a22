-- Batches of restricting facts that wait for a second person. The batch itself is not here, only its digest: whoever brings
-- it sends it again. The decision is a fact; a row without one opens nothing, whatever it says.
CREATE TABLE batch (
    id       BLOB NOT NULL PRIMARY KEY,
    account  BLOB NOT NULL,
    unit     BLOB NOT NULL,
    division INTEGER NOT NULL,
    content  BLOB NOT NULL,
    name     TEXT NOT NULL,
    counts   TEXT NOT NULL,
    made_at  INTEGER NOT NULL,
    decision BLOB,
    UNIQUE (account, content)
) STRICT, WITHOUT ROWID;
CREATE INDEX batch_made ON batch (made_at);

-- 1: a second person confirmed the batch in which they came; they do not count as one person's word.
ALTER TABLE restricting ADD COLUMN seconded INTEGER NOT NULL DEFAULT 0;
