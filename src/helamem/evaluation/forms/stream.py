"""Streams the elements of a JSON list from a file, with the position of each.

The largest published files have gigabytes; only one element is in memory at a time.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from dataclasses import field
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from helamem.errors import DataError
from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

Place: TypeAlias = "tuple[int, int]"  # the first byte, and the one after the last

WHOLE = "was it downloaded whole?"

_CHUNK = 1 << 20  # bytes
_BLANK = re.compile(r"[ \t\r\n]*")
_CUT_OFF = re.compile(
    r"\s*(?:-|\.|[eE][-+]?|t(?:ru?)?|f(?:a(?:ls?)?)?|n(?:ul?)?|\\?u?[0-9a-fA-F]{0,4})?"
)


@dataclass(frozen=True, slots=True)
class Element:
    """One element of the file's list, or the file's single value if it is no list."""

    value: Any
    place: Place


def parsed(content: bytes | str, where: str | Path, *, whole: str = WHOLE) -> Any:  # noqa: ANN401  # whatever JSON holds
    """Parse JSON in UTF-8, skipping a byte order mark.

    Args:
        whole: What to ask of a reader whose JSON breaks off.

    Raises:
        DataError: It is not JSON.
    """
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        return json.loads(text, parse_constant=_refuse_constant)
    except UnicodeDecodeError as exc:
        raise DataError(f"{where} is not UTF-8 text, at byte {exc.start}") from exc
    except json.JSONDecodeError as exc:
        if not exc.doc.strip():
            raise DataError(f"{where} is empty") from exc
        if _may_be_cut_off(exc, exc.doc):
            size = len(exc.doc.encode(errors="surrogatepass"))
            raise DataError(f"{where} breaks off after {size:,} bytes; {whole}") from exc
        raise DataError(f"{where} is not JSON: {exc}") from exc
    except (ValueError, RecursionError) as exc:
        raise DataError(f"{where} is not JSON: {_why(exc)}") from exc


def read_at(file: Path, place: Place) -> Any:  # noqa: ANN401  # whatever JSON holds
    """The element at a position reported by `Reader`.

    Raises:
        DataError: The file cannot be read, or has changed.
    """
    start, end = place
    try:
        with file.open("rb") as source:
            source.seek(start)
            return parsed(source.read(end - start), file)
    except OSError as exc:
        raise _unreadable(file, exc) from exc
    except DataError as exc:
        raise DataError(
            f"{file} has changed while it was read; begin again, and leave it as it is"
        ) from exc


def read_bytes(file: Path) -> bytes:
    """A file's content.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as exc:
        raise _unreadable(file, exc) from exc


@dataclass(slots=True)
class Reader:
    """Reads a file's elements strictly, and reports progress.

    Attributes:
        told: Called with bytes read and total bytes.
    """

    file: Path
    told: Callable[[int, int], None] | None = None
    _digest: Any = field(default_factory=hashlib.sha256)
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("strict")
    )
    _text: str = ""  # bytes read but not yet consumed
    _place: int = 0  # the offset at which the element begins
    _read: int = 0
    _size: int = 0
    _ended: bool = False

    @property
    def sha256(self) -> str:
        """The digest of the bytes read so far; of the whole file once all elements are consumed."""
        digest: str = self._digest.hexdigest()
        return digest

    def elements(self) -> Iterator[Element]:
        """The elements in order.

        Raises:
            DataError: The file cannot be read, or is not JSON in UTF-8.
        """
        try:
            with self.file.open("rb") as source:
                self._size = source.seek(0, 2)
                source.seek(0)
                yield from self._elements(source)
        except OSError as exc:
            raise _unreadable(self.file, exc) from exc

    def _elements(self, source: BinaryIO) -> Iterator[Element]:
        self._more(source)
        if self._text.startswith("\ufeff"):
            self._take(1)
        if self._next(source) == "[":
            self._take(1)
            yield from self._in_list(source)
        else:
            yield self._element(source)
        if self._next(source):
            self._refuse("something follows its end")

    def _in_list(self, source: BinaryIO) -> Iterator[Element]:
        if self._next(source) == "]":
            self._take(1)
            return
        while True:
            yield self._element(source)
            separator = self._next(source)
            if not separator:
                self._break_off()
            if separator not in ",]":
                self._refuse("a comma is missing")
            self._take(1)
            if separator == "]":
                return

    def _element(self, source: BinaryIO) -> Element:
        self._next(source)
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text)
            except json.JSONDecodeError as exc:
                self._go_on_or_refuse(source, exc)
            except (ValueError, RecursionError) as exc:
                self._refuse(_why(exc))
            else:
                start = self._place
                self._take(end)
                return Element(value, (start, self._place))

    def _go_on_or_refuse(self, source: BinaryIO, exc: json.JSONDecodeError) -> None:
        """Read more if the element is incomplete; refuse it if more text cannot help."""
        if not _may_be_cut_off(exc, self._text):
            self._refuse(exc.msg, exc.pos)
        if self._ended:
            self._break_off()
        self._more(source, len(self._text))

    def _next(self, source: BinaryIO) -> str:
        """The next non-blank character; empty at the end."""
        while True:
            blank = _BLANK.match(self._text)
            self._take(blank.end() if blank else 0)
            if self._text or self._ended:
                return self._text[:1]
            self._more(source)

    def _take(self, characters: int) -> None:
        self._place += len(self._text[:characters].encode())
        self._text = self._text[characters:]

    def _more(self, source: BinaryIO, least: int = 0) -> None:
        """Read more, in growing chunks, so that a long element is not parsed over and over."""
        content = source.read(max(_CHUNK, least))
        self._ended = not content
        self._digest.update(content)
        self._read += len(content)
        try:
            self._text += self._decoder.decode(content, final=self._ended)
        except UnicodeDecodeError as exc:
            before = self._read - len(exc.object) + exc.start
            raise DataError(f"{self.file} is not UTF-8 text, at byte {before}") from exc
        if self.told is not None:
            self.told(self._read, self._size)

    def _break_off(self) -> NoReturn:
        if not self._read:
            raise DataError(f"{self.file} is empty")
        raise DataError(f"{self.file} breaks off after {self._read:,} bytes; {WHOLE}")

    def _refuse(self, why: str, position: int = 0) -> NoReturn:
        place = self._place + len(self._text[:position].encode())
        raise DataError(f"{self.file} is not JSON: {why}, at byte {place:,}")


def _may_be_cut_off(exc: json.JSONDecodeError, text: str) -> bool:
    rest = text[exc.pos : exc.pos + 8]
    return exc.msg.startswith("Unterminated string") or bool(_CUT_OFF.fullmatch(rest))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _why(exc: Exception) -> str:
    return "it is nested too deeply" if isinstance(exc, RecursionError) else str(exc)


def _unreadable(file: Path, exc: OSError) -> DataError:
    return DataError(f"{file} cannot be read: {exc.strerror}")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
