"""What is special about a file: damage, full disks, other processes, sudden ends, traces of the deleted."""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helamem import Config, Memory
from helamem.errors import CorruptError, EmbedderMismatchError, SchemaError, StoreError
from helamem.models.embedders import HashingEmbedder
from helamem.stores.sqlite import SQLiteStore, cache, database, namespace, node_table, removing
from helamem.testing import samples
from stores.processes import Process, running
from stores.residue import residue

if TYPE_CHECKING:
    from collections.abc import Iterator


def opened(path: str | Path, namespace: str = "main", **others: Any) -> SQLiteStore:
    return SQLiteStore(path, namespace=namespace, **{"made_by": samples.ANALYSIS, **others})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with_file = opened(path)
    yield with_file
    with_file.close()


def fill(store: SQLiteStore, n: int = 60) -> list[int]:
    ids = samples.add(store, *[f"turn {i} about {'tea' if i % 3 else 'milk'}" for i in range(n)])
    store.learn(samples.lesson(dict.fromkeys(itertools.pairwise(ids), 0.5), used=ids[:3]))
    return ids


def in_sql(path: Path, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements behind the store's back; the rows of the last."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return [connection.execute(statement).fetchall() for statement in statements][-1]
    finally:
        connection.close()


class TestOpening:
    def test_the_file_and_its_folders_are_made(self, tmp_path: Path) -> None:
        path = tmp_path / "a" / "b" / "memory.db"

        opened(path).close()

        assert path.exists()

    def test_an_empty_file_becomes_a_memory(self, path: Path) -> None:
        path.touch()

        opened(path).close()

        assert [(database.APPLICATION_ID,)] == in_sql(path, "PRAGMA application_id")

    def test_a_path_may_be_text(self, path: Path) -> None:
        store = opened(str(path))

        assert str(path) == store.stats().path
        store.close()

    def test_a_closed_file_is_a_single_file(self, path: Path) -> None:
        store = opened(path)
        fill(store)
        store.close()

        assert [path] == list(path.parent.glob("memory.db*"))

    def test_nothing_in_ram_touches_the_disk(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        store = opened(":memory:")
        ids = samples.add(store, "one", "two")
        store.remove(ids, at=5.0)

        assert 0 == store.stats().file_bytes
        assert [] == list(tmp_path.iterdir())
        store.close()

    def test_a_vector_space_of_any_size_is_kept(self, tmp_path: Path) -> None:
        for dimension in (1, 3, 1536):
            store = opened(
                tmp_path / f"{dimension}.db", made_by=replace(samples.ANALYSIS, dimension=dimension)
            )
            vector = samples.vector("x", dimension)

            [(id_, _)] = store.add([samples.episode("x", vector=vector)], link=0.0, now=0.0)

            assert vector.tobytes() == store.vectors(samples.ints(id_)).tobytes()
            store.close()

    def test_an_old_sqlite_is_named(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "OLDEST", (99, 1, 2))

        with pytest.raises(StoreError, match=r"needs SQLite 99\.1\.2 or newer"):
            opened(path)

        assert not path.exists()


class TestMigrations:
    def test_scripts_are_numbered_without_gaps(self) -> None:
        folder = Path(database.__file__).parent / "migrations"
        names = sorted(file.name for file in folder.iterdir())

        assert names
        for number, name in enumerate(names, start=1):
            assert re.fullmatch(rf"{number:04}_[a-z_]+\.sql", name)

    def test_a_newer_file_is_refused_and_left_alone(self, path: Path) -> None:
        opened(path).close()
        known = len(database.migrations())
        in_sql(path, f"PRAGMA user_version = {known + 1}")
        before = path.read_bytes()

        with pytest.raises(
            SchemaError, match=rf"schema {known + 1}.* knows {known}.*pip install -U helamem"
        ):
            opened(path)

        assert before == path.read_bytes()

    def test_an_older_file_is_brought_up_to_date_with_all_that_is_in_it(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = opened(path)
        fill(store)
        before = samples.snapshot(store)
        store.close()
        steps = [
            *database.migrations(),
            "CREATE TABLE mood (node INTEGER); -- one\nINSERT INTO mood VALUES (1);",
        ]
        monkeypatch.setattr(database, "migrations", lambda: steps)

        for _ in range(2):  # the second time there is nothing to do
            store = opened(path)
            assert before == samples.snapshot(store)
            store.close()

        assert [(1,)] == in_sql(path, "SELECT node FROM mood")
        assert [(len(steps),)] == in_sql(path, "PRAGMA user_version")

    def test_a_step_that_fails_leaves_no_trace(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = opened(path)
        fill(store)
        before = samples.snapshot(store)
        store.close()
        steps = [
            *database.migrations(),
            "CREATE TABLE mood (node INTEGER);\nCREATE TABLE node (id INTEGER);",
        ]

        with monkeypatch.context() as patched:
            patched.setattr(database, "migrations", lambda: steps)
            with pytest.raises(StoreError, match="table node already exists"):
                opened(path)

        assert [] == in_sql(path, "SELECT name FROM sqlite_master WHERE name = 'mood'")
        store = opened(path)
        assert before == samples.snapshot(store)
        store.close()


class TestWrongFiles:
    def test_a_file_of_another_application_is_left_alone(self, path: Path) -> None:
        in_sql(path, "CREATE TABLE songs (title TEXT)")
        before = path.read_bytes()

        with pytest.raises(
            CorruptError, match=r"of another application\. Give helamem a file of its own"
        ):
            opened(path)

        assert before == path.read_bytes()

    @pytest.mark.parametrize("size", [5, 100, 5000, 100_000])
    def test_a_file_that_is_no_database_is_left_alone(self, path: Path, size: int) -> None:
        path.write_bytes(np.random.default_rng(size).bytes(size))
        before = path.read_bytes()

        with pytest.raises(CorruptError, match="not a helamem file, or its beginning is damaged"):
            opened(path)

        assert before == path.read_bytes()

    @pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.95])
    def test_a_truncated_file_is_noticed(self, path: Path, share: float) -> None:
        store = opened(path)
        fill(store)
        store.close()
        whole = path.read_bytes()
        path.write_bytes(whole[: int(share * len(whole))])

        with pytest.raises(CorruptError, match=r"damaged\. Restore a backup"):
            use_all(path)

    def test_a_damaged_page_is_noticed(self, path: Path) -> None:
        store = opened(path)
        fill(store)
        store.close()
        [(root,)] = in_sql(path, "SELECT rootpage FROM sqlite_master WHERE name = 'node'")
        content = bytearray(path.read_bytes())
        start = (root - 1) * database.PAGE_BYTES
        content[start : start + 200] = b"\xff" * 200
        path.write_bytes(content)

        with pytest.raises(CorruptError, match=r"damaged\. Restore a backup"):
            use_all(path)

    @pytest.mark.parametrize(
        "damage",
        [
            "DELETE FROM meta WHERE key = 'dimension'",
            "DELETE FROM meta WHERE key = 'embedder'",
            "UPDATE vector SET value = x'00' WHERE node = 1",
            "UPDATE node SET metadata = '{' WHERE id = 1",
            "UPDATE node SET at = 1e300 WHERE id = 1",
            "UPDATE node SET text = CAST(x'ff41' AS TEXT) WHERE id = 1",
        ],
    )
    def test_a_damaged_value_is_noticed(self, path: Path, damage: str) -> None:
        store = opened(path)
        fill(store)
        store.close()
        in_sql(path, "PRAGMA ignore_check_constraints = ON", damage)

        with pytest.raises(CorruptError, match="damaged"):
            use_all(path)

    def test_damage_in_the_schema_is_noticed(self, path: Path) -> None:
        opened(path).close()
        content = path.read_bytes()
        at = content.index(b"CREATE TABLE node")
        path.write_bytes(content[:at] + b"\xff" + content[at + 1 :])

        with pytest.raises(CorruptError, match="damaged"):
            opened(path)

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(
            StoreError, match=r"is a folder. Give the path of a file, for example .*memory\.db"
        ):
            opened(tmp_path)

    def test_a_file_is_no_folder(self, path: Path) -> None:
        path.write_text("words")

        with pytest.raises(StoreError, match=r"The folder .* cannot be made"):
            opened(path / "memory.db")

    @pytest.mark.skipif(
        not Path("/proc/self").exists(), reason="only Linux has a folder where root cannot write"
    )
    @pytest.mark.parametrize("place", ["/proc/memory.db", "/proc/helamem/memory.db"])
    def test_a_place_where_one_cannot_write_is_refused(self, place: str) -> None:
        with pytest.raises(StoreError, match=r"cannot be (made|opened|written)"):
            opened(place)


def use_all(path: Path) -> None:
    """Open a file and look at all that is in it."""
    store = opened(path)
    try:
        samples.snapshot(store)
        wrong = store.check()
    finally:
        store.close()
    raise AssertionError(f"nothing was noticed but {wrong}")


class TestChecking:
    @pytest.mark.parametrize(
        ("damage", "complaint"),
        [
            ("DELETE FROM vector WHERE node = 2", "1 nodes have no vector"),
            ("UPDATE vector SET value = x'00' WHERE node = 2", "1 vectors have the wrong length"),
            ("DELETE FROM edge WHERE source = 1", "3 edges lead one way only"),
            ("DELETE FROM node WHERE id = 60", "refers to a missing row of node"),
            ("UPDATE node SET at = 1e300 WHERE id = 2", "1 memories have an invalid time"),
            ("UPDATE node SET at = 9e999 WHERE id = 2", "1 memories have an invalid time"),
            (
                "UPDATE node SET stored_at = -1e12 WHERE id = 2",
                "have an invalid storing time",
            ),
            (
                "UPDATE usage SET used_at = 'yesterday'",
                "3 memories have an impossible count or time of uses",
            ),
            (
                "UPDATE usage SET uses = -5 WHERE node = 1",
                "1 memories have an impossible count or time of uses",
            ),
            ("UPDATE history SET at = 1e300", "history events have an invalid time"),
            ("INSERT INTO edge VALUES (3, 3, 1, 0.5, 0)", "1 edges join a memory to itself"),
            ("UPDATE edge SET weight = 9e999", "edges have an invalid weight or time"),
            ("UPDATE edge SET touched = 'x'", "edges have an invalid weight or time"),
            (
                "UPDATE node SET metadata = '[]' WHERE id = 5",
                "1 memories have metadata that are no",
            ),
            ("INSERT INTO edge VALUES (3, 999, 1, 0.5, 0)", "1 rows of edge belong to no node"),
            (
                "DELETE FROM edge WHERE source = 61 OR target = 61",
                "1 earlier questions are bound to",
            ),
            ("DELETE FROM fact_source", "1 facts rest on nothing"),
            ("UPDATE fact SET confidence = 7", "1 facts have a confidence outside (0, 1]"),
            (
                "INSERT INTO superseded VALUES (62, 62, 1, NULL, NULL)",
                "memory 62 was superseded by one that it superseded",
            ),
            ("DELETE FROM fact", "1 nodes have kind 'fact' but no fact row, or the reverse"),
            (
                "UPDATE node SET text = x'ff' WHERE id = 4",
                "1 nodes are of no kind, or have no text",
            ),
            (
                "UPDATE namespace SET n_documents = 7",
                "number or length of documents is wrong",
            ),
            (
                "UPDATE namespace SET total_length = 7",
                "number or length of documents is wrong",
            ),
        ],
    )
    def test_what_is_wrong_is_said(self, path: Path, damage: str, complaint: str) -> None:
        store = opened(path)
        ids = fill(store)
        store.learn(samples.lesson(used=ids[:2], cue=samples.cue("which?")))
        samples.add_fact(store, "a fact", *ids[:2])
        assert [] == store.check()
        store.close()
        in_sql(path, "PRAGMA ignore_check_constraints = ON", damage)

        store = opened(path)
        wrong = store.check()
        tried = store.repair(at=7.0, dry_run=True)

        assert complaint in " ".join(wrong)
        assert wrong == store.check()
        assert [] != tried == store.repair(at=7.0, dry_run=False)
        assert [] == store.check() == store.repair(at=8.0, dry_run=False)
        samples.snapshot(store)
        store.close()


class TestFullDisk:
    def test_nothing_is_half_written_and_all_works_again(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened(path).close()
        [(n_pages,)] = in_sql(path, "PRAGMA page_count")
        full = (*database.SETTINGS, f"PRAGMA max_page_count = {n_pages + 8}")
        with monkeypatch.context() as patched:
            patched.setattr(database, "SETTINGS", full)
            store = opened(path)
        ids = samples.add(store, "the first turn")
        before = samples.snapshot(store)
        many = samples.episodes(*[f"turn {i} " + "many words " * 50 for i in range(200)])

        with pytest.raises(
            StoreError, match=r"disk .* is full\. Nothing was stored; free some space"
        ):
            store.add(many, link=0.5, now=0.0)

        assert before == samples.snapshot(store)
        assert [] == store.check()
        store.learn(samples.lesson(used=ids))  # what fits still goes in
        store.close()
        store = opened(path)
        assert 200 == sum(new for _, new in store.add(many, link=0.5, now=0.0))
        assert [] == store.check()
        store.close()


class TestEmbedders:
    @pytest.mark.parametrize(
        ("other", "actual"),
        [
            ({"embedder": "other/model"}, "other/model (8 dimensions)"),
            ({"dimension": 16}, "test (16 dimensions)"),
        ],
    )
    def test_a_file_keeps_to_the_embedder_that_made_it(
        self, path: Path, other: dict[str, Any], actual: str
    ) -> None:
        opened(path).close()

        with pytest.raises(EmbedderMismatchError) as raised:
            opened(path, namespace="another", made_by=replace(samples.ANALYSIS, **other))

        assert ("test (8 dimensions)", actual) == (raised.value.expected, raised.value.actual)
        assert str(path) in str(raised.value)
        assert [] == in_sql(path, "SELECT name FROM namespace WHERE name = 'another'")

    def test_the_advised_command_embeds_all_anew(self, tmp_path: Path) -> None:
        file = tmp_path / "old memory.db"
        with Memory(
            file, namespace="maya", config=Config(), embedder=HashingEmbedder(32)
        ) as memory:
            memory.add(["Maya is allergic to peanuts.", "She plays the piano."])
            memory.reinforce(memory.search("peanuts"), used=[1, 2])
        with pytest.raises(EmbedderMismatchError) as raised:
            Memory(file, namespace="maya", config=Config(), embedder=HashingEmbedder(64))
        command = re.sub(r"^.*(?=helamem --file)", "", str(raised.value), flags=re.DOTALL)
        program = f'helamem() {{ {shlex.quote(sys.executable)} -m helamem "$@"; }}; {command}'

        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", program], capture_output=True, text=True, check=False
        )

        assert (0, "") == (done.returncode, done.stderr)
        with Memory(
            file, namespace="maya", config=Config(), embedder=HashingEmbedder(64)
        ) as memory:
            assert "Maya is allergic to peanuts." == memory.search("Maya peanuts").hits[0].text
            assert (2, 1, 1) == (
                memory.stats().episodes,
                memory.stats().cues,
                memory.stats().edges["learned"],
            )


class TestReading:
    def test_reading_writes_nothing(self, path: Path, store: SQLiteStore) -> None:
        fill(store)
        watcher = sqlite3.connect(path)
        before = watcher.execute("PRAGMA data_version").fetchone(), store.stats().file_bytes

        samples.snapshot(store)
        store.check()

        assert before == (
            watcher.execute("PRAGMA data_version").fetchone(),
            store.stats().file_bytes,
        )
        watcher.close()

    def test_all_that_is_read_together_is_of_one_moment(
        self, path: Path, store: SQLiteStore
    ) -> None:
        [a] = samples.add(store, "one")
        other = opened(path)

        with store.reading() as seen:
            before = samples.snapshot(seen)
            other.add(samples.episodes("two"), link=0.5, now=0.0)
            other.remove([a], at=5.0)
            assert before == samples.snapshot(seen)

        assert samples.snapshot(other) == samples.snapshot(store)
        other.close()

    def test_nothing_is_written_while_reading(self, store: SQLiteStore) -> None:
        with store.reading() as seen, pytest.raises(StoreError, match="Leave the block first"):
            samples.add(seen, "one")

        assert [] == store.ids(kinds=["episode"]).tolist()


@pytest.mark.slow
class TestTraces:
    """Nothing of what was removed can be found in the files, however one looks."""

    def test_no_text_remains(self, path: Path, store: SQLiteStore) -> None:
        secret = "Xylophagous quokkas embezzle zinc"
        [a, *_] = samples.add(store, f"{secret} daily", "harmless words", speaker="Quentin")
        fact = samples.add_fact(store, f"{secret} weekly", a)
        store.learn(samples.lesson({(a, a + 1): 0.5}, used=[a], cue=samples.cue(f"Do {secret}?")))
        store.update(a, samples.episode(f"{secret} hourly"), at=4.0)
        texts = [f"{secret} {often}" for often in ("daily", "weekly", "hourly")] + [f"Do {secret}?"]
        vectors = [samples.vector(text).tobytes() for text in texts]
        words = [word.encode() for word in {*secret.split(), *secret.lower().split()}]
        assert all(each in raw(path) for each in [secret.encode(), vectors[-1]])

        gone = store.remove([a], at=5.0)

        assert {a, fact} <= set(gone)
        assert [] == [trace for trace in [*words, *vectors] if trace in raw(path)]
        assert b"harmless" in raw(path)

    def test_no_text_remains_among_thousands(self, path: Path) -> None:
        store = opened(path, synchronous="normal")
        generator = np.random.default_rng(8)
        words = [
            f"{word}-{i}" for i, word in enumerate(generator.integers(10**9, size=2000).tolist())
        ]
        ids = samples.add(
            store, *[f"{word} {'filler ' * int(generator.integers(20))}" for word in words]
        )
        going = generator.permutation(2000)[:300].tolist()

        for chunk in range(0, 300, 100):
            store.remove([ids[i] for i in going[chunk : chunk + 100]], at=5.0)

        content = raw(path)
        assert [] == [words[i] for i in going if words[i].encode() in content]
        assert all(words[i].encode() in content for i in set(range(2000)) - set(going))
        assert [] == store.check()
        store.close()

    def test_what_a_reader_holds_back_is_wiped_later(self, path: Path, store: SQLiteStore) -> None:
        secret = b"embezzle"
        [a] = samples.add(store, "quokkas embezzle zinc")
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM node").fetchall()

        store.remove([a], at=5.0)  # does not wait for the reader, and does not fail
        assert secret in raw(path)

        reader.close()
        store.close()
        assert secret not in raw(path)

    def test_who_writes_while_the_file_is_wiped_does_not_make_the_removal_fail(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        store = opened(path, busy_s=0.05)
        a, b = samples.add(store, "quokkas embezzle zinc", "harmless")
        writer = sqlite3.connect(path, isolation_level=None)

        def interfere(*_: object) -> bool:
            writer.execute("BEGIN IMMEDIATE")
            return True

        with monkeypatch.context() as patched:
            patched.setattr(removing, "has_moved", interfere)
            assert [a] == store.remove([a], at=5.0)

        assert "still" in caplog.text
        assert "embezzle" not in caplog.text
        writer.close()
        assert [b] == store.ids(kinds=["episode"]).tolist()
        store.close()
        assert b"embezzle" not in raw(path)

    def test_a_process_that_ends_before_the_wipe_leaves_it_to_the_next(
        self, path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a, b = samples.add(store, "quokkas embezzle zinc", "harmless")
        with monkeypatch.context() as patched:
            patched.setattr(removing, "wipe", lambda db: False)
            store.remove([a], at=5.0)
        copy = path.parent / "as it was"
        copy.mkdir()
        for file in path.parent.glob("memory.db*"):
            shutil.copy(file, copy / file.name)
        assert b"embezzle" in raw(copy / path.name)

        other = opened(copy / path.name)

        assert b"embezzle" not in raw(copy / path.name)
        assert [b] == other.ids(kinds=["episode"]).tolist()
        assert [] == in_sql(copy / path.name, "SELECT key FROM meta WHERE key = 'wipe'")
        other.close()

    @pytest.mark.parametrize(
        "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))]
    )
    def test_nothing_ever_lies_beside_the_rows(self, path: Path, seed: int) -> None:
        choose = np.random.default_rng(seed)
        store = opened(path, synchronous="normal")
        with store._file.writer() as db:  # migrations leave remains of statements, not of memories
            of_schema = residue(db._connection.serialize(), database.PAGE_BYTES)
        there: dict[int, str] = {}
        gone: list[str] = []
        for step in range(60):
            words = [f"w{step}x{i}z " + "milk " * int(choose.integers(300)) for i in range(9)]
            there |= dict(
                zip(samples.add(store, *words, session=f"s{step % 7}"), words, strict=True)
            )
            ids = choose.permutation(list(there))[: int(choose.integers(12))].tolist()
            shorter = choose.permutation(list(there))[:2].tolist()
            for id_ in shorter:
                there[id_] = f"{there[id_].split()[0]} brief"
                store.update(id_, samples.episode(there[id_]), at=4.0)
            store.remove(ids, at=5.0)
            gone += [there.pop(id_).split()[0] for id_ in ids]
            with store._file.writer() as db:
                assert residue(db._connection.serialize(), database.PAGE_BYTES) <= of_schema
        content = raw(path)
        assert [] == [word for word in gone if f"{word} ".encode() in content]
        assert all(f"{text.split()[0]} ".encode() in content for text in there.values())
        assert [] == store.check()
        store.close()


class Statements:
    """Counts what SQLite is told to do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n: Counter[str] = Counter()
        real = database.Database.execute

        def execute(db: database.Database, query: str, *values: Any) -> sqlite3.Cursor:
            self.n[query.split(maxsplit=1)[0]] += 1
            return real(db, query, *values)

        monkeypatch.setattr(database.Database, "execute", execute)


class TestBounds:
    def test_history_keeps_the_latest_changes(self, path: Path) -> None:
        store = opened(path, history=3)
        [a, b] = samples.add(store, "a", "b")
        for i in range(20):
            store.learn(samples.lesson(used=[a], at=float(i)))
            store.update(b, samples.episode(f"b {i}"), at=float(i))
            assert len(store.history(a)) <= 1 + 6
            assert len(store.history(b)) <= 1 + 6

        assert 19.0 == store.history(a)[-1].at.timestamp()
        assert "b 18" == store.history(b)[-1].text
        assert "added" == store.history(a)[0].event
        assert 20 == store.get([a])[0].uses
        store.close()

    def test_what_caches_follow_is_bounded_and_old_caches_read_all_anew(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (node_table, cache):
            monkeypatch.setattr(module, "CHANGES_KEPT", 5)
        store, other = opened(path), opened(path, busy_s=11)  # shares nothing
        ids = samples.add(store, *[f"turn {i}" for i in range(30)])
        other.nodes(samples.ints(*ids))

        for i in range(12):
            store.update(ids[i], samples.episode(f"changed {i}"), at=1.0)
        store.remove(ids[12:14], at=5.0)

        assert in_sql(path, "SELECT count(*) FROM change")[0][0] <= 5 + 2
        assert samples.snapshot(store) == samples.snapshot(other)
        other.close()
        store.close()


class TestCostOfRemoving:
    """It grows with what is removed, not with what is kept."""

    def test_a_removal_does_as_much_in_a_large_file_as_in_a_small_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counted = []
        for n in (50, 1000):
            store = opened(tmp_path / f"{n}.db", synchronous="normal")
            ids = samples.add(store, *[f"turn {i}" for i in range(n)])
            with monkeypatch.context() as patched:
                statements = Statements(patched)
                pages = in_sql(tmp_path / f"{n}.db", "PRAGMA page_count")
                store.remove([ids[n // 2]], at=5.0)
                counted.append(statements.n)
                assert pages == in_sql(tmp_path / f"{n}.db", "PRAGMA page_count")
            store.close()

        assert counted[0] == counted[1]
        assert 0 == counted[0]["VACUUM"]

    def test_what_an_update_moved_is_written_anew_once(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = opened(path)
        ids = samples.add(store, *[f"turn {i} embezzles{i}e" for i in range(40)])
        store.update(ids[3], samples.episode("a much longer text " * 900), at=4.0)
        statements = Statements(monkeypatch)

        for id_ in ids[2:5]:
            store.remove([id_], at=5.0)

        assert 1 == statements.n["VACUUM"]
        content = raw(path)
        assert [] == [i for i in (2, 3, 4) if f"embezzles{i}e".encode() in content]
        store.close()

    def test_what_no_update_can_have_moved_costs_no_more_after_one(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = opened(path, synchronous="normal")
        ids = samples.add(store, *[f"turn {i} embezzles{i}e" for i in range(2 * namespace.NEAR)])
        for i in range(0, 400, 20):
            store.update(ids[i], samples.episode(f"a longer text {i} " * (1 + i // 4)), at=4.0)
        far = ids[namespace.NEAR + 400 :: 50]
        statements = Statements(monkeypatch)

        store.remove(far, at=5.0)

        assert 0 == statements.n["VACUUM"]
        content = raw(path)
        gone = [i for i, id_ in enumerate(ids) if id_ in far]
        assert [] == [i for i in gone if f"embezzles{i}e".encode() in content]
        store.remove([ids[1]], at=6.0)
        assert 1 == statements.n["VACUUM"]
        store.remove([ids[3]], at=7.0)
        assert 1 == statements.n["VACUUM"]
        assert b"embezzles3e" not in raw(path)
        store.close()

    def test_many_empty_rows_are_cleared_away(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(removing, "MANY", 20)
        store = opened(path)
        ids = samples.add(store, *[f"turn {i}" for i in range(60)])
        statements = Statements(monkeypatch)

        for id_ in ids[:50]:
            store.remove([id_], at=5.0)

        assert 1 == statements.n["VACUUM"]
        graves = in_sql(path, f"SELECT count(*) FROM node WHERE namespace = {namespace.GRAVES}")
        assert graves[0][0] < 20
        assert ids[50:] == store.ids(kinds=["episode"]).tolist()
        assert samples.add(store, "new")[0] > ids[-1]
        assert [] == store.check()
        store.close()


def raw(path: Path) -> bytes:
    """All that is in the files, read by another process: to close a file gives up all its locks here."""
    script = (
        "import sys; [sys.stdout.buffer.write(open(name, 'rb').read()) for name in sys.argv[1:]]"
    )
    files = [str(file) for file in path.parent.glob(f"{path.name}*")]
    command = [sys.executable, "-I", "-S", "-c", script, *files]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.mark.slow
class TestProcesses:
    def test_two_processes_lose_nothing(self, path: Path, store: SQLiteStore) -> None:
        a, b = samples.add(store, "a", "b")
        script = """
say("ready")
wait()
for i in range(40):
    store.add(samples.episodes(f"of {me}: {i}", f"of all: {i}", session=me), link=0.5, now=0.0)
    store.learn(samples.lesson({(1, 2): 1.0}, used=[1], cue=samples.cue("which?")))
"""
        processes = [Process(script, path, me) for me in ("one", "two")]
        with running(*processes):
            for process in processes:
                assert "ready" == process.hear()
            for process in processes:
                process.go_on()
            for process in processes:
                assert [] == process.end()

        weights = samples.weights(store.all_edges())
        assert (80.0, 80.0) == (weights[a, b], weights[b, a])
        assert (80, 1, [80, 0]) == (
            store.lessons(),
            len(store.cues()),
            [m.uses for m in store.get([a, b])],
        )
        texts = [memory.text for memory in store.get(store.ids(kinds=["episode"]).tolist())]
        assert 2 + 2 * 40 * 2 == len(texts)
        assert {f"of {me}: {i}" for me in ("one", "two", "all") for i in range(40)} <= set(texts)
        assert [] == store.check()

    def test_what_another_process_removes_is_gone_here(
        self, path: Path, store: SQLiteStore
    ) -> None:
        a, b, c = samples.add(store, "a", "b", "c")
        store.nodes(samples.ints(a, b, c))

        process = Process("say(*store.remove([2], at=5.0), *samples.add(store, 'd'))", path)
        with running(process):
            assert [f"{b} {c + 1}"] == process.end()

        assert [a, c, c + 1] == store.ids(kinds=["episode"]).tolist()
        assert [a, c, c + 1] == samples.around(store, [a], 9)
        assert [c] == store.nodes(samples.ints(a)).next.tolist()

    @pytest.mark.parametrize("n_heard", [1, 4, 9])
    def test_what_was_acknowledged_survives_a_sudden_end(self, path: Path, n_heard: int) -> None:
        script = """
for i in range(10_000):
    texts = [f"batch {i}, turn {j}" for j in range(20)]
    ids = [id_ for id_, _ in store.add(samples.episodes(*texts), link=0.5, now=0.0)]
    store.learn(samples.lesson({(ids[0], ids[1]): 0.25}, used=ids[:1]))
    say(i)
"""
        process = Process(script, path)
        with running(process):
            heard = [process.hear() for _ in range(n_heard)]
            heard += process.kill()
        n_batches = int(heard[-1]) + 1

        store = opened(path)
        ids = store.ids(kinds=["episode"]).tolist()
        texts = [memory.text for memory in store.get(ids)]
        assert [] == store.check()
        assert [str(i) for i in range(n_batches)] == heard
        assert [f"batch {i}, turn {j}" for i in range(n_batches) for j in range(20)] == texts[
            : 20 * n_batches
        ]
        assert 0 == len(texts) % 20  # a batch is there whole, or not at all
        assert store.lessons() in (n_batches, n_batches + 1)
        assert 0.75 == samples.weights(store.all_edges())[ids[0], ids[1]]
        assert samples.add(store, "after the end")[0] > max(ids)
        store.close()

    def test_a_file_that_somebody_keeps_writing_to_is_an_error_that_says_so(
        self, path: Path
    ) -> None:
        store = opened(path, busy_s=0.05)
        samples.add(store, "one")
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")

        with pytest.raises(
            StoreError, match=r"Another process .* more than 0\.05 seconds\. Nothing was stored"
        ):
            samples.add(store, "two")
        assert 1 == len(store.ids(kinds=["episode"]))  # reading goes on
        other = opened(path, busy_s=0.05)  # and so does opening
        other.close()

        writer.close()
        samples.add(store, "two")
        assert 2 == len(store.ids(kinds=["episode"]))
        store.close()

    def test_a_copy_of_the_open_files_is_whole(self, path: Path, store: SQLiteStore) -> None:
        fill(store)
        copy = path.parent / "copy"
        copy.mkdir()
        for file in path.parent.glob("memory.db*"):
            shutil.copy(file, copy / file.name)

        other = opened(copy / "memory.db")

        assert samples.snapshot(store) == samples.snapshot(other)
        assert [] == other.check()
        other.close()


class TestRoom:
    def test_a_turn_of_ordinary_length_takes_less_than_three_kilobytes(self, path: Path) -> None:
        generator = np.random.default_rng(9)
        vocabulary = np.array([f"word{i}" for i in range(3000)])
        turns = [
            samples.episode(
                " ".join(vocabulary[generator.zipf(1.3, size=22) % 3000]),
                vector=samples.vector(f"{i}", 256),
            )
            for i in range(1000)
        ]
        store = opened(path, made_by=replace(samples.ANALYSIS, dimension=256), synchronous="normal")

        store.add(turns, link=0.1, now=0.0)
        store.close()

        assert path.stat().st_size < 3000 * 1000
