-- How often somebody was shown a memory and said what served: docs/decisions/0024-learning-can-be-undone.md.

CREATE TABLE shown (
    node  INTEGER PRIMARY KEY REFERENCES node ON DELETE CASCADE,
    times INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE step_shown ( -- what a lesson has counted
    node INTEGER NOT NULL,
    step INTEGER NOT NULL REFERENCES step ON DELETE CASCADE,
    PRIMARY KEY (node, step)
) WITHOUT ROWID;
CREATE INDEX step_shown_step ON step_shown (step);
