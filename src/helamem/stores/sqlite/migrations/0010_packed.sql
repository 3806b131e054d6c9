-- Postings that have moved on lie many to a row: docs/decisions/0032-the-most-telling-postings-first.md.

CREATE TABLE packed (
    term    INTEGER NOT NULL,
    level   INTEGER NOT NULL,
    first   INTEGER NOT NULL, -- the lowest of the nodes
    content BLOB NOT NULL,    -- see posting_table.py
    PRIMARY KEY (term, level, first)
) WITHOUT ROWID;

CREATE TABLE new_posting ( -- those that have not, without a tier; whoever writes packs some of them
    term  INTEGER NOT NULL,
    level INTEGER NOT NULL,
    node  INTEGER NOT NULL,
    count INTEGER NOT NULL,
    rank  INTEGER NOT NULL,
    PRIMARY KEY (term, level, node)
) WITHOUT ROWID;
INSERT INTO new_posting SELECT term, level, node, count, rank FROM posting ORDER BY 1, 2, 3;
DROP TABLE posting;
ALTER TABLE new_posting RENAME TO posting;
INSERT OR REPLACE INTO meta
    SELECT 'new postings', json_array(n, json_array(0, 0, 0)) FROM (SELECT count(*) AS n FROM posting) WHERE n > 0;
