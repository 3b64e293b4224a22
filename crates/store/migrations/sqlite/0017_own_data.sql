-- What people ask about their own data by their own page: kind 0 to correct, 1 to erase. What they write is sealed as in
-- the vault. outcome: 0 open, 1 done, 2 refused; the answer is sealed, too.
CREATE TABLE own_data_request (
    id          BLOB NOT NULL PRIMARY KEY,
    person      BLOB NOT NULL,
    division    INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    words       BLOB NOT NULL,
    filed_at    INTEGER NOT NULL,
    deadline_at INTEGER NOT NULL,
    outcome     INTEGER NOT NULL,
    answer      BLOB,
    answered_at INTEGER,
    account     BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX own_data_request_open ON own_data_request (outcome, deadline_at);
CREATE INDEX own_data_request_person ON own_data_request (person, filed_at);
