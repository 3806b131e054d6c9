"""Files and archives that are huge, packed, damaged or locked: each costs itself, and a sentence says why."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from helamem import indexing
from helamem.errors import DataError
from helamem.exchange import archives
from helamem.exchange.files import read_many
from helamem.records import Turn

if TYPE_CHECKING:
    from pathlib import Path


def archive(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as writing:
        for name, content in files.items():
            writing.writestr(f"{name}.md", content)
    return path


class Endless(io.RawIOBase):
    """A stream that does not end, as /dev/zero."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = b"x" * len(buffer)
        return len(buffer)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST", 10_000)


class TestSize:
    def test_a_bomb_costs_itself(self, tmp_path: Path) -> None:
        bomb = archive(tmp_path / "a.zip", bomb=b"x" * 10_000_000, notes=b"The tap drips.")

        reading = read_many(bomb)

        assert ["The tap drips."] == [turn.text for turn in reading.turns]
        assert (
            "bomb.md: it has 10,000,000 bytes, and one import reads 10,000 at most; it was left out"
            == reading.left_out[0].reason
        )

    def test_a_size_that_is_a_lie_does_not_help(self, tmp_path: Path) -> None:
        bomb = archive(tmp_path / "a.zip", bomb=b"x" * 1_000_000)
        content = bomb.read_bytes().replace(struct.pack("<I", 1_000_000), struct.pack("<I", 100))
        bomb.write_bytes(content)

        with pytest.raises(DataError, match=r"bomb\.md: it"):
            read_many(bomb)

    @pytest.mark.parametrize("packed", [True, False])
    def test_all_files_together_have_the_limit(self, tmp_path: Path, packed: bool) -> None:
        files = {f"n{i}": b"The tap drips. " * 200 for i in range(5)}
        if packed:
            place = archive(tmp_path / "a.zip", **files)
        else:
            place = tmp_path
            for name, content in files.items():
                (place / f"{name}.md").write_bytes(content)

        reading = read_many(place)

        assert (3, 2) == (len({turn.session for turn in reading.turns}), len(reading.left_out))

    def test_a_stream_without_end_is_cut(self) -> None:
        with pytest.raises(DataError, match="standard input has more than the 10,000 bytes"):
            archives.read(io.BufferedReader(Endless()), "standard input", archives.MOST)

    def test_a_turn_has_a_limit(self) -> None:
        longest = Turn("x" * indexing.MAX_TEXT)
        assert longest.text == indexing.cleaned(longest)[0].text
        with pytest.raises(ValueError, match="10,000,001 characters, and a turn"):
            indexing.cleaned(Turn(longest.text + "x"))
        with pytest.raises(ValueError, match="metadata has 10,000,009 characters as JSON"):
            indexing.cleaned(Turn("x", metadata={"a": longest.text}))


class TestForms:
    @pytest.mark.parametrize(
        ("kind", "pack"),
        [("gzip", gzip.compress), ("bzip2", bz2.compress), ("xz", lzma.compress)],
    )
    def test_a_packed_file_says_so(self, kind: str, pack: Any) -> None:
        with pytest.raises(DataError, match=rf"a.json is compressed \({kind}\); unpack it first"):
            archives.decoded(pack(b"[]"), "a.json")

    def test_a_zip_is_one_whatever_its_name(self, tmp_path: Path) -> None:
        place = archive(tmp_path / "export.backup", notes=b"The tap drips.")

        assert archives.is_many(place)
        assert 1 == len(read_many(place).turns)

    def test_a_zip_in_a_zip_says_so(self, tmp_path: Path) -> None:
        inner = archive(tmp_path / "inner.zip", notes=b"The tap drips.").read_bytes()

        with pytest.raises(DataError, match=r"is compressed \(zip\)"):
            read_many(archive(tmp_path / "outer.zip", inner=inner))

    def test_damage_costs_its_entry(self, tmp_path: Path) -> None:
        place = archive(tmp_path / "a.zip", bad=b"The gate is open. " * 9, good=b"The tap drips.")
        content = bytearray(place.read_bytes())
        content[content.index(b"bad.md") + 12] ^= 0xFF
        place.write_bytes(content)

        reading = read_many(place)

        assert ["The tap drips."] == [turn.text for turn in reading.turns]
        assert "bad.md: it cannot be unpacked: " in reading.left_out[0].reason

    @pytest.mark.parametrize("offset", [6, 8])  # the flags, as of an encrypted entry; the method
    def test_locked_and_unknown_entries_cost_themselves(self, tmp_path: Path, offset: int) -> None:
        place = archive(tmp_path / "a.zip", a=b"The tap drips. " * 9)
        content = bytearray(place.read_bytes())
        content[offset] |= 1
        content[content.index(b"PK\x01\x02") + offset + 2] |= 1
        place.write_bytes(content)

        with pytest.raises(DataError, match=r"a\.md: it cannot be unpacked: "):
            read_many(place)

    def test_an_archive_that_is_cut_short_is_refused(self, tmp_path: Path) -> None:
        place = archive(tmp_path / "a.zip", a=b"The tap drips.")
        place.write_bytes(place.read_bytes()[:-30])

        with pytest.raises(DataError, match="cannot be unpacked"):
            read_many(place)

    @pytest.mark.parametrize("position", range(130))
    def test_any_damage_is_a_data_error(self, tmp_path: Path, position: int) -> None:
        place = archive(tmp_path / "a.zip", a=b"The tap drips.")
        content = bytearray(place.read_bytes())
        content[min(position, len(content) - 1)] ^= 0x5A
        place.write_bytes(content)
        with suppress(DataError):
            read_many(place)
