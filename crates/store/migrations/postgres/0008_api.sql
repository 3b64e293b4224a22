-- Tokens of programs, and the answers that they got: the same request again gets the same answer.

-- token: the SHA-256 of what the program holds. scopes: words of actions, separated by blanks.
CREATE TABLE api_token (
    token      BYTEA NOT NULL PRIMARY KEY,
    id         UUID NOT NULL UNIQUE,
    account    UUID NOT NULL REFERENCES account (id),
    name       TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    made_at    BIGINT NOT NULL,
    seen_at    BIGINT,
    expires_at BIGINT NOT NULL,
    ended_at   BIGINT
);
CREATE INDEX api_token_account ON api_token (account);

-- asked: keyed token of the unit and its idempotency key. content: SHA-256 of what was sent.
CREATE TABLE api_answer (
    asked   BYTEA NOT NULL PRIMARY KEY,
    content BYTEA NOT NULL,
    answer  TEXT NOT NULL,
    made_at BIGINT NOT NULL
);
