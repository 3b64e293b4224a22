-- The vault: who a person is. Everything readable is sealed; search goes through keyed tokens.

CREATE TABLE person (
    id       BLOB NOT NULL PRIMARY KEY,
    division INTEGER NOT NULL,
    added_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What identifies: a document, or a code that some list gave. One token, one person.
CREATE TABLE vault_name (
    token  BLOB NOT NULL PRIMARY KEY,
    kind   INTEGER NOT NULL,
    person BLOB NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What describes: full name, telephones. Never an identity.
CREATE TABLE vault_detail (
    person BLOB NOT NULL,
    part   INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (person, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE vault_search (
    token  BLOB NOT NULL,
    person BLOB NOT NULL,
    PRIMARY KEY (token, person)
) STRICT, WITHOUT ROWID;
