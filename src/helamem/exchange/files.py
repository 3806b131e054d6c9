"""Files, folders and zip archives of conversations and notes, read into turns."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from helamem.errors import DataError
from helamem.exchange import detect, slack
from helamem.exchange.jsonl import parsed
from helamem.exchange.reading import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from helamem.exchange.detect import Format
    from helamem.exchange.reading import Reading

MARKDOWN = (".md", ".markdown", ".mdown")
PLAIN = (".txt", ".text")
WHOLE = "conversations.json"  # the contents of ChatGPT's and Claude's archives
_PEOPLE = ("users.json", "channels.json")  # the contents of Slack's archives


def decoded(raw: bytes, name: str) -> str:
    """The text of a file: UTF-8, or UTF-16 if it begins with a byte-order mark.

    Raises:
        DataError: It is neither.
    """
    is_utf16 = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return raw.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 text") from error


def form_of(name: str, text: str) -> Format:
    """The format of a file, by its content, and for notes by its name.

    Raises:
        DataError: It is in no known format.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in MARKDOWN:
        return "markdown"
    try:
        return detect.detect(text)
    except DataError:
        if suffix in PLAIN and text.strip():
            return "text"
        raise


def is_many(path: Path) -> bool:
    """Whether a path holds several files: a folder, or a zip archive."""
    return path.is_dir() or (path.suffix.lower() == ".zip" and zipfile.is_zipfile(path))


def read_many(path: Path, form: Format | None = None, *, zone: tzinfo | None = None) -> Reading:
    """The turns of a folder or a zip archive, with everything below it.

    It is a Slack export, an archive of ChatGPT or Claude, or has notes and conversations, each file a
    session. A file that cannot be read is left out and named.

    Raises:
        DataError: Nothing in it can be read.
    """
    contents = _in_zip(path) if path.is_file() else _in_folder(path)
    if form == "slack" or (form is None and set(_PEOPLE) & set(contents)):
        return _slack(contents)
    whole = [name for name in contents if PurePosixPath(name).name == WHOLE]
    found = Collector()
    failures = []
    for place, name in enumerate(whole or sorted(contents)):
        try:
            text = decoded(contents[name](), name)
            kind = form or form_of(name, text)
            found.extend(detect.read(text, kind, session=name, zone=zone))
        except DataError as error:
            failures.append(f"{name}: {error}".removesuffix("."))
            found.leave_out(place, f"{failures[-1]}; it was left out")
    if found.is_empty and failures:
        raise DataError(failures[0])
    if not contents:
        raise DataError(f"{path} has no files; these are read: {detect.KNOWN}")
    return found.reading()


def _slack(contents: Mapping[str, Callable[[], bytes]]) -> Reading:
    people = contents.get("users.json")
    names = slack.names_of(parsed(decoded(people(), "users.json"))) if people else {}
    found = Collector()
    for name in sorted(contents):
        if len(PurePosixPath(name).parts) < 2 or not name.endswith(".json"):
            continue
        session = str(PurePosixPath(name).with_suffix(""))
        try:
            value = parsed(decoded(contents[name](), name))
            found.extend(slack.read_slack(value, session=session, names=names))
        except DataError as error:
            found.leave_out(0, f"{name}: {error}; it was left out".replace(".;", ";"))
    return found.reading()


def _in_folder(folder: Path) -> dict[str, Callable[[], bytes]]:
    """A function that reads each file below a folder, by its path there; hidden files are skipped."""
    return {
        str(PurePosixPath(*file.relative_to(folder).parts)): file.read_bytes
        for file in folder.rglob("*")
        if file.is_file() and not _is_hidden(file.relative_to(folder).parts)
    }


def _in_zip(path: Path) -> dict[str, Callable[[], bytes]]:
    """The same for an archive, without a single folder around everything."""
    with zipfile.ZipFile(path) as archive:
        names = [
            name
            for name in archive.namelist()
            if not name.endswith("/") and not _is_hidden(PurePosixPath(name).parts)
        ]
    roots = {PurePosixPath(name).parts[0] for name in names}
    wrapped = len(roots) == 1 and all(len(PurePosixPath(name).parts) > 1 for name in names)
    return {
        str(PurePosixPath(*PurePosixPath(name).parts[wrapped:])): _entry(path, name)
        for name in names
    }


def _entry(path: Path, name: str) -> Callable[[], bytes]:
    def read() -> bytes:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)

    return read


def _is_hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in parts)
