-- Whatever was superseded, turns as well as facts, is told here: docs/decisions/0022-corrections-that-stick.md.

CREATE TABLE superseded (
    node    INTEGER PRIMARY KEY REFERENCES node ON DELETE CASCADE,
    by      INTEGER NOT NULL REFERENCES node,
    yields  INTEGER NOT NULL, -- whether `by` is superseded in turn when `node` holds again
    because INTEGER,          -- the turn that was superseded, where a fact that rests on it went with it
    place   INTEGER           -- the id of the turn in whose place `by` stands in its session, if in any
);
CREATE INDEX superseded_by ON superseded (by);
CREATE INDEX superseded_because ON superseded (because) WHERE because IS NOT NULL;

CREATE TABLE handed ( -- an edge of `superseded.by` before and after it got those of the node
    node           INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
    other          INTEGER NOT NULL,
    before         REAL, -- NULL where there was none
    before_touched REAL,
    weight         REAL NOT NULL,
    touched        REAL NOT NULL,
    PRIMARY KEY (node, other)
) WITHOUT ROWID;
CREATE INDEX handed_other ON handed (other);

INSERT INTO superseded SELECT node, superseded_by, 1, NULL, NULL FROM fact WHERE superseded_by IS NOT NULL;

-- The column goes from `fact`. Both tables are made anew, since to drop one empties what refers to it.
CREATE TABLE new_fact (
    node       INTEGER PRIMARY KEY REFERENCES node ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    confidence REAL NOT NULL
) WITHOUT ROWID;
INSERT INTO new_fact SELECT node, kind, confidence FROM fact;
CREATE TABLE new_source (
    fact    INTEGER NOT NULL REFERENCES new_fact ON DELETE CASCADE,
    episode INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
    PRIMARY KEY (fact, episode)
) WITHOUT ROWID;
INSERT INTO new_source SELECT fact, episode FROM fact_source;
DROP TABLE fact_source;
DROP TABLE fact;
ALTER TABLE new_fact RENAME TO fact;
ALTER TABLE new_source RENAME TO fact_source;
CREATE INDEX fact_of_episode ON fact_source (episode);
