-- Arrivals: one row for one arrival of one person, whatever channels saw it. Derived from the log; can be thrown away and
-- rebuilt. Nothing restricts anybody because of a row. Instants in microseconds.
-- state: 0 expected, 1 to confirm, 2 arrived, 3 no show, 4 refuted. channels: bits of the kinds of signals.
-- class: 0 not yet, then in the order of the classes. measure: the strictest, empty: none needed.
CREATE TABLE arrival (
    id           BLOB NOT NULL PRIMARY KEY,
    person       BLOB NOT NULL,
    division     INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    arrived_at   INTEGER NOT NULL,
    known_at     INTEGER,
    channels     INTEGER NOT NULL,
    class        INTEGER NOT NULL,
    measure      TEXT NOT NULL,
    classed_at   INTEGER,
    classed_leaf INTEGER NOT NULL,
    unit         BLOB,
    officer      BLOB,
    owned_at     INTEGER,
    no_show_at   INTEGER,
    fill_by      INTEGER,
    merged       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX arrival_person ON arrival (person);
CREATE INDEX arrival_known ON arrival (division, known_at);
CREATE INDEX arrival_no_show ON arrival (no_show_at);

-- Under which keyed tokens the record of somebody who arrived may be another record of the same person: name with
-- telephone, name with birthday, telephone. Derived.
CREATE TABLE arrival_key (
    token  BLOB NOT NULL,
    person BLOB NOT NULL,
    PRIMARY KEY (token, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX arrival_key_person ON arrival_key (person);
