"""What a memory keeps can be read by its user alone, whatever the umask, and also where it was open before."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from helamem import Memory, private
from helamem.cli import main
from helamem.config import Config
from helamem.errors import CorruptError, StoreError
from helamem.models.cached import Cached
from helamem.models.embedders import HashingEmbedder
from helamem.models.scripted import ScriptedLLM
from helamem.protocols import Request

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no such modes")


@pytest.fixture(params=[0o000, 0o022], ids=["umask 000", "umask 022"])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(place: Path) -> int:
    return place.stat().st_mode & 0o777


def memory(path: Path) -> Memory:
    return Memory(path, config=Config(), embedder=HashingEmbedder(32))


@pytest.mark.usefixtures("umask")
class TestWhatIsMade:
    def test_a_file_with_what_lies_beside_it_and_its_folders(self, tmp_path: Path) -> None:
        path = tmp_path / "a" / "b" / "m.db"
        with memory(path) as kept:
            kept.add("Maya is allergic to peanuts.")
            files = {each.name: mode(each) for each in path.parent.iterdir()}

        assert {"m.db": 0o600, "m.db-wal": 0o600, "m.db-shm": 0o600} == files
        assert [0o700, 0o700] == [mode(path.parent), mode(path.parent.parent)]

    def test_a_cache_of_answers(self, tmp_path: Path) -> None:
        folder = tmp_path / "answers" / "tiny"

        Cached(ScriptedLLM(["Peanuts."]), folder).complete(
            Request([{"role": "user", "content": "What?"}])
        )

        assert [0o700, 0o700] == [mode(folder), mode(folder.parent)]
        assert [0o600] == [mode(each) for each in folder.iterdir()]


class TestWhatIsThere:
    def test_a_file_that_was_open_is_tightened_and_that_is_said(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "m.db"
        memory(path).close()
        path.chmod(0o644)

        memory(path).close()

        assert 0o600 == mode(path)
        assert [f"{path} could be read by other users of this machine; it is private now"] == [
            record.getMessage() for record in caplog.records if record.levelno == logging.WARNING
        ]

    def test_the_log_of_a_file_in_use_too(self, tmp_path: Path) -> None:
        path = tmp_path / "m.db"
        with memory(path) as kept:
            kept.add("Maya is allergic to peanuts.")
            beside = [path.with_name(f"m.db{suffix}") for suffix in ("-wal", "-shm")]
            for each in beside:
                each.chmod(0o666)
            memory(path).close()

            assert [0o600, 0o600] == [mode(each) for each in beside]

    def test_the_data_folder_and_the_configuration_in_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HELAMEM_HOME", str(tmp_path / "home"))
        settings = tmp_path / "home" / "config.toml"
        settings.parent.mkdir()
        settings.parent.chmod(0o755)
        settings.write_text('[llm]\napi_key = "sk-1"\n')
        settings.chmod(0o644)

        Memory(config=Config.load(), embedder=HashingEmbedder(32)).close()

        assert (0o700, 0o600) == (mode(settings.parent), mode(settings))

    def test_a_folder_that_is_not_ours_to_judge_stays(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o755)

        memory(tmp_path / "m.db").close()

        assert 0o755 == mode(tmp_path)

    @pytest.mark.parametrize("bits", [0o1777, 0o2775])
    def test_a_folder_that_is_shared_on_purpose_stays(self, tmp_path: Path, bits: int) -> None:
        shared = tmp_path / "shared"
        shared.mkdir()
        shared.chmod(bits)

        assert not private.tighten(shared)
        assert bits == shared.stat().st_mode & 0o7777


def test_a_device_stays_as_it_is() -> None:
    before = mode(Path(os.devnull))

    assert not private.tighten(Path(os.devnull))
    with pytest.raises(StoreError, match="is not a file but a device"):
        memory(Path(os.devnull))
    assert before == mode(Path(os.devnull))


def test_the_file_of_another_application_stays_as_it_is(tmp_path: Path) -> None:
    text, database = tmp_path / "text.db", tmp_path / "other.db"
    text.write_text("These are notes.\n" * 100)
    with contextlib.closing(sqlite3.connect(database)) as other:
        other.execute("CREATE TABLE notes (text)")
    for place in (text, database):
        place.chmod(0o644)

        with pytest.raises(CorruptError, match=r"not a helamem file|of another application"):
            memory(place)

        assert 0o644 == mode(place)


@pytest.mark.parametrize(
    ("name", "kind"), [("a\0b", ValueError), ("\ud83d.db", ValueError), ("x" * 300, StoreError)]
)
def test_an_impossible_name_is_refused_in_words(
    tmp_path: Path, name: str, kind: type[Exception]
) -> None:
    with pytest.raises(
        kind, match=r"impossible characters|cannot be opened: File name too long"
    ) as it:
        Memory(f"{tmp_path}/{name}", embedder=HashingEmbedder(32))
    assert kind is type(it.value)


def test_an_export_is_private_also_over_an_open_file(tmp_path: Path) -> None:
    memory(tmp_path / "m.db").close()
    options = ["--file", str(tmp_path / "m.db"), "--embedder", "hashing:32"]
    new, old = tmp_path / "new.jsonl", tmp_path / "old.jsonl"
    old.touch()
    old.chmod(0o644)

    for out in (new, old):
        assert 0 == CliRunner().invoke(main, [*options, "export", "--output", str(out)]).exit_code

    assert [0o600, 0o600] == [mode(new), mode(old)]
