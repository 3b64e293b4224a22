-- When the latest sample was taken of which a fact lies in a block of 4,096 leaves: who looks for samples since a moment
-- need not open older blocks. Derived; a block that is missing here may hold any sample.
CREATE TABLE sampled_block (
    block  BIGINT NOT NULL PRIMARY KEY,
    latest BIGINT NOT NULL
);
