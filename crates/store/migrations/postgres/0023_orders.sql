-- Orders that were refused because of a rule, derived from the log: what the next level and the auditor list.
CREATE TABLE refused_order (
    fact     UUID NOT NULL PRIMARY KEY,
    at       BIGINT NOT NULL,
    division BIGINT NOT NULL,
    unit     TEXT NOT NULL,
    told     TEXT NOT NULL,
    body     TEXT NOT NULL
);
CREATE INDEX refused_order_at ON refused_order (division, at);
