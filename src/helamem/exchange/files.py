"""Files, folders and zip archives of conversations and notes, read into turns."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from helamem.errors import DataError
from helamem.exchange import archives, detect, slack
from helamem.exchange.archives import decoded
from helamem.exchange.jsonl import parsed
from helamem.exchange.reading import Collector

if TYPE_CHECKING:
    from datetime import tzinfo
    from pathlib import Path

    from helamem.exchange.archives import Contents
    from helamem.exchange.detect import Format
    from helamem.exchange.reading import Reading

MARKDOWN = (".md", ".markdown", ".mdown")
PLAIN = (".txt", ".text")
WHOLE = "conversations.json"  # the contents of ChatGPT's and Claude's archives
_PEOPLE = ("users.json", "channels.json")  # the contents of Slack's archives


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


def read_many(path: Path, form: Format | None = None, *, zone: tzinfo | None = None) -> Reading:
    """The turns of a folder or a zip archive, with everything below it.

    It is a Slack export, an archive of ChatGPT or Claude, or has notes and conversations, each file a
    session. A file that cannot be read is left out and named.

    Raises:
        DataError: Nothing in it can be read.
    """
    with archives.contents(path) as contents:
        if not contents:
            raise DataError(f"{path} has no files; these are read: {detect.KNOWN}")
        if form == "slack" or (form is None and set(_PEOPLE) & set(contents)):
            return _slack(contents)
        return _read_each_file(contents, form, zone)


def _read_each_file(contents: Contents, form: Format | None, zone: tzinfo | None) -> Reading:
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
    return found.reading()


def _slack(contents: Contents) -> Reading:
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
