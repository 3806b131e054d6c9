"""Candidates by words in a file: with few postings read, the same as by reading all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helamem.core import threshold
from helamem.stores.sqlite import SQLiteStore, posting_table, word_search
from helamem.stores.sqlite.word_search import Words
from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.protocols import Ints
    from helamem.stores.sqlite.namespace import Space
    from helamem.stores.sqlite.snapshots import Snapshot

VOCABULARY = ("ash", "birch", "cedar", "elm", "fir", "gum")
MOST_WORDS = 20  # of a turn, and more than any has
SHARES = (0.9, 0.6, 0.4, 0.2, 0.05, 0.01)


@pytest.fixture(scope="module")
def store() -> Iterator[SQLiteStore]:
    """Eight hundred turns of a few words, some removed, changed or superseded."""
    generator = np.random.default_rng(4)
    made = SQLiteStore(":memory:", namespace="n", made_by=samples.ANALYSIS)
    ids = [
        samples.add(made, f"{_said(generator)} t{i}", session=f"{i // 20}")[0] for i in range(800)
    ]
    made.remove(ids[::50], at=1.0)
    for id_ in ids[1::50]:
        made.update(id_, samples.episode(f"fir gum fir u{id_}"), at=2.0)
    for old, new in zip(ids[2::50], ids[3::50], strict=True):
        made.supersede(old, new, at=3.0)
    yield made
    made.close()


def _said(generator: np.random.Generator) -> str:
    words = [
        word for word, share in zip(VOCABULARY, SHARES, strict=True) if generator.random() < share
    ]
    return " ".join(word for word in words for _ in range(int(generator.geometric(0.7))))


@pytest.fixture
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few postings, and nothing is read whole."""
    monkeypatch.setattr(word_search, "QUICK", 0)
    monkeypatch.setattr(threshold, "FIRST", 4)
    monkeypatch.setattr(threshold, "AT_ONCE", 8)


def scores(
    seen: Snapshot, question: str, within: Ints | None, **asked: Any
) -> tuple[list[float], Words]:
    """The scores of the best by words, and what they were found with."""
    words = Words(seen, samples.query(question, nearest=9, **{"lexical": 9, **asked}))
    ids = np.sort(words.best(within))
    return sorted(
        words._scoring.scores(words.among(ids).table(ids), seen.index.lengths(ids))
    ), words


def questions(seen: Snapshot) -> Iterator[tuple[str, Ints | None]]:
    generator = np.random.default_rng(5)
    active = seen.index.of_kinds(["episode"])
    for i in range(30):
        asked = generator.choice(VOCABULARY, int(generator.integers(1, 5)), replace=False).tolist()
        within = generator.choice(active, 60, replace=False) if i % 3 == 0 else None
        yield " ".join([*asked, "nowhere"]), None if within is None else np.sort(within)


@pytest.mark.usefixtures("_few")
def test_the_best_score_as_when_everything_is_read(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store._seeing() as seen:
        for question, within in questions(seen):
            found, words = scores(seen, question, within)
            with monkeypatch.context() as whole:
                whole.setattr(word_search, "QUICK", 1)
                expected, _ = scores(seen, question, within)
                whole.setattr(word_search, "FEW", 0)
                summed, _ = scores(seen, question, within)

            assert expected == found == summed
            assert 0.0 == words.left_out


@pytest.mark.usefixtures("_few")
def test_what_is_cut_short_is_told(store: SQLiteStore) -> None:
    with store._seeing() as seen:
        everything, _ = scores(seen, "ash birch cedar", None, lexical=10**4)
        found, words = scores(seen, "ash birch cedar", None, max_postings=30)

        assert 0 < words.left_out
        left = everything[: -len(found)]
        assert max(left) <= words.left_out * max(found) * (1 + 1e-9)


@pytest.mark.usefixtures("_few")
def test_only_what_is_needed_is_looked_up(store: SQLiteStore) -> None:
    statements: list[str] = []
    with store._seeing() as seen:
        seen.space.db._connection.set_trace_callback(statements.append)
        scores(seen, "ash fir", None)
        seen.space.db._connection.set_trace_callback(None)
        plans = [
            row[3]
            for each in statements
            for row in seen.space.db.rows(f"EXPLAIN QUERY PLAN {each}")
            if "posting" in row[3] or "word" in row[3]
        ]

    assert plans
    assert [] == [plan for plan in plans if not plan.startswith("SEARCH")]


def test_as_many_postings_move_on_as_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting_table, "MANY_NEW", 60)
    monkeypatch.setattr(posting_table, "AT_LEAST", 0)
    generator = np.random.default_rng(6)
    store = SQLiteStore(":memory:", namespace="n", made_by=samples.ANALYSIS)
    said: dict[int, str] = {}
    for i in range(120):
        text = f"{_said(generator)} t{i}"
        with store._writing() as space:
            before = _in_tiers(space)
            said |= dict.fromkeys(samples.add(store, text), text)
            new, old = _in_tiers(space)
            n_added = new + old - sum(before)
            assert old - before[1] <= n_added
            assert new <= 60 + 2 * MOST_WORDS
        if i % 10 == 9:
            store.remove([min(said)], at=1.0)
            del said[min(said)]

    assert [] == store.check()
    with store._seeing() as seen:
        assert min(_in_tiers(seen.space)) > 30
    found = samples.postings(store, "ash", "t3")
    assert {id_ for id_, text in said.items() if {"ash", "t3"} & set(text.split())} == set(
        found.ids.tolist()
    )
    store.close()


def _in_tiers(space: Space) -> tuple[int, int]:
    """How many postings each of the two trees has."""
    new, old = space.db.row(
        "SELECT (SELECT count(*) FROM posting), (SELECT coalesce(sum(length(content) / 16), 0) FROM packed)"
    )
    return new, old


def test_the_levels_of_a_file_are_repaired(tmp_path: Any) -> None:
    path = tmp_path / "n.db"
    with_levels = "SELECT term, level, node FROM posting ORDER BY 1, 3"
    store = SQLiteStore(path, namespace="n", made_by=samples.ANALYSIS)
    samples.add(store, "ash ash birch", "ash")
    with store._writing() as space:
        before = space.db.rows(with_levels)
        space.db.execute("UPDATE posting SET level = 99 WHERE node = 1")

    [wrong] = store.check()
    store.repair(at=1.0, dry_run=False)

    assert "words of 1 memories are not where they are looked for" == wrong
    with store._seeing() as seen:
        assert before == seen.space.db.rows(with_levels)
    store.close()


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (
            "DELETE FROM posting WHERE node = 4",
            "words of 1 memories are not where they are looked for",
        ),
        (
            "UPDATE packed SET content = content || x'00' WHERE first = 1",
            "words of 3 memories are not where they are looked for",
        ),
        ("UPDATE packed SET term = 99 WHERE term = 1", "1 rows of packed belong to no term"),
        ("UPDATE posting SET count = count + 1", "words of 3 memories are not where"),
        ("UPDATE term SET documents = 9", "5 terms have a wrong document frequency"),
        ("DELETE FROM word WHERE node = 2", "words of 1 memories are not where"),
    ],
)
def test_damaged_words_are_found_and_mended(
    damage: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting_table, "MANY_NEW", 4)
    monkeypatch.setattr(posting_table, "AT_LEAST", 0)
    store = SQLiteStore(":memory:", namespace="n", made_by=samples.ANALYSIS)
    for text in ("ash birch", "cedar ash", "birch elm", "cedar fir"):
        samples.add(store, text)
    with store._writing() as space:
        assert min(_in_tiers(space)) > 1
        space.db.execute(damage)

    assert any(each.startswith(complaint) for each in store.check()), store.check()
    store.repair(at=1.0, dry_run=False)

    assert [] == store.check()
    store.close()
