-- The vectors and columns of large namespaces in a form that is read quickly: docs/decisions/0033-a-million-in-one-file.md.
-- Numbers and digests only, no text of a memory. What is changed or removed is emptied in place.

CREATE TABLE packing ( -- of a namespace that is large enough
    namespace INTEGER PRIMARY KEY REFERENCES namespace,
    last      INTEGER NOT NULL, -- the last node that is packed
    nodes     INTEGER NOT NULL, -- how many are packed,
    emptied   INTEGER NOT NULL  -- and how many of these have been emptied
);

CREATE TABLE axes ( -- by which its vectors are turned; apart, since a row is written whole
    namespace INTEGER PRIMARY KEY REFERENCES namespace,
    value     BLOB NOT NULL -- little-endian float32
);

CREATE TABLE pack ( -- of nodes that follow each other
    id        INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL REFERENCES namespace,
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    nodes     BLOB NOT NULL, -- see packs.py
    codes     BLOB NOT NULL
);
CREATE INDEX pack_of_namespace ON pack (namespace, first);
