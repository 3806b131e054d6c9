-- What each lesson and each consolidation has changed, so that it can be undone, and how often memories were
-- shown: docs/decisions/0024-learning-can-be-undone.md. Numbers and digests only, no text of a memory.

CREATE SEQUENCE helamem.step_id AS bigint; -- over all namespaces; within one, later steps have higher numbers

CREATE TABLE helamem.step (
    namespace  uuid NOT NULL,
    id         bigint NOT NULL,
    kind       smallint NOT NULL, -- 0 lesson, 1 consolidation
    at         double precision NOT NULL,
    number     bigint, -- of a lesson: how many there were with it
    cue        bigint,
    undone     boolean NOT NULL DEFAULT false,
    now        double precision, -- the clock of learning, and the rule of the lesson
    tau        double precision,
    saturation double precision,
    ceiling    double precision,
    floor      double precision,
    shown      bigint[] NOT NULL DEFAULT '{}', -- what a lesson has counted as shown
    marks      bytea[] NOT NULL DEFAULT '{}', -- the clusters that a consolidation has distilled
    PRIMARY KEY (namespace, id)
) PARTITION BY HASH (namespace);

CREATE TABLE helamem.step_edge ( -- once for both directions, a < b
    namespace      uuid NOT NULL,
    a              bigint NOT NULL,
    b              bigint NOT NULL,
    step           bigint NOT NULL,
    before         double precision, -- null where there was no edge
    before_touched double precision,
    gain           double precision NOT NULL,
    keep           double precision NOT NULL, -- 1 unless it was weakened
    PRIMARY KEY (namespace, a, b, step)
) PARTITION BY HASH (namespace);
CREATE INDEX step_edge_b ON helamem.step_edge (namespace, b);
CREATE INDEX step_edge_step ON helamem.step_edge (namespace, step);

CREATE TABLE helamem.step_use (
    namespace uuid NOT NULL,
    node      bigint NOT NULL,
    step      bigint NOT NULL,
    used_at   double precision, -- when it was last used before
    PRIMARY KEY (namespace, node, step)
) PARTITION BY HASH (namespace);
CREATE INDEX step_use_step ON helamem.step_use (namespace, step);

CREATE TABLE helamem.step_fact (
    namespace  uuid NOT NULL,
    fact       bigint NOT NULL,
    step       bigint NOT NULL,
    confidence double precision, -- before; null where the step has added the fact
    metadata   text COLLATE "C", -- before
    sources    bigint[] NOT NULL DEFAULT '{}', -- those that the step has added
    PRIMARY KEY (namespace, fact, step)
) PARTITION BY HASH (namespace);
CREATE INDEX step_fact_step ON helamem.step_fact (namespace, step);

CREATE TABLE helamem.shown ( -- how often somebody was shown a memory and said what served
    namespace uuid NOT NULL,
    node      bigint NOT NULL,
    times     bigint NOT NULL,
    PRIMARY KEY (namespace, node)
) PARTITION BY HASH (namespace);

-- The same second wall between namespaces as in 0001.
DO $$
DECLARE
    name text;
    part text;
BEGIN
    FOREACH name IN ARRAY ARRAY['step', 'step_edge', 'step_use', 'step_fact', 'shown'] LOOP
        FOR i IN 0..15 LOOP
            part := name || '_' || i;
            EXECUTE format(
                'CREATE TABLE helamem.%I PARTITION OF helamem.%I FOR VALUES WITH (MODULUS 16, REMAINDER %s)',
                part, name, i
            );
            EXECUTE format('ALTER TABLE helamem.%I ENABLE ROW LEVEL SECURITY', part);
            EXECUTE format('ALTER TABLE helamem.%I FORCE ROW LEVEL SECURITY', part);
        END LOOP;
        EXECUTE format('ALTER TABLE helamem.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE helamem.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own ON helamem.%I USING'
            ' (namespace = (SELECT nullif(current_setting(''helamem.namespace'', true), '''')::uuid))',
            name
        );
        EXECUTE format(
            'CREATE POLICY everything ON helamem.%I USING'
            ' ((SELECT current_setting(''helamem.scope'', true)) = ''everything'')',
            name
        );
    END LOOP;
END
$$;
