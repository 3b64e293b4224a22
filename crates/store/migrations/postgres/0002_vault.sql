-- The vault: who a person is. Everything readable is sealed; search goes through keyed tokens.

CREATE TABLE person (
    id       UUID NOT NULL PRIMARY KEY,
    division BIGINT NOT NULL,
    added_at BIGINT NOT NULL
);

-- What identifies: a document, or a code that some list gave. One token, one person.
CREATE TABLE vault_name (
    token  BYTEA NOT NULL PRIMARY KEY,
    kind   BIGINT NOT NULL,
    person UUID NOT NULL,
    sealed BYTEA NOT NULL
);

-- What describes: full name, telephones. Never an identity.
CREATE TABLE vault_detail (
    person UUID NOT NULL,
    part   BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (person, part)
);

CREATE TABLE vault_search (
    token  BYTEA NOT NULL,
    person UUID NOT NULL,
    PRIMARY KEY (token, person)
);
