-- What identifies a person stands beside the person; tokens lead there. Tokens are random: new ones go to a small table
-- that is merged into the large one in order, as intake keys do.

-- A document, or a code that some list gave, under its token.
CREATE TABLE vault_word (
    person UUID NOT NULL,
    token  BYTEA NOT NULL,
    kind   BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (person, token)
);
INSERT INTO vault_word (person, token, kind, sealed)
SELECT person, token, kind, sealed FROM vault_name ORDER BY person, token;

-- Whom a token leads to: of a name one person, of a search term any number. A row stands in one of the two tables;
-- whoever looks for it reads the small one first.
CREATE TABLE vault_token (
    token  BYTEA NOT NULL,
    person UUID NOT NULL,
    PRIMARY KEY (token, person)
);
CREATE TABLE vault_token_recent (
    token  BYTEA NOT NULL,
    person UUID NOT NULL,
    PRIMARY KEY (token, person)
);
INSERT INTO vault_token (token, person)
SELECT token, person FROM vault_name UNION SELECT token, person FROM vault_search ORDER BY 1, 2;

DROP TABLE vault_name;
DROP TABLE vault_search;
