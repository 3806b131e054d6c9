-- Who read the texts is kept beside the embedder. Older files were read with the first English analysis.
INSERT OR IGNORE INTO meta SELECT 'language', 'english' FROM meta WHERE key = 'embedder';
INSERT OR IGNORE INTO meta SELECT 'version', '1' FROM meta WHERE key = 'embedder';

CREATE TABLE staged ( -- what a reindexing has made, until all of it is put in place at once
    node   INTEGER PRIMARY KEY REFERENCES node ON DELETE CASCADE,
    vector BLOB NOT NULL,
    terms  TEXT NOT NULL, -- JSON: the digest, count and rank of each
    length INTEGER NOT NULL,
    traits INTEGER NOT NULL
);
CREATE TRIGGER staged_is_stale AFTER UPDATE OF text, metadata ON node BEGIN
    DELETE FROM staged WHERE node = new.id;
END;

UPDATE node SET speaker = '' WHERE kind = 2; -- whom a cue names is read off its text
