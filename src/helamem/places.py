"""The places of memories: a file, RAM, or a database. Quick to import, since every hook needs it."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from helamem import private

if TYPE_CHECKING:
    from collections.abc import Mapping

IN_RAM = ":memory:"  # in place of a path: a memory in RAM, gone when it is closed
_URL = re.compile("postgres(ql)?://")
_PASSWORDS = (
    re.compile(r"(?<=//)([^:/?#@]*):.*(?=@)"),  # up to the last @: passwords may hold one
    re.compile(r"(?<=[?&])((?:ssl)?password)=[^&]*"),
)


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder for memories without a path: HELAMEM_HOME, or the user's data folder."""
    home = environ.get("HELAMEM_HOME")
    if home:
        return private.expanded(home)
    import platformdirs  # noqa: PLC0415  # slow

    return Path(platformdirs.user_data_dir("helamem", appauthor=False))


def default_path() -> Path:
    """The default path of a memory."""
    return data_folder() / "memory.db"


def resolved(place: str | Path | None) -> str | Path:
    """A place as it is opened: the default one for None, and `~` in a path expanded.

    Raises:
        ValueError: It cannot be the path of a file.
    """
    if place is None:
        return default_path()
    if str(place) == IN_RAM or is_url(place):
        return str(place)
    return private.expanded(_possible(place))


def _possible(path: str | Path) -> str | Path:
    """A path, if the file system can have it.

    Raises:
        ValueError: It holds a NUL, or characters that it cannot write.
    """
    try:
        if b"\0" not in os.fsencode(path):
            return path
    except UnicodeEncodeError:
        pass
    raise ValueError(f"{str(path)!r} cannot be the path of a file: it has impossible characters")


def is_url(place: str | Path) -> bool:
    """Whether a place is a database on a server.

    >>> is_url("postgresql://ana@db.example/memories"), is_url("agent.db")
    (True, False)
    """
    return isinstance(place, str) and _URL.match(place) is not None


def is_there(place: str | Path) -> bool:
    """Whether a place is not a file that has still to be made."""
    if str(place) == IN_RAM or is_url(place):
        return True
    try:
        return Path(place).exists()
    except OSError:  # in a folder that may not be read: opening it says so
        return True


def shown(place: str | Path) -> str:
    """A place as people may see it: without a password.

    >>> shown("postgresql://ana:se@cret@db.example/memories?sslpassword=x")
    'postgresql://ana@db.example/memories?sslpassword=...'
    """
    if not is_url(place):
        return str(place)
    in_front, in_query = _PASSWORDS
    return in_query.sub(r"\1=...", in_front.sub(r"\1", str(place)))


def beside(place: str | Path, suffix: str) -> Path:
    """A file that belongs to a place: beside the memory's file, or in the data folder for a database."""
    if is_url(place):
        name = hashlib.blake2b(shown(place).encode(), digest_size=8).hexdigest()
        return data_folder() / f"database-{name}{suffix}"
    return Path(place).with_suffix(suffix)
