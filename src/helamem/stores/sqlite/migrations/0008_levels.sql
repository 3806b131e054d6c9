-- A term's postings begin with the most telling ones, and new ones lie apart for a while:
-- docs/decisions/0032-the-most-telling-postings-first.md.

CREATE TABLE word ( -- the terms of each node
    node  INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
    term  INTEGER NOT NULL,
    count INTEGER NOT NULL,
    rank  INTEGER NOT NULL,
    PRIMARY KEY (node, term)
) WITHOUT ROWID;
INSERT INTO word SELECT node, term, count, rank FROM posting ORDER BY 1, 2;
DROP TABLE posting;
CREATE TABLE posting ( -- the same by terms; without references, which would need an index each
    tier  INTEGER NOT NULL, -- 0 a small tree for what is new, 1 the large one
    term  INTEGER NOT NULL,
    level INTEGER NOT NULL, -- of core.impacts, from the count and the length of the node
    node  INTEGER NOT NULL,
    count INTEGER NOT NULL,
    rank  INTEGER NOT NULL,
    PRIMARY KEY (tier, term, level, node)
) WITHOUT ROWID;
INSERT INTO posting SELECT 1, term, impact_level(count, length), node, count, rank
    FROM word JOIN node ON node.id = word.node ORDER BY 2, 3, 4;

-- Whether an update makes two turns alike is looked up, however long their session is.
CREATE INDEX node_of_time ON node (session, at) WHERE session IS NOT NULL;
