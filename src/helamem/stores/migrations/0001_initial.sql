-- One node space: episodes, facts and cues take their ids from one sequence that never repeats.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE namespace (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    generation   INTEGER NOT NULL DEFAULT 0, -- grows when rows change or go: caches start anew
    last_node    INTEGER NOT NULL DEFAULT 0, -- the newest node: caches read what is newer
    n_documents  INTEGER NOT NULL DEFAULT 0, -- active episodes and facts
    total_length INTEGER NOT NULL DEFAULT 0, -- their terms
    lessons      INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE session (
    id        INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL REFERENCES namespace,
    name      TEXT NOT NULL,
    next      INTEGER NOT NULL DEFAULT 0, -- the position of the next turn
    UNIQUE (namespace, name)
);

CREATE TABLE node (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace INTEGER NOT NULL REFERENCES namespace,
    kind      INTEGER NOT NULL, -- 0 episode, 1 fact, 2 cue
    active    INTEGER NOT NULL DEFAULT 1,
    key       BLOB, -- what makes two turns, or two cues, the same
    text      TEXT NOT NULL,
    speaker   TEXT NOT NULL DEFAULT '',
    role      TEXT NOT NULL DEFAULT '',
    session   INTEGER REFERENCES session,
    position  INTEGER,
    at        REAL NOT NULL,
    stored_at REAL NOT NULL,
    metadata  TEXT NOT NULL DEFAULT '{}',
    length    INTEGER NOT NULL DEFAULT 0,
    traits    INTEGER NOT NULL DEFAULT 0,
    uses      INTEGER NOT NULL DEFAULT 0,
    used_at   REAL
);
CREATE INDEX node_of_namespace ON node (namespace, id);
CREATE UNIQUE INDEX node_key ON node (namespace, key) WHERE key IS NOT NULL;

CREATE TABLE vector (
    node  INTEGER PRIMARY KEY REFERENCES node,
    value BLOB NOT NULL -- little-endian float32
);

CREATE TABLE posting (
    namespace INTEGER NOT NULL,
    term      TEXT NOT NULL,
    node      INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    rank      INTEGER NOT NULL,
    PRIMARY KEY (namespace, term, node)
) WITHOUT ROWID;
CREATE INDEX posting_of_node ON posting (node);

CREATE TABLE edge ( -- both directions of every edge
    source  INTEGER NOT NULL,
    target  INTEGER NOT NULL,
    channel INTEGER NOT NULL, -- 1 learned, 2 source
    weight  REAL NOT NULL,
    touched REAL NOT NULL,
    PRIMARY KEY (source, target, channel)
) WITHOUT ROWID;

CREATE TABLE fact (
    node          INTEGER PRIMARY KEY REFERENCES node,
    kind          TEXT NOT NULL,
    confidence    REAL NOT NULL,
    superseded_by INTEGER REFERENCES node
);

CREATE TABLE fact_source (
    fact    INTEGER NOT NULL REFERENCES node,
    episode INTEGER NOT NULL REFERENCES node,
    PRIMARY KEY (fact, episode)
) WITHOUT ROWID;
CREATE INDEX fact_of_episode ON fact_source (episode);

CREATE TABLE cluster (
    namespace INTEGER NOT NULL REFERENCES namespace,
    digest    BLOB NOT NULL,
    PRIMARY KEY (namespace, digest)
) WITHOUT ROWID;

CREATE TABLE history ( -- what is not told by the node itself
    id        INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL REFERENCES namespace,
    node      INTEGER NOT NULL,
    event     TEXT NOT NULL,
    at        REAL NOT NULL,
    text      TEXT
);
CREATE INDEX history_of_node ON history (node);
