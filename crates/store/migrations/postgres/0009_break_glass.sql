-- Persons whom nobody opens without breaking the glass, and the glasses that were broken.

CREATE TABLE protected_person (
    person UUID NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    by     UUID NOT NULL,
    at     BIGINT NOT NULL
);

-- Leave that somebody took: one account, one person, a reason and an end. Only grows.
CREATE TABLE break_glass (
    id       UUID NOT NULL PRIMARY KEY,
    account  UUID NOT NULL REFERENCES account (id),
    division BIGINT NOT NULL,
    person   UUID NOT NULL,
    reason   TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    ends_at  BIGINT NOT NULL
);
CREATE INDEX break_glass_account ON break_glass (account, person);
CREATE INDEX break_glass_division ON break_glass (division, begun_at);

-- What the log was found to be, each time that it was verified.
CREATE TABLE verification (
    at       BIGINT NOT NULL PRIMARY KEY,
    leaves   BIGINT NOT NULL,
    findings BIGINT NOT NULL,
    account  UUID NOT NULL
);
