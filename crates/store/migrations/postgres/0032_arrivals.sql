-- Arrivals: one row for one arrival of one person, whatever channels saw it. Derived from the log; can be thrown away and
-- rebuilt. Nothing restricts anybody because of a row. Instants in microseconds.
-- state: 0 expected, 1 to confirm, 2 arrived, 3 no show, 4 refuted. channels: bits of the kinds of signals.
-- class: 0 not yet, then in the order of the classes. measure: the strictest, empty: none needed.
CREATE TABLE arrival (
    id           UUID NOT NULL PRIMARY KEY,
    person       UUID NOT NULL,
    division     BIGINT NOT NULL,
    state        BIGINT NOT NULL,
    arrived_at   BIGINT NOT NULL,
    known_at     BIGINT,
    channels     BIGINT NOT NULL,
    class        BIGINT NOT NULL,
    measure      TEXT NOT NULL,
    classed_at   BIGINT,
    classed_leaf BIGINT NOT NULL,
    unit         UUID,
    officer      UUID,
    owned_at     BIGINT,
    no_show_at   BIGINT,
    fill_by      BIGINT,
    merged       BIGINT NOT NULL
);
CREATE INDEX arrival_person ON arrival (person);
CREATE INDEX arrival_known ON arrival (division, known_at);
CREATE INDEX arrival_no_show ON arrival (no_show_at);

-- Under which keyed tokens the record of somebody who arrived may be another record of the same person: name with
-- telephone, name with birthday, telephone. Derived.
CREATE TABLE arrival_key (
    token  BYTEA NOT NULL,
    person UUID NOT NULL,
    PRIMARY KEY (token, person)
);
CREATE INDEX arrival_key_person ON arrival_key (person);
