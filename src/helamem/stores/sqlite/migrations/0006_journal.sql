-- What each lesson and each consolidation has changed, so that it can be undone:
-- docs/decisions/0024-learning-can-be-undone.md. Numbers and digests only, no text of a memory.

CREATE TABLE step (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace  INTEGER NOT NULL REFERENCES namespace,
    kind       INTEGER NOT NULL, -- 0 lesson, 1 consolidation
    at         REAL NOT NULL,
    number     INTEGER, -- of a lesson: how many there were with it
    cue        INTEGER,
    undone     INTEGER NOT NULL DEFAULT 0,
    now        REAL, -- the clock of learning, and the rule of the lesson
    tau        REAL,
    saturation REAL,
    ceiling    REAL,
    floor      REAL
);
CREATE INDEX step_of_namespace ON step (namespace, id);

CREATE TABLE step_edge ( -- once for both directions, a < b
    a              INTEGER NOT NULL,
    b              INTEGER NOT NULL,
    step           INTEGER NOT NULL REFERENCES step ON DELETE CASCADE,
    before         REAL, -- NULL where there was no edge
    before_touched REAL,
    gain           REAL NOT NULL,
    keep           REAL NOT NULL, -- 1 unless it was weakened
    PRIMARY KEY (a, b, step)
) WITHOUT ROWID;
CREATE INDEX step_edge_b ON step_edge (b);
CREATE INDEX step_edge_step ON step_edge (step);

CREATE TABLE step_use (
    node    INTEGER NOT NULL,
    step    INTEGER NOT NULL REFERENCES step ON DELETE CASCADE,
    used_at REAL, -- when it was last used before
    PRIMARY KEY (node, step)
) WITHOUT ROWID;
CREATE INDEX step_use_step ON step_use (step);

CREATE TABLE step_fact (
    fact       INTEGER NOT NULL,
    step       INTEGER NOT NULL REFERENCES step ON DELETE CASCADE,
    confidence REAL, -- before; NULL where the step has added the fact
    metadata   TEXT, -- before
    sources    TEXT NOT NULL DEFAULT '[]', -- those that the step has added
    PRIMARY KEY (fact, step)
) WITHOUT ROWID;
CREATE INDEX step_fact_step ON step_fact (step);

CREATE TABLE step_mark (
    step   INTEGER NOT NULL REFERENCES step ON DELETE CASCADE,
    digest BLOB NOT NULL,
    PRIMARY KEY (step, digest)
) WITHOUT ROWID;
