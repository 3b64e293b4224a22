-- The course of each person who is a case or a contact, derived from the log: what boards count and lists show.
-- Instants in microseconds, days as days since 1970-01-01. status: 0 contact, 1 suspected, 2 confirmed, 3 asymptomatic.
CREATE TABLE course (
    person        BLOB NOT NULL PRIMARY KEY,
    division      INTEGER NOT NULL,
    status        INTEGER NOT NULL,
    onset_on      INTEGER,
    sampled_at    INTEGER,
    positive_at   INTEGER,
    diagnosed_at  INTEGER,
    reported_at   INTEGER,
    reported_on   INTEGER,
    contact_at    INTEGER,
    isolated_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX course_division ON course (division, person);
CREATE INDEX course_reported ON course (reported_on, division);

-- Lists of people under measures, in the order of work.
CREATE INDEX assessment_division ON assessment (division, strictness, ends_at);
CREATE INDEX person_division ON person (division, id);
