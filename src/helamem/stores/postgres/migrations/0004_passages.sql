-- The vectors of passages in a table of their own, so that a namespace that is too large for a scan can have
-- an index of them: docs/decisions/0029-an-index-for-a-large-namespace.md.

SELECT set_config('helamem.scope', 'everything', true);

CREATE TABLE helamem.passage (
    namespace uuid NOT NULL,
    node      bigint NOT NULL,
    n         integer NOT NULL, -- counts the passages of a node
    heard     boolean NOT NULL, -- as of the node, so that passages are searched without reading it
    vector    vector NOT NULL,
    PRIMARY KEY (namespace, node, n)
) PARTITION BY HASH (namespace);

-- The same second wall between namespaces as in 0001.
DO $$
DECLARE
    part text;
BEGIN
    FOR i IN 0..15 LOOP
        part := 'passage_' || i;
        EXECUTE format(
            'CREATE TABLE helamem.%I PARTITION OF helamem.passage FOR VALUES WITH (MODULUS 16, REMAINDER %s)',
            part, i
        );
        EXECUTE format('ALTER TABLE helamem.%I ENABLE ROW LEVEL SECURITY', part);
        EXECUTE format('ALTER TABLE helamem.%I FORCE ROW LEVEL SECURITY', part);
    END LOOP;
END
$$;
ALTER TABLE helamem.passage ENABLE ROW LEVEL SECURITY;
ALTER TABLE helamem.passage FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON helamem.passage USING
    (namespace = (SELECT nullif(current_setting('helamem.namespace', true), '')::uuid));
CREATE POLICY everything ON helamem.passage USING
    ((SELECT current_setting('helamem.scope', true)) = 'everything');

INSERT INTO helamem.passage (namespace, node, n, heard, vector)
    SELECT node.namespace, node.id, p.n, node.heard, p.vector
    FROM helamem.node, unnest(node.passages) WITH ORDINALITY AS p(vector, n);
ALTER TABLE helamem.node DROP COLUMN passages;
