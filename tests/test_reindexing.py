"""Everything is made anew in place, whoever is killed, and whoever else has the file open."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helamem import (
    Config,
    EmbedderError,
    EmbedderMismatchError,
    LanguageMismatchError,
    Memory,
    StoreError,
)
from helamem.language.english import ENGLISH
from helamem.memory import reindex_file
from helamem.models.embedders import HashingEmbedder
from helamem.reindexing import reindex
from helamem.stores.encoding import digest
from helamem.stores.sqlite import SQLiteStore, database
from helamem.stores.sqlite.reindexing import IN_PLACE
from helamem.testing import FixedClock, samples
from stores.processes import Process, running

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from helamem.protocols import Floats

TURNS = [
    f"Maya has {n} cats and {n} cellos" for n in ["two", "three", "four", "five", "six", "seven"]
]
TWO: dict[str, Any] = {"storage.batch_size": 2}
THREE: dict[str, Any] = {"storage.batch_size": 3}
QUESTION = "How many cats has Maya?"
SLOW = """
from helamem import reindexing
from helamem.language.english import ENGLISH
from helamem.stores.sqlite import namespace

class Slow:
    name, dimension, max_chars = "other", 16, None

    def embed(self, texts):
        say("embedding")
        wait()
        return np.array([samples.vector(text, 16) for text in texts])

def record(db, analysis, known=namespace.record):
    known(db, analysis)
    say("placing")
    wait()

namespace.record = record
reindexing.reindex(store, Slow(), ENGLISH, names_apart=True, batch_size=2)
say("done")
"""


class Counting(HashingEmbedder):
    """Says what it was asked, and fails once it was asked too much."""

    def __init__(self, dimension: int = 64, most: int = 10**9) -> None:
        super().__init__(dimension)
        self.asked: list[str] = []
        self._most = most

    def embed(self, texts: Sequence[str]) -> Floats:
        if len(self.asked) + len(texts) > self._most:
            raise EmbedderError("no more", provider="test")
        self.asked += texts
        return super().embed(texts)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


def opened(
    path: str | Path, dimension: int = 32, *, namespace: str = "default", **settings: Any
) -> Memory:
    config = Config.of(**settings)
    embedder = HashingEmbedder(dimension)
    return Memory(path, namespace=namespace, config=config, embedder=embedder, clock=FixedClock())


def filled(path: Path) -> None:
    with opened(path) as memory:
        memory.add(TURNS, speaker="Ana")
        memory.reinforce(memory.search(QUESTION), used=[1, 2])


def stored(path: Path) -> SQLiteStore:
    return SQLiteStore(path, namespace="main", made_by=samples.ANALYSIS)


def aged(path: Path) -> None:
    """Let the file say that an older analysis read it."""
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE meta SET value = '0' WHERE key = 'version'")
    connection.close()


class TestInPlace:
    def test_another_embedder_takes_over(self, path: Path) -> None:
        filled(path)
        with opened(path) as memory:
            report = memory.reindex(embedder=HashingEmbedder(64))

            assert (7, "hashing/64", 64) == (report.memories, report.embedder, report.dimension)
            expected = [hit.id for hit in memory.search(QUESTION).hits]
            assert "hashing/64" == memory.stats().embedder
            assert () == memory.check()
            assert (8,) == memory.add("Maya has eight cats", speaker="Ana").ids

        with opened(path, 64) as memory:
            assert expected == [hit.id for hit in memory.search(QUESTION).hits if hit.id != 8]

    def test_it_is_as_if_the_embedder_had_always_been_this_one(
        self, path: Path, tmp_path: Path
    ) -> None:
        filled(path)
        with opened(path) as memory:
            memory.reindex(embedder=HashingEmbedder(64))
            with opened(tmp_path / "new.db", 64) as other:
                other.add([(each.text) for each in memory.list()], speaker="Ana")
                other.reinforce(other.search(QUESTION), used=[1, 2])

                question = "Maya's cats?"
                found, expected = memory.search(question), other.search(question)
                assert [hit.id for hit in expected.hits] == [hit.id for hit in found.hits]
                assert [hit.score for hit in expected.hits] == pytest.approx(
                    [hit.score for hit in found.hits]
                )
                assert expected.cues[0].similarity == pytest.approx(found.cues[0].similarity)

    def test_every_namespace_is_made_anew(self, path: Path) -> None:
        filled(path)
        with opened(path, namespace="other") as other:
            other.add("Ben rows", speaker="Ben")
        with opened(path) as memory:
            memory.reindex(embedder=HashingEmbedder(64))

        with opened(path, 64, namespace="other") as other:
            assert "Ben rows" == other.search("Who rows?").hits[0].text

    def test_progress_is_told_after_each_batch(self, path: Path) -> None:
        filled(path)
        done: list[int] = []

        with opened(path, **THREE) as memory:
            memory.reindex(progress=done.append)

        assert [3, 6, 7] == done

    def test_a_memory_in_ram_can_be_reindexed(self) -> None:
        with opened(":memory:") as memory:
            memory.add(TURNS)
            memory.reindex(embedder=HashingEmbedder(64))

            assert memory.search(QUESTION)

    def test_each_word_is_looked_up_and_not_sought_through_all(self, path: Path) -> None:
        filled(path)
        [statement] = [each for each in IN_PLACE if each.startswith("INSERT INTO word")]
        with contextlib.closing(sqlite3.connect(path)) as file:
            plan = [row[-1] for row in file.execute(f"EXPLAIN QUERY PLAN {statement}")]

        assert ["SEARCH"] == [each.partition(" term ")[0] for each in plan if " term " in each]


def interrupt(memory: Memory, embedder: HashingEmbedder) -> None:
    memory.reindex(embedder=embedder)


class TestFailure:
    def test_what_was_there_stays_until_all_is_made(self, path: Path) -> None:
        filled(path)
        with opened(path, **TWO) as memory:
            before = [(hit.id, hit.score) for hit in memory.search(QUESTION).hits]
            with pytest.raises(EmbedderError):
                memory.reindex(embedder=Counting(most=5))

            assert before == [(hit.id, hit.score) for hit in memory.search(QUESTION).hits]
            assert "hashing/32" == memory.stats().embedder
            assert (8,) == memory.add("Maya has eight cats").ids

    def test_the_next_run_makes_only_what_is_left(self, path: Path) -> None:
        filled(path)
        with opened(path, **TWO) as memory:
            with pytest.raises(EmbedderError):
                memory.reindex(embedder=Counting(most=5))
            memory.update(1, "Maya has no cats")
            rest = Counting()

            memory.reindex(embedder=rest)

            assert ["Ana: Maya has no cats", *(f"Ana: {turn}" for turn in TURNS[4:])] == rest.asked[
                :3
            ]
            assert () == memory.check()


@pytest.mark.slow
class TestKilled:
    """A process that is killed at whatever step leaves the old file, and the next run goes on."""

    @pytest.mark.parametrize("n_steps", [0, 1, 2, 3])
    def test_the_file_is_the_old_one(self, path: Path, n_steps: int) -> None:
        store = stored(path)
        samples.add(store, "one", "two", "three", "four", "five")
        before = samples.snapshot(store)
        process = Process(SLOW, path)
        with running(process):
            for _ in range(n_steps):
                assert "embedding" == process.hear()
                process.go_on()
            assert ("placing" if n_steps == 3 else "embedding") == process.hear()
            process.kill()

        assert before == samples.snapshot(store)
        assert [] == store.check()
        samples.add(store, "six")
        reopened = stored(path)
        assert 6 == len(reopened.ids(kinds=["episode"]))

        rest = Counting(16)
        rest.name = "other"
        adopted, n = reindex(reopened, rest, ENGLISH, names_apart=True, batch_size=2)

        assert n == len(rest.asked) == 6 - min(2 * n_steps, 5)
        assert [] == adopted.check()
        assert 16 == adopted.stats().dimension
        store.close()
        adopted.close()


class TestOthers:
    """Whoever else has the file open notices."""

    def test_a_handle_with_the_old_embedder_is_refused(self, path: Path) -> None:
        filled(path)
        with opened(path) as memory, opened(path) as other:
            other.search(QUESTION)
            memory.reindex(embedder=HashingEmbedder(64))

            with pytest.raises(EmbedderMismatchError, match="reindex --embedder hashing:32"):
                other.search(QUESTION)
            with pytest.raises(EmbedderMismatchError):
                other.add("something")
            assert TURNS[0] == other.get(1).text

    def test_a_handle_with_the_same_embedder_goes_on(self, path: Path) -> None:
        filled(path)
        aged(path)
        with opened(path) as memory, opened(path) as other:
            other.search(QUESTION)
            memory.reindex()

            assert [hit.score for hit in memory.search(QUESTION)] == [
                hit.score for hit in other.search(QUESTION)
            ]
            assert ENGLISH.version == other.stats().language_version

    def test_another_process_notices(self, path: Path) -> None:
        store = stored(path)
        samples.add(store, "one", "two")
        process = Process(
            """
store.nearest(samples.vector("one"), 1, kinds=["episode"])
say("ready")
wait()
for use in (
    lambda: store.nearest(samples.vector("one"), 1, kinds=["episode"]),
    lambda: samples.add(store, "three"),
):
    try:
        use()
    except Exception as error:
        say(type(error).__name__)
""",
            path,
        )
        with running(process):
            assert "ready" == process.hear()
            adopted, _ = reindex(
                store, HashingEmbedder(16), ENGLISH, names_apart=True, batch_size=9
            )
            process.go_on()
            assert ["EmbedderMismatchError"] * 2 == process.end()

        assert 2 == len(adopted.ids(kinds=["episode"]))
        adopted.close()

    def test_a_turn_that_comes_meanwhile_is_made_anew_too(self, path: Path) -> None:
        filled(path)
        with opened(path) as memory, opened(path) as other:

            def interrupt(_: int) -> None:
                if other.stats().episodes < 9:
                    other.add(f"Maya has {other.stats().episodes} dogs")

            memory.reindex(embedder=HashingEmbedder(64), progress=interrupt)

            assert 9 == memory.stats().episodes
            assert () == memory.check()
            assert "8 dogs" in memory.search("Maya has 8 dogs").hits[0].text

    def test_of_two_reindexings_the_later_one_holds(self, path: Path) -> None:
        filled(path)
        with opened(path, **TWO) as memory, opened(path) as other:
            later = HashingEmbedder(16)
            with pytest.raises(StoreError, match="Another reindexing"):
                memory.reindex(
                    embedder=HashingEmbedder(64), progress=lambda _: interrupt(other, later)
                )

            assert "hashing/16" == other.stats().embedder
            assert () == other.check()


# A turn as files from before had it: "one one" of the only namespace.
ONE_TURN = (
    "INSERT INTO session VALUES (1, 1, 0, 's')",
    "INSERT INTO node (id, namespace, kind, text, session, at, stored_at, length)"
    " VALUES (1, 1, 0, 'one one', 1, 0.0, 0.0, 2)",
    f"INSERT INTO vector VALUES (1, zeroblob({4 * samples.DIMENSION}))",
    f"INSERT INTO term VALUES (1, 1, {digest('one')}, 1)",
    "INSERT INTO posting VALUES (1, 1, 2, 0)",
    "UPDATE namespace SET n_documents = 1, total_length = 2, last_node = 1",
)


class TestAnalysis:
    def test_a_new_file_says_what_read_it(self, path: Path) -> None:
        filled(path)

        with opened(path) as memory:
            stats = memory.stats()

        assert (ENGLISH.name, ENGLISH.version) == (stats.language, stats.language_version)

    def test_a_file_of_an_older_analysis_works(self, path: Path) -> None:
        filled(path)
        aged(path)

        with opened(path) as memory:
            assert 0 == memory.stats().language_version
            assert memory.search(QUESTION)
            memory.add("Maya has eight cats")
            memory.reindex()
            assert ENGLISH.version == memory.stats().language_version

    def test_a_file_from_before_was_read_with_the_first_english_analysis(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        older = database.migrations()[:2]
        with monkeypatch.context() as then:
            then.setattr(database, "migrations", lambda: older)
            stored(path).close()
        with contextlib.closing(sqlite3.connect(path)) as file, file:
            file.execute("DELETE FROM meta WHERE key IN ('language', 'version')")
            for statement in ONE_TURN:
                file.execute(statement)

        store = stored(path)

        assert ("english", 1) == (store.analysis.language, store.analysis.version)
        assert [] == store.check()
        assert [(0, 1, 2.0, 0)] == [row[:4] for row in samples.rows(samples.postings(store, "one"))]
        store.close()

    def test_another_language_is_refused_until_it_is_reindexed(self, path: Path) -> None:
        filled(path)
        with pytest.raises(LanguageMismatchError, match="reindex --set language=neutral") as raised:
            opened(path, language="neutral")
        assert ("english", "neutral") == (raised.value.expected, raised.value.actual)

        neutral = Config.of(language="neutral", embedder="hashing:32")
        reindex_file(path, config=neutral)

        with opened(path, language="neutral") as memory:
            assert memory.search("has").hits[0].text in TURNS
            assert "neutral" == memory.stats().language

    def test_a_file_without_memories_cannot_be_guessed(self, path: Path) -> None:
        with pytest.raises(StoreError, match="nothing has been stored"):
            reindex_file(path, config=Config.of(embedder="hashing"))

    def test_vectors_are_those_of_the_new_embedder(self, path: Path) -> None:
        filled(path)
        new = HashingEmbedder(64)
        with opened(path) as memory:
            memory.reindex(embedder=new)
            kept = memory._store.vectors(np.array([1, 2]))

        assert new.embed([f"Ana: {turn}" for turn in TURNS[:2]]).tolist() == kept.tolist()
