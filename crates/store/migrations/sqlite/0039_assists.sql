-- Requests between cities. What was sent and what came are signed envelopes, in the order of each link; the rest is what
-- they say, put together. Instants in microseconds.

-- Nodes that we work with: their keys and the certificate by which they are known.
CREATE TABLE assist_peer (
    node        BLOB NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    division    INTEGER NOT NULL,
    signing     BLOB NOT NULL,
    sealing     BLOB NOT NULL,
    certificate BLOB NOT NULL,
    address     TEXT NOT NULL,
    added_at    INTEGER NOT NULL,
    closed_at   INTEGER,
    heard_at    INTEGER
) STRICT, WITHOUT ROWID;

-- The outbox: what we say to a peer, numbered without gaps. The envelope goes when the peer has it; its digest stays.
CREATE TABLE assist_sent (
    peer         BLOB NOT NULL,
    seq          INTEGER NOT NULL,
    digest       BLOB NOT NULL,
    envelope     BLOB,
    made_at      INTEGER NOT NULL,
    confirmed_at INTEGER,
    PRIMARY KEY (peer, seq)
) STRICT, WITHOUT ROWID;

-- What came: each number of an origin once. state: 0 waits for an earlier one, 1 done, 2 did not fit.
CREATE TABLE assist_come (
    origin   BLOB NOT NULL,
    seq      INTEGER NOT NULL,
    digest   BLOB NOT NULL,
    envelope BLOB,
    came_at  INTEGER NOT NULL,
    state    INTEGER NOT NULL,
    PRIMARY KEY (origin, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX assist_come_waiting ON assist_come (origin, seq) WHERE state = 0;

-- What was turned away, and why: forged, unknown, of other content, not fitting.
CREATE TABLE assist_refused (
    no     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    origin BLOB,
    seq    INTEGER,
    why    TEXT NOT NULL,
    told   TEXT NOT NULL
) STRICT;

-- Requests. head: versions and clocks; said: the newest list without its lines, or the challenge.
-- kind: 0 request, 1 challenge. ours: 1 we ask.
CREATE TABLE assist_request (
    id        BLOB NOT NULL PRIMARY KEY,
    kind      INTEGER NOT NULL,
    peer      BLOB NOT NULL,
    ours      INTEGER NOT NULL,
    head      TEXT NOT NULL,
    said      TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    version   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX assist_request_open ON assist_request (closed_at, opened_at);

-- Lines. outcome: 0 open, 1 to 6 in the order of the outcomes, 7 withdrawn. seal: who it is, for the receiving node;
-- answer_seal: where, for the asking one. person: in our own vault. task: keyed, the same for the same person.
CREATE TABLE assist_line (
    request     BLOB NOT NULL,
    no          INTEGER NOT NULL,
    state       TEXT NOT NULL,
    said        TEXT NOT NULL,
    answer      TEXT,
    outcome     INTEGER NOT NULL,
    identified  INTEGER NOT NULL,
    placed      INTEGER NOT NULL,
    controlled  INTEGER NOT NULL,
    received_at INTEGER,
    due_at      INTEGER,
    person      BLOB,
    task        BLOB,
    seal        BLOB,
    answer_seal BLOB,
    PRIMARY KEY (request, no)
) STRICT, WITHOUT ROWID;
CREATE INDEX assist_line_due ON assist_line (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX assist_line_task ON assist_line (task) WHERE task IS NOT NULL;

-- The log of a request, the same on both sides: which envelope said what.
CREATE TABLE assist_log (
    request BLOB NOT NULL,
    at      INTEGER NOT NULL,
    node    BLOB NOT NULL,
    seq     INTEGER NOT NULL,
    word    TEXT NOT NULL,
    told    TEXT NOT NULL,
    digest  BLOB NOT NULL,
    PRIMARY KEY (request, at, node, seq)
) STRICT, WITHOUT ROWID;
