-- Closed loops: each measure followed to its end. Derived from the log; can be thrown away and rebuilt. A row says what
-- is owed to whom by when; nothing restricts anybody because of it. Instants in microseconds.
-- state: 0 opened, 1 assigned, 2 notified, 3 located, 4 under control, 5 due, 6 ended. ended_at: the true end.
-- owed: 1 while the end is not on record. reply: how the search ended, 0 not yet, then in the order of the four clears.
CREATE TABLE closed_loop (
    person      BLOB NOT NULL,
    rule        TEXT NOT NULL,
    opened_by   BLOB NOT NULL,
    division    INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    strictness  INTEGER NOT NULL,
    unit        BLOB,
    officer     BLOB,
    opened_at   INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    ended_at    INTEGER,
    owed        INTEGER NOT NULL,
    task        TEXT NOT NULL,
    deadline_at INTEGER,
    next_at     INTEGER NOT NULL,
    reply       INTEGER NOT NULL,
    identified  INTEGER NOT NULL,
    placed      INTEGER NOT NULL,
    controlled  INTEGER NOT NULL,
    mac         BLOB NOT NULL,
    PRIMARY KEY (person, rule, opened_by)
) STRICT, WITHOUT ROWID;
CREATE INDEX closed_loop_deadline ON closed_loop (division, deadline_at);
CREATE INDEX closed_loop_next ON closed_loop (next_at);
CREATE INDEX closed_loop_owed ON closed_loop (owed, ended_at);

-- People whose loops have to be looked at again.
CREATE TABLE loop_changed (
    person BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
