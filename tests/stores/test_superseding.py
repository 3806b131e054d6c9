"""Files from before corrections are brought up to date with what was replaced in them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from helamem.protocols import Supersession
from helamem.stores.sqlite import SQLiteStore, database
from helamem.testing import samples

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

BEFORE = 4  # the last schema in which only facts were superseded, in a column of theirs
ROWS = """
INSERT INTO session VALUES (1, 1, 1, 's');
INSERT INTO node (id, namespace, kind, active, key, text, session, at, stored_at) VALUES
    (1, 1, 0, 1, x'01', 'They moved.', 1, 0, 0), (2, 1, 1, 0, NULL, 'Rome', NULL, 0, 0),
    (3, 1, 1, 1, NULL, 'Oslo', NULL, 0, 0);
INSERT INTO vector SELECT id, zeroblob(32) FROM node;
INSERT INTO fact VALUES (2, 'statement', 0.5, 3), (3, 'trait', 0.75, NULL);
INSERT INTO fact_source VALUES (2, 1), (3, 1);
INSERT INTO edge VALUES (2, 1, 2, 1, 0), (1, 2, 2, 1, 0), (3, 1, 2, 1, 0), (1, 3, 2, 1, 0);
UPDATE namespace SET n_documents = 2, last_node = 3 WHERE id = 1;
"""


def opened(path: Path) -> SQLiteStore:
    return SQLiteStore(path, namespace="main", made_by=samples.ANALYSIS)


def test_what_was_replaced_before_stays_replaced_and_can_be_reverted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, scripts = tmp_path / "memory.db", database.migrations()
    with monkeypatch.context() as older:
        older.setattr(database, "migrations", lambda: scripts[:BEFORE])
        opened(path).close()
    with closing(sqlite3.connect(path)) as file:
        file.executescript(ROWS)

    store = opened(path)

    found = [
        (each.id, each.superseded_by, each.confidence) for each in store.facts(superseded=True)
    ]
    assert [(2, 3, 0.5), (3, None, 0.75)] == found
    assert [(1,), (1,)] == [each.sources for each in store.facts(superseded=True)]
    assert [Supersession(old=2, new=3)] == store.supersessions()
    assert [] == store.check()
    assert [3] == store.revert(2, at=1.0)
    assert [2] == [each.id for each in store.facts()]
    assert [] == store.check()
    store.close()
