-- What people ask about their own data by their own page: kind 0 to correct, 1 to erase. What they write is sealed as in
-- the vault. outcome: 0 open, 1 done, 2 refused; the answer is sealed, too.
CREATE TABLE own_data_request (
    id          UUID NOT NULL PRIMARY KEY,
    person      UUID NOT NULL,
    division    BIGINT NOT NULL,
    kind        BIGINT NOT NULL,
    words       BYTEA NOT NULL,
    filed_at    BIGINT NOT NULL,
    deadline_at BIGINT NOT NULL,
    outcome     BIGINT NOT NULL,
    answer      BYTEA,
    answered_at BIGINT,
    account     UUID
);
CREATE INDEX own_data_request_open ON own_data_request (outcome, deadline_at);
CREATE INDEX own_data_request_person ON own_data_request (person, filed_at);
