-- Tokens of programs, and the answers that they got: the same request again gets the same answer.

-- token: the SHA-256 of what the program holds. scopes: words of actions, separated by blanks.
CREATE TABLE api_token (
    token      BLOB NOT NULL PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE,
    account    BLOB NOT NULL REFERENCES account (id),
    name       TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    made_at    INTEGER NOT NULL,
    seen_at    INTEGER,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_token_account ON api_token (account);

-- asked: keyed token of the unit and its idempotency key. content: SHA-256 of what was sent.
CREATE TABLE api_answer (
    asked   BLOB NOT NULL PRIMARY KEY,
    content BLOB NOT NULL,
    answer  TEXT NOT NULL,
    made_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
