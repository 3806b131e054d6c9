"""Bytes of files, folders and zip archives, and never more of them than fit into memory."""

from __future__ import annotations

import struct
import zipfile
import zlib
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, TypeAlias

from helamem.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Contents: TypeAlias = "Mapping[str, Callable[[], bytes]]"  # by path, what reads a file

MOST = 512 * 2**20  # bytes that one import reads out of a folder or an archive, unpacked
MOST_ALONE = 2 * 2**30  # bytes of a single file, which may be an export of a large memory
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7z",
}
_UNREADABLE = (  # what `zipfile` raises for damaged, encrypted and unknown archives
    zipfile.BadZipFile, zlib.error, struct.error, LZMAError, EOFError, NotImplementedError, RuntimeError,
    UnicodeDecodeError, OSError,
)  # fmt: skip


def decoded(raw: bytes, name: str) -> str:
    """The text of a file: UTF-8, or UTF-16 if it begins with the mark of that.

    Raises:
        DataError: It is neither; if it is compressed, the message says so.
    """
    for mark, kind in _PACKED.items():
        if raw.startswith(mark):
            raise DataError(f"{name} is compressed ({kind}); unpack it first")
    is_utf16 = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return raw.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 text") from error


def read(stream: IO[bytes], name: str, most: int = MOST_ALONE) -> bytes:
    """All bytes of a stream, which may not end.

    Raises:
        DataError: There are more than `most`.
    """
    found = stream.read(most + 1)
    if len(found) > most:
        raise DataError(f"{name} has more than the {most:,} bytes that are read at once; split it")
    return found


def is_many(path: Path) -> bool:
    """Whether a path holds several files: a folder, or a zip archive."""
    if not path.is_file():
        return path.is_dir()
    with path.open("rb") as stream:
        return stream.read(4) == b"PK\x03\x04"


@contextmanager
def contents(path: Path) -> Iterator[Contents]:
    """The readers of the files in a folder or archive, by path; hidden files do not count.

    All together they read no more than `MOST` bytes; the one that would exceed it raises DataError.

    Raises:
        DataError: It is no sound archive.
    """
    left = _Left(MOST)
    if path.is_dir():
        yield {
            str(PurePosixPath(*file.relative_to(path).parts)): left.reader_of_file(file)
            for file in path.rglob("*")
            if file.is_file() and not _is_hidden(file.relative_to(path).parts)
        }
        return
    try:
        archive = zipfile.ZipFile(path)
    except _UNREADABLE as error:
        raise DataError(f"{path} cannot be unpacked: {error}") from error
    with archive:
        entries = [
            (PurePosixPath(entry.filename), entry)
            for entry in archive.infolist()
            if PurePosixPath(entry.filename).parts and not entry.is_dir()
        ]
        seen = [(place, entry) for place, entry in entries if not _is_hidden(place.parts)]
        names = _without_wrapping_folder([place for place, _ in seen])
        yield {
            name: left.reader_of_entry(archive, entry)
            for name, (_, entry) in zip(names, seen, strict=True)
        }


class _Left:
    """The bytes that may still be read."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most

    def reader_of_file(self, file: Path) -> Callable[[], bytes]:
        def reader() -> bytes:
            try:
                with file.open("rb") as stream:
                    return self._taken(stream, file.stat().st_size)
            except OSError as error:
                raise DataError(f"it cannot be read: {error.strerror}") from error

        return reader

    def reader_of_entry(
        self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo
    ) -> Callable[[], bytes]:
        def reader() -> bytes:
            try:
                with archive.open(entry) as stream:
                    return self._taken(stream, entry.file_size)
            except _UNREADABLE as error:
                raise DataError(f"it cannot be unpacked: {error}") from error

        return reader

    def _taken(self, stream: IO[bytes], size: int) -> bytes:
        """The bytes of one file, if so many may still be read, whatever size it claims."""
        found = b"" if size > self._left else stream.read(self._left + 1)
        if size > self._left or len(found) > self._left:
            raise DataError(
                f"it has {max(size, len(found)):,} bytes, and one import reads {self._most:,} at most"
            )
        self._left -= len(found)
        return found


def _without_wrapping_folder(paths: list[PurePosixPath]) -> list[str]:
    """The paths, without the one folder that is around all of them."""
    roots = {path.parts[0] for path in paths}
    wrapped = len(roots) == 1 and all(len(path.parts) > 1 for path in paths)
    return [str(PurePosixPath(*path.parts[wrapped:])) for path in paths]


def _is_hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in parts)
