-- Closed loops: each measure followed to its end. Derived from the log; can be thrown away and rebuilt. A row says what
-- is owed to whom by when; nothing restricts anybody because of it. Instants in microseconds.
-- state: 0 opened, 1 assigned, 2 notified, 3 located, 4 under control, 5 due, 6 ended. ended_at: the true end.
-- owed: 1 while the end is not on record. reply: how the search ended, 0 not yet, then in the order of the four clears.
CREATE TABLE closed_loop (
    person      UUID NOT NULL,
    rule        TEXT NOT NULL,
    opened_by   UUID NOT NULL,
    division    BIGINT NOT NULL,
    state       BIGINT NOT NULL,
    strictness  BIGINT NOT NULL,
    unit        UUID,
    officer     UUID,
    opened_at   BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    ended_at    BIGINT,
    owed        BIGINT NOT NULL,
    task        TEXT NOT NULL,
    deadline_at BIGINT,
    next_at     BIGINT NOT NULL,
    reply       BIGINT NOT NULL,
    identified  BIGINT NOT NULL,
    placed      BIGINT NOT NULL,
    controlled  BIGINT NOT NULL,
    mac         BYTEA NOT NULL,
    PRIMARY KEY (person, rule, opened_by)
);
CREATE INDEX closed_loop_deadline ON closed_loop (division, deadline_at);
CREATE INDEX closed_loop_next ON closed_loop (next_at);
CREATE INDEX closed_loop_owed ON closed_loop (owed, ended_at);

-- People whose loops have to be looked at again.
CREATE TABLE loop_changed (
    person UUID NOT NULL PRIMARY KEY
);
