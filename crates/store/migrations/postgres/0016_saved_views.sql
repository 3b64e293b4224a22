-- Lists of people that an account comes back to, under a name of its own: which group, of which division. Never what was
-- searched for, which may be somebody's name.
CREATE TABLE saved_view (
    id       UUID NOT NULL PRIMARY KEY,
    account  UUID NOT NULL,
    name     TEXT NOT NULL,
    grouping TEXT NOT NULL,
    division BIGINT NOT NULL,
    made_at  BIGINT NOT NULL,
    UNIQUE (account, name)
);
