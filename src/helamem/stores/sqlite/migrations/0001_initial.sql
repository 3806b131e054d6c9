-- One node space: episodes, facts and cues take their ids from one sequence that never repeats.
-- Texts and vectors lie in tables, never in an index: see removing.py.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE namespace (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    generation   INTEGER NOT NULL DEFAULT 0, -- grows when nodes change or go: caches look up which
    last_node    INTEGER NOT NULL DEFAULT 0, -- the newest node: caches read what is newer
    n_documents  INTEGER NOT NULL DEFAULT 0, -- active episodes and facts
    total_length INTEGER NOT NULL DEFAULT 0, -- their terms
    lessons      INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE session (
    id        INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL REFERENCES namespace,
    digest    INTEGER NOT NULL, -- of the name
    name      TEXT NOT NULL,
    UNIQUE (namespace, digest)
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
    session   INTEGER REFERENCES session, -- its turns follow each other in the order of their ids
    at        REAL NOT NULL,
    stored_at REAL NOT NULL,
    metadata  TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
    length    INTEGER NOT NULL DEFAULT 0,
    traits    INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX node_of_namespace ON node (namespace); -- and so in the order of ids
CREATE INDEX node_with_odd_metadata ON node (namespace) WHERE instr(metadata, '\u') > 0; -- see filtering.py
CREATE INDEX node_of_session ON node (session) WHERE session IS NOT NULL;
CREATE UNIQUE INDEX node_key ON node (namespace, kind, key) WHERE key IS NOT NULL;

CREATE TABLE usage ( -- apart from the node, whose row it would make grow
    node    INTEGER PRIMARY KEY REFERENCES node ON DELETE CASCADE,
    uses    INTEGER NOT NULL,
    used_at REAL
) WITHOUT ROWID;

CREATE TABLE vector (
    node  INTEGER PRIMARY KEY REFERENCES node ON DELETE CASCADE,
    value BLOB NOT NULL -- little-endian float32
);

CREATE TABLE term (
    id        INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL REFERENCES namespace,
    digest    INTEGER NOT NULL, -- of the term: no word of a text lies outside of it
    documents INTEGER NOT NULL, -- how many active nodes have it
    UNIQUE (namespace, digest)
);

CREATE TABLE posting (
    term  INTEGER NOT NULL REFERENCES term,
    node  INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
    count INTEGER NOT NULL,
    rank  INTEGER NOT NULL,
    PRIMARY KEY (term, node)
) WITHOUT ROWID;
CREATE INDEX posting_of_node ON posting (node);

CREATE TABLE edge ( -- both directions of every edge
    source  INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
    target  INTEGER NOT NULL,
    channel INTEGER NOT NULL, -- 1 learned, 2 source
    weight  REAL NOT NULL,
    touched REAL NOT NULL,
    PRIMARY KEY (source, target, channel)
) WITHOUT ROWID;

CREATE TABLE fact (
    node          INTEGER PRIMARY KEY REFERENCES node ON DELETE CASCADE,
    kind          TEXT NOT NULL,
    confidence    REAL NOT NULL,
    superseded_by INTEGER REFERENCES node
) WITHOUT ROWID;
CREATE INDEX fact_superseded_by ON fact (superseded_by) WHERE superseded_by IS NOT NULL;

CREATE TABLE fact_source (
    fact    INTEGER NOT NULL REFERENCES fact ON DELETE CASCADE,
    episode INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
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

CREATE TABLE change ( -- which nodes changed or went when the generation grew
    namespace  INTEGER NOT NULL REFERENCES namespace,
    generation INTEGER NOT NULL,
    node       INTEGER NOT NULL,
    PRIMARY KEY (namespace, generation, node)
) WITHOUT ROWID;
