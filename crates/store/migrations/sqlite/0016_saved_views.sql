-- Lists of people that an account comes back to, under a name of its own: which group, of which division. Never what was
-- searched for, which may be somebody's name.
CREATE TABLE saved_view (
    id       BLOB NOT NULL PRIMARY KEY,
    account  BLOB NOT NULL,
    name     TEXT NOT NULL,
    grouping TEXT NOT NULL,
    division INTEGER NOT NULL,
    made_at  INTEGER NOT NULL,
    UNIQUE (account, name)
) STRICT, WITHOUT ROWID;
