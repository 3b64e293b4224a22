-- Signals of the sentinel network, their steps, and reviews of sites: objections, rewards, penalties.
-- score and excess in thousandths, probability in millionths, benefit in thousandths of a case. reasons: JSON.
CREATE TABLE signal (
    id           BLOB NOT NULL PRIMARY KEY,
    division     INTEGER NOT NULL,
    institution  BLOB,
    first_on     INTEGER NOT NULL,
    last_on      INTEGER NOT NULL,
    peak_on      INTEGER NOT NULL,
    score        INTEGER NOT NULL,
    probability  INTEGER NOT NULL,
    excess       INTEGER NOT NULL,
    benefit      INTEGER NOT NULL,
    detector     TEXT NOT NULL,
    reasons      TEXT NOT NULL,
    opened_at    INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    answered_at  INTEGER,
    escalated_at INTEGER,
    closed_at    INTEGER,
    outcome      TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX signal_division ON signal (division, last_on);
CREATE INDEX signal_open ON signal (closed_at, due_at);

-- What was done about a signal. Only grows.
CREATE TABLE signal_step (
    no      INTEGER NOT NULL PRIMARY KEY,
    signal  BLOB NOT NULL,
    at      INTEGER NOT NULL,
    account BLOB,
    step    TEXT NOT NULL,
    word    TEXT NOT NULL,
    told    TEXT NOT NULL
) STRICT;
CREATE INDEX signal_step_of ON signal_step (signal, no);

-- month: days since 1970-01-01 of its first day.
CREATE TABLE site_review (
    id          BLOB NOT NULL PRIMARY KEY,
    institution BLOB NOT NULL,
    division    INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    month       INTEGER NOT NULL,
    account     BLOB NOT NULL,
    at          INTEGER NOT NULL,
    told        TEXT NOT NULL,
    decided_by  BLOB,
    decided_at  INTEGER,
    decision    TEXT,
    reply       TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX site_review_site ON site_review (institution, month);
CREATE INDEX site_review_division ON site_review (division, decided_at);

CREATE TRIGGER signal_step_no_update BEFORE UPDATE ON signal_step
BEGIN SELECT RAISE(ABORT, 'what was done about a signal is never changed'); END;
CREATE TRIGGER signal_step_no_delete BEFORE DELETE ON signal_step
BEGIN SELECT RAISE(ABORT, 'what was done about a signal is never changed'); END;
