-- Every table but `meta` is partitioned by namespace, and every key begins with it, so that the rows of a
-- namespace lie together, and tables can be spread over servers. A namespace is named by a digest of its name:
-- it means the same on every server, without a look-up.

CREATE SEQUENCE helamem.node_id AS bigint; -- over all namespaces; no id is used twice
CREATE SEQUENCE helamem.birth AS bigint;

CREATE TABLE helamem.meta ( -- about the whole database; the same on every server
    key   text COLLATE "C" PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE helamem.namespace (
    namespace    uuid NOT NULL,
    name         text COLLATE "C" NOT NULL,
    born         bigint NOT NULL DEFAULT nextval('helamem.birth'), -- another one after it was dropped and begun anew
    n_documents  bigint NOT NULL DEFAULT 0, -- active episodes and facts, without quiet ones
    total_length bigint NOT NULL DEFAULT 0, -- their terms
    lessons      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (namespace)
) PARTITION BY HASH (namespace);

CREATE TABLE helamem.session (
    namespace uuid NOT NULL,
    id        bigint NOT NULL, -- a digest of the name
    name      text COLLATE "C" NOT NULL,
    PRIMARY KEY (namespace, id)
) PARTITION BY HASH (namespace);

CREATE TABLE helamem.speaker ( -- of active episodes and facts
    namespace uuid NOT NULL,
    name      text COLLATE "C" NOT NULL,
    first     bigint NOT NULL, -- the first node of theirs: the order of speakers
    memories  integer NOT NULL,
    PRIMARY KEY (namespace, name)
) PARTITION BY HASH (namespace);

CREATE TABLE helamem.node (
    namespace  uuid NOT NULL,
    id         bigint NOT NULL,
    at         double precision NOT NULL,
    stored_at  double precision NOT NULL,
    session    bigint,
    turn       bigint NOT NULL, -- by which turns follow each other: the id, or that of the turn whose place it took
    length     integer NOT NULL,
    traits     integer NOT NULL,
    utc_offset integer, -- seconds east of UTC, where a turn's time said so
    kind       smallint NOT NULL, -- 0 episode, 1 fact, 2 cue
    active     boolean NOT NULL DEFAULT true, -- false for what was superseded
    -- By searches, and by the turns beside it; a column of its own, since the planner knows how often columns hold.
    heard      boolean NOT NULL GENERATED ALWAYS AS (active AND traits & 8 = 0) STORED,
    key        bytea, -- what makes two turns, or two cues, the same
    text       text COLLATE "C" NOT NULL,
    speaker    text COLLATE "C" NOT NULL,
    role       text COLLATE "C" NOT NULL,
    metadata   text COLLATE "C" NOT NULL, -- JSON as it came in: jsonb would change numbers and refuse some texts
    vector     vector NOT NULL,
    passages   vector[] NOT NULL, -- of a long text
    PRIMARY KEY (namespace, id)
) PARTITION BY HASH (namespace);
CREATE UNIQUE INDEX node_key ON helamem.node (namespace, kind, key) WHERE key IS NOT NULL;
CREATE INDEX node_turns ON helamem.node (namespace, session, turn, id) WHERE session IS NOT NULL;
CREATE INDEX node_cues ON helamem.node (namespace, id) WHERE kind = 2;
CREATE INDEX node_at ON helamem.node (namespace, at);

CREATE TABLE helamem.usage ( -- apart from the node, so that a use does not write its text and vector anew
    namespace uuid NOT NULL,
    node      bigint NOT NULL,
    uses      bigint NOT NULL,
    used_at   double precision,
    PRIMARY KEY (namespace, node)
) PARTITION BY HASH (namespace);

CREATE TABLE helamem.term (
    namespace uuid NOT NULL,
    term      bigint NOT NULL, -- a digest
    documents bigint NOT NULL, -- how many active nodes have it
    PRIMARY KEY (namespace, term)
) PARTITION BY HASH (namespace);

CREATE TABLE helamem.posting (
    namespace uuid NOT NULL,
    term      bigint NOT NULL,
    node      bigint NOT NULL,
    count     integer NOT NULL,
    rank      integer NOT NULL,
    length    integer NOT NULL, -- of the node, so that words are scored without reading it
    PRIMARY KEY (namespace, term, node) INCLUDE (count, rank, length)
) PARTITION BY HASH (namespace);
CREATE INDEX posting_node ON helamem.posting (namespace, node);

CREATE TABLE helamem.edge ( -- both directions of every edge
    namespace uuid NOT NULL,
    source    bigint NOT NULL,
    target    bigint NOT NULL,
    channel   smallint NOT NULL, -- 1 learned, 2 source
    weight    double precision NOT NULL,
    touched   double precision NOT NULL,
    PRIMARY KEY (namespace, source, target, channel)
) PARTITION BY HASH (namespace);

CREATE TABLE helamem.fact (
    namespace  uuid NOT NULL,
    node       bigint NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    confidence double precision NOT NULL,
    PRIMARY KEY (namespace, node)
) PARTITION BY HASH (namespace);

CREATE TABLE helamem.fact_source (
    namespace uuid NOT NULL,
    fact      bigint NOT NULL,
    episode   bigint NOT NULL,
    PRIMARY KEY (namespace, fact, episode)
) PARTITION BY HASH (namespace);
CREATE INDEX fact_source_episode ON helamem.fact_source (namespace, episode);

CREATE TABLE helamem.cluster (
    namespace uuid NOT NULL,
    digest    bytea NOT NULL,
    PRIMARY KEY (namespace, digest)
) PARTITION BY HASH (namespace);

CREATE TABLE helamem.history ( -- what is not told by the node itself
    namespace uuid NOT NULL,
    node      bigint NOT NULL,
    n         integer NOT NULL, -- counts the events of a node
    event     text COLLATE "C" NOT NULL,
    at        double precision NOT NULL,
    text      text COLLATE "C",
    PRIMARY KEY (namespace, node, n)
) PARTITION BY HASH (namespace);

CREATE TABLE helamem.superseded ( -- see docs/decisions/0022-corrections-that-stick.md
    namespace uuid NOT NULL,
    node      bigint NOT NULL,
    by        bigint NOT NULL,
    yields    boolean NOT NULL, -- whether `by` is superseded in turn when `node` holds again
    because   bigint, -- the turn that was superseded, where a fact that rests on it went with it
    place     bigint, -- the id of the turn in whose place `by` stands in its session, if in any
    PRIMARY KEY (namespace, node)
) PARTITION BY HASH (namespace);
CREATE INDEX superseded_by ON helamem.superseded (namespace, by);

CREATE TABLE helamem.handed ( -- an edge of `superseded.by` before and after it got those of the node
    namespace      uuid NOT NULL,
    node           bigint NOT NULL,
    other          bigint NOT NULL,
    before         double precision, -- null where there was none
    before_touched double precision,
    weight         double precision NOT NULL,
    touched        double precision NOT NULL,
    PRIMARY KEY (namespace, node, other)
) PARTITION BY HASH (namespace);

CREATE TABLE helamem.staged ( -- what a reindexing has made, until all of it is put in place at once
    namespace uuid NOT NULL,
    node      bigint NOT NULL,
    vector    vector NOT NULL,
    passages  vector[] NOT NULL,
    terms     text NOT NULL, -- JSON: the digest, count and rank of each
    length    integer NOT NULL,
    traits    integer NOT NULL,
    PRIMARY KEY (namespace, node)
) PARTITION BY HASH (namespace);

-- A second wall between namespaces: a transaction sees the rows of the namespace that it has named in a
-- setting, or none. Only what concerns the whole database names all of them. Partitions are closed to all
-- but their table.
DO $$
DECLARE
    whole record;
    part text;
BEGIN
    FOR whole IN
        SELECT relname AS name FROM pg_class WHERE relnamespace = 'helamem'::regnamespace AND relkind = 'p'
    LOOP
        FOR i IN 0..15 LOOP
            part := whole.name || '_' || i;
            EXECUTE format(
                'CREATE TABLE helamem.%I PARTITION OF helamem.%I FOR VALUES WITH (MODULUS 16, REMAINDER %s)',
                part, whole.name, i
            );
            EXECUTE format('ALTER TABLE helamem.%I ENABLE ROW LEVEL SECURITY', part);
            EXECUTE format('ALTER TABLE helamem.%I FORCE ROW LEVEL SECURITY', part);
        END LOOP;
        EXECUTE format('ALTER TABLE helamem.%I ENABLE ROW LEVEL SECURITY', whole.name);
        EXECUTE format('ALTER TABLE helamem.%I FORCE ROW LEVEL SECURITY', whole.name);
        EXECUTE format(
            'CREATE POLICY own ON helamem.%I USING'
            ' (namespace = (SELECT nullif(current_setting(''helamem.namespace'', true), '''')::uuid))',
            whole.name
        );
        EXECUTE format(
            'CREATE POLICY everything ON helamem.%I USING'
            ' ((SELECT current_setting(''helamem.scope'', true)) = ''everything'')',
            whole.name
        );
    END LOOP;
END
$$;
